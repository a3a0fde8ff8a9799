"""Check a table of claims and draw it. Needs pandas and matplotlib, nothing else.

``schema.json`` beside this file says which columns there are and what may stand in them.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

SCHEMA = json.loads((Path(__file__).parent / "schema.json").read_text("utf-8"))
VERDICTS = {
    "supported": ("#009E73", ""),
    "supported-with-caveat": ("#56B4E9", "//"),
    "imprecise": ("#F0E442", ".."),
    "contested": ("#E69F00", "xx"),
    "wrong": ("#D55E00", "++"),
    "not-verifiable-here": ("#BBBBBB", "--"),
}


def read(path: str | Path) -> pd.DataFrame:
    """Read a table of claims as text, split at commas or, as some spreadsheets do, at semicolons.

    Blanks around a text are dropped; an empty cell is an empty string.
    """
    text = Path(path).read_text("utf-8-sig")
    comma = "," if "," in text.partition("\n")[0] else ";"
    table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, sep=comma)
    return table.apply(lambda column: column.str.strip())


def problems(table: pd.DataFrame) -> list[str]:
    """Say what is wrong with a table of claims, one line a problem; an empty list if nothing is."""
    names = [field["name"] for field in SCHEMA["fields"]]
    if list(table.columns) != names:
        odd = [name for name in names if name not in table] or list(table.columns)
        return [f"the columns must be {', '.join(names)}; look at {odd[0]!r}"]
    found = []
    for number, row in enumerate(table.to_dict("records"), start=2):
        for field in SCHEMA["fields"]:
            text, name = row[field["name"]], field["name"]
            if not text and field.get("required"):
                found.append(f"row {number}: {name} is empty")
            elif text and text not in field.get("enum", [text]):
                found.append(f"row {number}: {name} is {text!r}, not {', '.join(field['enum'])}")
            elif text and not re.fullmatch(field.get("pattern", ".*"), text, re.DOTALL):
                found.append(f"row {number}: {name} is {text!r}; {field['description']}")
        found += [f"row {number}: {reason}" for reason in _sense(row)]
    twice = table["claim_id"][table["claim_id"].duplicated()]
    return found + [f"{key} stands in more than one row" for key in twice]


def _sense(row: dict[str, str]) -> list[str]:
    """Find verdicts that nothing supports."""
    found, checked = [], row["verdict"] != "not-verifiable-here"
    if checked and not (row["study_id"] and row["source_says"]):
        found.append(f"verdict {row['verdict']!r} without a source and what it says")
    if row["verdict"] in ("wrong", "imprecise", "contested") and not row["correction"]:
        found.append(f"verdict {row['verdict']!r} without a correction")
    if row["study_id"] and not row["read_depth"]:
        found.append("a source, but not how it was read")
    if row["read_depth"] == "secondary" and not row["read_via"]:
        found.append("read at second hand, but not where (read_via)")
    return found


def draw(table: pd.DataFrame, by: str = "topic") -> Figure:
    """Draw the verdicts as stacked bars, one bar for each value of a column.

    Raises
    ------
    ValueError
        If the table holds no claim.
    """
    if table.empty:
        raise ValueError("no claims yet: fill in a row and draw again")
    counts = pd.crosstab(table[by], table["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values().index]
    figure, ax = plt.subplots(figsize=(6.4, 1.8 + 0.32 * len(counts)), layout="constrained")
    left = pd.Series(0, counts.index)
    for verdict, (color, hatch) in VERDICTS.items():
        style = {"color": color, "hatch": hatch, "edgecolor": "black", "linewidth": 0.5}
        ax.barh(counts.index, counts[verdict], left=left, label=verdict, **style)
        left = left + counts[verdict]
    ax.set(xlabel="claims")
    ax.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside lower center", ncols=3, fontsize="small", frameon=False)
    return figure
