"""The built book, read as files: links, alt texts, weight, and nothing that needs a server."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from bs4 import BeautifulSoup

pytestmark = pytest.mark.book
OURS = ("intro.html", "how-to-use.html", "about.html", "bibliography.html")


@cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


@cache
def places(path: Path) -> set[str]:
    """What a link into this page may point at."""
    return {tag["id"] for tag in soup(path).find_all(id=True)}


def pages(html: Path) -> list[Path]:
    found = [html / name for name in OURS] + sorted((html / "chapters").rglob("*.html"))
    assert len(found) >= 11
    return found


def test_no_broken_internal_link(html):
    broken = []
    for page in pages(html):
        for tag in soup(page).find_all(["a", "img", "script", "link"]):
            target = tag.get("href") or tag.get("src") or ""
            if not target or re.match(r"[a-z]+:|//", target):
                continue
            file, anchor = urldefrag(
                unquote(target.partition("?")[0] if "#" not in target else target)
            )
            file = file.partition("?")[0]
            goal = (page.parent / file).resolve() if file else page
            if not goal.is_file():
                broken.append(f"{page.name}: {target}")
            elif anchor and goal.suffix == ".html" and anchor not in places(goal):
                broken.append(f"{page.name}: {target} (no such place)")
    assert broken == []


def test_every_image_has_a_written_alt(html):
    bad = []
    for page in pages(html):
        for image in soup(page).select("main img, article img"):
            alt = image.get("alt", "")
            if len(alt) < 20 or re.search(r"\.(png|svg|jpe?g)\b|[/\\]_?\w+/", alt):
                bad.append(f"{page.name}: {alt!r}")
    assert bad == []


def test_every_figure_of_a_notebook_stands_in_its_page(html):
    root = Path(__file__).resolve().parent.parent
    missing = []
    for path in sorted((root / "chapters").rglob("*.ipynb")):
        page = html / path.relative_to(root).with_suffix(".html")
        shown = {image.get("alt") for image in soup(page).find_all("img")}
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt")
            if alt and alt not in shown:
                missing.append(f"{path.name}: {alt[:60]}")
    assert missing == []


def test_no_widget_state_and_no_traceback_in_a_page(html):
    for page in pages(html):
        text = page.read_text("utf-8")
        assert "widget-state+json" not in text, page
        assert "Traceback (most recent call last)" not in text, page
        assert "np.float64(" not in text, page


def test_no_page_asks_another_host(html):
    asked = [
        f"{page.name}: {tag.get('src') or tag.get('href')}"
        for page in pages(html)
        for tag in soup(page).find_all(["script", "img", "link", "iframe", "source"])
        if re.match(r"(https?:)?//", tag.get("src") or tag.get("href") or "")
        and tag.get("rel") != ["canonical"]
    ]
    assert asked == []


@pytest.mark.parametrize("name", ["explorer", "ledger"])
def test_page_code_only_where_it_is_needed(html, name):
    holding = 0
    for page in pages(html):
        marks = ".k2-explorer, .k2-grid" if name == "explorer" else ".k2-ledger"
        holds = bool(soup(page).select(marks))
        loads = [
            any(f"{name}.{kind}" in (tag.get(key) or "") for tag in soup(page).find_all(element))
            for kind, element, key in (("js", "script", "src"), ("css", "link", "href"))
        ]
        assert loads == [holds, holds], page
        holding += holds
    assert holding >= 1


def test_citations_are_resolved(html):
    for page in pages(html):
        main = soup(page).find("main") or soup(page)
        assert not re.search(r"\{(cite|glue)", main.get_text()), page
        assert "[?]" not in main.get_text(), page


def test_addresses_stay_hidden_while_unset(html):
    import tomllib

    root = Path(__file__).resolve().parent.parent
    with (root / "pyproject.toml").open("rb") as stream:
        address = tomllib.load(stream)["tool"]["k2course"]
    text = (html / "chapters" / "k-cycle" / "model.html").read_text("utf-8")
    assert ("mybinder.org" in text) == bool(address["repository"])
    assert ('rel="canonical"' in text) == bool(address["site"])


def test_weight(html):
    """Generous walls; the measured budgets stand in benchmarks."""
    for page in pages(html):
        limit = 300_000 if page.parent.name == "reference" else 450_000
        assert page.stat().st_size <= limit, page
    assert sum(f.stat().st_size for f in html.rglob("*") if f.is_file()) <= 20_000_000


def test_pages_are_mended(html):
    for page in pages(html):
        tree = soup(page)
        assert len(tree.find_all("h1")) == 1, page
        assert all(s.get_text(strip=True) or s.get("aria-label") for s in tree.find_all("summary"))
        scripts = [tag.get_text() for tag in tree.find_all("script")]
        assert sum("const THEBE_JS_URL" in text for text in scripts) <= 1, page
        assert all(th.get_text(strip=True) for th in tree.find_all("th")), page


def test_no_style_sheet_waits_for_another(html):
    sheets = sorted(html.rglob("*.css"))
    assert len(sheets) > 5
    assert [sheet for sheet in sheets if "@import" in sheet.read_text("utf-8")] == []
