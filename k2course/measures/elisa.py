"""Reading an ELISA plate: standard curve, back-calculation with interval, limits, percent ucOC.

A sandwich ELISA is assumed: the signal rises with concentration. The SD of a well is
``sigma * signal**theta``: theta 0 means equal scatter everywhere, theta 1 a constant percentage.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

LEAST_LEVELS = 5  # four parameters, and one level more to see a misfit
FALL = 0.05  # a level lies too low if it is below a lower one by this share of the whole rise
SAMPLES = ["sample", "dilution", "wells", "signal", "cv", "concentration", "low", "high", "status"]
MOST_CV = 20.0  # percent; duplicates that differ more are flagged (teaching assumption)

Numbers = np.ndarray | float


class PlateError(ValueError):
    """A plate or a curve that cannot be computed; the message says what was wrong."""


def logistic4(c: Numbers, bottom: float, top: float, ec50: float, slope: float) -> Numbers:
    """Return ``bottom + (top - bottom) r / (1 + r)`` with ``r = (c / ec50)**slope``."""
    ratio = (np.asarray(c, float) / ec50) ** slope
    return bottom + (top - bottom) * ratio / (1 + ratio)


def _model(c: Numbers, bottom: float, top: float, log_ec50: float, log_slope: float) -> Numbers:
    return logistic4(c, bottom, top, np.exp(log_ec50), np.exp(log_slope))


def _jacobian(c: Numbers, bottom: float, top: float, log_ec50: float, log_slope: float) -> Numbers:
    share = _model(c, 0, 1, log_ec50, log_slope)
    steep = (top - bottom) * np.exp(log_slope) * share * (1 - share)
    log_ratio = np.log(np.where(c > 0, c, 1)) - np.where(c > 0, log_ec50, 0)
    return np.column_stack([1 - share, share, -steep, steep * log_ratio])


def _scale(signal: Numbers, top: float, theta: float) -> Numbers:
    return np.maximum(signal, 0.01 * abs(top)) ** theta


@dataclass(frozen=True)
class Curve:
    """A fitted standard curve; :func:`fit_curve` makes it."""

    fitted: np.ndarray  # bottom, top, ln ec50, ln slope
    covariance: np.ndarray  # of these four
    sigma: float
    theta: float
    df: int
    lowest: float  # lowest standard above 0
    highest: float

    def signal(self, concentration: Numbers) -> Numbers:
        """Return the signal expected at these concentrations."""
        return _model(concentration, *self.fitted)

    def well_sd(self, signal: Numbers) -> Numbers:
        """Return the standard deviation of one well with this expected signal."""
        return self.sigma * _scale(signal, self.fitted[1], self.theta)

    def parameters(self) -> pd.DataFrame:
        """Return value and 95 % interval of the four (t; ec50 and slope on the log scale)."""
        half = stats.t.ppf(0.975, self.df) * np.sqrt(np.diag(self.covariance))
        rows = np.column_stack([self.fitted, self.fitted - half, self.fitted + half])
        rows[2:] = np.exp(rows[2:])
        index = ["bottom", "top", "ec50", "slope"]
        return pd.DataFrame(rows, index, columns=["value", "low", "high"])

    def _profile(self, wells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Concentrations, their signals, and the standard error of a mean of wells minus curve."""
        below = np.geomspace(self.lowest / 100, self.lowest, 334)
        grid = np.append(below[:-1], np.geomspace(self.lowest, self.highest * 100, 667))
        jacobian, signal = _jacobian(grid, *self.fitted), self.signal(grid)
        curve = np.sum(jacobian @ self.covariance * jacobian, axis=1)
        return grid, signal, np.sqrt(self.well_sd(signal) ** 2 / wells + curve)

    def concentration(self, signal: float, wells: int = 1) -> tuple[float, float, float]:
        """Return the concentration with this signal (a mean of ``wells``) and its 95 % interval.

        The interval holds all concentrations whose expected signal agrees with the one measured,
        given the scatter of wells and the uncertainty of the curve. Where the curve is too flat to
        say, a bound is 0 or infinite; so is the value itself, off the ends of the curve. A signal
        that is not finite is a PlateError.
        """
        if not np.isfinite(signal):
            raise PlateError(f"signal = {signal}: a finite number is needed")
        bottom, top, log_ec50, log_slope = self.fitted
        grid, expected, error = self._profile(wells)
        t, z = stats.t.ppf(0.975, self.df), np.maximum.accumulate((expected - signal) / error)
        bounds = np.exp(np.interp([-t, t], z, np.log(grid), left=-np.inf, right=np.inf))
        share = np.clip((signal - bottom) / (top - bottom), 0, 1)
        odds = share / (1 - share) if share < 1 else np.inf
        return float(np.exp(log_ec50) * odds ** np.exp(-log_slope)), *map(float, bounds)

    def limits(self, wells: int = 2, cv: float = 20.0) -> tuple[float, float]:
        """Return the limits of detection and of quantification, as concentrations.

        Detection: 1.645 SD of a well above the limit of blank, itself 1.645 SD above the blank
        [armbruster2008]; the blank is the bottom of the curve. Quantification: lowest concentration
        from the lowest standard on where a mean of ``wells`` has an error of at most cv percent.
        """
        grid, signal, error = self._profile(wells)
        blank = self.fitted[0] + 1.645 * self.well_sd(self.fitted[0])
        seen = signal - 1.645 * self.well_sd(signal) >= blank
        percent = 100 * error / np.maximum(np.gradient(signal, np.log(grid)), 1e-200)
        good = seen & (percent <= cv) & (grid >= self.lowest) & (grid <= self.highest)
        return tuple(float(grid[s.argmax()]) if s.any() else np.inf for s in (seen, good))


def fit_curve(concentration: np.ndarray, signal: np.ndarray, *, theta: float = 1.0) -> Curve:
    """Fit the four-parameter logistic to standard wells by weighted least squares.

    Parameters
    ----------
    concentration, signal : array, shape (wells,)
        Standards, 0 for the blank; each well counts by itself.
    theta : float
        Wells weigh 1 / (fitted signal)**(2 theta); the fit is repeated until they settle.

    Raises
    ------
    PlateError
        Missing or negative numbers, fewer than five levels, a curve that does not rise twofold,
        or a fit without an end.
    """
    c, y = np.asarray(concentration, float), np.asarray(signal, float)
    if not (np.isfinite(c + y).all() and (c >= 0).all()):
        raise PlateError("standards need finite signals and finite concentrations of 0 or more")
    level = pd.Series(y).groupby(c).mean()
    if len(level) < LEAST_LEVELS:
        raise PlateError(f"{len(level)} standard level(s); a 4PL needs at least {LEAST_LEVELS}")
    first, last = level.iloc[0], level.iloc[-1]
    if last <= 2 * max(first, 0):
        ends = f"{first:.3g} at {level.index[0]:g}, {last:.3g} at {level.index[-1]:g}"
        raise PlateError(f"the standard curve is flat or falls: {ends}")
    middle = level.index[(level >= (first + last) / 2).argmax()]
    p, scale = np.array([first, 1.1 * last, np.log(middle), 0.0]), np.ones_like(y)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(6 if theta else 1):
                p, cov = optimize.curve_fit(_model, c, y, p, scale, jac=_jacobian, maxfev=4000)
                rest, scale = (y - _model(c, *p)) / scale, _scale(_model(c, *p), p[1], theta)
    except (RuntimeError, RuntimeWarning, optimize.OptimizeWarning):
        raise PlateError("no 4PL fits these standards; plot the levels") from None
    df = len(y) - 4
    return Curve(p, cov, float(np.sqrt(rest @ rest / df)), theta, df, min(c[c > 0]), max(c))


@dataclass(frozen=True)
class Plate:
    """A plate that was read: wells and samples with a status each, curve, one line a problem."""

    wells: pd.DataFrame
    samples: pd.DataFrame
    curve: Curve | None
    problems: list[str]


def read_plate(plate: pd.DataFrame, *, theta: float = 1.0, unit: str = "ng/mL") -> Plate:
    """Compute a plate; bad wells are reported in a line each, and the good ones kept.

    Parameters
    ----------
    plate : DataFrame
        A row a well: well, sample (missing for a standard), concentration (of a standard, 0 for
        the blank), dilution (of a sample, 5 for 1:5), signal; optional: unit of the standard.
    theta : float
        See :func:`fit_curve`.
    unit : str
        Unit of standards and results. Standards in another unit are left out.

    Raises
    ------
    PlateError
        A column is missing. Everything else is reported.
    """
    columns = {"well", "sample", "concentration", "dilution", "signal"}
    if missing := columns - set(plate.columns):
        raise PlateError(f"the plate lacks the column(s) {', '.join(sorted(missing))}")
    wells = plate.reset_index(drop=True).assign(status="ok", recovery=np.nan)
    problems, curve = [], None
    for column in ("concentration", "dilution", "signal"):
        wells[column] = pd.to_numeric(wells[column], errors="coerce")
    standard, level = wells["sample"].isna(), wells["concentration"]

    def mark(which: pd.Series, status: str) -> pd.DataFrame:
        which = which & wells["status"].eq("ok")
        wells.loc[which, "status"] = status
        if which.any():
            problems.append(f"{status}: {', '.join(map(str, wells.loc[which, 'well']))}")
        return wells[standard & wells["status"].eq("ok")]

    mark(wells["well"].notna() & wells["well"].duplicated(keep=False), "well entered twice")
    mark(~np.isfinite(wells["signal"]), "no signal")
    mark(standard & ~(np.isfinite(level) & (level >= 0)), "standard without a valid concentration")
    mark(standard & wells.get("unit", pd.Series(unit, wells.index)).ne(unit), f"not in {unit}")
    good = mark(~standard & ~wells["dilution"].between(1, 1e9), "dilution missing or not 1 to 1e9")
    mean = good.groupby("concentration")["signal"].mean()
    falls = np.flatnonzero(mean.diff().to_numpy()[1:] < -FALL * (mean.max() - mean.min()))
    suspect = mean.index[sorted({i + j for i in falls for j in (0, 1)})]
    good = mark(standard & level.isin(suspect), "signal falls between these standards")
    try:
        curve = fit_curve(good["concentration"], good["signal"], theta=theta)
        good = good[good["concentration"] > 0]
        found = np.array([curve.concentration(y)[0] for y in good["signal"]])
        wells.loc[good.index, "recovery"] = 100 * found / good["concentration"]
    except PlateError as error:
        problems.append(f"no concentrations: {error}")
    groups = wells[~standard & wells["status"].eq("ok")].groupby(["sample", "dilution"])
    limits = {n: curve.limits(n) for n in set(groups.size())} if curve else {}
    found = [_sample(*key, part["signal"], curve, limits) for key, part in groups]
    samples = pd.DataFrame(found, columns=SAMPLES)
    for name in dict.fromkeys(wells.loc[~standard, "sample"]):
        if name not in set(samples["sample"]):
            problems.append(f"no good well: sample {name}")
    for status, part in samples[samples["status"].ne("ok")].groupby("status"):
        problems.append(f"{status}: sample {', '.join(map(str, part['sample']))}")
    return Plate(wells, samples, curve, problems)


def _sample(name: str, dilution: float, y: pd.Series, curve: Curve | None, limits: dict) -> dict:
    """One row of the table of samples; signal and cv (percent) are those of its wells."""
    n, mean, nan = len(y), float(y.mean()), float("nan")
    cv = 100 * float(y.std()) / mean if n > 1 and mean > 0 else nan
    row = {"sample": name, "dilution": dilution, "wells": n, "signal": mean, "cv": cv}
    value, low, high, status = nan, nan, nan, "no curve"
    if curve is not None:
        detection, quantification = limits[n]
        value, low, high = (dilution * x for x in curve.concentration(mean, n))
        status = "duplicates differ" if cv > MOST_CV else "ok"
        if mean > curve.signal(curve.highest):
            value, high, status = nan, np.inf, "above the top standard"
        elif value < detection * dilution:
            value, low, status = nan, 0.0, "below the limit of detection"
        elif value < quantification * dilution:
            status = "below the limit of quantification"
    return row | {"concentration": value, "low": low, "high": high, "status": status}


def percent_ucoc(ucoc: Numbers, coc: Numbers, unit: str = "ng/mL", coc_unit: str = "") -> Numbers:
    """Return ``100 ucOC / (ucOC + cOC)``; give ``coc_unit`` if it may differ from ``unit``.

    Raises
    ------
    PlateError
        Two units, a negative or missing concentration, or both zero.
    """
    u, c = np.asarray(ucoc, float), np.asarray(coc, float)
    if coc_unit not in ("", unit):
        raise PlateError(f"ucOC in {unit} and cOC in {coc_unit}: bring them to one unit first")
    if not (np.all(u >= 0) and np.all(c >= 0) and np.all(u + c > 0)):
        raise PlateError("ucOC and cOC must be 0 or more, and not both 0")
    return 100 * u / (u + c)
