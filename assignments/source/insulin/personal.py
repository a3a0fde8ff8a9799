"""A virtual glucose test: synthetic, every number a teaching assumption."""

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from k2course import models

MODEL = models.load("bergman")  # once: every load compiles it anew
MINUTES = (4, 6, 8, 10, 12, 14, 16, 20, 22, 26, 32, 42, 52, 62, 72, 82, 92, 102, 122, 142, 162, 180)
NAMES = ["SG", "SI", "p2", "G0"]
START = np.array([0.026, 5e-4, 0.025, 279])


def glucose(values: np.ndarray) -> np.ndarray:
    """Glucose at ``MINUTES`` in mg/dL."""
    run = MODEL.simulate(180, 91, **dict(zip(NAMES, values, strict=True)))["G"]
    return run.to_numpy()[np.array(MINUTES) // 2]


def make(rng: np.random.Generator) -> tuple[pd.DataFrame, dict]:
    """Draw a person and a test with 1.5 % noise; the insulin is the published one."""
    factors = np.exp(rng.normal(0, [0.15, 0.3, 0.15, 0.06])).clip(0.6, 1.7)
    seen = glucose(START * factors) * np.exp(rng.normal(0, 0.015, len(MINUTES)))
    points = zip(MINUTES, seen.round(1), strict=True)
    rows = [("glucose", minute, value, "mg/dL") for minute, value in points]
    rows += [
        ("fasting glucose", None, float(rng.integers(80, 126)), "mg/dL"),
        ("fasting insulin", None, round(rng.uniform(4, 20), 1), "µU/mL"),
        ("goal after 60 min", None, float(rng.integers(78, 108)), "mg/dL"),
    ]
    return pd.DataFrame(rows, columns=["quantity", "time_min", "value", "unit"]), {}


def truth(mine: pd.DataFrame, hidden: dict) -> dict[str, float]:
    """Compute what is right for these data."""
    one = mine[mine["time_min"].isna()].set_index("quantity")["value"]
    seen = mine[mine["time_min"].notna()]["value"].to_numpy()
    fit = least_squares(
        lambda x: glucose(START * x) - seen, np.ones(4), bounds=(0.2, 5), diff_step=1e-3
    )
    best = dict(zip(NAMES, START * fit.x, strict=True))
    homa = one["fasting glucose"] * 10 / 180.16 * one["fasting insulin"] / 22.5
    return {
        "homa": homa,
        "mixed": one["fasting glucose"] * one["fasting insulin"] / 22.5,
        "si": best["SI"] * 1e4,
        "sg": best["SG"],
        "goal": one["goal after 60 min"],
    }
