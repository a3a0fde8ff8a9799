"""The theme's icon font, cut down to the icons that the book shows."""

from __future__ import annotations

import re
from pathlib import Path

from fontTools import subset

FONT = "vendor/fontawesome/webfonts/fa-solid-900"
RULE = r'((?:\.fa-[\w-]+:{1,2}before,?\s*)+)\{content:\s*"\\([0-9a-f]+)"\}'


def used(styles: str, pages: str) -> set[int]:
    """Return code points that pages show by a class, such as ``fa-bars``, or styles by themselves.

    Parameters
    ----------
    styles : str
        All style sheets, among them the font's own list of classes and code points.
    pages : str
        All pages and scripts.
    """
    named = set(re.findall(r"\bfa-[\w-]+", pages))
    found = {
        int(code, 16)
        for names, code in re.findall(RULE, styles)
        if named & set(re.findall(r"fa-[\w-]+", names))
    }
    rest = re.sub(RULE, "", styles)  # icons of admonitions, named by code or standing as characters
    found |= {int(code, 16) for code in re.findall(r'"\\(f[0-9a-f]{3})"', rest)}
    return found | {ord(character) for character in rest if "\ue000" <= character <= "\uf8ff"}


def cut(html: Path) -> None:
    """Replace the icon font of a built book by one that holds only what is shown."""
    static = html / "_static"
    full = (static / FONT).with_suffix(".ttf")
    if not full.is_file():
        return
    sheets = [path for path in static.rglob("*.css") if "Font Awesome" in path.read_text("utf-8")]
    pages = [*html.rglob("*.html"), *static.rglob("*.js")]
    wanted = used(
        "".join(path.read_text("utf-8") for path in sorted(static.rglob("*.css"))),
        "".join(path.read_text("utf-8") for path in pages),
    )
    font = subset.load_font(str(full), subset.Options())
    cutter = subset.Subsetter(subset.Options(notdef_outline=True))
    cutter.populate(unicodes=wanted)
    cutter.subset(font)
    font.flavor = "woff"  # what the standard library can compress
    font.save((static / FONT).with_suffix(".woff"), reorderTables=False)
    (static / FONT).with_suffix(".woff2").unlink()
    for sheet in sheets:
        text = sheet.read_text("utf-8")
        sheet.write_text(
            re.sub(
                r'fa-solid-900\.woff2([^)]*\) format\(")woff2', r"fa-solid-900.woff\1woff", text
            ),
            "utf-8",
        )
