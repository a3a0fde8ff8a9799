"""What a bone densitometer (DXA) computes: areal density, scores, precision, least change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

LSC_FACTOR = 2.77  # 1.96 * sqrt(2), rounded as in the field [iscdcalculator]
Numbers = np.ndarray | float


class DensityError(ValueError):
    """A measurement that cannot be right; the message says what is allowed."""


def _positive(name: str, value: Numbers, most: float = np.inf) -> np.ndarray:
    array = np.asarray(value, float)
    if not (np.all(array > 0) and np.all(array < most)):
        limit = "" if np.isinf(most) else f" and below {most:g}; is it in another unit?"
        raise DensityError(f"{name} must be above 0{limit}")
    return array


@dataclass(frozen=True)
class Reference:
    """People that a score compares with: who they are, mean and SD of their BMD in g/cm2."""

    who: str
    mean: float
    sd: float

    def __post_init__(self) -> None:
        _positive("mean of the reference (g/cm2)", self.mean, 5)
        _positive("SD of the reference (g/cm2)", self.sd, 1)

    def score(self, bmd: Numbers) -> Numbers:
        """Return (bmd - mean) / sd: a T-score against young adults, a Z-score against one's age."""
        return (_positive("BMD (g/cm2)", bmd, 5) - self.mean) / self.sd

    def bmd(self, score: Numbers) -> Numbers:
        """Return the BMD in g/cm2 that has this score."""
        return self.mean + np.asarray(score, float) * self.sd


def areal_bmd(bmc: Numbers, area: Numbers) -> Numbers:
    """Areal density in g/cm2: mineral (g) over projected area (cm2)."""
    return _positive("BMC (g)", bmc) / _positive("area (cm2)", area)


def bmad(bmc: Numbers, area: Numbers) -> Numbers:
    """Apparent density in g/cm3, ``BMC / area**1.5``: the same for one shape in all sizes."""
    return areal_bmd(bmc, area) / np.sqrt(area)


@dataclass(frozen=True)
class Precision:
    """Precision error of repeated scans: root mean square SD (g/cm2) and CV (percent)."""

    rms_sd: float
    rms_cv: float
    df: int
    people: int
    left_out: int

    def upper(self) -> float:
        """Return the upper bound of the two-sided 90 % interval of rms_sd (chi-square)."""
        return self.rms_sd * float(np.sqrt(self.df / stats.chi2.ppf(0.05, self.df)))


def precision_error(scans: np.ndarray) -> Precision:
    """Compute the precision error: variances within people, averaged, then the root [gluer1995].

    Parameters
    ----------
    scans : array, shape (people, repeats)
        BMD in g/cm2, NaN for a missing scan; people with fewer than two scans are left out.

    Raises
    ------
    DensityError
        A value that is no BMD in g/cm2, or nobody with two scans.
    """
    table = np.atleast_2d(np.asarray(scans, float))
    _positive("BMD (g/cm2)", table[~np.isnan(table)], 5)
    kept = table[np.sum(~np.isnan(table), axis=1) >= 2]
    if not len(kept):
        raise DensityError("nobody has two scans; a precision error needs repeated scans")
    free = np.sum(~np.isnan(kept), axis=1) - 1
    variance = np.nanvar(kept, axis=1, ddof=1)
    relative = variance / np.nanmean(kept, axis=1) ** 2
    sd, cv = (float(np.sqrt(np.average(v, weights=free))) for v in (variance, relative))
    return Precision(sd, 100 * cv, int(free.sum()), len(kept), len(table) - len(kept))


def least_significant_change(precision: float) -> float:
    """Change of one person that scan noise alone exceeds 1 time in 20: 2.77 x precision error.

    In the unit of ``precision`` (g/cm2 or percent); for one scan before and one scan after.
    """
    return LSC_FACTOR * float(_positive("precision error", precision))
