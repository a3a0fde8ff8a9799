"""Every live element and every page of the book in real Chromium."""

import gzip
import random

import pytest
from harness import accessibility, agree, explorers, holding, move, opened

from k2course import models

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.long)])
def test_every_explorer_and_its_code_line_agree_with_roadrunner(page, server, html, rounds):
    """Random settings of every explorer in the book, and the line that reproduces one of them."""
    seed = 20261121
    generator = random.Random(seed)
    print(f"seed {seed}")
    for path in holding(html, "k2-explorer"):
        agree(opened(page, f"{server}/{path}"), generator, rounds)
        for number, spec in explorers(page):
            slider = spec["sliders"][0]
            move(page, slider["id"], 0.7 * slider["low"] + 0.3 * slider["high"], number)
            explorer = page.locator(".k2-explorer").nth(number)
            run = eval(explorer.locator(".k2-code").inner_text(), {"models": models})
            curve = spec["panels"][0]["curves"][0]
            expected = pytest.approx(run[curve["id"]].iloc[-1] * curve["scale"], rel=6e-3)
            for _ in range(40):  # a slow model answers from its worker
                text = explorer.locator(".k2-value").first.inner_text()
                if float(text) == expected:
                    break
                page.wait_for_timeout(100)
            assert float(text) == expected, (path, spec["title"])
            assert explorer.locator(".k2-status").inner_text() == "", (path, spec["title"])


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.long)])
def test_every_grid_shows_another_result(page, server, html, step):
    for path in holding(html, "k2-grid")[::step]:
        opened(page, f"{server}/{path}")
        for grid in page.locator(".k2-grid").all():
            before = grid.locator(".k2-result").inner_html()
            for choice in grid.locator("select").all():
                choice.select_option(index=choice.locator("option").count() - 1)
            result = grid.locator(".k2-result").element_handle()
            changed = "([result, before]) => result.innerHTML !== before"
            page.wait_for_function(changed, arg=[result, before], timeout=5000)
    assert page.errors == []


def test_no_page_is_wider_than_the_screen(page, server, html):
    """A phone, a desk, and a desk at 200 % zoom, which lays its page out in 640 points.

    The widest pages of each part; the long checks look at all.
    """
    parts = sorted((html / "chapters").glob("*/evidence.html"))
    pages = ["intro.html", "chapters/reference/data.html", "chapters/reading/pooling.html"]
    wide = []
    for path in (*pages, *(part.relative_to(html).as_posix() for part in parts)):
        page.goto(f"{server}/{path}")
        for width in (1280, 640, 390):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(60)
            needed = page.evaluate("document.documentElement.scrollWidth")
            wide += [(path, width, needed)] if needed > width else []
    assert len(parts) >= 4
    assert wide == []
    assert page.outside == []
    assert page.errors == []


@pytest.mark.parametrize("mark", ["k2-explorer", "k2-grid"])
def test_live_elements_pass_the_accessibility_rules(page, server, html, mark):
    """On every tenth page that holds some; the long checks look at all."""
    found = []
    for path in holding(html, mark)[::10]:
        opened(page, f"{server}/{path}")
        for summary in page.locator(f".{mark} details summary").all():
            summary.click()
        found += [(path, *rule) for rule in accessibility(page, f".{mark}")]
    assert found == []


def test_explorer_code_is_light(html):
    code = [html / "_static" / name for name in ("explorer.js", "explorer.css")]
    assert sum(len(gzip.compress(file.read_bytes())) for file in code) <= 60_000


@pytest.mark.long
def test_every_page_passes_the_accessibility_rules(page, server, html):
    found = []
    for path in sorted(p.relative_to(html).as_posix() for p in html.rglob("*.html")):
        opened(page, f"{server}/{path}")
        found += [(path, *rule) for rule in accessibility(page)]
    assert found == []
