"""Insulin sensitivity from blood samples: HOMA-IR, Matsuda index, minimal model.

Units are always named. A fasting value outside ``FASTING`` is refused: the usual reason is a wrong
unit. Where the ranges of two units overlap (40 is possible as µU/mL and as pmol/L) no program can
tell them apart. Later samples may lie anywhere in ``SAMPLE``. Bad samples raise ``GlucoseError``:
unknown or implausible unit, a missing value, no fasting sample, times that do not increase, too few
samples, or samples that do not determine the parameters.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import antimony
import lmfit
import numpy as np
import pandas as pd
import roadrunner
from numpy.typing import ArrayLike

from k2course.models import source

# One unit in mg/dL (180.156 g/mol) and in µU/mL (6 pmol/L each, the usual round figure).
GLUCOSE_UNITS = {"mg/dL": 1.0, "mmol/L": 18.0156}
INSULIN_UNITS = {"µU/mL": 1.0, "mU/L": 1.0, "pmol/L": 1 / 6}
FASTING = {"glucose": (40.0, 400.0), "insulin": (2.0, 50.0)}  # mg/dL and µU/mL; our limits
SAMPLE = {"glucose": (20.0, 1000.0), "insulin": (0.2, 1500.0)}
START = {"SI": (5, 1e-3, 200), "SG": (0.02, 1e-4, 1), "p2": (0.03, 1e-4, 1), "G0": (300, 50, 2000)}


class GlucoseError(ValueError):
    """Samples that cannot be used; the message says what is wrong and what is allowed."""


class MinimalModel(NamedTuple):
    """A fit: ``parameters`` (value, stderr, unit), ``correlation`` and the fitted ``curve``."""

    parameters: pd.DataFrame
    correlation: pd.DataFrame
    curve: pd.Series


def _numbers(what: str, given: ArrayLike) -> np.ndarray:
    """Read a number or one list of finite numbers."""
    try:
        values = np.atleast_1d(np.asarray(given, dtype=float))
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim > 1 or not values.size:
        raise GlucoseError(f"{what} must be one list of numbers, not {str(given)[:60]!r}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise GlucoseError(f"{what}: sample {bad[0] + 1} is missing or infinite")
    return values


def _values(what: str, given: ArrayLike, unit: str, units: dict[str, float]) -> np.ndarray:
    """Convert samples to the first unit of the list and check that they are plausible."""
    unit = str(unit).replace("μ", "µ").replace("uU", "µU")
    if unit not in units:
        raise GlucoseError(f"{what} in {unit!r}; the units are: {', '.join(units)}")
    values = _numbers(what, given)
    for n, value in enumerate(values):
        low, high = (SAMPLE if n else FASTING)[what]
        fits = [name for name, size in units.items() if low <= value * size <= high]
        if unit not in fits:
            name = f"{what}, sample {n + 1}:" if n else f"fasting {what}"
            limits = f"{low / units[unit]:.4g} to {high / units[unit]:.4g} {unit}"
            hint = f"; is it in {fits[0]}?" if fits else ""
            raise GlucoseError(f"{name} {value:g} {unit} is outside {limits}{hint}")
    return values * units[unit]


def _series(
    time: ArrayLike, glucose: ArrayLike, insulin: ArrayLike, glucose_unit: str, insulin_unit: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check the samples of a test; return min, mg/dL, µU/mL."""
    t = _numbers("time", time)
    g = _values("glucose", glucose, glucose_unit, GLUCOSE_UNITS)
    i = _values("insulin", insulin, insulin_unit, INSULIN_UNITS)
    if not t.size == g.size == i.size > 1:
        counts = f"time, glucose and insulin have {t.size}, {g.size} and {i.size} samples"
        raise GlucoseError(f"{counts}; each must have the same number, at least 2")
    if t[0] != 0:
        raise GlucoseError(f"the fasting sample is missing: time starts at {t[0]:g} min, not at 0")
    late = np.flatnonzero(np.diff(t) <= 0)
    if late.size:
        a, b = t[late[0] : late[0] + 2]
        raise GlucoseError(f"time must increase, but {b:g} min comes after {a:g} min")
    return t, g, i


def homa_ir(glucose: float, insulin: float, *, glucose_unit: str, insulin_unit: str) -> float:
    """Return HOMA-IR, fasting glucose (mmol/L) x fasting insulin (µU/mL) / 22.5 (Matthews 1985)."""
    g = _values("glucose", glucose, glucose_unit, GLUCOSE_UNITS)
    i = _values("insulin", insulin, insulin_unit, INSULIN_UNITS)
    if not g.size == i.size == 1:
        raise GlucoseError(f"HOMA-IR takes one glucose and one insulin, not {g.size} and {i.size}")
    return float(g[0] / GLUCOSE_UNITS["mmol/L"] * i[0] / 22.5)


def matsuda(
    time: ArrayLike, glucose: ArrayLike, insulin: ArrayLike, *, glucose_unit: str, insulin_unit: str
) -> float:
    """Return the Matsuda index of an oral glucose test, 10,000 / sqrt(G0 I0 Gmean Imean).

    Samples of shape (n,), time in min with the fasting sample at 0. The formula takes mg/dL and
    µU/mL; the means are areas (trapezoids) over time. Source: DeFronzo and Matsuda 2010.
    """
    t, g, i = _series(time, glucose, insulin, glucose_unit, insulin_unit)
    g_mean, i_mean = (np.trapezoid(x, t) / t[-1] for x in (g, i))
    return float(10_000 / np.sqrt(g[0] * i[0] * g_mean * i_mean))


def _engine(t: np.ndarray, i: np.ndarray) -> roadrunner.RoadRunner:
    """Load the library's Bergman model, driven by this insulin (straight lines)."""
    steps = zip(*(x.tolist() for x in (i[:-1], i[1:], t[:-1], t[1:])), strict=True)
    pieces = [f"{a} + {(b - a) / (v - u)} * (time - {u}), time < {v}" for a, b, u, v in steps]
    rule = f"  I := piecewise({', '.join(pieces)}, {i[-1]})"
    antimony.clearPreviousLoads()
    antimony.loadAntimonyString(re.sub(r"^  I := .*$", rule, source.text("bergman"), flags=re.M))
    engine = roadrunner.RoadRunner(antimony.getSBMLString("bergman"))
    engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = 1e-8, 1e-10
    engine.timeCourseSelections = ["time", "[G]"]
    return engine


def minimal_model(
    time: ArrayLike,
    glucose: ArrayLike,
    insulin: ArrayLike,
    *,
    basal: tuple[float, float],
    start: float = 8,
    glucose_unit: str,
    insulin_unit: str,
) -> MinimalModel:
    """Fit the minimal model to an intravenous glucose test by least squares.

    ``G' = SG (Gb - G) - X G`` and ``X' = p2 (SI (I(t) - Ib) - X)``, with G(0) = G0 and X(0) = 0.
    ``basal`` is Gb and Ib in the units of the samples; the answer depends on it. Samples before
    minute ``start`` do not count: the glucose is still mixing. SI comes in 1e-4 mL/µU/min, SG and
    p2 in 1/min, G0 and the curve in mg/dL.
    """
    t, g, i = _series(time, glucose, insulin, glucose_unit, insulin_unit)
    pair = _numbers("basal", basal)
    if pair.size != 2:
        raise GlucoseError(f"basal takes two numbers, glucose and insulin, not {pair.size}")
    gb = _values("glucose", pair[0], glucose_unit, GLUCOSE_UNITS)[0]
    ib = _values("insulin", pair[1], insulin_unit, INSULIN_UNITS)[0]
    used, engine = t >= start, _engine(t, i)
    if used.sum() < 6:
        raise GlucoseError(f"{used.sum()} samples from minute {start:g} on; the fit needs 6")

    def simulate(values: dict[str, float], times: np.ndarray) -> np.ndarray:
        engine.resetAll()
        for name, value in (values | {"SI": 1e-4 * values["SI"], "Gb": gb, "Ib": ib}).items():
            engine.setValue(name, value)
        engine.reset()
        return engine.simulate(times=times.tolist())[:, 1]

    guess, names = lmfit.Parameters(), list(START)
    guess.add_many(*((name, value, True, low, high) for name, (value, low, high) in START.items()))
    fit = lmfit.minimize(lambda p: (simulate(p.valuesdict(), t) - g)[used], guess)
    stuck = [n for n, (_, a, b) in START.items() if not 1.01 * a < fit.params[n].value < 0.99 * b]
    if stuck or not fit.errorbars:
        raise GlucoseError(f"the samples do not determine {', '.join(stuck) or 'the parameters'}")
    value = [fit.params[n].value for n in names]
    units = ["1e-4 mL/µU/min", "1/min", "1/min", "mg/dL"]
    error, grid = np.sqrt(fit.covar.diagonal()), np.linspace(0, t[-1], 201)
    return MinimalModel(
        pd.DataFrame({"value": value, "stderr": error, "unit": units}, names),
        pd.DataFrame(fit.covar / np.outer(error, error), names, names),
        pd.Series(simulate(fit.params.valuesdict(), grid), pd.Index(grid, name="time")),
    )
