"""Simulated randomized trials: draw, analyze, repeat.

Values are logarithms of the marker, so that effects are ratios. Baseline and follow-up are normal
with one SD and a correlation; arm 0 is the control.
"""

from __future__ import annotations

import math
import numbers
import os
import sys
from collections.abc import Sequence

import joblib
import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

CHUNK = 250  # trials that travel to a process together, each chunk with a seed of its own
ANALYSES = ("follow-up", "change", "ancova")


def draw(
    rng: np.random.Generator,
    trials: int,
    n: int,
    effects: Sequence[float],
    sd: float,
    correlation: float,
    dropout: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw baseline, follow-up and who stayed, each of shape (trials, arms, n).

    ``effects`` is the shift of the log marker in each arm, ``dropout`` the chance to leave.
    """
    shape = (trials, len(effects), n)
    before, own = rng.standard_normal(shape), rng.standard_normal(shape)
    after = correlation * before + math.sqrt(1 - correlation**2) * own
    stayed = rng.random(shape) >= dropout
    return sd * before, sd * after + np.asarray(effects)[:, None], stayed


def analyze(
    before: np.ndarray, after: np.ndarray, stayed: np.ndarray, analysis: str = "ancova"
) -> dict[str, np.ndarray]:
    """Compare every arm with arm 0 by least squares, all trials at once.

    The slope on the baseline is 0 (``"follow-up"``), 1 (``"change"``) or fitted within arms
    (``"ancova"``). Returns estimate, se and p, each of shape (trials, arms - 1).
    """
    if analysis not in ANALYSES:
        raise ValueError(f"analysis = {analysis!r}; it must be one of: {', '.join(ANALYSES)}")
    count = stayed.sum(-1)
    if (count < 2).any():
        raise ValueError("an arm has fewer than 2 people left; raise n or lower dropout")
    mean_x, mean_y = ((v * stayed).sum(-1) / count for v in (before, after))
    x, y = ((v - m[..., None]) * stayed for v, m in ((before, mean_x), (after, mean_y)))
    sxx, sxy, syy = ((a * b).sum((-1, -2)) for a, b in ((x, x), (x, y), (y, y)))
    slope = {"follow-up": 0 * sxx, "change": 0 * sxx + 1}.get(analysis, sxy / sxx)
    df = count.sum(-1) - stayed.shape[1] - (analysis == "ancova")
    variance = (syy - 2 * slope * sxy + slope**2 * sxx) / df
    gap = mean_x[:, 1:] - mean_x[:, :1]
    estimate = mean_y[:, 1:] - mean_y[:, :1] - slope[:, None] * gap
    spread = 1 / count[:, 1:] + 1 / count[:, :1]
    if analysis == "ancova":
        spread = spread + gap**2 / sxx[:, None]
    se = np.sqrt(variance[:, None] * spread)
    return {"estimate": estimate, "se": se, "p": 2 * stats.t.sf(abs(estimate / se), df[:, None])}


def _chunk(seed: np.random.SeedSequence, trials: int, analysis: str, design: dict) -> np.ndarray:
    result = analyze(*draw(np.random.default_rng(seed), trials, **design), analysis)
    return np.stack([result[key] for key in ("estimate", "se", "p")])


def simulate(
    trials: int = 10_000,
    *,
    analysis: str = "ancova",
    seed: int = 2026,
    workers: int = 1,
    progress: bool | None = None,
    **design: object,
) -> pd.DataFrame:
    """Simulate many trials of one design; conventions as in ``Model.simulate_many``.

    Parameters
    ----------
    trials : int
        Number of trials.
    analysis : str
        ``"follow-up"``, ``"change"`` or ``"ancova"``.
    seed, workers : int
        Results depend on the seed and not on the number of processes.
    progress : bool, optional
        Show a progress bar; by default not while the book is built.
    **design
        ``n`` an arm, ``effects``, ``sd``, ``correlation``, ``dropout``: see :func:`draw`.

    Returns
    -------
    DataFrame
        One row a trial and arm: trial, arm (from 1), estimate, se, p. Power is the share of
        p below 0.05.

    Raises
    ------
    ValueError
        A number out of range, missing or unknown, fewer than two arms, an unknown
        analysis, or an emptied arm.
    """
    if set(design) - {"dropout"} != {"n", "effects", "sd", "correlation"}:
        raise ValueError(f"got {sorted(design)}; needed: n, effects, sd, correlation (dropout)")
    limits = {"sd": (1e-9, 10), "correlation": (-0.999, 0.999), "dropout": (0, 0.95)}
    for name, (low, high) in limits.items():
        if not low <= (value := design.get(name, low)) <= high:
            raise ValueError(f"{name} = {value!r} is not between {low:g} and {high:g}")
    effects = np.asarray(design["effects"], float)
    if effects.ndim != 1 or len(effects) < 2 or not np.isfinite(effects).all():
        raise ValueError(f"effects = {effects}: at least a control and one arm, all finite, needed")
    counts = {"n": (design["n"], 3), "trials": (trials, 1), "workers": (workers, 1)}
    for name, (value, least) in counts.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise ValueError(f"{name} = {value!r} is not a whole number of at least {least}")
    if progress is None:
        progress = not os.environ.get("K2COURSE_BOOK")
    sizes = [min(CHUNK, trials - i) for i in range(0, trials, CHUNK)]
    seeds = np.random.SeedSequence(seed).spawn(len(sizes))
    jobs = (
        joblib.delayed(_chunk)(s, size, analysis, design)
        for s, size in zip(seeds, sizes, strict=True)
    )
    parts: list[np.ndarray] = []
    bar = tqdm(total=trials, disable=not progress, file=sys.stdout, desc="trials")
    with bar, joblib.Parallel(n_jobs=workers, return_as="generator") as parallel:
        for part in parallel(jobs):
            parts.append(part)
            bar.update(part.shape[1])
    whole = np.concatenate(parts, axis=1)
    arms = whole.shape[2]
    ids = {"trial": np.repeat(np.arange(trials), arms), "arm": np.tile(range(1, arms + 1), trials)}
    values = dict(zip(("estimate", "se", "p"), whole.reshape(3, -1), strict=True))
    return pd.DataFrame(ids | values)
