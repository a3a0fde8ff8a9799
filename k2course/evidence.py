"""Effect sizes and pooling of studies; the drawing is in :mod:`k2course.forest`.

The estimators are those of ``statsmodels.stats.meta_analysis``; this module checks what goes in,
pools ratios on the log scale, and adds intervals for the spread between studies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import optimize, stats
from statsmodels.stats.meta_analysis import (
    combine_effects,
    effectsize_2proportions,
    effectsize_smd,
)

from k2course import data
from k2course.forest import BAD_STATUS, forest_plot

__all__ = [
    "EvidenceError",
    "Pooled",
    "forest_plot",
    "from_counts",
    "mean_difference",
    "pool",
    "ratio_of_means",
    "se_from_interval",
    "standardized_difference",
]

DIFFERENCES, RATIOS = {"difference", "MD", "SMD", "beta", "RD"}, {"ratio", "RR", "OR", "HR", "ROM"}


class EvidenceError(ValueError):
    """Studies that cannot or must not be pooled; the message says which and why."""


def _arms(**given: object) -> list[np.ndarray]:
    """Check the columns of two arms: sizes above 0, spreads above 0, nothing missing."""
    bounds = {"n": (1, " of at least 1"), "s": (5e-324, " above 0"), "e": (0, " of 0 or more")}
    columns = {name: np.atleast_1d(np.asarray(value, float)) for name, value in given.items()}
    for name, values in columns.items():
        least, words = bounds.get(name[0], (-np.inf, ""))
        if (wrong := ~(np.isfinite(values) & (values >= least))).any():
            row = wrong.argmax()
            raise EvidenceError(f"row {row + 1}: {name} = {values[row]:g} is not a number{words}")
    if len({values.size for values in columns.values()}) > 1:
        raise EvidenceError(f"{', '.join(columns)} must be of one length")
    return list(columns.values())


def _effects(estimate: np.ndarray, variance: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"estimate": estimate, "se": np.sqrt(variance)})


def mean_difference(mean1, sd1, n1, mean2, sd2, n2) -> pd.DataFrame:  # noqa: ANN001
    """Return mean1 - mean2 with se = sqrt(sd1²/n1 + sd2²/n2), one row a study.

    Arm 1 is the treatment. Scale "difference", in the unit of the means.
    """
    m1, s1, k1, m2, s2, k2 = _arms(mean1=mean1, sd1=sd1, n1=n1, mean2=mean2, sd2=sd2, n2=n2)
    return _effects(m1 - m2, s1**2 / k1 + s2**2 / k2)


def standardized_difference(mean1, sd1, n1, mean2, sd2, n2) -> pd.DataFrame:  # noqa: ANN001
    """Return Hedges' g, the difference in pooled standard deviations (scale "difference").

    ``statsmodels`` ``effectsize_smd``: g = (1 - 3 / (4 n - 9)) (mean1 - mean2) / sd.
    """
    arms = _arms(mean1=mean1, sd1=sd1, n1=n1, mean2=mean2, sd2=sd2, n2=n2)
    if (arms[2] + arms[5] < 5).any():
        raise EvidenceError("a standardized difference needs at least 5 people in the two arms")
    return _effects(*effectsize_smd(*arms))


def ratio_of_means(mean1, sd1, n1, mean2, sd2, n2) -> pd.DataFrame:  # noqa: ANN001
    """Return mean1 / mean2 (scale "ratio") and the standard error of its logarithm.

    se² = sd1² / (n1 mean1²) + sd2² / (n2 mean2²); both means must be above 0.
    """
    m1, s1, k1, m2, s2, k2 = _arms(mean1=mean1, sd1=sd1, n1=n1, mean2=mean2, sd2=sd2, n2=n2)
    if not ((m1 > 0) & (m2 > 0)).all():
        raise EvidenceError("a ratio of means needs means above 0 in both arms")
    return _effects(m1 / m2, (s1 / m1) ** 2 / k1 + (s2 / m2) ** 2 / k2)


def from_counts(events1, n1, events2, n2, *, measure: str = "RR") -> pd.DataFrame:  # noqa: ANN001
    """Return odds ratio, risk ratio or risk difference of counted events, one row a study.

    Arm 1 is the treatment. For OR and RR ``se`` belongs to the logarithm. 0.5 is added to the four
    cells of a study that has an empty one; a study with no events at all says nothing about a
    ratio and is refused. ``statsmodels`` ``effectsize_2proportions``.
    """
    names = {"OR": "odds-ratio", "RR": "risk-ratio", "RD": "diff"}
    if measure not in names:
        raise EvidenceError(f"measure = {measure!r}; allowed are OR, RR, RD")
    e1, k1, e2, k2 = _arms(events1=events1, n1=n1, events2=events2, n2=n2)
    none, every = (e1 == 0) & (e2 == 0), (e1 == k1) & (e2 == k2)
    useless = {"OR": none | every, "RR": none, "RD": none & False}[measure]
    for wrong, what in (
        ((e1 > k1) | (e2 > k2), "more events than people"),
        (useless, f"both arms have {'no' if none.any() else 'only'} events"),
    ):
        if wrong.any():
            raise EvidenceError(f"row {wrong.argmax() + 1}: {what}")
    # added here: the zero_correction of statsmodels 0.15 also shifts the counts of full studies
    add = 0.5 * ((e1 == 0) | (e2 == 0) | (e1 == k1) | (e2 == k2))
    cells = (e1 + add, k1 + 2 * add, e2 + add, k2 + 2 * add)
    estimate, variance = effectsize_2proportions(*cells, statistic=names[measure])
    return _effects(estimate if measure == "RD" else np.exp(estimate), variance)


def _check(scale: str, level: float) -> None:
    if scale not in ("difference", "ratio"):
        raise EvidenceError(f"scale = {scale!r}; allowed are 'difference' and 'ratio'")
    if not 0 < level < 1:
        raise EvidenceError(f"level = {level!r} is not between 0 and 1")


def se_from_interval(low, high, *, scale: str, level: float = 0.95):  # noqa: ANN001, ANN201
    """Return the standard error behind an interval, (high - low) / (2 z).

    For ``scale="ratio"`` it is the standard error of the logarithm. A missing end gives NaN.

    Raises
    ------
    EvidenceError
        If an interval runs backward, or not above 0 for a ratio, or the level is no probability.
    """
    _check(scale, level)
    if (np.greater_equal(low, high) | (np.less_equal(low, 0) & (scale == "ratio"))).any():
        raise EvidenceError("an interval runs from low to high, above 0 for a ratio")
    low, high = (np.log(v) if scale == "ratio" else v for v in (low, high))
    return (high - low) / (2 * stats.norm.isf((1 - level) / 2))


@dataclass(frozen=True, eq=False)
class Pooled:
    """Result of :func:`pool`.

    ``estimate``, ``low``, ``high``, ``prediction_low`` and ``prediction_high`` are on the scale of
    the input; ``se`` and ``tau2`` are on the log scale for ratios. ``i2`` is in percent,
    100 (q - (k - 1)) / q, at least 0. ``studies`` holds one row a study with ``weight`` in percent.
    """

    studies: pd.DataFrame
    scale: str
    method: str
    hartung_knapp: bool
    level: float
    k: int
    estimate: float
    low: float
    high: float
    se: float
    p_value: float
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    q: float
    q_p: float
    prediction_low: float
    prediction_high: float

    def summary(self) -> pd.DataFrame:
        """Return the result as a table of one row."""
        kept = {k: v for k, v in vars(self).items() if k != "studies"}
        return pd.DataFrame([kept])

    def leave_one_out(self) -> pd.DataFrame:
        """Pool again without each study in turn; columns left_out, estimate, low, high, tau2, i2.

        Raises
        ------
        EvidenceError
            With two studies: one alone cannot be pooled.
        """
        if self.k < 3:
            raise EvidenceError("leaving one of two studies out leaves nothing to pool")
        names = ["estimate", "low", "high", "tau2", "i2"]
        settings = (self.scale, self.method, self.hartung_knapp, self.level)
        again = [_combine(self.studies.drop(i), *settings) for i in self.studies.index]
        table = pd.DataFrame([{n: getattr(one, n) for n in names} for one in again])
        table.insert(0, "left_out", self.studies["study"].to_numpy())
        return table

    def forest(self, xlabel: str = "", ax: Axes | None = None) -> Figure:
        """Draw the studies and the pooled result."""
        log = self.scale == "ratio"
        kept = {"label": "study", "weight": "weight", "xlabel": xlabel, "ax": ax}
        return forest_plot(self.studies, null=1.0 if log else 0.0, log=log, pooled=self, **kept)


def _tau2_interval(effect: np.ndarray, variance: np.ndarray, level: float) -> list[float]:
    """Q-profile: the tau² at which the weighted Q meets the quantiles of chi²(k - 1)."""

    def q_at(tau2: float) -> float:
        weight = 1 / (variance + tau2)
        return float(weight @ (effect - weight @ effect / weight.sum()) ** 2)

    bounds = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        target, high = stats.chi2.isf(tail, len(effect) - 1), float(variance.max())
        while q_at(high) > target:
            high *= 2
        inside = q_at(0) > target
        root = optimize.brentq(lambda t, x=target: q_at(t) - x, 0, high) if inside else 0.0
        bounds.append(float(root))
    return bounds


def _combine(
    studies: pd.DataFrame, scale: str, method: str, hartung_knapp: bool, level: float
) -> Pooled:
    """Pool studies that have been checked."""
    log = scale == "ratio"
    effect = studies["estimate"].to_numpy(float)
    effect, variance = np.log(effect) if log else effect, studies["se"].to_numpy(float) ** 2
    k, how = len(effect), "pm" if method == "PM" else "dl"
    options = {"atol": 1e-7, "maxiter": 1000} if how == "pm" else {}
    center = float(effect.mean())  # keeps Q exact when the effects are far from 0
    with np.errstate(divide="ignore", invalid="ignore"):  # Q = 0, tau² below 0
        fit = combine_effects(effect - center, variance, method_re=how, **options)
    # statsmodels lets the moment estimate go below 0: then the fixed-effect result holds
    tau2 = 0.0 if method == "fixed" else max(0.0, float(fit.tau2))
    kind = "re" if tau2 > 0 else "fe"
    mean = center + float(getattr(fit, f"mean_effect_{kind}"))
    plain, adjusted = getattr(fit, f"sd_eff_w_{kind}"), getattr(fit, f"var_hksj_{kind}") ** 0.5
    se = float(adjusted if hartung_knapp else plain)
    law = stats.t(k - 1) if hartung_knapp else stats.norm()
    reach = law.isf((1 - level) / 2)
    wide = reach * float(np.hypot(se, tau2**0.5)) if method != "fixed" else np.nan
    ends = np.array([mean, mean - reach * se, mean + reach * se, mean - wide, mean + wide])
    ends = [float(end) for end in (np.exp(ends) if log else ends)]
    tau2_ends = _tau2_interval(effect, variance, level) if method != "fixed" else [np.nan, np.nan]
    weighted = studies.assign(weight=100 * np.asarray(getattr(fit, f"weights_rel_{kind}")))
    p_value = float(2 * law.sf(abs(mean) / se)) if se > 0 else np.nan
    i2 = max(0.0, 100 * (1 - (k - 1) / fit.q)) if fit.q > 0 else 0.0
    chance = float(stats.chi2.sf(fit.q, k - 1))
    found = (se, p_value, tau2, *tau2_ends, float(i2), float(fit.q), chance)
    return Pooled(weighted, scale, method, hartung_knapp, level, k, *ends[:3], *found, *ends[3:])


def _refuse_mixtures(rows: pd.DataFrame, scale: str, mix_forms: bool) -> None:
    for column, allowed in (("unit", False), ("measure", False), ("form", mix_forms)):
        if column in rows and not allowed:
            found = list(dict.fromkeys(rows[column].astype(object).fillna("not stated")))
            if len(found) > 1:
                hint = "; mix_forms=True pools them all the same" if column == "form" else ""
                raise EvidenceError(f"mixed {column}s: {', '.join(map(str, found))}{hint}")
    wrong = RATIOS if scale == "difference" else DIFFERENCES
    if "measure" in rows and rows["measure"].iloc[0] in wrong:
        raise EvidenceError(f"measure {rows['measure'].iloc[0]} is not on the scale {scale!r}")


@cache
def _known() -> pd.Series:
    return data.load("studies").set_index("study_id")["status"]


def _statuses(rows: pd.DataFrame, label: str) -> pd.Series:
    """Return the status of each row: that of the table of studies if bad, else its own, else "ok".

    A study is looked up by its ``study_id`` and by its label, whatever their case and spaces.
    """
    found = rows.get("status", pd.Series("ok", rows.index)).astype(object).fillna("ok").str.lower()
    for name in {"study_id", label} & set(rows):
        key = rows[name].astype(str).str.lower().str.replace(r"\W", "", regex=True)
        found = found.mask(key.map(_known()).isin(BAD_STATUS), key.map(_known()))
    return found


def pool(
    rows: pd.DataFrame,
    *,
    scale: str,
    estimate: str = "estimate",
    se: str | None = None,
    low: str = "low",
    high: str = "high",
    label: str = "study_id",
    method: str = "DL",
    hartung_knapp: bool | None = None,
    level: float = 0.95,
    include_retracted: bool = False,
    mix_forms: bool = False,
) -> Pooled:
    """Pool one estimate from each study.

    Parameters
    ----------
    rows : DataFrame
        One row a study. Columns ``unit``, ``measure`` and ``form``, where there are any, must each
        hold one value; ``n``, where there is one, must be above 0.
    scale : {"difference", "ratio"}
        Ratios are pooled as logarithms.
    estimate, se, low, high, label : str
        Names of the columns. Without ``se`` the 95 % intervals are used; for ratios ``se`` is the
        standard error of the logarithm.
    method : {"DL", "PM", "fixed"}
        DerSimonian and Laird, Paule and Mandel, or one common effect.
    hartung_knapp : bool, optional
        Standard error from the weighted scatter and Student's t with k - 1 degrees of freedom;
        yes unless the method is "fixed". Not widened when the scatter is small.
    level : float
        Level of the pooled intervals. The prediction interval uses the same law as the interval.
    include_retracted, mix_forms : bool
        Pool retracted and disputed studies; pool different forms of the vitamin.

    Raises
    ------
    EvidenceError
        One line on what is missing, mixed, doubled, retracted or out of range.
    """
    _check(scale, level)
    if method not in ("DL", "PM", "fixed"):
        raise EvidenceError(f"method = {method!r}; allowed are 'DL', 'PM' and 'fixed'")
    if hartung_knapp and method == "fixed":
        raise EvidenceError("Hartung-Knapp belongs to random effects, not to method='fixed'")
    wanted = [label, estimate, *([se] if se else [low, high])]
    if missing := [name for name in wanted if name not in rows]:
        raise EvidenceError(f"no column {missing[0]!r}; there are {', '.join(map(str, rows))}")
    if len(rows) < 2:
        raise EvidenceError(f"{len(rows)} study cannot be pooled; it takes two")
    names, status = rows[label].astype(str), _statuses(rows, label)
    if (twice := names[names.duplicated()]).size:
        raise EvidenceError(f"{twice.iloc[0]} stands in more than one row; pool it once")
    if not include_retracted and (bad := status.isin(BAD_STATUS)).any():
        listed = ", ".join(f"{n} ({s})" for n, s in zip(names[bad], status[bad], strict=True))
        raise EvidenceError(f"not pooled unless include_retracted=True: {listed}")
    _refuse_mixtures(rows, scale, mix_forms)
    table = pd.DataFrame({"study": names, "estimate": rows[estimate].astype(float)})
    if se:
        table["se"] = rows[se].astype(float)
        reach = stats.norm.isf(0.025) * table["se"]
        middle = np.log(table["estimate"].clip(1e-300)) if scale == "ratio" else table["estimate"]
        ends = (middle - reach, middle + reach)
        table["low"], table["high"] = map(np.exp, ends) if scale == "ratio" else ends
    else:
        table["low"], table["high"] = rows[low].astype(float), rows[high].astype(float)
    for row, one in zip(rows.to_dict("records"), table.to_dict("records"), strict=True):
        _check_row(row, one, scale, bool(se))
    if not se:
        table["se"] = se_from_interval(table["low"], table["high"], scale=scale)
    table = table.assign(status=status)[["study", "estimate", "low", "high", "se", "status"]]
    knapp = method != "fixed" if hartung_knapp is None else bool(hartung_knapp)
    return _combine(table.reset_index(drop=True), scale, method, knapp, level)


def _check_row(row: dict, one: dict, scale: str, has_se: bool) -> None:
    """Refuse a study without people, without an estimate, or with an impossible spread."""
    name, value = one["study"], one["estimate"]
    if "n" in row and not pd.isna(row["n"]) and not pd.to_numeric(row["n"], "coerce") > 0:
        raise EvidenceError(f"{name}: n = {row['n']}; a study has people in it")
    if not np.isfinite(value) or (scale == "ratio" and value <= 0):
        raise EvidenceError(f"{name}: estimate {value:g} is not a {scale}")
    if has_se and not (np.isfinite(one["se"]) and one["se"] > 0):
        raise EvidenceError(f"{name}: standard error {one['se']:g}; it must be above 0")
    low, high = one["low"], one["high"]
    if not (np.isfinite(low) and np.isfinite(high)):
        raise EvidenceError(f"{name}: no interval, so no weight; leave it out by name")
    if not low <= value <= high or low == high or (scale == "ratio" and low <= 0):
        raise EvidenceError(f"{name}: {low:g} to {high:g} is no interval around {value:g}")
