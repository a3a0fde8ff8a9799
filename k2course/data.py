"""The course's data: tables, their description, and citations.

The one description of every table is ``datapackage.json`` beside the tables (Frictionless,
Table Schema). Loading is strict: a cell that is not of its column's type is an error that names
the file, the row and the column.

Examples
--------
>>> from k2course import data
>>> list(data.load("menaquinones").columns[:2])
['abbreviation', 'name']
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
import re
from functools import cache
from pathlib import Path

import pandas as pd

__all__ = ["DataError", "catalog", "cite", "description", "load", "package", "study"]

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "false": False}
_DTYPES = {"string": "str", "integer": "Int64", "number": "float64", "boolean": "boolean"}
_ALLOWED = {
    "integer": "a whole number such as 42",
    "number": "a number with a decimal point such as 4.2",
    "boolean": "true or false",
}
_READ = {
    "full text": "full text read",
    "part": "read in part",
    "abstract": "abstract read",
    "secondary": "read at second hand",
    "data file": "data file read",
    "computed": "computed",
}


class DataError(ValueError):
    """A table or its description is missing or damaged; the message says where and how."""


def _folder() -> Path:
    """Return the data folder: ``data/`` of a clone, else the copy inside the package."""
    package = Path(__file__).resolve().parent
    clone = package.parent / "data"
    return clone if (clone / "datapackage.json").is_file() else package / "_data"


@cache
def _package(folder: Path) -> dict:
    path = folder / "datapackage.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: the description of the tables is missing") from None
    except ValueError as error:
        raise DataError(f"{path}: not readable as JSON in UTF-8: {error}") from None


def package() -> dict:
    """Return the whole description, ``datapackage.json``."""
    return _package(_folder())


def description(name: str) -> dict:
    """Return the description of one table from ``datapackage.json``.

    Parameters
    ----------
    name : str
        Name of the table, such as ``"foods"``.

    Returns
    -------
    dict
        Title, description, licences, schema with all columns, checking rules.

    Raises
    ------
    ValueError
        If there is no table of that name; the message lists the names.
    """
    resources = {resource["name"]: resource for resource in package()["resources"]}
    if name not in resources:
        raise ValueError(f"no table {name!r}; the tables are: {', '.join(resources)}")
    return resources[name]


def _cell(text: str, kind: str) -> object:
    """Convert one cell; raise ``ValueError`` when the text isn't of that kind."""
    if text == "":
        return float("nan") if kind == "number" else pd.NA
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if kind == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if kind == "string":
        return text
    raise ValueError(text)


def _rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise DataError(f"{path.name}: the file is missing from {path.parent}") from None
    except UnicodeDecodeError as error:
        row = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path.name}, row {row}: not UTF-8 (byte {error.start})") from None
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise DataError(f"{path.name}: not readable as CSV: {error}") from None


def load(name: str) -> pd.DataFrame:
    """Load one table with the column types of its description.

    Parameters
    ----------
    name : str
        Name of the table; :func:`catalog` lists them.

    Returns
    -------
    pandas.DataFrame
        One row a fact. Strings are ``str``, whole numbers ``Int64``, numbers ``float64``, flags
        ``boolean``; an empty cell is missing.

    Raises
    ------
    ValueError
        If there is no such table; the message lists the names.
    DataError
        If the file is missing or damaged; the message names file, row and column.
    """
    resource = description(name)
    fields = resource["schema"]["fields"]
    path = _folder() / resource["path"]
    rows = _rows(path)
    header, names = (rows[0] if rows else []), [field["name"] for field in fields]
    if header != names:
        odd = next((i for i, (a, b) in enumerate(zip(header, names, strict=False)) if a != b), None)
        at = min(len(header), len(names)) if odd is None else odd
        has = repr(header[at]) if at < len(header) else "nothing"
        wants = repr(names[at]) if at < len(names) else "no further column"
        raise DataError(f"{path.name}, row 1, column {at + 1}: the header has {has}, not {wants}")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise DataError(f"{path.name}, row {number}: {len(row)} cells, not {len(names)}")
    columns = {}
    for index, field in enumerate(fields):
        kind, values = field["type"], []
        for number, row in enumerate(rows[1:], start=2):
            try:
                values.append(_cell(row[index], kind))
            except ValueError:
                where = f"{path.name}, row {number}, column {field['name']}"
                raise DataError(f"{where}: {row[index]!r} is not {_ALLOWED[kind]}") from None
        columns[field["name"]] = pd.Series(values, dtype=_DTYPES[kind])
    return pd.DataFrame(columns)


def catalog() -> pd.DataFrame:
    """List the tables: name, title, rows, columns, description, license."""
    return pd.DataFrame(
        {
            "name": resource["name"],
            "title": resource["title"],
            "rows": len(_rows(_folder() / resource["path"])) - 1,
            "columns": len(resource["schema"]["fields"]),
            "description": resource["description"],
            "license": "; ".join(item["title"] for item in resource["licenses"]),
        }
        for resource in package()["resources"]
    )


@cache
def _studies(folder: Path) -> pd.DataFrame:
    return load("studies").set_index("study_id", drop=False)


def study(study_id: str) -> pd.Series:
    """Return the row of one study.

    Parameters
    ----------
    study_id : str
        Key of the study, such as ``"dalmeijer2012"``.

    Raises
    ------
    ValueError
        If there is no such study; the message lists near matches.
    """
    table = _studies(_folder())
    if study_id not in table.index:
        near = difflib.get_close_matches(study_id, table.index, n=3, cutoff=0.6)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise ValueError(f"no study {study_id!r}{hint}")
    return table.loc[study_id].copy()


def cite(*study_ids: str) -> str:
    """Return a short citation in words, such as "Dalmeijer et al. 2012 (abstract read)"."""
    texts = []
    for row in map(study, study_ids):
        if pd.isna(row["first_author"]):
            name = f"“{row['title']}”"
        else:
            name = row["first_author"] + (" et al." if " and " in row["authors"] else "")
        year = "" if pd.isna(row["year"]) else f" {row['year']}"
        status = f", {row['status']}" if row["status"] in ("retracted", "disputed") else ""
        texts.append(f"{name}{year} ({_READ[row['read_depth']]}{status})")
    return "; ".join(texts)
