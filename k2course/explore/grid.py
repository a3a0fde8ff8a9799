"""Static interact: a function of a few choices, live in a kernel, a grid of results in the book."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, display
from matplotlib.figure import Figure

from k2course import figures

MOST_CELLS, MOST_BYTES = 200, 2_000_000


class GridError(ValueError):
    """A grid that cannot be shown: no choices, too many results, or too heavy."""


def _as_html(result: object, alt: str, name: str) -> str:
    """Render a figure, a table (by this name, not a random one) or anything printable as HTML."""
    if isinstance(result, Figure):
        picture = base64.b64encode(figures.png(result, dpi=100)).decode()
        plt.close(result)
        return f'<img src="data:image/png;base64,{picture}" alt="{html.escape(alt)}">'
    if isinstance(result, pd.DataFrame):
        return result.to_html(border=0)
    if hasattr(result, "to_html"):  # a Styler
        return result.to_html(table_uuid=name)
    return f"<p>{html.escape(str(result))}</p>"


def explore(
    function: Callable[..., object], *, alt: str = "", **choices: Sequence[Any]
) -> HTML | None:
    """Show what a function returns for each combination of a few choices.

    In a kernel this is ``ipywidgets.interact``. While the book is built every combination is
    computed, and the page steps through the results with no kernel.

    Parameters
    ----------
    function : callable
        Takes the choices as keyword arguments and returns a matplotlib figure, a DataFrame or
        Styler, or something printable.
    alt : str
        Alternative text of the figures, with the choices in braces: ``"ELISA curve at {dose}"``.
    **choices : sequence
        Values of each argument, at least one; the first is shown first.

    Raises
    ------
    GridError
        No choices, an empty choice, more than 200 combinations, or more than 2 MB of results.
    """
    if not choices or not all(len(values) for values in choices.values()):
        raise GridError("explore needs at least one choice, and each choice at least one value")
    cells = 1
    for values in choices.values():
        cells *= len(values)
    if cells > MOST_CELLS:
        raise GridError(f"the grid has {cells} combinations; at most {MOST_CELLS} are allowed")
    folder = os.environ.get("K2COURSE_BOOK")
    if not folder:
        options = {
            name: ipywidgets.SelectionSlider(
                options=[(str(v), v) for v in values], description=name
            )
            for name, values in choices.items()
        }
        ipywidgets.interact(lambda **chosen: display(function(**chosen)), **options)
        return None
    results = [
        _as_html(function(**chosen), alt.format(**chosen), function.__name__)
        for chosen in (
            dict(zip(choices, combination, strict=True))
            for combination in itertools.product(*choices.values())
        )
    ]
    weight = sum(map(len, results))
    if weight > MOST_BYTES:
        raise GridError(
            f"the grid's results weigh {weight / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB "
            "are allowed: use fewer values or smaller figures"
        )
    return HTML(_page(function.__name__, choices, results, Path(folder)))


def _page(title: str, choices: dict[str, Sequence[Any]], results: list[str], folder: Path) -> str:
    """Write the results to a script beside the page's own; return the first one with controls."""
    name = hashlib.sha256("".join([title, *results]).encode()).hexdigest()[:16]
    body = json.dumps(
        {"choices": {k: [str(v) for v in vs] for k, vs in choices.items()}, "results": results}
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.js").write_text(f'window.k2grid("{name}", {body});\n', "utf-8")
    controls = "".join(
        f"<label>{html.escape(label.replace('_', ' '))} "
        f'<select name="{html.escape(label)}">'
        + "".join(f"<option>{html.escape(str(v))}</option>" for v in values)
        + "</select></label>"
        for label, values in choices.items()
    )
    return (
        f'<div class="k2-grid" data-grid="{name}"><div class="k2-choices" hidden>{controls}</div>'
        f'<div class="k2-result" aria-live="polite">{results[0]}</div></div>'
    )
