"""Forest plots in the house style."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from k2course.figures import COLORS

if TYPE_CHECKING:
    from k2course.evidence import Pooled

BAD_STATUS = ("retracted", "disputed")


def words(*values: float) -> str:
    """Write an estimate and its interval with the same decimals, three figures at most."""
    size = floor(log10(max(map(abs, values)) or 1))
    digits = min(4, max(0, (2 if size >= 0 else 1) - size))
    while digits and all(round(v, digits) == round(v, digits - 1) for v in values):
        digits -= 1
    return "{} ({} to {})".format(*(f"{v:.{digits}f}".replace("-", "−") for v in values))


def forest_plot(
    rows: pd.DataFrame,
    *,
    label: str = "study_id",
    estimate: str = "estimate",
    low: str = "low",
    high: str = "high",
    group: str | None = None,
    null: float = 0.0,
    log: bool = False,
    xlabel: str = "",
    weight: str | None = None,
    pooled: Pooled | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw one line a study: point, interval, figures in words.

    Parameters
    ----------
    rows : DataFrame
        One row a study, drawn in this order. A missing interval leaves the point alone, a missing
        estimate the words "no figure". Where a column ``status`` says retracted or disputed, the
        point is open and the label says so.
    label, estimate, low, high, group, weight : str
        Names of the columns; ``group`` makes headed blocks, ``weight`` (percent) sets the size.
    null : float
        Value of no effect, drawn as a line.
    log : bool
        Logarithmic axis, for ratios; give ``null=1``.
    pooled : Pooled, optional
        Drawn below as a diamond, with the prediction interval as a thin bar.
    """
    blocks: Sequence = [(None, rows)] if group is None else list(rows.groupby(group, sort=False))
    lines = sum(len(block) + (name is not None) for name, block in blocks) + (pooled is not None)
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 1.1 + 0.3 * lines))
    y, ticks, names = 0.0, [], []
    side = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 8.5}
    for name, block in blocks:
        if name is not None:
            ax.text(0.0, y, f" {name}", fontweight="bold", **side)
            y += 1
        for _, row in block.iterrows():
            bad = row["status"] if "status" in row and row["status"] in BAD_STATUS else ""
            value, ends = row[estimate], [row.get(low, np.nan), row.get(high, np.nan)]
            color = COLORS["vermillion" if bad else "blue"]
            whole = bool(pd.notna(ends).all())
            if whole:
                ax.plot(ends, [y, y], "-", color=color, lw=1.6)
            size = 4 + 0.9 * float(row[weight]) ** 0.5 if weight else 6
            if pd.notna(value):
                face = "white" if bad else color
                ax.plot([value], [y], "s", color=color, mfc=face, ms=size)
            said = words(value, *ends) if whole and pd.notna(value) else "no interval"
            ax.text(1.02, y, said if pd.notna(value) else "no figure", **side)
            ticks.append(y)
            names.append(f"{row[label]} ({bad})" if bad else f"{row[label]}")
            y += 1
    if pooled is not None:
        x = [pooled.low, pooled.estimate, pooled.high, pooled.estimate]
        ax.fill(x, [y, y - 0.3, y, y + 0.3], color=COLORS["black"])
        ax.plot([pooled.prediction_low, pooled.prediction_high], [y, y], color=COLORS["gray"], lw=1)
        ax.text(1.02, y, words(pooled.estimate, pooled.low, pooled.high), **side)
        ticks.append(y)
        names.append(f"pooled ({pooled.method}, {pooled.k} studies)")
        y += 1
    ax.axvline(null, color=COLORS["gray"], lw=1, ls="--", zorder=0)
    ax.set(ylim=(y - 0.4, -0.7), yticks=ticks, yticklabels=names, xlabel=xlabel)
    ax.set_xscale("log" if log else "linear")
    if log:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter("{x:g}")
    ax.grid(axis="y", visible=False)
    return ax.figure
