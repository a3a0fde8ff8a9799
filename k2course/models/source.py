"""Where the models come from: the Antimony files, their SBML and their tables."""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path

import antimony
import libsbml
import pandas as pd

from k2course import data

FOLDER = Path(__file__).parent


class ModelError(ValueError):
    """An unknown model or parameter, a value outside what is allowed, or a run that failed."""


def names() -> list[str]:
    """List the models."""
    return sorted(path.stem for path in FOLDER.glob("*.ant"))


def unknown(kind: str, name: object, known: list[str]) -> ModelError:
    """Return the error for a name that does not exist, with those that do."""
    close = difflib.get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return ModelError(f"unknown {kind} {name!r}; there are: {', '.join(known)}.{hint}")


@cache
def text(name: str) -> str:
    """Return the Antimony source of a model."""
    return (FOLDER / f"{name}.ant").read_text("utf-8")


@cache
def lineage(name: str) -> tuple[str, ...]:
    """Name of a model and of all models it imports, nearest first."""
    imported = re.findall(r'^import "(\w+)\.ant"', text(name), re.M)
    return (name, *(m for parent in imported for m in lineage(parent)))


@cache
def sbml(name: str) -> str:
    """Translate a model into SBML; the parts of an imported model keep their own names."""
    path = FOLDER / f"{name}.ant"
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyFile(str(path)) < 0:
        raise ModelError(f"{path.name}: {antimony.getLastError()}")
    document = antimony.getSBMLString(name)
    # Antimony prefixes what comes from a submodel with the submodel's name.
    for prefix in re.findall(r"^\s*(\w+): \w+\(\)$", text(name), re.M):
        document = re.sub(rf"\b{prefix}_", "", document)
    return document


@cache
def parsed(name: str) -> libsbml.SBMLDocument:
    """Return the SBML of a model as a document of libSBML; don't change it."""
    return libsbml.readSBMLFromString(sbml(name))


def names_in(node: libsbml.ASTNode) -> set[str]:
    """Collect the identifiers in an SBML expression."""
    found = {node.getName()} if node.isName() else set()
    return found.union(*(names_in(node.getChild(i)) for i in range(node.getNumChildren())))


@cache
def counters(name: str) -> dict[str, float]:
    """Start values of the parameters that events change, such as the number of doses given."""
    model = parsed(name).getModel()
    changed = {a.getVariable() for e in model.getListOfEvents() for a in e.event_assignments}
    return {q.getId(): q.getValue() for q in model.getListOfParameters() if q.getId() in changed}


@cache
def rows(table: str, name: str) -> pd.DataFrame:
    """Rows of a model table for a model and what it imports; the nearest model's row holds."""
    order = {model: i for i, model in enumerate(lineage(name))}
    found = data.load(table)
    found = found[found["model"].isin(order)]
    found = found.sort_values("model", key=lambda model: model.map(order), kind="stable")
    key = "parameter" if table == "model_parameters" else "variable"
    return found.drop_duplicates(key).set_index(key)
