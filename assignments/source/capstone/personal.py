"""A health text with slips, and a trial to plan; the statements come from the table ``studies``."""

import math

import numpy as np
import pandas as pd
from scipy.stats import norm

from k2course import data

OPEN = ("no treatment", "standard care, open label", "calcium alone", "alendronate 5 mg alone")
# Named, so that trials added to the table later don't change what students have in hand.
TRIALS = """
bartstra2021 choi2011 devries2025 diederichsen2022 eelderink2023 forli2010 fulton2016 haroon2023
hasific2023 hirao2008 inoue2009 karamzad2020 knapen2007 knapen2013 knapen2015 koitaya2009
koitaya2014 levyschousboe2021 levyschousboe2023 mizuta2006 naiyarakseree2023 oikonomaki2019
orimo1998 rahimisakak2021 rahimisakak2021b sato1998 sato2002 sato2005 vansummeren2009 vossen2025
witham2020 zwakenberg2019
"""
SLIPS = ("holds", "holds", "dose", "form", "people", "comparator", "retracted")


def statement(row: pd.Series, slip: str) -> str:
    """Write what a text says of a trial, with one slip or none."""
    dose, form, people = row["dose_ug_per_day"], row["form"], int(row["n"])
    comparator = "placebo" if slip == "comparator" else row["comparator"]
    if slip == "dose":
        dose = dose * 1000 if dose < 1000 else dose / 1000
    if slip == "form":
        form = "MK-7" if form == "MK-4" else "MK-4"
    if slip == "people":
        people *= 10
    amount = f"{dose / 1000:g} mg" if dose >= 1000 else f"{dose:g} µg"
    return (
        f"{people} people took {amount} of {form} a day, compared with {comparator}, "
        f"and nothing is known against the report ({row['study_id']})."
    )


def make(rng: np.random.Generator) -> tuple[pd.DataFrame, dict]:
    """Draw six statements, at least one of them right, and the figures of a trial."""
    table = data.load("studies").sort_values("study_id")
    table = table[table["study_id"].isin(TRIALS.split()) & table["form"].isin(["MK-4", "MK-7"])]
    table = table[table["dose_max_ug_per_day"].isna() & table["dose_ug_per_day"].notna()]
    sound = table[(table["status"] == "ok") & (table["comparator"] == "placebo")]
    pools = {
        "comparator": table[(table["status"] == "ok") & table["comparator"].isin(OPEN)],
        "retracted": table[table["status"] == "retracted"],
    }
    slips = ["holds", *rng.permutation(SLIPS[1:])[:5]]
    slips = [str(slips[i]) for i in rng.permutation(6)]
    rows, used = [], set()
    for number, slip in enumerate(slips, start=1):
        pool = pools.get(slip, sound)
        pool = pool[~pool["study_id"].isin(used)]
        row = pool.iloc[rng.integers(len(pool))]
        used.add(row["study_id"])
        rows.append((f"statement {number}", statement(row, slip), None, ""))
    sd = float(rng.integers(80, 160))
    rows += [
        ("standard deviation", "of the change over two years", sd, "AU"),
        ("difference worth seeing", "between the groups", round(sd * rng.uniform(0.3, 0.6)), "AU"),
        ("drop-out", "until the end", float(rng.integers(8, 26)), "%"),
        ("people you can afford", "in each group, at the end", float(rng.integers(25, 60)), "1"),
    ]
    return pd.DataFrame(rows, columns=["quantity", "text", "value", "unit"]), {"slips": slips}


def truth(mine: pd.DataFrame, hidden: dict) -> dict:
    """Compute what is right for these figures."""
    one = mine.set_index("quantity")["value"]
    sd, d = one["standard deviation"], one["difference worth seeing"]
    each = 2 * ((norm.ppf(0.975) + norm.ppf(0.8)) * sd / d) ** 2
    power = norm.cdf(d / (sd * math.sqrt(2 / one["people you can afford"])) - norm.ppf(0.975))
    return {
        "verdicts": hidden["slips"],
        "people": 2 * each / (1 - one["drop-out"] / 100),
        "one_group": each / (1 - one["drop-out"] / 100),
        "all_stay": 2 * each,
        "multiplied": 2 * each * (1 + one["drop-out"] / 100),
        "power": 100 * power,
    }
