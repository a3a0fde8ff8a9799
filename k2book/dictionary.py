"""The data dictionary as HTML: what ``datapackage.json`` says of each table, and its first rows."""

from __future__ import annotations

from html import escape

import pandas as pd

from k2course import data

__all__ = ["dictionary"]


def _table(columns: list[str], rows: list[list[str]], label: str) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="k2-wide" role="region" tabindex="0" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _allowed(field: dict) -> str:
    """Say in words which values a column may have."""
    rules = field.get("constraints", {})
    said = []
    if "enum" in rules:
        said.append("; ".join(rules["enum"]))
    if "minimum" in rules:
        said.append(f"from {rules['minimum']}")
    if "maximum" in rules:
        said.append(f"up to {rules['maximum']}")
    if "pattern" in rules:
        said.append(f"of the form {rules['pattern']}")
    said += [word for word in ("required", "unique") if rules.get(word)]
    return ", ".join(said)


def _columns(resource: dict) -> str:
    rows = [
        [field["name"], field["type"], field.get("unit", ""), _allowed(field), field["description"]]
        for field in resource["schema"]["fields"]
    ]
    names = ["column", "type", "unit", "allowed", "meaning"]
    return _table(names, rows, f"Columns of {resource['name']}")


def _first_rows(resource: dict, table: pd.DataFrame, count: int) -> str:
    cells = table.head(count).astype(object).where(table.head(count).notna(), "")
    rows = [[str(cell) for cell in row] for row in cells.itertuples(index=False)]
    return _table(list(table.columns), rows, f"First rows of {resource['name']}")


def _depth(table: pd.DataFrame) -> str:
    if "read_depth" not in table:
        return ""
    counts = table["read_depth"].value_counts()
    said = ", ".join(f"{depth} {count}" for depth, count in counts.items())
    return f"<p><strong>Read:</strong> {said} rows.</p>"


def _section(resource: dict, folder: str) -> str:
    name, table = resource["name"], data.load(resource["name"])
    key = ", ".join(resource["schema"]["primaryKey"])
    licenses = "; ".join(escape(item["title"]) for item in resource["licenses"])
    sources = "; ".join(escape(item["title"]) for item in resource["sources"])
    file = escape(resource["path"])
    return (
        f'<section><h3 id="table-{name}">{name}: {escape(resource["title"])}</h3>'
        f"<p>{escape(resource['description'])}</p>"
        f'<p><a href="{folder}{file}" download>Download {file}</a> '
        f"({len(table)} rows, {resource['bytes'] / 1000:.0f} kB)</p>{_depth(table)}"
        f"<p><strong>Key:</strong> {key}. <strong>License:</strong> {licenses}. "
        f"<strong>Sources:</strong> {sources}.</p>"
        f"<details><summary>The {len(table.columns)} columns of {name}</summary>"
        f"{_columns(resource)}</details>"
        f"<details><summary>First rows of {name}</summary>"
        f"{_first_rows(resource, table, 3)}</details></section>"
    )


def dictionary(folder: str = "../../data/") -> str:
    """Return the description of all tables as HTML.

    Parameters
    ----------
    folder : str
        Way from the page to the folder of the tables in the built book.

    Returns
    -------
    str
        One ``section`` a table, with its columns and first rows folded away.
    """
    sections = (_section(resource, folder) for resource in data.package()["resources"])
    return f'<div class="k2-dictionary">{"".join(sections)}</div>'
