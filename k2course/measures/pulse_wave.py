"""Carotid-femoral pulse wave velocity: feet of two pressure waves, transit time, path, velocity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal, stats

PATH_FACTOR = 0.8  # of the direct carotid-femoral distance (vanbortel2012)
BLOOD_DENSITY = 1060.0  # kg/m3 (vcalc)
MOST = {"thickness": 0.01, "radius": 0.05}  # m: of an artery; what is above was not given in m
METHODS = ("tangent", "curvature")
WINDOW, BEFORE, SHORTEST_BEAT = 0.04, 0.25, 0.3  # s: smoothing, search before the rise, a beat
STEEP, TALL = 2.0, 2.0  # a rise against the mean slope, and against what smoothing took away


@dataclass(frozen=True)
class Velocity:
    """Transit time of each beat in ms; cfPWV in m/s, path over the mean transit time; its interval.

    The interval is that of the mean over the beats. It covers neither the distance nor the method.
    """

    transit_ms: np.ndarray
    velocity: float
    low: float
    high: float


def _wave(name: str, wave: object) -> np.ndarray:
    array = np.asarray(wave)
    if array.dtype.kind not in "iuf" or array.ndim != 1:
        raise ValueError(f"{name} is not a list of numbers: type {array.dtype}, {array.ndim}-D")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")
    return array.astype(float)


def feet(wave: np.ndarray, rate: float, method: str = "tangent", name: str = "wave") -> np.ndarray:
    """Find the foot of each beat of a pressure wave.

    Parameters
    ----------
    wave : ndarray, shape (samples,)
        Pressure, in any unit.
    rate : float
        Samples a second.
    method : str
        ``"tangent"``: where the tangent at the steepest point of the rise meets the level of the
        minimum before it. ``"curvature"``: the greatest second derivative of the rise.
    name : str
        Name of the wave in errors.

    Returns
    -------
    ndarray
        Times of the feet in s from the first sample.

    Raises
    ------
    ValueError
        Unknown method, not a wave, a rate too low, or no foot that stands out of the noise.
    """
    wave = _wave(name, wave)
    if method not in METHODS:
        raise ValueError(f"method = {method!r}; it must be one of: {', '.join(METHODS)}")
    if not (np.isfinite(rate) and rate >= 100):
        raise ValueError(f"rate = {rate:g} a second; at least 100 are needed to time a foot")
    width = max(5, 2 * round(WINDOW * rate / 2) + 1)
    if len(wave) < 2 * rate:
        raise ValueError(f"{name} lasts {len(wave) / rate:.1f} s; at least 2 s are needed")
    smooth, slope, bend = (
        signal.savgol_filter(wave, width, 3, deriv=order, delta=1 / rate) for order in (0, 1, 2)
    )
    usual, least = np.abs(slope).mean(), slope.max() / 2
    rises, _ = signal.find_peaks(slope, height=least, distance=round(SHORTEST_BEAT * rate))
    reach = round(BEFORE * rate)
    rises = rises[rises >= reach]
    lows = [rise - reach + int(np.argmin(smooth[rise - reach : rise + 1])) for rise in rises]
    tall = np.median(smooth[rises] - smooth[lows]) if len(rises) else 0.0
    if not (tall > TALL * np.std(wave - smooth) and np.median(slope[rises]) > STEEP * usual):
        raise ValueError(f"{name} has no detectable foot: no rise stands out of the rest")
    found = []
    for rise, low in zip(rises, lows, strict=True):
        if method == "tangent":
            at = rise - (smooth[rise] - smooth[low]) / slope[rise] * rate
        else:
            at = low + int(np.argmax(bend[low : rise + 1]))
            left, mid, right = bend[at - 1 : at + 2]
            at += 0.5 * (left - right) / min(left - 2 * mid + right, -1e-300)
        found.append(at / rate)
    return np.array(found)


def cfpwv(
    carotid: np.ndarray,
    femoral: np.ndarray,
    rate: float,
    distance: float,
    *,
    method: str = "tangent",
    path_factor: float = PATH_FACTOR,
    level: float = 0.95,
) -> Velocity:
    """Carotid-femoral pulse wave velocity from two waves recorded together.

    Parameters
    ----------
    carotid, femoral : ndarray, shape (samples,)
        Pressure waves on one clock.
    rate : float
        Samples a second, of both.
    distance : float
        Direct carotid-femoral distance, in m.
    method : str
        How the feet are found, see :func:`feet`.
    path_factor : float
        Share of the direct distance that counts as path; 0.8 by consensus.
    level : float
        Level of the interval.

    Returns
    -------
    Velocity

    Raises
    ------
    ValueError
        Waves of different sampling, no detectable foot, a distance that is not in m, or fewer
        than three beats with a foot in both waves.
    """
    if len(carotid) != len(femoral):
        raise ValueError(
            f"carotid has {len(carotid)} samples and femoral {len(femoral)}: record both together"
        )
    if not 0.2 <= distance <= 1.2:
        raise ValueError(f"distance = {distance:g} is not a distance in m between 0.2 and 1.2")
    if not 0 < path_factor <= 1 or not 0 < level < 1:
        raise ValueError(f"path_factor = {path_factor:g}, level = {level:g}; both end at 1")
    start = feet(carotid, rate, method, "carotid")
    end = feet(femoral, rate, method, "femoral")
    beats = [np.median(np.diff(times)) if len(times) > 1 else np.inf for times in (start, end)]
    if all(np.isfinite(beats)) and abs(beats[0] / beats[1] - 1) > 0.1:
        raise ValueError(
            f"beats are {beats[0]:.2f} s apart in carotid and {beats[1]:.2f} s in femoral: "
            "different sampling, or not the same minute"
        )
    following = np.searchsorted(end, start)
    pairs = [(s, end[i]) for s, i in zip(start, following, strict=True) if i < len(end)]
    transit = np.array([e - s for s, e in pairs if e - s < BEFORE])
    if len(transit) < 3:
        raise ValueError(f"{len(transit)} beats have a foot in both waves; 3 are needed")
    mean, path = transit.mean(), path_factor * distance
    half = stats.t.ppf((1 + level) / 2, len(transit) - 1) * stats.sem(transit)
    high = path / (mean - half) if mean > half else np.inf
    return Velocity(1000 * transit, path / mean, path / (mean + half), high)


def _check(**values: float) -> None:
    for name, value in values.items():
        most = MOST.get(name, np.inf)
        if not 0 < value < most:
            raise ValueError(f"{name} = {value:g} is not between 0 and {most:g} in its SI unit")


def moens_korteweg(
    modulus: float, thickness: float, radius: float, density: float = BLOOD_DENSITY
) -> float:
    """Velocity in m/s of a thin elastic tube: sqrt(E h / (2 rho r)).

    ``modulus`` in Pa, ``thickness`` of the wall and inner ``radius`` in m, ``density`` in kg/m3;
    all above 0, thickness below 0.01 and radius below 0.05.
    """
    _check(modulus=modulus, thickness=thickness, radius=radius, density=density)
    return float(np.sqrt(modulus * thickness / (2 * density * radius)))


def bramwell_hill(distensibility: float, density: float = BLOOD_DENSITY) -> float:
    """Velocity in m/s from distensibility dV/(V dP) in 1/Pa: sqrt(1 / (rho D)), both above 0."""
    _check(distensibility=distensibility, density=density)
    return float(np.sqrt(1 / (density * distensibility)))
