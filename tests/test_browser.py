"""The book in real Chromium, every outside host blocked, over http and from the folder."""

import json
import random
import re

import numpy as np
import pytest
from harness import curves, move, table

from k2course import models

pytestmark = pytest.mark.browser
MODEL = "chapters/k-cycle/model.html"


@pytest.fixture(params=["http", "folder"])
def address(request, server, html):
    return server if request.param == "http" else html.as_uri()


def opened(page, url):
    page.goto(url)
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)
    return page


def test_nothing_leaves_this_machine(page, address):
    for path in (
        "intro.html",
        "chapters/k-cycle/index.html",
        MODEL,
        "chapters/k-cycle/evidence.html",
    ):
        opened(page, f"{address}/{path}")
    assert page.outside == []
    assert page.errors == []


def test_maths_is_typeset(page, address):
    opened(page, f"{address}/{MODEL}")
    page.wait_for_selector("mjx-container")
    assert page.locator("mjx-container").count() >= 5
    assert "\\frac" not in page.locator("main").inner_text()


def test_slider_moves_the_curve_by_keyboard(page, address):
    opened(page, f"{address}/{MODEL}")
    explorer = page.locator(".k2-explorer").first
    curve = explorer.locator("path.k2-line:not(.k2-before)").nth(1)
    before = curve.get_attribute("d")
    slider = explorer.locator("input[name=dose]")
    slider.focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    assert curve.get_attribute("d") != before
    assert slider.get_attribute("aria-valuetext") == "4 mg"
    assert explorer.locator(".k2-status").inner_text() == ""


def holding(html, mark):
    """List the pages of the book that hold a live element of this kind."""
    found = [p for p in sorted(html.rglob("*.html")) if f'class="{mark}"' in p.read_text("utf-8")]
    assert found
    return [p.relative_to(html).as_posix() for p in found]


def explorers(page):
    """Yield number and description of every model explorer of the open page."""
    for number, text in enumerate(page.locator(".k2-explorer > script").all_inner_texts()):
        spec = json.loads(text)["spec"]
        if "model" in spec:
            yield number, spec


def agree(page, generator, rounds):
    """Compare curves at random settings, in full precision, with RoadRunner's."""
    for number, spec in explorers(page):
        model = models.load(spec["model"])
        kept = {k: v for k, v in spec["parameters"].items() if k in model.parameters.index}
        for _ in range(rounds):
            chosen = {
                s["id"]: round(generator.uniform(s["low"], s["high"]), 3) for s in spec["sliders"]
            }
            columns = curves(page, number, **chosen)
            run = model.simulate(spec["t_end"], points=spec["points"], **(kept | chosen))
            for name in {c["id"] for panel in spec["panels"] for c in panel["curves"]}:
                error = np.abs(columns[name] - run[name].to_numpy()).max() / run[name].abs().max()
                assert error <= 1e-5, (spec["title"], name, chosen, error)


def test_every_explorer_agrees_with_roadrunner(page, server, html):
    """Twenty random settings of every explorer in the book."""
    seed = 20261121
    generator = random.Random(seed)
    print(f"seed {seed}")
    for path in holding(html, "k2-explorer"):
        agree(opened(page, f"{server}/{path}"), generator, rounds=20)


def test_page_from_the_folder_agrees_with_roadrunner(page, html):
    agree(opened(page, f"{html.as_uri()}/{MODEL}"), random.Random(1), rounds=3)


def test_shown_values_are_those_of_roadrunner(page, address):
    """What a person reads off the table after moving a slider, to the three digits shown."""
    opened(page, f"{address}/{MODEL}")
    dose = move(page, "dose", 6.5)
    phi = move(page, "phi", 0.2)
    shown = table(page)
    run = models.load("kcycle").simulate(360, points=201, dose=dose, phi=phi)
    head = next(h for h in shown if "epoxide" in h)
    expected = 100 * run["VKO"].iloc[:: int(np.ceil(201 / 25))] / run["VKO"].iloc[0]
    assert shown[head] == pytest.approx(expected.tolist(), rel=6e-3)


def test_code_line_reproduces_every_explorer(page, server, html):
    for path in holding(html, "k2-explorer"):
        opened(page, f"{server}/{path}")
        for number, spec in explorers(page):
            slider = spec["sliders"][0]
            move(page, slider["id"], 0.7 * slider["low"] + 0.3 * slider["high"], number)
            explorer = page.locator(".k2-explorer").nth(number)
            assert explorer.locator(".k2-status").inner_text() == "", (path, spec["title"])
            run = eval(explorer.locator(".k2-code").inner_text(), {"models": models})
            curve = spec["panels"][0]["curves"][0]
            text = explorer.locator(".k2-value").first.inner_text()
            expected = run[curve["id"]].iloc[-1] * curve["scale"]
            assert float(text) == pytest.approx(expected, rel=6e-3), (path, spec["title"])


def test_every_grid_shows_another_result(page, server, html):
    for path in holding(html, "k2-grid"):
        opened(page, f"{server}/{path}")
        for grid in page.locator(".k2-grid").all():
            before = grid.locator(".k2-result").inner_html()
            for choice in grid.locator("select").all():
                choice.select_option(index=choice.locator("option").count() - 1)
            page.wait_for_timeout(400)
            assert grid.locator(".k2-result").inner_html() != before, path
    assert page.errors == []


def test_reset_preset_and_code(page, server):
    opened(page, f"{server}/{MODEL}")
    explorer = page.locator(".k2-explorer").first
    explorer.get_by_role("button", name="Warfarin 4 mg/day").click()
    page.wait_for_timeout(80)
    line = explorer.locator(".k2-code").inner_text()
    assert re.search(r"dose=4\b", line)
    run = eval(line, {"models": models})
    assert run["VKH2"].iloc[-1] == pytest.approx(0.0317, abs=5e-5)
    explorer.get_by_role("button", name="Reset").click()
    page.wait_for_timeout(80)
    assert explorer.locator("input[name=dose]").input_value() == "0"


def test_without_scripts_the_picture_stands(chromium, server):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/{MODEL}")
    picture = page.locator(".k2-picture img").first
    assert picture.is_visible()
    assert picture.evaluate("e => e.complete && e.naturalWidth > 100")
    context.close()


@pytest.mark.parametrize("width", [390, 640, 1280], ids=["phone", "zoom 200 %", "desk"])
def test_no_page_is_wider_than_the_screen(page, server, html, width):
    """A window of 1280 points at 200 % zoom lays its page out in 640."""
    page.set_viewport_size({"width": width, "height": 800})
    for path in sorted(p.relative_to(html).as_posix() for p in html.rglob("*.html")):
        page.goto(f"{server}/{path}")
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_print_shows_the_default_picture_with_its_caption(page, server):
    opened(page, f"{server}/{MODEL}")
    move(page, "dose", 8)
    page.emulate_media(media="print")
    assert not page.locator(".k2-live").first.is_visible()
    assert page.locator(".k2-picture img").first.is_visible()
    assert len(page.locator(".k2-picture p").first.inner_text()) > 20


def test_reduced_motion_is_respected(page, server):
    page.emulate_media(reduced_motion="reduce")
    opened(page, f"{server}/{MODEL}")
    moving = page.locator(".k2-live").first.evaluate(
        "e => [e, ...e.querySelectorAll('*')].filter(x => getComputedStyle(x)"
        ".transitionDuration !== '0s' || getComputedStyle(x).animationName !== 'none').length"
    )
    assert moving == 0


@pytest.mark.parametrize(("theme", "dark"), [("light", False), ("dark", True)])
def test_explorers_follow_the_theme(page, server, theme, dark):
    opened(page, f"{server}/{MODEL}")
    page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
    look = page.locator(".k2-live").first
    paper, ink = look.evaluate(
        "e => ['backgroundColor', 'color'].map(k => "
        "getComputedStyle(e)[k].match(/\\d+/g).slice(0, 3).reduce((s, x) => s + +x, 0))"
    )
    assert (paper < ink) == dark


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_live_elements_pass_the_accessibility_rules(page, server, html, theme):
    from axe_playwright_python.sync_playwright import Axe

    for mark in ("k2-explorer", "k2-grid"):
        for path in holding(html, mark):
            opened(page, f"{server}/{path}")
            page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
            for summary in page.locator(f".{mark} details summary").all():
                summary.click()
            found = Axe().run(page, context=f".{mark}").response["violations"]
            assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == [], path


def test_explorer_code_is_light(html):
    import gzip

    code = [html / "_static" / name for name in ("explorer.js", "explorer.css")]
    assert sum(len(gzip.compress(file.read_bytes())) for file in code) <= 60_000


@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_passes_the_accessibility_rules(page, server, html, theme):
    from axe_playwright_python.sync_playwright import Axe

    found = []
    for path in sorted(p.relative_to(html).as_posix() for p in html.rglob("*.html")):
        opened(page, f"{server}/{path}")
        page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
        rules = Axe().run(page).response["violations"]
        found += [(path, rule["id"], rule["nodes"][0]["html"][:120]) for rule in rules]
    assert found == []
