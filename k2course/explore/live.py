"""What every live element shares: a widget in a kernel, plain HTML in the built page.

In a kernel an element is an ``anywidget``. While the book is built (environment variable
``K2COURSE_BOOK``) its representation is plain HTML: the state as JSON and a picture of the
default settings, which the page's script (``page_script``) brings to life with no kernel.
"""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import anywidget
import matplotlib as mpl
import traitlets
from matplotlib.figure import Figure

from k2course import figures

FOLDER = Path(__file__).parent


@cache
def script() -> str:
    """Return the page code: integrators, chart, one renderer a kind of element, as one source.

    The integrators stand in it twice: as code, and as text from which a worker is made.
    """
    read = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.js")}
    integrator = read["integrate"] + read["rodas"]
    return f"{integrator}\nconst INTEGRATOR = {json.dumps(integrator)};\n" + "\n".join(
        read[part] for part in ("chart", "explorer", "intake", "render")
    )


@cache
def style() -> str:
    """Return the style sheet of the live elements."""
    return (FOLDER / "explorer.css").read_text("utf-8")


def page_script() -> str:
    """Return a classic script that brings every live element of a built page to life."""
    parts = (script(), *(FOLDER.joinpath(n).read_text("utf-8") for n in ("page.js", "grid.js")))
    return "(() => {\n" + "\n".join(parts) + "\n})();\n"


class _Widget(anywidget.AnyWidget):
    """A live element in a kernel; ``parameters`` follows the controls."""

    _esm = script() + "\nexport default { render };\n"
    _css = style()
    spec = traitlets.Dict().tag(sync=True)
    parameters = traitlets.Dict().tag(sync=True)


class Live:
    """A live element: ``spec`` says what it shows, ``defaults`` where its controls start."""

    spec: dict[str, Any]
    defaults: dict[str, float]
    caption: str

    @cached_property
    def widget(self) -> _Widget:
        """The live widget (in a kernel)."""
        return _Widget(spec=self.spec, parameters=dict(self.defaults))

    @property
    def parameters(self) -> dict[str, float]:
        """Values of the controls as they stand; assign a dict to move them."""
        return dict(self.widget.parameters)

    @parameters.setter
    def parameters(self, values: dict[str, float]) -> None:
        self.widget.parameters = self.parameters | self.check(values)

    def check(self, values: dict[str, float]) -> dict[str, float]:
        """Check values of the controls; return them as floats."""
        raise NotImplementedError

    def observe(self, handler: Callable[[dict], None]) -> None:
        """Call ``handler`` with the change whenever a control has moved."""
        self.widget.observe(handler, names="parameters")

    def draw(self) -> Figure:
        """Draw the default settings, for readers without scripts and for print."""
        raise NotImplementedError

    def picture(self) -> str:
        """Return the default settings as a PNG image, base64 in a data address."""
        with mpl.rc_context(figures.STYLE):
            drawn = figures.png(self.draw(), dpi=110)
        return "data:image/png;base64," + base64.b64encode(drawn).decode()

    def html(self) -> str:
        """Return the element for a page without a kernel."""
        state = json.dumps({"spec": self.spec, "parameters": self.defaults}, default=float)
        state = state.replace("<", "\\u003c")  # nothing in it can close the script element
        text = html.escape(self.caption)
        return (
            f'<div class="k2-explorer" role="group" aria-label="{html.escape(self.spec["title"])}">'
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
        return f"{type(self).__name__}({self.spec['title']!r})"
