"""Every page, everywhere: on a phone and a desk, by day and night, its weight, and built twice."""

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup, SoupStrainer

ROOT = Path(__file__).resolve().parent.parent
WIDTHS, THEMES = (1280, 640, 390), ("light", "dark")
# Gzipped bytes of all that a page ever loads: text, with maths, with live elements; and its HTML.
TEXT, MATHS, LIVE, HTML = 350_000, 600_000, 800_000, 200_000
PACKED = {".html", ".js", ".css", ".svg"}  # what a server compresses; fonts and PNG are already
LAST_OPENED = """async () => {
  document.querySelectorAll("details").forEach((e) => { e.open = true; });
  for (let y = 0; y < document.body.scrollHeight; y += 700) {
    scrollTo(0, y);
    await new Promise((done) => setTimeout(done, 15));
  }
  scrollTo(0, 0);
  await window.MathJax?.startup?.promise;
}"""


def packed(path: Path) -> int:
    """Size of a file as it travels."""
    content = path.read_bytes()
    return len(gzip.compress(content)) if path.suffix in PACKED else len(content)


def allowed(tree: BeautifulSoup) -> int:
    """Weight that a page may have."""
    if tree.select(".k2-explorer, .k2-grid, .k2-ledger"):
        return LIVE
    maths = any("mathjax" in tag.get("src", "") for tag in tree.find_all("script"))
    return MATHS if maths else TEXT


def settle(page, waiting: set) -> None:
    """Let requests end: the next page would cut them off, and "networkidle" comes only once."""
    page.wait_for_timeout(100)  # for those that scrolling is about to make
    for _ in range(100):
        if not waiting:
            break
        page.wait_for_timeout(100)


@pytest.fixture(scope="module")
def walk(chromium, server, html):
    """Open every page once in each width and theme; return what was wrong, by kind."""
    found = {kind: [] for kind in ("outside", "failed", "errors", "wide", "axe", "heavy")}
    screens = html.parent / "screens"
    context = chromium.new_context()
    for path in sorted(set(html.rglob("*.html")) - {html / "index.html"}):  # that one sends on
        name, page = path.relative_to(html).as_posix(), context.new_page()
        asked, waiting = set(), set()

        def guard(route, name=name, asked=asked, waiting=waiting):
            url = route.request.url
            asked.add(url)
            waiting.add(route.request)
            if url.startswith((server, "data:", "blob:")):
                route.continue_()
            else:
                found["outside"].append((name, url))
                route.abort()

        page.route("**/*", guard)
        for event in ("requestfinished", "requestfailed"):
            page.on(event, lambda r, waiting=waiting: waiting.discard(r))
        page.on(
            "requestfailed", lambda r, name=name: found["failed"].append((name, r.url, r.failure))
        )
        page.on(
            "response",
            lambda r, name=name: r.status >= 400 and found["failed"].append((name, r.url)),
        )
        page.on("pageerror", lambda e, name=name: found["errors"].append((name, str(e))))
        page.on(
            "console",
            lambda m, name=name: m.type == "error" and found["errors"].append((name, m.text)),
        )
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(f"{server}/{name}")
            page.evaluate(LAST_OPENED)
            settle(page, waiting)
            for theme in THEMES:
                page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
                needed = page.evaluate("document.documentElement.scrollWidth")
                if needed > width:
                    found["wide"].append((name, width, needed))
                if (width, theme) == (390, "light"):  # the desk and colors have a test of their own
                    rules = Axe().run(page).response["violations"]
                    found["axe"] += [
                        (name, theme, r["id"], r["nodes"][0]["html"][:150]) for r in rules
                    ]
                shot = screens / f"{width}-{theme}" / f"{name.replace('/', '-')}.jpeg"
                page.screenshot(path=shot, full_page=True, type="jpeg", quality=40)
            settle(page, waiting)
        files = {unquote(urlsplit(url).path) for url in asked if url.startswith(server)}
        weight = sum(packed(file) for f in files if (file := html / f.lstrip("/")).is_file())
        tree = BeautifulSoup(path.read_text("utf-8"), "html.parser")
        found["heavy"].append((weight / allowed(tree), name, weight))
        page.close()
    context.close()
    return found


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.parametrize("kind", ["outside", "failed", "errors", "wide", "axe"])
def test_nothing_is_wrong_with_any_page(walk, kind):
    assert walk[kind] == []


@pytest.mark.long
@pytest.mark.browser
def test_every_page_is_light(walk):
    share, name, weight = max(walk["heavy"])
    print(f"worst page: {name}, {weight} bytes, {share:.0%} of what it may weigh")
    assert share <= 1, (name, weight)


@pytest.mark.book
def test_html_is_light(html):
    size, name = max((p.stat().st_size, p.relative_to(html)) for p in html.rglob("*.html"))
    assert size <= HTML, f"worst page: {name}, {size} bytes"


@pytest.mark.book
def test_every_page_describes_itself_in_its_own_words(html):
    seen, wanted = {}, SoupStrainer(["meta", "summary"])
    sources = [p for p in sorted((html / "_sources").rglob("*.*")) if p.suffix in (".md", ".ipynb")]
    for source in sources:
        path = (html / source.relative_to(html / "_sources")).with_suffix(".html")
        tree = BeautifulSoup(path.read_text("utf-8"), "html.parser", parse_only=wanted)
        (tag,) = tree.find_all("meta", attrs={"name": "description"})
        assert 40 <= len(tag["content"]) <= 201, path
        assert tag["content"] not in seen, (path, seen.get(tag["content"]))
        seen[tag["content"]] = path
        assert "Cite this page" in [tag.get_text() for tag in tree.find_all("summary")]
    assert len(seen) > 50


# One page shows how long its own code took where it was made, in whole seconds, in the last column.
TIMED, SECONDS = Path("chapters/vessel/lab-agatston.html"), re.compile(rb"\d+(?=</td></tr>)")


@pytest.fixture
def copied(tmp_path):
    """Copy the checkout as it stands, with its history, to another place."""

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)

    listed = git("ls-files", "-co", "--exclude-standard", "-z")
    if listed.returncode:
        pytest.skip("NOT A GIT CHECKOUT: the days of last change cannot be compared")
    folder = tmp_path / "another place"
    assert git("clone", "--quiet", "--shared", str(ROOT), str(folder)).returncode == 0
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.long
@pytest.mark.book
def test_built_again_elsewhere_the_book_is_the_same(html, copied):
    """Every page, script, result of a grid and picture, byte by byte, but for two timings."""
    done = subprocess.run(
        [sys.executable, str(copied / "tools" / "build_book.py")],
        cwd=copied,
        env=os.environ | {"PYTHONPATH": str(copied), "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    again = copied / "_build" / "html"
    kinds = {".html", ".js", ".css", ".png", ".svg"}
    first, second = (
        {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.suffix in kinds}
        for folder in (html, again)
    )
    assert sorted(map(str, first)) == sorted(map(str, second))
    for pages in (first, second):
        pages[TIMED] = SECONDS.sub(b"", pages[TIMED])
    differing = []
    for name in sorted(first):
        lines = zip(first[name].splitlines(), second[name].splitlines(), strict=False)
        if first[name] != second[name]:
            differing.append((str(name), next((a, b) for a, b in lines if a != b)))
    assert [(name, a[:200], b[:200]) for name, (a, b) in differing] == []


def interpreters() -> list[str]:
    """Find Python 3.11, 3.12 and 3.13: this one, on the path, or from pyenv."""
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    for version in ("3.11", "3.12", "3.13"):
        kept = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
        path = next(map(str, kept), None) or shutil.which(f"python{version}")
        if path:
            found.setdefault(version, path)
    return [found[version] for version in sorted(found)]


OUTSIDE = """
import pathlib, nbformat, k2course
from nbclient import NotebookClient
assert "site-packages" in k2course.__file__, k2course.__file__
notebook = nbformat.read("model.ipynb", as_version=4)
NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
print(sum(cell.cell_type == "code" for cell in notebook.cells), "cells")
"""


@pytest.mark.long
@pytest.mark.parametrize("python", interpreters(), ids=lambda p: Path(p).parent.parent.name)
def test_the_wheel_runs_a_notebook_of_the_course_elsewhere(python, tmp_path):
    """An empty environment, the wheel with its dependencies, a chapter's notebook, no checkout."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def run(*command):
        done = subprocess.run(
            list(map(str, command)), cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    build = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q")
    run(*build, "-w", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("k2course-*.whl")
    run(python, "-m", "venv", tmp_path / "venv")
    inside = tmp_path / "venv" / "bin" / "python"
    run(inside, "-m", "pip", "install", "-q", wheel, "ipykernel", "nbclient")
    shutil.copy(ROOT / "chapters" / "k-cycle" / "model.ipynb", tmp_path)
    assert "cells" in run(inside, "-c", OUTSIDE)
    assert "kcycle" in run(inside, "-m", "k2course")
