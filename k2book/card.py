"""A model as the catalog of the book shows it: equations, network, checks, parameters, files."""

from __future__ import annotations

import html

import libsbml
import pandas as pd
from IPython.display import HTML, Latex, display

from k2course import data
from k2course.models import load, source
from k2course.models.model import Model

FILES = "../../_static/models"  # where the book's extension writes them, seen from a chapter


def _table(frame: pd.DataFrame, caption: str) -> str:
    body = frame.to_html(index=False, border=0, na_rep="", float_format=lambda v: f"{v:.5g}")
    return (
        f"<details><summary>{html.escape(caption)}</summary>"
        f'<div style="overflow-x:auto" tabindex="0" role="region" '
        f'aria-label="{html.escape(caption)}">{body}</div></details>'
    )


def _cited(study: object) -> str:
    return data.cite(study) if isinstance(study, str) else ""


def parameters(model: Model) -> pd.DataFrame:
    """List the parameters with source or the words teaching assumption."""
    table = model.parameters.reset_index()
    table["source"] = [_cited(row["study_id"]) or row["status"] for _, row in table.iterrows()]
    table["slider"] = [
        "" if pd.isna(low) else f"{low:g} to {high:g}: {why}"
        for low, high, why in table[["slider_low", "slider_high", "range_reason"]].to_numpy()
    ]
    columns = [
        "parameter",
        "kind",
        "value",
        "unit",
        "meaning",
        "status",
        "source",
        "slider",
        "note",
    ]
    return table[columns].astype(object)


def checks(model: Model) -> pd.DataFrame:
    """List what the model must reproduce and what it gives."""
    table = model.validate()
    table["source"] = table["study_id"].map(_cited)
    table["reproduced"] = table["holds"].map({True: "yes", False: "no"})
    columns = ["quantity", "settings", "unit", "expected", "found", "error", "reproduced", "source"]
    return table[[*columns, "note"]]


def warnings(model: Model) -> str:
    """Count what libSBML says of the document."""
    document = libsbml.readSBMLFromString(source.sbml(model.name))
    document.checkConsistency()
    errors = document.getNumErrors(libsbml.LIBSBML_SEV_ERROR)
    units = sum(
        document.getError(i).getCategory() == libsbml.LIBSBML_CAT_UNITS_CONSISTENCY
        for i in range(document.getNumErrors())
    )
    return f"libSBML: {errors} errors, {units} unit warnings (units stand in the tables)."


def show(name: str) -> None:
    """Display a model of the catalog.

    Parameters
    ----------
    name : str
        Name of the model.
    """
    model = load(name)
    variables = model.variables.reset_index().drop(columns="note")
    found = checks(model)
    parts = [
        f"<p><code>{name}</code>: {len(model.states)} states, {len(model.parameters)} parameters, "
        f"time in {model.time_unit}. {warnings(model)}</p>",
        model.diagram().svg,
        _table(found, f"What {name} must reproduce: {len(found)} figures") if len(found) else "",
        _table(parameters(model), f"Parameters of {name}"),
        _table(variables, f"Variables of {name}"),
        f'<p>Files: <a href="{FILES}/{name}.xml" download>SBML</a>, '
        f'<a href="{FILES}/{name}.omex" download>COMBINE archive</a>.</p>',
    ]
    display(Latex(f"$$\n{model.equations()}\n$$"))
    display(HTML("".join(parts)))
