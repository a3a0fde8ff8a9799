"""Dosing schedules: what is given when, and into which state."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from k2course.models.source import ModelError, unknown

COLUMNS = ["time", "amount", "target"]
Doses = pd.DataFrame | Iterable[tuple[float, float, str]]


def schedule(
    amount: float,
    target: str,
    *,
    every: float,
    count: int,
    start: float = 0,
    missed: Iterable[int] = (),
) -> pd.DataFrame:
    """Write a schedule of equal doses.

    Parameters
    ----------
    amount : float
        One dose, in the unit of the target's amount.
    target : str
        State that receives it.
    every, start : float
        Time between doses and time of the first, in the model's time unit.
    count : int
        Number of doses, the missed ones included.
    missed : iterable of int
        Doses that are left out; the first dose is number 1.

    Returns
    -------
    DataFrame
        Columns time, amount, target; joined with ``pd.concat`` schedules add up.

    Raises
    ------
    ModelError
        If ``every`` is not above 0, ``count`` is below 1, or a missed dose does not exist.
    """
    missed = set(missed)
    if not every > 0:
        raise ModelError(f"every = {every!r} is not a time between doses above 0")
    if not isinstance(count, int) or count < 1:
        raise ModelError(f"count = {count!r} is not a number of doses of at least 1")
    if not missed <= set(range(1, count + 1)):
        wrong = min(missed - set(range(1, count + 1)))
        raise ModelError(f"missed dose {wrong!r} does not exist; the doses are 1 to {count}")
    taken = [i for i in range(count) if i + 1 not in missed]
    return pd.DataFrame({"time": [start + i * every for i in taken]}).assign(
        amount=amount, target=target
    )


def check(name: str, given: Doses, states: list[str]) -> list[tuple[float, float, str]]:
    """Check a schedule for a model with these states; return its doses in order of time.

    Raises
    ------
    ModelError
        Wrong columns, an unknown target, a time or an amount below 0 or not finite.
    """
    try:
        frame = given if isinstance(given, pd.DataFrame) else pd.DataFrame(list(given))
    except (TypeError, ValueError):
        raise ModelError(
            f"{name}: schedule = {given!r} is not a list of (time, amount, target)"
        ) from None
    if not isinstance(given, pd.DataFrame) and len(frame.columns) == len(COLUMNS):
        frame.columns = COLUMNS
    if frame.empty:
        raise ModelError(f"{name}: the schedule holds no dose")
    if list(frame.columns) != COLUMNS:
        raise ModelError(f"{name}: each dose of the schedule must be (time, amount, target)")
    checked = []
    for time, amount, target in frame.itertuples(index=False, name=None):
        if target not in states:
            raise unknown(f"target of a dose of {name},", target, states)
        for word, value in (("time", time), ("amount", amount)):
            try:
                good = math.isfinite(value) and value >= 0 and not isinstance(value, bool)
            except TypeError:
                good = False
            if not good:
                raise ModelError(f"{name}: a dose with {word} {value!r}; it must be 0 or more")
        checked.append((float(time), float(amount), target))
    return sorted(checked)
