"""Values that the text of a page quotes."""

from __future__ import annotations

from typing import Any

from IPython.core.formatters import format_display_data
from IPython.display import display as show

PREFIX = "application/papermill.record/"  # of what is stored and not shown


def glue(name: str, variable: Any, display: bool = True) -> None:  # noqa: ANN401 (anything shown)
    """Store a value under a name, for ``{glue:text}`` in the text of the page.

    Does in a kernel what ``myst_nb.glue`` does, without its imports: those (a grammar for web
    addresses among them) cost each notebook more than a second.

    Parameters
    ----------
    name : str
        Name by which the text refers to the value.
    variable : object
        Anything that a notebook can display.
    display : bool
        Whether to show it here, too.
    """
    bundle, metadata = format_display_data(variable)
    prefix = "" if display else PREFIX
    metadata["scrapbook"] = {"name": name, "mime_prefix": prefix}
    show({prefix + kind: value for kind, value in bundle.items()}, raw=True, metadata=metadata)
