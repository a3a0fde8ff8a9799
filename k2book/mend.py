"""Small repairs to the built HTML: names, roles and landmarks for readers of every kind.

Some make pages lighter, and the same whenever they are built: tables get short names by their
order in the page instead of random ones, pictures leave the page for files, and the search index
waits for the page that searches.
"""

from __future__ import annotations

import base64
import hashlib
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
    # The corner of a table above its row names is no header.
    (r'<th(?: class="(?:blank|head)[^"]*")? *>(?:&nbsp;|<p></p>)?</th>', "<td></td>"),
    # The title for print is a second first-level heading.
    (
        r'(<div id="jb-print-docs-body"[^>]*>\s*)<h1>(.*?)</h1>',
        r'\1<p class="h1">\2</p>',
    ),
]
DRAWING = r'<svg xmlns="http://www.w3.org/2000/svg" [^>]*role="img" aria-label="([^"]*)".*?</svg>'
SEARCH = (
    r'\s*<script src="[./]*(?:_static/searchtools|_static/language_data|searchindex)\.js"></script>'
)
TWICE = r"<script>const THEBE_JS_URL = [^<]*</script>"


def mend(page: str) -> str:
    """Return the page with the repairs; what the theme declares twice stands once."""
    for pattern, repaired in REPAIRS:
        page = re.sub(pattern, repaired, page, flags=re.DOTALL)
    for again in list(re.finditer(TWICE, page))[:0:-1]:
        page = page[: again.start()] + page[again.end() :]
    return page


def name_tables(page: str) -> str:
    """Give styled tables numbers in order; cells keep an id only if a style names it.

    pandas draws a random name for each table and repeats it in an id for every cell.
    """
    names = dict.fromkeys(re.findall(r'<table id="T_([0-9a-f]{5})"', page))
    short = {name: f"T_{number}" for number, name in enumerate(names, 1)}
    page = re.sub(r"\bT_([0-9a-f]{5})(?=[\W_])", lambda m: short.get(m[1], m[0]), page)
    styled = set(re.findall(r"#(T_\d+_\w+)", page))
    page = re.sub(r' id="(T_\d+_\w+)"', lambda m: m[0] if m[1] in styled else "", page)
    page = re.sub(r' class="(?:data row\d+|col_heading level0) col\d+"', "", page)
    page = page.replace("<td >", "<td>").replace("<th >", "<th>")
    return re.sub(r"<table.*?</table>", lambda m: re.sub(r">\n\s*<", "><", m[0]), page, flags=re.S)


def lift_pictures(page: str, root: str) -> tuple[str, dict[str, bytes]]:
    """Replace pictures that stand in a page as text by files; return page and files.

    Parameters
    ----------
    page : str
        HTML of the page.
    root : str
        Way from the page to the root of the book, such as ``../``.

    Returns
    -------
    page : str
        The page; a browser loads its pictures once they come into view.
    files : dict of str to bytes
        Pictures by their path from the root.
    """
    files: dict[str, bytes] = {}

    def lifted(match: re.Match) -> str:
        picture = base64.b64decode(match[1])
        path = f"_images/{hashlib.sha256(picture).hexdigest()[:32]}.png"
        files[path] = picture
        return f'<img loading="lazy" src="{root}{path}"'

    def drawn(match: re.Match) -> str:
        drawing = match[0].encode()
        path = f"_images/{hashlib.sha256(drawing).hexdigest()[:32]}.svg"
        files[path] = drawing
        return f'<img loading="lazy" src="{root}{path}" alt="{match[1]}">'

    page = re.sub(r'<img src="data:image/png;base64,([^"]+)"', lifted, page)
    return re.sub(DRAWING, drawn, page, flags=re.DOTALL), files


def prune(folder: Path) -> None:
    """Remove pictures and grids that no page shows any more: those of cells that have changed."""
    pages = "".join(path.read_text("utf-8") for path in folder.rglob("*.html"))
    shown = set(re.findall(r"_images/([\w.-]+)", pages))
    shown |= {f"{name}.js" for name in re.findall(r'data-grid="(\w+)"', pages)}
    for file in (*folder.glob("_images/*"), *folder.glob("_static/grids/*.js")):
        if file.name not in shown:
            file.unlink()


def mend_folder(folder: Path) -> None:
    """Repair every page of a built book and remove the theme's own template pages."""
    for left in folder.glob("_static/*webpack-macros.html"):
        left.unlink()
    for path in folder.rglob("*.html"):
        text = path.read_text("utf-8")
        root = "../" * (len(path.relative_to(folder).parts) - 1)
        if path != folder / "search.html":
            text = re.sub(SEARCH, "", text)
        mended, files = lift_pictures(name_tables(mend(text)), root)
        for name, picture in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(picture)
        if mended != text:
            path.write_text(mended, "utf-8")
