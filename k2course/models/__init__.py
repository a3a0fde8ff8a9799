"""The dynamic models of the course: written in Antimony, simulated by libRoadRunner.

Each model stands once, in ``NAME.ant`` beside this file. What its parameters and variables mean,
their units, sources and allowed values stand in the tables ``model_parameters`` and
``model_variables``. A model that imports another takes over that model's rows.
"""

from __future__ import annotations

import difflib
import math
import re
from functools import cache, cached_property
from pathlib import Path

import antimony
import pandas as pd
import roadrunner

from k2course import data

FOLDER = Path(__file__).parent
REL_TOL, ABS_TOL = 1e-9, 1e-12


class ModelError(ValueError):
    """An unknown model or parameter, or a value outside what is allowed."""


def _names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.ant"))


def unknown(kind: str, name: object, known: list[str]) -> ModelError:
    """Return the error for a name that does not exist, with those that do."""
    close = difflib.get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return ModelError(f"unknown {kind} {name!r}; there are: {', '.join(known)}.{hint}")


@cache
def _lineage(name: str) -> tuple[str, ...]:
    """Name of a model and of all models it imports, nearest first."""
    imported = re.findall(
        r'^import "(\w+)\.ant"', (FOLDER / f"{name}.ant").read_text("utf-8"), re.M
    )
    return (name, *(m for parent in imported for m in _lineage(parent)))


@cache
def _sbml(name: str) -> str:
    """Translate a model into SBML; the parts of an imported model keep their own names."""
    path = FOLDER / f"{name}.ant"
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyFile(str(path)) < 0:
        raise ModelError(f"{path.name}: {antimony.getLastError()}")
    sbml = antimony.getSBMLString(name)
    # Antimony prefixes what comes from a submodel with the submodel's name.
    for prefix in re.findall(r"^\s*(\w+): \w+\(\)$", path.read_text("utf-8"), re.M):
        sbml = re.sub(rf"\b{prefix}_", "", sbml)
    return sbml


@cache
def _rows(table: str, name: str) -> pd.DataFrame:
    """Rows of a model table for a model and what it imports; the nearest model's row holds."""
    order = {model: i for i, model in enumerate(_lineage(name))}
    rows = data.load(table)
    rows = rows[rows["model"].isin(order)]
    rows = rows.sort_values("model", key=lambda model: model.map(order), kind="stable")
    key = "parameter" if table == "model_parameters" else "variable"
    return rows.drop_duplicates(key).set_index(key)


def catalog() -> pd.DataFrame:
    """List the models.

    Returns
    -------
    DataFrame
        One row a model, indexed by name: title, number of states and of parameters, time unit.
    """
    models = [load(name) for name in _names()]
    return pd.DataFrame(
        {
            "title": [m.title for m in models],
            "states": [len(m.states) for m in models],
            "parameters": [len(m.parameters) for m in models],
            "time_unit": [m.time_unit for m in models],
        },
        index=pd.Index([m.name for m in models], name="model"),
    )


def load(name: str) -> Model:
    """Load a model of the course.

    Parameters
    ----------
    name : str
        One of the names in ``catalog()``, for instance ``"wajima2009"``.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        If there is no such model; the message lists those that exist.
    """
    if name not in _names():
        raise unknown("model", name, _names())
    return Model(name)


class Model:
    """A dynamic model with its parameters, units and sources.

    Attributes
    ----------
    name, title, time_unit : str
    states : list of str
        The species that the model integrates.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        first_line = (FOLDER / f"{name}.ant").read_text("utf-8").partition("\n")[0]
        self.title = first_line.removeprefix("//").strip()
        self.time_unit = _rows("model_variables", name).loc["time", "unit"]

    def __repr__(self) -> str:
        return f"Model({self.name!r}: {self.title})"

    @cached_property
    def _engine(self) -> roadrunner.RoadRunner:
        engine = roadrunner.RoadRunner(_sbml(self.name))
        engine.integrator.relative_tolerance = REL_TOL
        engine.integrator.absolute_tolerance = ABS_TOL
        return engine

    @property
    def states(self) -> list[str]:  # noqa: D102 (described in the class)
        return self._engine.model.getFloatingSpeciesIds()

    @property
    def parameters(self) -> pd.DataFrame:
        """Parameters with value, unit, meaning, source, allowed and slider range (a copy)."""
        return _rows("model_parameters", self.name).drop(columns="model")

    @property
    def variables(self) -> pd.DataFrame:
        """What ``simulate`` returns: unit and meaning of each variable (a copy)."""
        return _rows("model_variables", self.name).drop(columns="model", index="time")

    def sbml(self) -> str:
        """Return the model as an SBML document (level 3)."""
        return _sbml(self.name)

    def check(self, parameters: dict[str, float]) -> dict[str, float]:
        """Check parameter values against the table; return them as floats.

        Raises
        ------
        ModelError
            Unknown name, not a finite number, or outside the allowed range.
        """
        table, checked = self.parameters, {}
        for key, value in parameters.items():
            if key not in table.index:
                raise unknown(f"parameter of {self.name},", key, list(table.index))
            low, high, unit = table.loc[key, ["minimum", "maximum", "unit"]]
            if isinstance(value, bool | str) or not _is_finite(value):
                raise ModelError(f"{self.name}: {key} = {value!r} is not a finite number")
            if value < low or value > high:
                top = "" if pd.isna(high) else f" and at most {high:g}"
                raise ModelError(
                    f"{self.name}: {key} = {value:g} is not allowed; "
                    f"it is at least {low:g}{top} (unit: {unit})"
                )
            checked[key] = float(value)
        return checked

    def simulate(self, t_end: float, points: int = 201, **parameters: float) -> pd.DataFrame:
        """Simulate the model from its initial state.

        Parameters
        ----------
        t_end : float
            End of the simulation, in ``time_unit``; it starts at 0.
        points : int
            Number of equally spaced output times, both ends included.
        **parameters : float
            Values that differ from the table's, in the table's units.

        Returns
        -------
        DataFrame, shape (points, variables)
            One column a variable, indexed by ``time``; units in ``.attrs["units"]``.

        Raises
        ------
        ModelError
            Bad ``t_end``, ``points`` or parameter, or the integration failed.
        """
        if isinstance(t_end, bool | str) or not _is_finite(t_end) or t_end <= 0:
            raise ModelError(f"{self.name}: t_end = {t_end!r} is not a time after 0")
        if isinstance(points, bool) or not isinstance(points, int) or points < 2:
            raise ModelError(
                f"{self.name}: points = {points!r} is not a whole number of at least 2"
            )
        values, engine = self.check(parameters), self._engine
        variables = self.variables
        engine.resetAll()
        for key, value in values.items():
            engine.setValue(key, value)
        engine.reset()
        states = set(self.states)
        columns = [f"[{v}]" if v in states else v for v in variables.index]
        try:
            result = engine.simulate(0, float(t_end), points, ["time", *columns])
        except RuntimeError as error:
            raise ModelError(
                f"{self.name}: the integration stopped at time {engine.model.getTime():g} "
                f"{self.time_unit} with {values or 'the published values'}: {error}"
            ) from None
        index = pd.Index(result[:, 0], name="time")
        frame = pd.DataFrame(result[:, 1:].copy(), index=index, columns=list(variables.index))
        frame.attrs["units"] = {"time": self.time_unit, **variables["unit"]}
        return frame


def _is_finite(value: object) -> bool:
    try:
        return math.isfinite(value)
    except TypeError:
        return False
