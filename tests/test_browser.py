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
KNOWN = "THEBE_JS_URL"  # the theme declares it twice on every page


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
    assert [e for e in page.errors if KNOWN not in e] == []


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


def test_page_agrees_with_roadrunner(page, address):
    """Random slider settings of every explorer: full precision from the page's own integrator."""
    seed = 20261121
    generator = random.Random(seed)
    print(f"seed {seed}")
    opened(page, f"{address}/{MODEL}")
    count = page.locator(".k2-explorer").count()
    assert count >= 2
    for number in range(count):
        state = json.loads(page.locator(".k2-explorer script").nth(number).inner_text())
        spec = state["spec"]
        model = models.load(spec["model"])
        for _ in range(6):
            chosen = {
                s["id"]: round(generator.uniform(s["low"], s["high"]), 3) for s in spec["sliders"]
            }
            columns = curves(page, number, **chosen)
            kept = {k: v for k, v in spec["parameters"].items() if k in model.parameters.index}
            run = model.simulate(spec["t_end"], points=spec["points"], **(kept | chosen))
            for panel in spec["panels"]:
                for curve in panel["curves"]:
                    name = curve["id"]
                    seen = columns[name]
                    error = np.abs(seen - run[name].to_numpy()).max() / run[name].abs().max()
                    assert error <= 1e-5, (spec["title"], name, chosen, error)


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


def test_code_line_reproduces_every_explorer(page, server):
    opened(page, f"{server}/{MODEL}")
    for number, explorer in enumerate(page.locator(".k2-explorer").all()):
        move(page, "dose", 3, number)
        run = eval(explorer.locator(".k2-code").inner_text(), {"models": models})
        spec = json.loads(explorer.locator("script").inner_text())["spec"]
        curve = spec["panels"][0]["curves"][0]
        text = explorer.locator(".k2-value").first.inner_text()
        assert float(text) == pytest.approx(run[curve["id"]].iloc[-1] * curve["scale"], rel=6e-3)


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


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_screen(page, server, width):
    page.set_viewport_size({"width": width, "height": 800})
    for path in (
        "intro.html",
        MODEL,
        "chapters/k-cycle/cycle.html",
        "chapters/k-cycle/evidence.html",
    ):
        opened(page, f"{server}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


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
def test_explorers_pass_the_accessibility_rules(page, server, theme):
    from axe_playwright_python.sync_playwright import Axe

    opened(page, f"{server}/{MODEL}")
    page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
    page.locator(".k2-explorer details summary").first.click()
    found = Axe().run(page, context=".k2-explorer").response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []
