"""A virtual cell line of the neuron chapter: synthetic, every number a teaching assumption."""

import numpy as np
import pandas as pd

from k2course import models

MODEL = models.load("cui2008")  # once: every load compiles it anew
END = 50_000  # s
OPEN = 1.0  # nM of pore


def pore(stress: float, bcl2: float) -> pd.Series:
    """Course of the pore."""
    return MODEL.simulate(END, 501, p2=stress, m_Bcl2=bcl2)["Pore"]


def threshold(bcl2: float) -> float:
    """Find the stress from which on the pore has opened by ``END``, by halving."""
    low, high = 0.001, 0.02
    for _ in range(14):
        middle = (low + high) / 2
        opened = pore(middle, bcl2).iloc[-1] > OPEN
        low, high = (low, middle) if opened else (middle, high)
    return high


def make(rng: np.random.Generator) -> tuple[pd.DataFrame, dict]:
    """Draw a cell line, a stress, and four stresses to sort."""
    rows = [
        ("factor on the making of Bcl-2", round(rng.uniform(1.03, 1.2), 2), "1"),
        ("stress", round(rng.uniform(0.0058, 0.0072), 4), "nM/s"),
    ]
    ranges = [(0.001, 0.0013), (0.0034, 0.0048), (0.0034, 0.0048), (0.0058, 0.008)]
    drawn = []
    while len(set(drawn)) < 4:
        drawn = [round(rng.uniform(*ends), 4) for ends in ranges]
    for letter, at in zip("abcd", rng.permutation(4), strict=True):
        rows.append((f"stress {letter}", drawn[at], "nM/s"))
    return pd.DataFrame(rows, columns=["quantity", "value", "unit"]), {}


def truth(mine: pd.DataFrame, hidden: dict) -> dict:
    """Compute what is right for this cell line."""
    one = mine.set_index("quantity")["value"]
    course = pore(one["stress"], 1)
    stresses = [one[f"stress {letter}"] for letter in "abcd"]
    line = np.round(np.arange(0.001, 0.00851, 0.0005), 4)
    both = MODEL.scan("p2", sorted({*line, *stresses}))
    ends = both.pivot(index="p2", columns="branch", values="Pore")
    two = (ends["up"] - ends["down"]).abs() > 0.5
    return {
        "threshold": threshold(one["factor on the making of Bcl-2"]),
        "published": threshold(1),
        "hours": (course > OPEN).idxmax() / 3600,
        "stress": one["stress"],
        "states": ["two" if two[stress] else "one" for stress in stresses],
    }
