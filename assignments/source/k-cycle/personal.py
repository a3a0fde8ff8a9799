"""A virtual patient on warfarin: synthetic, every number a teaching assumption."""

import numpy as np
import pandas as pd

from k2course import data, models

HOURS = (0, 2, 4, 6, 8, 12, 16, 24)


def make(rng: np.random.Generator) -> tuple[pd.DataFrame, dict]:
    """Draw a patient: doses, a goal, and factor VII after its production stops (3 % noise)."""
    half_life = rng.uniform(3.5, 10)
    factor = 100 * 0.5 ** (np.array(HOURS) / half_life) * np.exp(rng.normal(0, 0.03, len(HOURS)))
    points = zip(HOURS, factor.round(1), strict=True)
    rows = [("factor VII activity", hour, value, "%") for hour, value in points]
    rows += [
        ("MK-7 a day", None, float(5 * rng.integers(9, 73)), "µg"),
        ("goal for hydroquinone", None, float(rng.integers(38, 58)), "%"),
        ("warfarin in plasma", None, round(rng.uniform(0.2, 1.5), 2), "mg/L"),
        ("phi", None, round(rng.uniform(0.05, 0.3), 2), "1"),
    ]
    return pd.DataFrame(rows, columns=["quantity", "time_h", "value", "unit"]), {}


def truth(mine: pd.DataFrame, hidden: dict) -> dict[str, float]:
    """Compute what is right for these data."""
    one = mine[mine["time_h"].isna()].set_index("quantity")["value"]
    series = mine[mine["time_h"].notna()]
    slope = np.polyfit(series["time_h"], np.log(series["value"]), 1)[0]
    mass = data.load("menaquinones").set_index("abbreviation")["molecular_weight_g_per_mol"]
    ic50, phi = models.load("kcycle").parameters.loc["IC50", "value"], one["phi"]
    f = ic50 / (ic50 + one["warfarin in plasma"])
    half = (0.5 - phi) / (1 - phi)
    return {
        "mk7_nmol": 1000 * one["MK-7 a day"] / mass["MK-7"],
        "as_k1": 1000 * one["MK-7 a day"] / mass["K1"],
        "half_life": -np.log(2) / slope,
        "rate": -slope,
        "goal": one["goal for hydroquinone"],
        "left": 100 * (phi + (1 - phi) * f),
        "left_alone": 100 * f,
        "half_concentration": ic50 * (1 / half - 1),
        "ic50": ic50,
    }
