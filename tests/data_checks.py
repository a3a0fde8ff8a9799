"""What is wrong with a data folder, in plain words: file, row, column, reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from pybtex.database import parse_file

from k2course import data

RETRACTED = {"iwamoto2009", "sato1998", "sato2002", "sato2005"}
DISPUTED = {"ishida2004"}


@dataclass(frozen=True)
class Problem:
    file: str
    row: int | None
    column: str | None
    reason: str

    def __str__(self) -> str:
        row = "" if self.row is None else f", row {self.row}"
        column = "" if self.column is None else f", column {self.column}"
        return f"{self.file}{row}{column}: {self.reason}"


def _from_error(error: data.DataError) -> Problem:
    where, _, reason = str(error).partition(": ")
    row, column = re.search(r", row (\d+)", where), re.search(r", column (\w+)", where)
    return Problem(
        where.partition(",")[0], int(row[1]) if row else None, column and column[1], reason
    )


def _constraint(kind: str, value: object, limit: object) -> str | None:
    if kind == "enum" and value not in limit:
        return f"{value!r} is not one of: {', '.join(limit)}"
    if kind == "pattern" and not re.fullmatch(limit, str(value)):
        return f"{value!r} is not of the form {limit}"
    if kind == "minimum" and value < limit:
        return f"{value} is below {limit}, the smallest allowed"
    if kind == "maximum" and value > limit:
        return f"{value} is above {limit}, the largest allowed"
    return None


def _cells(file: str, field: dict, column: pd.Series) -> list[Problem]:
    found, name = [], field["name"]
    limits = dict(field.get("constraints", {}))
    required, unique = limits.pop("required", False), limits.pop("unique", False)
    for row, value in enumerate(column, start=2):
        if pd.isna(value):
            if required:
                found.append(Problem(file, row, name, "the cell is empty, a value is required"))
            continue
        if isinstance(value, str) and value != value.strip():
            found.append(Problem(file, row, name, f"{value!r} begins or ends with a blank"))
        reasons = (_constraint(kind, value, limit) for kind, limit in limits.items())
        found += [Problem(file, row, name, reason) for reason in reasons if reason]
    if unique:
        twice = column[column.duplicated() & column.notna()]
        found += [Problem(file, i + 2, name, f"{v!r} stands twice") for i, v in twice.items()]
    return found


def _rules(file: str, rules: list[dict], table: pd.DataFrame) -> list[Problem]:
    found = []
    for rule in rules:
        words = re.findall(r"[a-z_][a-z0-9_]*", re.sub(r"'[^']*'", "", rule["expression"]))
        names = [word for word in dict.fromkeys(words) if word in table.columns]
        full = table[names].dropna()
        broken = full[~full.eval(rule["expression"], engine="python").astype(bool)]
        for index, row in broken.iterrows():
            values = ", ".join(f"{name} = {row[name]}" for name in names)
            found.append(Problem(file, index + 2, rule["column"], f"{rule['says']} ({values})"))
    return found


def _table(resource: dict, keys: Callable[[str, tuple[str, ...]], set]) -> list[Problem]:
    file, schema = resource["path"], resource["schema"]
    table = data.load(resource["name"])
    found = [p for field in schema["fields"] for p in _cells(file, field, table[field["name"]])]
    for index in table.index[table.duplicated(schema["primaryKey"])]:
        key = ", ".join(str(table.at[index, name]) for name in schema["primaryKey"])
        reason = f"a second row with the same key ({key})"
        found.append(Problem(file, index + 2, schema["primaryKey"][0], reason))
    for link in schema.get("foreignKeys", []):
        columns, target = link["fields"], link["reference"]["resource"] or resource["name"]
        known = keys(target, tuple(link["reference"]["fields"]))
        for index, row in table[columns].dropna().iterrows():
            if tuple(row) not in known:
                value = ", ".join(map(str, row))
                reason = f"{value!r} is not in {target}.csv"
                found.append(Problem(file, index + 2, columns[0], reason))
    if {"read_depth", "read_via"} <= set(table.columns):
        untold = table["read_via"].isna() & (table["read_depth"] == "secondary")
        reason = "read at second hand, but read_via names no source"
        found += [Problem(file, index + 2, "read_via", reason) for index in table.index[untold]]
    return found + _rules(file, resource.get("rules", []), table)


@cache
def _dois(bib: Path) -> dict[str, str | None]:
    """DOI of every entry of the reference list."""
    entries = parse_file(str(bib), "bibtex").entries
    return {key: entry.fields.get("doi") for key, entry in entries.items()}


def _studies(table: pd.DataFrame, bib: Path) -> list[Problem]:
    found, file = [], "studies.csv"
    rows = {study: index + 2 for index, study in table["study_id"].items()}
    known = table.set_index("study_id")["status"]
    for status, ids in (("retracted", RETRACTED), ("disputed", DISPUTED)):
        for study in sorted(ids & set(rows)):
            if known[study] != status:
                reason = f"{study} is {status}, but is marked {known[study]!r}"
                found.append(Problem(file, rows[study], "status", reason))
    for index, row in table.iterrows():
        marked = row["status"] in ("retracted", "disputed", "corrected")
        if marked == pd.isna(row["status_source"]):
            reason = "a marked study needs the source of the notice, an unmarked one has none"
            found.append(Problem(file, index + 2, "status_source", reason))
    entries = _dois(bib)
    for study in sorted(set(rows) - set(entries)):
        found.append(Problem(file, rows[study], "study_id", f"{study} has no entry in {bib.name}"))
    for key in sorted(set(entries) - set(rows)):
        found.append(Problem(bib.name, None, key, "the entry has no row in studies.csv"))
    for index, row in table.iterrows():
        doi = None if pd.isna(row["doi"]) else row["doi"]
        if row["study_id"] in entries and entries[row["study_id"]] != doi:
            reason = f"{row['study_id']}: {bib.name} has another DOI"
            found.append(Problem(file, index + 2, "doi", reason))
    return found


def problems(bib: Path, only: str | None = None) -> list[Problem]:
    """Check the folder that ``k2course.data`` reads from, and the reference list.

    With ``only``, the rows of this table and the list of studies.
    """
    resources = [r for r in data.package()["resources"] if only in (None, r["name"])]
    found = []

    @cache
    def keys(name: str, columns: tuple[str, ...]) -> set:
        return set(data.load(name)[list(columns)].dropna().itertuples(index=False, name=None))

    try:
        found += _studies(data.load("studies"), bib)
    except data.DataError as error:
        return [_from_error(error)]
    for resource in resources:
        try:
            found += _table(resource, keys)
        except data.DataError as error:
            found.append(_from_error(error))
    return found
