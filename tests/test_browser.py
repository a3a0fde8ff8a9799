"""The book in real Chromium, every outside host blocked, over http and from the folder."""

import random
import re

import numpy as np
import pytest
from harness import agree, move, opened, table

from k2course import models

pytestmark = pytest.mark.browser
MODEL = "chapters/k-cycle/model.html"


@pytest.fixture(params=["http", "folder"])
def address(request, server, html):
    return server if request.param == "http" else html.as_uri()


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
