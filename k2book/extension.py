"""Sphinx extension of the book: page code, maths from files, and addresses from one setting.

Loaded through ``_config.yml``. It adds the script and the style of an explorer or a claim ledger
only to pages that hold one, lays data tables and model files beside the pages for download, writes
MathJax from an installed package so that no page asks a CDN, leaves out the theme's icon script
(the same icons come from its style sheet), and takes the public addresses from
``[tool.k2course]`` in ``pyproject.toml``: what depends on them is left out while they are empty.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from importlib.metadata import files
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

from k2book import afresh, bibstyle, icons, mend, share
from k2course import __version__

HERE = Path(__file__).parent
MATHJAX = "vendor/mathjax/tex-chtml.js"
# What marks a live element in a page, and its script and style sheet.
LIVE = dict.fromkeys(("k2-explorer", "k2-grid"), ("explorer.js", "explorer.css"))
LIVE["k2-ledger"] = ("ledger.js", "ledger.css")


def addresses(root: Path) -> dict[str, str]:
    """Read the public addresses (``repository``, ``site``) of the project in ``root``."""
    with (root / "pyproject.toml").open("rb") as stream:
        return tomllib.load(stream)["tool"]["k2course"]


def _configure(app: Sphinx, config: Config) -> None:
    address = addresses(Path(app.srcdir))
    repository, site = address["repository"].rstrip("/"), address["site"].rstrip("/")
    config.html_baseurl = f"{site}/" if site else ""
    theme = config.html_theme_options
    theme["repository_url"], theme["repository_branch"] = repository, "main"
    theme["use_repository_button"] = theme["use_issues_button"] = bool(repository)
    theme["launch_buttons"] = (
        {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"}
        if repository
        else {}
    )
    theme["navbar_persistent"] = []  # a second search field
    config.html_context["default_mode"] = "auto"  # an empty one is an error on every page
    config.myst_substitutions |= {
        "version": __version__,
        "address": f"Available at <{site}>." if site else "",
    }
    config.mathjax_path = MATHJAX
    app.add_css_file("book.css")


def _add_page_code(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    raw = [node.astext() for node in doctree.findall(nodes.raw)] if doctree is not None else []
    wanted = {LIVE[mark] for mark in LIVE if any(f'class="{mark}"' in text for text in raw)}
    for script, style in sorted(wanted):
        app.add_js_file(script)
        app.add_css_file(style)


def _read_once(app: Sphinx) -> None:
    """Read what every page says: the book's addresses and the days of last change."""
    bibstyle.Style.formatted = app.env.__dict__.setdefault("k2_formatted", {})
    config, address = app.config, addresses(Path(app.srcdir))
    app.env.k2_days = share.last_changed(Path(app.srcdir))
    app.env.k2_book = share.Book(
        title=config.html_title,
        author=config.author,
        version=__version__,
        year=config.copyright,
        site=address["site"].rstrip("/"),
        repository=address["repository"].rstrip("/"),
    )


def _day(app: Sphinx, page: str) -> str:
    """Return the day of a page's last change, or nothing."""
    source = Path(app.env.doc2path(page)).relative_to(Path(app.srcdir).resolve()).as_posix()
    return app.env.k2_days.get(source, "")


def _share(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    """Add what a page says of itself to its head and its foot."""
    if doctree is None:
        return
    book, title = app.env.k2_book, app.env.titles[pagename].astext()
    described = any(n.get("name") == "description" for n in doctree.findall(nodes.meta))
    text = "" if described else share.description(doctree)
    context["metatags"] += share.metatags(book, pagename, title, text)
    context["body"] += share.foot(book, pagename, title, _day(app, pagename))


def _write_addresses(app: Sphinx) -> None:
    """Write redirects of renamed pages and, once there is a site, the sitemap."""
    try:
        moved = share.redirects(app.config.k2_redirects, app.env.found_docs)
    except ValueError as error:
        raise ExtensionError(str(error)) from None
    for old, text in moved.items():
        path = Path(app.outdir) / f"{old}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    if site := app.env.k2_book.site:
        days = {page: _day(app, page) for page in app.env.found_docs}
        (Path(app.outdir) / "sitemap.xml").write_text(share.sitemap(site, days), "utf-8")


def _write_ours(static: Path) -> None:
    """Write what our own code makes of itself: the script of live elements, the models' files."""
    from k2course import explore, models  # a second that a build with kept pages shall not take

    (static / "explorer.js").write_text(explore.page_script(), "utf-8")
    (static / "explorer.css").write_text(explore.style(), "utf-8")
    for file in (HERE / "book.css", *HERE.glob("ledger.[jc]s*")):
        shutil.copyfile(file, static / file.name)
    (static / "models").mkdir()
    for model in map(models.load, models.catalog().index):
        model.omex(static / "models" / f"{model.name}.omex")
        (static / "models" / f"{model.name}.xml").write_text(model.sbml(), "utf-8")


def _write_files(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    if not (static / "models").is_dir():  # else kept with the pages: the code is still the same
        _write_ours(static)
    shutil.copytree(Path(app.srcdir) / "data", Path(app.outdir) / "data", dirs_exist_ok=True)
    shutil.copy(Path(app.srcdir) / "references.bib", Path(app.outdir) / "data")
    (static / "scripts" / "fontawesome.js").write_text("// The style sheet draws the icons.\n")
    grids = os.environ.get("K2COURSE_BOOK")
    if grids and Path(grids).is_dir():
        shutil.copytree(grids, static / "grids", dirs_exist_ok=True)
    for file in files("sphinx-mathjax-offline") or []:
        inner = file.as_posix().partition("static/mathjax/")[2]
        if inner == "tex-chtml.js" or inner.startswith("output/chtml/fonts/woff-v2/"):
            target = static / "vendor/mathjax" / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target)
    icons.cut(Path(app.outdir))
    for unused in (*static.rglob("*.map"), *static.rglob("*.ttf")):  # every browser reads woff2
        unused.unlink()
    shutil.rmtree(static / "locales", ignore_errors=True)  # translations of the theme
    # The first sheet only imports the second: pages would wait for one after the other.
    basic = (static / "basic.css").read_text("utf-8").replace("url(", "url(../")
    (static / "styles" / "theme.css").write_text(basic, "utf-8")
    shutil.copyfile(HERE / "preview.png", Path(app.outdir) / share.PREVIEW)
    mend.mend_folder(Path(app.outdir))
    mend.prune(Path(app.outdir))
    for picture in (Path(app.outdir) / "_images").glob("*.png"):
        png = picture.read_bytes()
        if png[25] != 3:  # the type of color; 3 is a palette, which an earlier build made
            from k2course import figures

            picture.write_bytes(figures.palette(png))
    _write_addresses(app)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    bibstyle.setup()
    app.connect("config-inited", _configure, priority=400)
    app.add_config_value("k2_redirects", {}, "html", [dict])
    app.connect("builder-inited", _read_once)
    app.connect("html-page-context", _add_page_code)
    app.connect("html-page-context", _share)
    afresh.setup(app)
    app.connect("build-finished", _write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
