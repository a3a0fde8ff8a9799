"""The style of the bibliography: each entry is formatted once for the list and for the tooltips."""

from __future__ import annotations

from pybtex.database import Entry
from pybtex.plugin import find_plugin, register_plugin
from pybtex.style import FormattedEntry

GROUP, NAME = "pybtex.style.formatting", "k2course"


class Style(find_plugin(GROUP, "unsrtalpha")):
    """``unsrtalpha`` with a memory: tooltips of citations take no second turn."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self._formatted: dict[tuple[str, str], FormattedEntry] = {}

    def format_entry(self, label: str, entry: Entry, bib_data: object = None) -> FormattedEntry:
        """Format an entry, the same one the first time only."""
        key = label, entry.key
        if key not in self._formatted:
            self._formatted[key] = super().format_entry(label, entry, bib_data)
        return self._formatted[key]


def setup() -> None:
    """Make the style known under its name."""
    register_plugin(GROUP, NAME, Style)
