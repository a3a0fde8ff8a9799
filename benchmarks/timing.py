"""Timing things against each other: in turn, several rounds, with the spread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

import numpy as np

SHORTEST = 0.02  # s; what is over sooner is run several times, or the clock would be too coarse
WALL = time.perf_counter
CPU = time.process_time  # for what one process does alone: other work on the machine counts little


def family() -> float:
    """Processor time of this process and of those that it started and waited for, in seconds."""
    return sum(os.times()[:4])


def once(run: Callable[[], object], clock: Callable[[], float] = WALL) -> float:
    """Seconds of one call."""
    began = clock()
    run()
    return clock() - began


def interleaved(
    runs: Mapping[str, Callable[[], object]],
    rounds: int = 5,
    *,
    warm: bool = True,
    clock: Callable[[], float] = WALL,
) -> dict[str, np.ndarray]:
    """Time several things in turn, so that a busy moment of the machine slows all of them.

    Parameters
    ----------
    runs : mapping of str to callable
    rounds : int
        How often each of them has its turn.
    warm : bool
        Run each before, untimed, and those that are quickly over several times a turn.
    clock : callable
        ``WALL``, ``CPU`` for what this process does alone, or ``family``.

    Returns
    -------
    dict of str to ndarray, shape (rounds,)
        Seconds a call.
    """
    times: dict[str, float] = {}
    for _ in range(2 if warm else 0):  # the first call may compile something
        times = {name: once(run, clock) for name, run in runs.items()}
    number = {name: max(1, int(SHORTEST / max(t, 1e-6))) for name, t in times.items()}
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            calls = range(number.get(name, 1))
            found[name].append(once(lambda r=run, c=calls: [r() for _ in c], clock) / len(calls))
    return {name: np.array(values) for name, values in found.items()}


def row(what: str, over: str, above: np.ndarray, below: np.ndarray, **more: object) -> dict:
    """Describe how many times longer one thing takes than another.

    Parameters
    ----------
    what, over : str
        Names of the two.
    above, below : ndarray, shape (rounds,)
        Seconds, or another quantity of both; each round is compared with itself.
    **more
        Further columns.

    Returns
    -------
    dict
        ``what``, ``over``, ``ratio`` (median of the rounds), ``low`` and ``high`` (its range),
        ``rounds``, ``base`` (median of what is below the line), and the further columns.
    """
    ratios = np.asarray(above, float) / np.asarray(below, float)
    spread = {"ratio": np.median(ratios), "low": ratios.min(), "high": ratios.max()}
    spread |= {"base": np.median(below)}
    rounded = {key: float(f"{value:.4g}") for key, value in spread.items()}
    return {"what": what, "over": over, **rounded, "rounds": len(ratios), **more}
