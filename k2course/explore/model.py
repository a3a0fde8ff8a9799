"""The model explorer: sliders over a model's parameters, live curves, a reference run."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from k2course import figures
from k2course.explore.equations import javascript
from k2course.explore.live import Live
from k2course.models import Model, ModelError, load, unknown

STIFF = 5000  # an explicit method would take a third of that many steps


class ModelExplorer(Live):
    """Sliders over a model's parameters with live curves and a reference run.

    Parameters
    ----------
    model : str or Model
        Name of a model in ``k2course.models.catalog()``.
    title : str
    sliders : list of str
        Parameters to expose; range, step, unit and meaning come from the parameter table.
    panels : dict of str to list of str
        Title of a chart to the variables it draws (up to six).
    t_end : float
        End of the simulation in the model's time unit.
    points : int
        Number of output times.
    relative : bool
        Draw each variable in percent of its start value instead of its own unit.
    presets : dict of str to dict, optional
        Button label to slider values.
    evidence : list of dict, optional
        Measured points: ``variable``, ``time``, ``value`` (in what the panel shows), ``label``
        (the study), and ``low`` and ``high`` where the study prints an interval.
    start : dict of str to float, optional
        Where sliders start, if not at the reference run that the thin lines show.
    caption : str
        What the static picture shows; also its alternative text.
    **settings : float
        Parameter values that differ from the model's table from the start.

    Raises
    ------
    ModelError
        Unknown model, parameter or variable, a slider without a range in the table, or mixed
        units in one panel.
    """

    def __init__(
        self,
        model: str | Model,
        *,
        title: str,
        sliders: list[str],
        panels: dict[str, list[str]],
        t_end: float,
        caption: str,
        points: int = 201,
        relative: bool = False,
        presets: dict[str, dict[str, float]] | None = None,
        evidence: list[dict[str, Any]] | None = None,
        start: dict[str, float] | None = None,
        **settings: float,
    ) -> None:
        self.model = load(model) if isinstance(model, str) else model
        self.caption = caption
        self._run = {"t_end": t_end, "points": points}
        self._settings = self.model.check(settings)
        self._start = self._settings | self.model.check(start or {})
        first = self.model.simulate(**self._run, **self._settings).iloc[0]
        stiff = self.model.stiffness(t_end) > STIFF
        variables = list(self.model.variables.index)
        source, values = javascript(self.model.sbml(), variables, stiff=stiff)
        self.spec = {
            "kind": "model",
            "version": 1,
            "model": self.model.name,
            "title": title,
            "source": source,
            "parameters": values | self._settings,
            "settings": self._settings,
            **self._run,
            "time_unit": self.model.time_unit,
            "sliders": [self._slider(name) for name in sliders],
            "panels": [
                self._panel(heading, names, first, relative)
                | {"evidence": [e for e in evidence or [] if e["variable"] in names]}
                for heading, names in panels.items()
            ],
            "presets": {name: self.model.check(preset) for name, preset in (presets or {}).items()},
        }
        self.defaults = {s["id"]: s["value"] for s in self.spec["sliders"]}

    def _slider(self, name: str) -> dict[str, Any]:
        table = self.model.parameters
        if name not in table.index:
            raise unknown(f"parameter of {self.model.name},", name, list(table.index))
        row = table.loc[name]
        if row[["slider_low", "slider_high", "slider_step"]].isna().any():
            raise ModelError(f"{self.model.name}: {name} has no slider range in the table")
        assumed = "Teaching assumption. " if row["status"] == "teaching assumption" else ""
        return {
            "id": name,
            "label": row["meaning"],
            "unit": row["unit"],
            "low": row["slider_low"],
            "high": row["slider_high"],
            "step": row["slider_step"],
            "value": self._start.get(name, row["value"]),
            "note": assumed + (row["note"] if isinstance(row["note"], str) else ""),
        }

    def _panel(
        self, heading: str, names: list[str], first: pd.Series, relative: bool
    ) -> dict[str, Any]:
        table = self.model.variables
        for name in names:
            if name not in table.index:
                raise unknown(f"variable of {self.model.name},", name, list(table.index))
        units = sorted(set(table.loc[names, "unit"]))
        if len(units) > 1 and not relative:
            raise ModelError(f"{heading}: one panel, one unit; these have {', '.join(units)}")
        return {
            "title": heading,
            "y_label": "% of start" if relative else units[0],
            "curves": [
                {
                    "id": name,
                    "label": table.loc[name, "meaning"],
                    "color": i,
                    "scale": 100 / first[name] if relative else 1,
                }
                for i, name in enumerate(names)
            ],
        }

    @property
    def trajectory(self) -> pd.DataFrame:
        """The run at the present slider values, simulated by RoadRunner."""
        return self.model.simulate(**self._run, **(self._settings | self.parameters))

    def check(self, values: dict[str, float]) -> dict[str, float]:
        """Check slider values against the model's parameter table."""
        return self.model.check(values)

    def draw(self) -> Figure:
        """Draw the default settings (no pyplot: the notebook's figures are its own)."""
        run = self.model.simulate(**self._run, **(self._settings | self.defaults))
        panels = self.spec["panels"]
        figure = Figure(figsize=(4.2 * len(panels), 3.2))
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for ax, panel in zip(axes, panels, strict=True):
            for curve, line in zip(panel["curves"], figures.LINES, strict=False):
                values = run[curve["id"]] * curve["scale"]
                ax.plot(run.index, values, label=curve["label"], **line)
            for point in panel["evidence"]:
                value, low = point["value"], point.get("low", point["value"])
                reach = [[value - low], [point.get("high", value) - value]]
                ax.errorbar(point["time"], value, reach, fmt="ks", label=point["label"])
            ax.set(title=panel["title"], ylabel=panel["y_label"], ylim=(0, None))
            ax.set_xlabel(f"time, {self.model.time_unit}")
            ax.legend()
        return figure
