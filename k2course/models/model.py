"""A model with its parameters: runs, steady states, scans, virtual patients, exports."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import roadrunner

from k2course.models import archive, doses, source
from k2course.models.source import ModelError, unknown

if TYPE_CHECKING:
    from k2course.models.diagram import Diagram

# CVODE would print what ``simulate`` reports as an error.
os.environ.setdefault("SUNLOGGER_ERROR_FILENAME", os.devnull)
os.environ.setdefault("SUNLOGGER_WARNING_FILENAME", os.devnull)

REL_TOL, ABS_TOL = 1e-9, 1e-12
STEPS = 1_000_000  # of the integrator in one run; a run that needs more is given up
SETTLED = 1e-7  # relative change over a doubling of time that counts as none
FIRST_WINDOW, WINDOWS = 1e3, 17  # time units; how often the window may double


class Model:
    """A dynamic model with its parameters, units and sources.

    Attributes
    ----------
    name, title, time_unit : str
    t_end : float
        Length of a usual run.
    states : list of str
        The species that the model integrates.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        text = source.text(name)
        self.title = text.partition("\n")[0].removeprefix("//").strip()
        self.t_end = float(re.search(r"^// Usual run: ([\d.]+)", text, re.M)[1])
        self.time_unit = source.rows("model_variables", name).loc["time", "unit"]
        self._began = False  # whether the last run began later than at time 0
        self._steps = 0  # the engine's present limit: to ask it takes longer than to remember

    def __repr__(self) -> str:
        return f"Model({self.name!r}: {self.title})"

    def __reduce__(self) -> tuple:
        return Model, (self.name,)

    @cached_property
    def _engine(self) -> roadrunner.RoadRunner:
        roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
        engine = roadrunner.RoadRunner(source.sbml(self.name))
        engine.integrator.relative_tolerance = REL_TOL
        engine.integrator.absolute_tolerance = ABS_TOL
        names = ["time", *self.variables.index]
        engine.timeCourseSelections = [f"[{v}]" if v in self.states else v for v in names]
        return engine

    @cached_property
    def states(self) -> list[str]:  # noqa: D102 (described in the class)
        return [s.getId() for s in source.parsed(self.name).getModel().getListOfSpecies()]

    @property
    def parameters(self) -> pd.DataFrame:
        """Parameters with value, unit, meaning, source, allowed and slider range (a copy)."""
        return source.rows("model_parameters", self.name).drop(columns="model")

    @property
    def variables(self) -> pd.DataFrame:
        """What ``simulate`` returns: unit and meaning of each variable (a copy)."""
        return source.rows("model_variables", self.name).drop(columns="model", index="time")

    @cached_property
    def _limits(self) -> dict[str, tuple[float, float, str]]:
        table = self.parameters[["minimum", "maximum", "unit"]]
        return {row[0]: row[1:] for row in table.itertuples(name=None)}

    @cached_property
    def _columns(self) -> tuple[pd.Index, dict[str, str]]:
        table = self.variables
        return pd.Index(list(table.index)), {"time": self.time_unit, **table["unit"]}

    @cached_property
    def _integrals(self) -> np.ndarray:
        """Which variables are pure sums, such as bone volume: nothing depends on them."""
        model = source.parsed(self.name).getModel()
        laws = [r.getKineticLaw().getMath() for r in model.getListOfReactions()]
        laws += [r.getMath() for r in model.getListOfRules()]
        used = set().union(*(source.names_in(law) for law in laws))
        return np.array([v in self.states and v not in used for v in self._columns[0]])

    def sbml(self) -> str:
        """Return the model as an SBML document (level 3)."""
        return source.sbml(self.name)

    def omex(self, path: str | Path) -> Path:
        """Write a COMBINE archive: SBML, a SED-ML of the usual run, metadata.

        Parameters
        ----------
        path : str or Path
            File to write, such as ``"lemaire2004.omex"``.
        """
        return archive.write(self, Path(path))

    def equations(self) -> str:
        """Return the differential equations and formulas as LaTeX, from the SBML."""
        from k2course.models import latex

        return latex.equations(source.parsed(self.name).getModel())

    def diagram(self) -> Diagram:
        """Draw the reaction network, from the SBML; it displays as SVG with a description."""
        from k2course.models import diagram

        return diagram.draw(source.parsed(self.name).getModel(), self.title)

    def validate(self) -> pd.DataFrame:
        """Compare the model with what it must reproduce (table ``model_checks``).

        Returns
        -------
        DataFrame
            One row a quantity: expected, found, error, and whether it holds.
        """
        from k2course.models import checks

        return checks.validate(self)

    def check(self, parameters: dict[str, Any]) -> dict[str, float]:
        """Check parameter values against the table; return them as floats.

        Parameters
        ----------
        parameters : dict
            Values in the table's units, or pairs (value, unit) whose unit is then checked.

        Raises
        ------
        ModelError
            Unknown name, another unit, not a finite number, or outside the allowed range.
        """
        checked = {}
        for key, value in parameters.items():
            if key not in self._limits:
                raise unknown(f"parameter of {self.name},", key, list(self._limits))
            low, high, unit = self._limits[key]
            if isinstance(value, tuple) and len(value) == 2:
                value, given = value
                if given != unit:
                    raise ModelError(f"{self.name}: {key} is in {unit}, not in {given}")
            if isinstance(value, bool | str) or not is_finite(value):
                raise ModelError(f"{self.name}: {key} = {value!r} is not a finite number")
            if value < low or value > high:
                top = "" if math.isnan(high) else f" and at most {high:g}"
                raise ModelError(
                    f"{self.name}: {key} = {value:g} is not allowed; "
                    f"it is at least {low:g}{top} (unit: {unit})"
                )
            checked[key] = float(value)
        return checked

    def _start(self, values: dict[str, float]) -> None:
        """Put the engine at time 0 with these parameter values."""
        engine = self._engine
        engine.resetAll()
        if self._began:
            # After a run that began later than 0 RoadRunner misses the first event of the next.
            engine.simulate(0, 1e-9, 2)
            engine.resetAll()
        if values:
            # Resetting fires what is due at time 0, with the old values: count anew.
            for key, value in (values | source.counters(self.name)).items():
                engine.setValue(key, value)
            engine.reset()

    def _run(self, times: tuple[float, float, int] | list[float], told: object) -> np.ndarray:
        """Integrate from the present state.

        ``times`` is (start, end, number of points) or a list of times; shape of the result
        (points, 1 + variables).
        """
        engine, self._began = self._engine, times[0] > 0
        steps = max(2000, STEPS // (times[2] if isinstance(times, tuple) else len(times)))
        if self._steps != steps:
            engine.integrator.maximum_num_steps = self._steps = steps
        try:
            result = (
                engine.simulate(*times)
                if isinstance(times, tuple)
                else engine.simulate(times=times)
            )
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise self._stopped(engine.model.getTime(), told, reason) from None
        if not np.isfinite(result[-1]).all():
            bad = ~np.isfinite(result).all(axis=1)
            raise self._stopped(result[bad.argmax(), 0], told, "a value is not a number")
        return result

    def _stopped(self, time: float, told: object, reason: str) -> ModelError:
        return ModelError(
            f"{self.name}: the integration stopped at time {time:g} {self.time_unit} "
            f"with {told or 'the published values'}: {reason}"
        )

    def simulate(
        self,
        t_end: float,
        points: int = 201,
        *,
        schedule: doses.Doses | None = None,
        **parameters: float,
    ) -> pd.DataFrame:
        """Simulate the model from its initial state.

        Parameters
        ----------
        t_end : float
            End of the simulation, in ``time_unit``; it starts at 0.
        points : int
            Number of equally spaced output times, both ends included.
        schedule : DataFrame or list of (time, amount, target), optional
            Amounts added to states, for instance by ``models.schedule``. A row at the time of a
            dose shows the state after it; doses after ``t_end`` are not given.
        **parameters : float
            Values that differ from the table's, in the table's units.

        Returns
        -------
        DataFrame, shape (points, variables)
            One column a variable, indexed by ``time``; units in ``.attrs["units"]``, what was run
            in ``.attrs["settings"]``.

        Raises
        ------
        ModelError
            Bad ``t_end``, ``points``, dose or parameter, or the integration failed.
        """
        if isinstance(t_end, bool | str) or not is_finite(t_end) or t_end <= 0:
            raise ModelError(f"{self.name}: t_end = {t_end!r} is not a time after 0")
        if isinstance(points, bool) or not isinstance(points, int) or points < 2:
            raise ModelError(
                f"{self.name}: points = {points!r} is not a whole number of at least 2"
            )
        values = self.check(parameters)
        self._start(values)
        if schedule is None:
            result = self._run((0, float(t_end), points), values)
        else:
            result = self._dosed(np.linspace(0, t_end, points), schedule, values)
        columns, units = self._columns
        index = pd.Index(result[:, 0], name="time")
        frame = pd.DataFrame(result[:, 1:].copy(), index=index, columns=columns)
        frame.attrs["units"] = dict(units)
        frame.attrs["settings"] = {"model": self.name, "t_end": t_end, "points": points, **values}
        return frame

    def _dosed(
        self, times: np.ndarray, schedule: doses.Doses, values: dict[str, float]
    ) -> np.ndarray:
        """Run from dose to dose; stop, add, go on."""
        engine, end = self._engine, float(times[-1])
        due: dict[float, list[tuple[float, str]]] = {end: []}
        for time, amount, target in doses.check(self.name, schedule, self.states):
            nearest = float(times[np.abs(times - time).argmin()])
            time = nearest if abs(nearest - time) < 1e-9 * end else time
            due.setdefault(time, []).append((amount, target))
        rows, start = [], 0.0
        for stop in sorted(time for time in due if time <= end):
            if stop > start:
                between = times[(times > start) & (times < stop)].tolist()
                result = self._run([start, *between, stop], values)
                rows += list(result[:-1] if start in times else result[1:-1])
            for amount, target in due[stop]:
                engine.setValue(target, engine.getValue(target) + amount)
            start = stop
        rows.append([end, *(engine.getValue(s) for s in engine.timeCourseSelections[1:])])
        return np.array(rows)

    def _settle(self, values: dict[str, float]) -> np.ndarray:
        """Run on until nothing changes any more; return the variables."""
        time, window, before = 0.0, FIRST_WINDOW, None
        for _ in range(WINDOWS):
            after = self._run((time, time + window, 2), values)[-1, 1:]
            time, window = time + window, max(window, time)
            if before is not None:
                moving = np.abs(after - before) > SETTLED * np.abs(after) + 10 * ABS_TOL
                if not (moving & ~self._integrals).any():
                    return np.where(moving, np.nan, after)
            before = after
        raise ModelError(
            f"{self.name}: no steady state by time {time:g} {self.time_unit} "
            f"with {values or 'the published values'}"
        )

    def stiffness(self, t_end: float) -> float:
        """Return the fastest rate of the model times ``t_end``, at the initial state (no unit)."""
        self._start({})
        return float(abs(np.linalg.eigvals(self._engine.getReducedJacobian())).max() * t_end)

    def steady_state(self, **parameters: float) -> pd.Series:
        """Return the steady state that the model reaches from its initial state.

        Parameters
        ----------
        **parameters : float
            Values that differ from the table's, in the table's units.

        Returns
        -------
        Series
            Value of each variable. A pure sum that nothing depends on, such as bone volume, is
            not waited for and is missing while it still changes.

        Raises
        ------
        ModelError
            Bad parameter, or no steady state is reached.
        """
        values = self.check(parameters)
        self._start(values)
        return pd.Series(self._settle(values), index=self._columns[0], name=self.name)

    def scan(
        self,
        parameter: str,
        values: Iterable[float],
        *,
        direction: str = "both",
        **parameters: float,
    ) -> pd.DataFrame:
        """Follow the steady state while a parameter goes up, then down.

        Each value starts from the steady state of the value before it. Where the branches differ
        the model is bistable.

        Parameters
        ----------
        parameter : str
            Name of the parameter to vary.
        values : iterable of float
            Its values, in any order.
        direction : {"both", "up", "down"}
            "down" starts at the highest value from the model's initial state; "both" goes up
            from the initial state and then comes back.
        **parameters : float
            Values of other parameters that differ from the table's.

        Returns
        -------
        DataFrame
            One row a value and branch, in the order of the scan: ``branch``, the parameter, and
            each variable.

        Raises
        ------
        ModelError
            Bad parameter, value or direction, no values, or no steady state is reached.
        """
        orders = {"both": ("up", "down"), "up": ("up",), "down": ("down",)}
        if direction not in orders:
            raise unknown("direction", direction, list(orders))
        checked = [self.check({parameter: value})[parameter] for value in sorted(values)]
        if not checked:
            raise ModelError(f"{self.name}: no values of {parameter} to scan")
        fixed = self.check(parameters)
        self._start(fixed | {parameter: checked[0 if direction != "down" else -1]})
        rows = []
        for branch in orders[direction]:
            for value in checked if branch == "up" else reversed(checked):
                self._engine.setValue(parameter, value)
                rows.append([branch, value, *self._settle(fixed | {parameter: value})])
        return pd.DataFrame(rows, columns=["branch", parameter, *self._columns[0]])

    def simulate_many(
        self,
        table: pd.DataFrame,
        t_end: float,
        points: int = 201,
        *,
        summarize: Callable[[pd.DataFrame], dict[str, float]] | None = None,
        workers: int = 1,
        progress: bool | None = None,
        **settings: Any,  # noqa: ANN401 (schedule and parameters, as in simulate)
    ) -> pd.DataFrame:
        """Simulate many virtual patients.

        Parameters
        ----------
        table : DataFrame
            One row a patient, one column a parameter.
        t_end, points
            As in ``simulate``.
        summarize : callable, optional
            What to keep of a run, as a dict of numbers; by default the last row. Whole runs are
            not kept, so that memory stays flat.
        workers : int
            Number of processes; the results are the same for any number.
        progress : bool, optional
            Show a progress bar; by default not while the book is built.
        **settings
            ``schedule`` and parameters that all patients share.

        Returns
        -------
        DataFrame
            Indexed as ``table``: the summary of each run and a column ``error``, which is empty
            for a run that went well.

        Raises
        ------
        ModelError
            If the table is empty, a column is no parameter, or ``workers`` is below 1.
        """
        from k2course.models import many

        return many.run(self, table, t_end, points, summarize, workers, progress, settings)


def is_finite(value: object) -> bool:
    """Whether a value is a finite number."""
    try:
        return math.isfinite(value)
    except TypeError:
        return False
