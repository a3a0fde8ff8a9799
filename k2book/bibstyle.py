"""The style of the bibliography: an entry is formatted once for list, tooltips, later builds."""

from __future__ import annotations

from typing import ClassVar

from pybtex.database import Entry
from pybtex.plugin import find_plugin, register_plugin
from pybtex.style import FormattedEntry

GROUP, NAME = "pybtex.style.formatting", "k2course"


class Style(find_plugin(GROUP, "unsrtalpha")):
    """``unsrtalpha`` with a memory, which the environment of a build keeps for the next one.

    The environment is made anew whenever ``references.bib`` has changed.
    """

    formatted: ClassVar[dict[tuple[str, str], FormattedEntry]] = {}

    def format_entry(self, label: str, entry: Entry, bib_data: object = None) -> FormattedEntry:
        """Format an entry, the same one the first time only."""
        key = label, entry.key
        if key not in self.formatted:
            self.formatted[key] = super().format_entry(label, entry, bib_data)
        return self.formatted[key]


def setup() -> None:
    """Make the style known under its name."""
    register_plugin(GROUP, NAME, Style)
