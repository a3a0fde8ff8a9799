"""Live explorers: sliders over a model, in a kernel and in the built page.

In a kernel an explorer is an ``anywidget``. While the book is built (environment variable
``K2COURSE_BOOK``) its representation is plain HTML: the state as JSON and a picture of the
default settings, which the page's script (``page_script``) brings to life with no kernel.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import anywidget
import matplotlib as mpl
import pandas as pd
import traitlets
from matplotlib.figure import Figure

from k2course import figures
from k2course.explore.equations import javascript
from k2course.models import Model, ModelError, load, unknown

FOLDER = Path(__file__).parent
MARK = "k2-explorer"
STIFF = 5000  # an explicit method would take a third of that many steps


@cache
def script() -> str:
    """Return the page code of the explorers: integrators, chart, controls, as one source.

    The integrators stand in it twice: as code, and as text from which a worker is made.
    """
    read = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.js")}
    integrator = read["integrate"] + read["rodas"]
    return f"{integrator}\nconst INTEGRATOR = {json.dumps(integrator)};\n" + "\n".join(
        read[part] for part in ("chart", "explorer")
    )


@cache
def style() -> str:
    """Return the style sheet of the explorers."""
    return (FOLDER / "explorer.css").read_text("utf-8")


def page_script() -> str:
    """Return a classic script that brings every explorer of a built page to life."""
    return f"(() => {{\n{script()}\n{(FOLDER / 'page.js').read_text('utf-8')}\n}})();\n"


class _Widget(anywidget.AnyWidget):
    """The explorer in a kernel; ``parameters`` follows the sliders."""

    _esm = script() + "\nexport default { render };\n"
    _css = style()
    spec = traitlets.Dict().tag(sync=True)
    parameters = traitlets.Dict().tag(sync=True)


class ModelExplorer:
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
        **settings: float,
    ) -> None:
        self.model = load(model) if isinstance(model, str) else model
        self.caption = caption
        self._run = {"t_end": t_end, "points": points}
        self._settings = self.model.check(settings)
        start = self.model.simulate(**self._run, **self._settings).iloc[0]
        stiff = self.model.stiffness(t_end) > STIFF
        variables = list(self.model.variables.index)
        source, values = javascript(self.model.sbml(), variables, stiff=stiff)
        self.spec = {
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
                self._panel(heading, names, start, relative)
                | {"evidence": [e for e in evidence or [] if e["variable"] in names]}
                for heading, names in panels.items()
            ],
            "presets": {name: self.model.check(preset) for name, preset in (presets or {}).items()},
        }
        self._defaults = {s["id"]: s["value"] for s in self.spec["sliders"]}

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
            "value": self._settings.get(name, row["value"]),
            "note": assumed + (row["note"] if isinstance(row["note"], str) else ""),
        }

    def _panel(
        self, heading: str, names: list[str], start: pd.Series, relative: bool
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
                    "scale": 100 / start[name] if relative else 1,
                }
                for i, name in enumerate(names)
            ],
        }

    @cached_property
    def widget(self) -> _Widget:
        """The live widget (in a kernel)."""
        return _Widget(spec=self.spec, parameters=dict(self._defaults))

    @property
    def parameters(self) -> dict[str, float]:
        """Slider values as they stand; assign a dict to move the sliders."""
        return dict(self.widget.parameters)

    @parameters.setter
    def parameters(self, values: dict[str, float]) -> None:
        self.widget.parameters = self.parameters | self.model.check(values)

    @property
    def trajectory(self) -> pd.DataFrame:
        """The run at the present slider values, simulated by RoadRunner."""
        return self.model.simulate(**self._run, **(self._settings | self.parameters))

    def observe(self, handler: Callable[[dict], None]) -> None:
        """Call ``handler`` with the change whenever a slider has moved."""
        self.widget.observe(handler, names="parameters")

    def picture(self) -> str:
        """Return the default settings as a PNG image, base64 in a data address."""
        run = self.model.simulate(**self._run, **(self._settings | self._defaults))
        panels = self.spec["panels"]
        with mpl.rc_context(figures.STYLE):  # no pyplot: the notebook's own figures are its own
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
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=110)
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

    def html(self) -> str:
        """Return the explorer for a page without a kernel."""
        state = json.dumps({"spec": self.spec, "parameters": self._defaults}, default=float)
        state = state.replace("<", "\\u003c")  # nothing in it can close the script element
        text = html.escape(self.caption)
        return (
            f'<div class="{MARK}" role="group" aria-label="{html.escape(self.spec["title"])}">'
            f'<script type="application/json">{state}</script>'
            f'<div class="k2-mount"></div>'
            f'<div class="k2-picture"><img src="{self.picture()}" alt="{text}">'
            f"<p>{text}</p></div></div>"
        )

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 (IPython's protocol)
        if os.environ.get("K2COURSE_BOOK"):
            return {"text/html": self.html(), "text/plain": repr(self)}
        return self.widget._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return f"ModelExplorer({self.model.name!r}, {self.spec['title']!r})"
