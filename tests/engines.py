"""Second engines for the same models: COPASI, and SciPy on a plain-Python right-hand side."""

from __future__ import annotations

import contextlib
import locale
import math
import re
from collections.abc import Iterator

import libsbml
import numpy as np

TOLERANCES = {"Relative Tolerance": 1e-10, "Absolute Tolerance": 1e-14}


@contextlib.contextmanager
def own_locale() -> Iterator[None]:
    """Give the process its locale back: COPASI sets it to ASCII, at its import and later."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


with own_locale():
    import COPASI


class Copasi:
    """A model loaded by COPASI from SBML."""

    @own_locale()
    def __init__(self, sbml: str) -> None:
        self.model = COPASI.CRootContainer.addDatamodel()
        if not self.model.importSBMLFromString(sbml):
            raise ValueError(COPASI.CCopasiMessage.getAllMessageText())
        self.task = self.model.getTask("Time-Course")
        method = self.task.getMethod()
        for name, value in TOLERANCES.items():
            method.getParameter(name).setDblValue(value)
        method.getParameter("Max Internal Steps").setUIntValue(1_000_000)

    @own_locale()
    def run(self, t_end: float, points: int = 201) -> dict[str, np.ndarray]:
        """Time course of each species, as concentrations, by its SBML identifier."""
        problem = self.task.getProblem()
        problem.setAutomaticStepSize(False)
        problem.setDuration(t_end)
        problem.setStepNumber(points - 1)
        problem.setTimeSeriesRequested(True)
        if not self.task.initializeRaw(COPASI.CCopasiTask.OUTPUT_UI) or not self.task.process(True):
            raise RuntimeError(COPASI.CCopasiMessage.getAllMessageText())
        series = self.task.getTimeSeries()
        self.task.restore()
        steps = range(series.getRecordedSteps())
        return {
            series.getSBMLId(i, self.model): np.array(
                [series.getConcentrationData(step, i) for step in steps]
            )
            for i in range(series.getNumVariables())
        }


def right_hand_side(sbml: str) -> tuple[object, np.ndarray, list[str]]:
    """Plain-Python right-hand side of a model whose events are left out: f(t, y), y0, names."""
    model = libsbml.readSBMLFromString(sbml).getModel()
    values = {q.getId(): q.getValue() for q in model.getListOfParameters()}
    values |= {c.getId(): c.getSize() for c in model.getListOfCompartments()}

    def python(node: libsbml.ASTNode) -> str:
        text = libsbml.formulaToL3String(node).replace("^", "**")
        return text.replace("&&", " and ").replace("||", " or ")

    def piecewise(*parts: float) -> float:
        for value, when in zip(parts[::2], parts[1::2], strict=False):
            if when:
                return value
        return parts[-1]

    names = [s.getId() for s in model.getListOfSpecies()]
    rules = {r.getVariable(): python(r.getMath()) for r in model.getListOfRules()}
    order: list[str] = []
    while len(order) < len(rules):
        order += [
            k
            for k, v in rules.items()
            if k not in order
            and not (set(re.findall(r"[A-Za-z_]\w*", v)) & (rules.keys() - set(order)))
        ]
    change = dict.fromkeys(names, "0")
    lines = [f"{k} = {rules[k]}" for k in order]
    for reaction in model.getListOfReactions():
        lines.append(f"v_{reaction.getId()} = {python(reaction.getKineticLaw().getMath())}")
        for sign, side in (("-", reaction.reactants), ("+", reaction.products)):
            for r in side:
                change[r.getSpecies()] += f"{sign}{r.getStoichiometry()!r}*v_{reaction.getId()}"
    place = {s.getId(): s.getCompartment() for s in model.getListOfSpecies()}
    back = ", ".join(f"({change[k]})/{place[k]}" for k in names)
    body = "\n    ".join([f"{', '.join(names)}, = y", *lines, f"return [{back}]"])
    functions = {"exp": math.exp, "ln": math.log, "sqrt": math.sqrt, "tanh": math.tanh}
    space = {"piecewise": piecewise, **functions, **values}
    exec(f"def rhs__(time, y):\n    {body}\n", space)
    starts = {a.getSymbol(): python(a.getMath()) for a in model.getListOfInitialAssignments()}
    y0 = {s.getId(): s.getInitialConcentration() for s in model.getListOfSpecies()}
    y0 |= {k: eval(v, dict(space)) for k, v in starts.items()}
    return space["rhs__"], np.array([y0[k] for k in names]), names
