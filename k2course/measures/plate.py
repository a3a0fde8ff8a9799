"""Microplates: wells as percent of the control wells of their own plate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


class PlateError(ValueError):
    """Wells that cannot be normalized; the message names the plate and what is wrong."""


def percent_of_control(
    wells: pd.DataFrame, endpoints: Sequence[str], *, control: str = "vehicle", blank: str = "blank"
) -> pd.DataFrame:
    """Express wells as percent of the control wells of their own plate, less the blank.

    For a raw signal y on a plate with mean blank B and mean control C: ``100 (y - B)/(C - B)``.
    This takes out what multiplies or shifts a whole plate, and nothing that varies within it.

    Parameters
    ----------
    wells : DataFrame
        One row a well, in any order: columns ``plate``, ``group``, and the raw signals (any unit).
    endpoints : sequence of str
        Columns to express in percent.
    control, blank : str
        Group of the untreated wells with cells, and of the wells without cells.

    Returns
    -------
    DataFrame
        A copy of ``wells`` with the endpoints in percent; same rows, same order.

    Raises
    ------
    PlateError
        A missing column, a well without plate or group, a signal that is no finite number, a
        plate without control or blank wells, or controls that are not above the blank.
    """
    names = [endpoints] if isinstance(endpoints, str) else list(endpoints)
    for name in ("plate", "group", *names):
        if name not in wells.columns:
            raise PlateError(f"the wells have no column {name!r}")
    if wells.empty or wells[["plate", "group"]].isna().any(axis=None):
        raise PlateError("every well needs a plate and a group" if len(wells) else "no wells given")
    result = wells.copy()
    for name in names:
        result[name] = pd.to_numeric(wells[name], errors="coerce").astype(float)
        wrong = np.flatnonzero(~np.isfinite(result[name]))
        if wrong.size:
            row = wells.iloc[wrong[0]]
            raise PlateError(f"plate {row['plate']}, {name}: {row[name]!r} is not a finite number")
    for plate, rows in result.groupby("plate", sort=False):
        means = rows.groupby("group", sort=False)[names].mean()
        for kind, group in (("control", control), ("blank", blank)):
            if group not in means.index:
                held = ", ".join(map(str, means.index))
                raise PlateError(f"plate {plate} has no {kind} wells ({group!r}); it has: {held}")
        low, reach = means.loc[blank], means.loc[control] - means.loc[blank]
        if (reach <= 0).any():
            raise PlateError(f"plate {plate}, {reach.idxmin()}: controls are not above the blank")
        result.loc[result["plate"] == plate, names] = 100 * (rows[names] - low) / reach
    return result
