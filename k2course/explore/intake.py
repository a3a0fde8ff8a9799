"""The intake calculator: portions of foods to vitamin K a day, with the spread of food tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from k2course import figures
from k2course.explore.live import Live

SUMS = {"K1": "K1", "MK": "menaquinones", "total": "vitamin K in all"}
SINGLE = ("MK-4", "MK-7", "MK-9")  # a table that gives one form gives a floor for menaquinones
MOST_GRAMS = 300
LOW_HIGH = ("low", "high")


def ranges(foods: pd.DataFrame) -> pd.DataFrame:
    """Find the lowest and highest content of each kind of food over all food tables.

    Parameters
    ----------
    foods : DataFrame
        The table ``foods``: columns ``category``, ``form``, ``mean_ug_per_100g``, ``market``.

    Returns
    -------
    DataFrame
        One row a category: ``K1_low``, ``K1_high``, ``MK_low``, ``MK_high``, ``total_low``,
        ``total_high`` in µg per 100 g, and ``markets``. A sum that no table gives is NaN.
    """
    rows = foods.dropna(subset=["mean_ug_per_100g"])
    rows = rows.assign(sum=rows["form"].replace({"total MK": "MK", "total K": "total"}))
    rows = rows.assign(sum=rows["sum"].replace(dict.fromkeys(SINGLE, "MK")))
    value = rows.groupby(["category", "sum"])["mean_ug_per_100g"]
    table = pd.concat({"low": value.min(), "high": value.max()}, axis=1).unstack("sum")
    table.columns = [f"{name}_{end}" for end, name in table.columns]
    for end, extreme in (("low", "min"), ("high", "max")):
        parts = table[[f"K1_{end}", f"MK_{end}"]].sum(axis=1, min_count=1)
        both = pd.concat([table[f"total_{end}"], parts], axis=1)
        table[f"total_{end}"] = both.agg(extreme, axis=1)
    table["markets"] = rows.groupby("category")["market"].agg(lambda m: ", ".join(sorted(set(m))))
    return table


class IntakeCalculator(Live):
    """Sliders over portions; K1 and menaquinones a day as ranges over the food tables.

    Parameters
    ----------
    foods : DataFrame
        The table ``foods``.
    portions : mapping of str to float
        Kinds of food (``category`` in the table) to grams a day, where the sliders start.
    caption : str
        What the static picture shows; also its alternative text.
    reference : float, optional
        An intake of K1 to mark, µg/day.
    title : str

    Raises
    ------
    ValueError
        A category that the table does not have, or grams outside 0 to 300.
    """

    def __init__(
        self,
        foods: pd.DataFrame,
        portions: Mapping[str, float],
        *,
        caption: str,
        reference: float | None = None,
        title: str = "Vitamin K in a day's food",
    ) -> None:
        self.caption = caption
        self.ranges = ranges(foods)
        self.defaults = {}
        self.defaults = self.check(portions)
        table = self.ranges.loc[list(portions)]
        self.spec: dict[str, Any] = {
            "kind": "intake",
            "version": 1,
            "title": title,
            "sums": SUMS,
            "reference": reference,
            "defaults": self.defaults,
            "sliders": [
                {
                    "id": name,
                    "low": 0,
                    "high": MOST_GRAMS,
                    "step": 5,
                    "markets": row["markets"],
                    "content": {
                        key: None
                        if pd.isna(row[f"{key}_low"])
                        else [row[f"{key}_low"], row[f"{key}_high"]]
                        for key in SUMS
                    },
                }
                for name, row in table.iterrows()
            ],
        }

    def check(self, values: Mapping[str, float]) -> dict[str, float]:
        """Check portions: known categories, 0 to 300 g/day."""
        for name, grams in values.items():
            if name not in self.ranges.index or (self.defaults and name not in self.defaults):
                known = ", ".join(self.defaults or self.ranges.index)
                raise ValueError(f"no food {name!r}; there are: {known}")
            if not math.isfinite(grams) or not 0 <= grams <= MOST_GRAMS:
                raise ValueError(f"{name}: {grams} g/day; allowed are 0 to {MOST_GRAMS}")
        return {name: float(grams) for name, grams in values.items()}

    def total(self, portions: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Sum up a day.

        Parameters
        ----------
        portions : mapping, optional
            Grams a day; where the sliders stand if not given.

        Returns
        -------
        DataFrame
            Rows K1, MK and total; columns ``low`` and ``high`` in µg/day. A food whose content
            no table gives counts as nothing.
        """
        grams = pd.Series(self.parameters if portions is None else self.check(portions))
        table = self.ranges.loc[grams.index].fillna({f"{k}_{e}": 0 for k in SUMS for e in LOW_HIGH})
        sums = {key: [(grams / 100 * table[f"{key}_{e}"]).sum() for e in LOW_HIGH] for key in SUMS}
        return pd.DataFrame(sums, index=list(LOW_HIGH)).T

    def draw(self) -> Figure:
        """Draw the ranges of the default portions."""
        day = self.total(self.defaults)
        figure = Figure(figsize=(6, 2))
        ax = figure.subplots()
        ax.barh([SUMS[k] for k in day.index], day["high"] - day["low"], left=day["low"])
        if self.spec["reference"]:
            ax.axvline(self.spec["reference"], color=figures.COLORS["black"], linestyle=":")
        ax.set(xlabel="µg a day, lowest to highest food table", xlim=(0, None))
        ax.invert_yaxis()
        return figure
