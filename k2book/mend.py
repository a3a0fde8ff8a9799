"""Small repairs to the theme's HTML: names, roles and landmarks for readers of every kind."""

from __future__ import annotations

import re
from pathlib import Path

REPAIRS = [
    # The arrow that opens a branch of the table of contents has no name.
    (
        r'<summary>(?=<span class="toctree-toggle")',
        '<summary aria-label="Show or hide the pages below">',
    ),
    # The title above the table of contents stands outside of every landmark.
    (
        r'<div class="sidebar-primary-item">(?=\s*<a class="navbar-brand)',
        '<div class="sidebar-primary-item" role="navigation" aria-label="Home">',
    ),
    # A list without list items, and a role that ARIA has withdrawn.
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    (r' role="doc-biblioentry"', ""),
    # The title for print is a second first-level heading.
    (
        r'(<div id="jb-print-docs-body"[^>]*>\s*)<h1>(.*?)</h1>',
        r'\1<p class="h1">\2</p>',
    ),
]
TWICE = r"<script>const THEBE_JS_URL = [^<]*</script>"


def mend(page: str) -> str:
    """Return the page with the repairs; what the theme declares twice stands once."""
    for pattern, repaired in REPAIRS:
        page = re.sub(pattern, repaired, page, flags=re.DOTALL)
    for again in list(re.finditer(TWICE, page))[:0:-1]:
        page = page[: again.start()] + page[again.end() :]
    return page


def mend_folder(folder: Path) -> None:
    """Repair every page of a built book and remove the theme's own template pages."""
    for left in folder.glob("_static/*webpack-macros.html"):
        left.unlink()
    for path in folder.rglob("*.html"):
        text = path.read_text("utf-8")
        if (mended := mend(text)) != text:
            path.write_text(mended, "utf-8")
