"""A virtual patient of the bone chapter: synthetic, every number a teaching assumption."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from k2course import models

MODEL = models.load("lemaire2004")  # once: every load compiles it anew
DAYS = tuple(range(0, 141, 10))


def clasts(factor: float) -> np.ndarray:
    """Active osteoclasts in percent of their start at ``DAYS``."""
    run = MODEL.simulate(140, len(DAYS), m_RANKL=factor)["C"]
    return (100 * run / run.iloc[0]).to_numpy()


def make(rng: np.random.Generator) -> tuple[pd.DataFrame, dict]:
    """Draw a RANKL factor with its course (1 % noise), a scan, and twelve pairs of scans."""
    course = clasts(rng.uniform(0.55, 0.95)) * np.exp(rng.normal(0, 0.01, len(DAYS)))
    rows = [("osteoclasts", day, y, "% of start") for day, y in zip(DAYS, course, strict=True)]
    for person in range(1, 13):
        level, error = rng.uniform(0.7, 1.1), rng.uniform(0.008, 0.014)
        for scan in (1, 2):
            rows.append((f"scan {scan}", person, level + rng.normal(0, error), "g/cm²"))
    rows += [
        ("your patient", None, rng.uniform(0.65, 0.9), "g/cm²"),
        ("young mean", None, rng.uniform(0.98, 1.08), "g/cm²"),
        ("young standard deviation", None, rng.uniform(0.1, 0.14), "g/cm²"),
        ("goal: osteoclasts fall by", None, round(rng.uniform(5, 16), 1), "%"),
    ]
    mine = pd.DataFrame(rows, columns=["quantity", "day_or_person", "value", "unit"])
    return mine.assign(value=mine["value"].round(3)), {}


def truth(mine: pd.DataFrame, hidden: dict) -> dict[str, float]:
    """Compute what is right for these data."""
    one = mine[mine["day_or_person"].isna()].set_index("quantity")["value"]
    seen = mine[mine["quantity"] == "osteoclasts"]["value"].to_numpy()
    pairs = mine[mine["quantity"].str.startswith("scan")]
    pairs = pairs.pivot(index="day_or_person", columns="quantity", values="value")
    error = np.sqrt(((pairs["scan 1"] - pairs["scan 2"]) ** 2 / 2).mean())
    fit = minimize_scalar(lambda x: ((clasts(x) - seen) ** 2).sum(), bounds=(0.3, 1.5))
    score = (one["your patient"] - one["young mean"]) / one["young standard deviation"]
    return {
        "t_score": score,
        "error": error,
        "change": 1.96 * np.sqrt(2) * error,
        "rankl": fit.x,
        "goal": one["goal: osteoclasts fall by"],
    }
