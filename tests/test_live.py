"""Live elements in real Chromium, each in a page of its own, from the folder, no host but this."""

import random
import re

import numpy as np
import pytest
from harness import ROUNDS, accessibility, curves, move, values

from k2course import data, models
from k2course.explore import IntakeCalculator, ModelExplorer, explore

pytestmark = pytest.mark.browser
SEED = 20261121


def cycle(**changes):
    options = {
        "title": "Cycle",
        "sliders": ["dose", "intake", "phi"],
        "panels": {"Vitamin K": ["VK", "VKH2", "VKO"], "Proteins": ["II", "VII", "X"]},
        "t_end": 360,
        "relative": True,
        "caption": "Three forms of vitamin K and three proteins, all at 100 %.",
    }
    return ModelExplorer("kcycle", **(options | changes))


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("name", models.catalog().index)
def test_every_model_agrees_with_roadrunner(show, name, rounds):
    """The page's integrator at random settings of every slider that a model has."""
    model = models.load(name)
    table = model.parameters.dropna(subset=["slider_low"])
    sliders = list(table.index)
    if not sliders:
        pytest.skip(f"{name} has no slider")
    variables = list(model.variables.index)
    t_end = model.t_end
    explorer = ModelExplorer(
        model, title=name, sliders=sliders, panels={"One of them": variables[:1]},
        t_end=t_end, caption="A test.",
    )  # fmt: skip
    page = show(explorer)
    generator = random.Random(SEED)
    print(f"seed {SEED}")
    for _ in range(rounds):
        chosen = {
            s: round(generator.uniform(table.loc[s, "slider_low"], table.loc[s, "slider_high"]), 6)
            for s in sliders
        }
        run, seen = model.simulate(t_end, points=201, **chosen), curves(page, **chosen)
        for v in variables:
            error = np.abs(seen[v] - run[v].to_numpy()).max()
            assert error <= 1e-5 * run[v].abs().max() + 1e-12, (v, chosen, error)


def test_two_explorers_of_one_model_do_not_disturb_each_other(show):
    page = show(cycle(), cycle())
    before = values(page, 1)
    move(page, "dose", 5, number=0)
    assert values(page, 0) != before
    assert values(page, 1) == before


def test_settings_go_into_the_address_and_come_back(show):
    page = show(cycle(), cycle())
    move(page, "dose", 4, number=1)
    move(page, "phi", 0.1, number=1)
    page.wait_for_timeout(500)
    address = page.url.partition("#")[2]
    assert address == "explorer-2=dose:4,phi:0.1"
    again = show(cycle(), cycle(), address=f"?again#{address}")
    assert again.locator("input[name=dose]").nth(1).input_value() == "4"
    assert again.locator("input[name=dose]").nth(0).input_value() == "0"


@pytest.mark.parametrize(
    "rubbish", ["dose:999", "dose:x", "dose", "nothing:1", "dose:", "dose:1e999", "%00", "dose:-1"]
)
def test_rubbish_in_the_address_falls_back_with_a_message(show, rubbish):
    page = show(cycle(), address=f"#explorer-1={rubbish}")
    assert page.locator("input[name=dose]").input_value() == "0"
    assert "could not be used" in page.locator(".k2-status").inner_text()
    assert page.errors == []


def test_an_ordinary_anchor_is_left_alone(show):
    page = show(cycle(), address="#summary")
    assert page.locator(".k2-status").inner_text() == ""
    assert page.url.endswith("#summary")


def test_hostile_labels_render_as_text(show):
    hostile = '<img src=x onerror="window.hit = 1"></script><script>window.hit = 1</script>' * 3
    page = show(cycle(title=hostile, caption=hostile, presets={hostile: {"dose": 4}}))
    assert page.evaluate("window.hit") is None
    assert page.locator(".k2-title").inner_text() == hostile


def test_a_slow_run_goes_to_a_worker_and_the_newest_setting_wins(show):
    long = cycle(t_end=20000, points=2001, doses=800, panels={"Vitamin K": ["VKH2"]})
    page = show(long)
    for dose in (1, 2, 3, 4):
        page.locator("input[name=dose]").evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", dose
        )
    run = models.load("kcycle").simulate(20000, points=2001, dose=4, doses=800)
    expected = f"{100 * run['VKH2'].iloc[-1] / 0.1:.3g}"
    shown = page.locator(".k2-value").first
    for _ in range(300):
        if shown.inner_text() == expected:
            break
        page.wait_for_timeout(100)
    assert shown.inner_text() == expected
    page.wait_for_timeout(500)  # no older run comes after it
    assert shown.inner_text() == expected


def test_curves_are_right_before_and_after_the_page_takes_over_from_its_worker(show):
    page = show(cycle(panels={"Vitamin K": ["VKH2"]}))
    page.evaluate("""() => {
      const post = Worker.prototype.postMessage;
      window.asked = 0;
      Worker.prototype.postMessage = function (...given) { asked++; post.apply(this, given); };
    }""")
    model, asked = models.load("kcycle"), [0]
    while len(asked) < 60 and (len(asked) < 3 or asked[-1] > asked[-2]):
        dose = move(page, "dose", 0.5 * (1 + len(asked) % 20))
        asked.append(page.evaluate("asked"))
        end = 100 * model.simulate(360, points=201, dose=dose)["VKH2"].iloc[-1] / 0.1
        shown = page.locator(".k2-value").first
        page.wait_for_function(
            "([e, text]) => e.textContent === text", arg=[shown.element_handle(), f"{end:.3g}"]
        )
    assert asked[1] == 1  # a first run is no work for the page
    assert asked[-1] == asked[-2]


def test_a_chart_follows_the_width_of_its_page(show):
    page = show(cycle())
    ends = []
    for width in (1200, 500):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        boxes = [page.locator(f".k2-chart {part}").first.bounding_box() for part in ("", "path")]
        ends.append(boxes[1]["x"] + boxes[1]["width"])
        assert boxes[0]["x"] + boxes[0]["width"] - ends[-1] == pytest.approx(12, abs=3)
    assert ends[1] < ends[0]


def test_evidence_is_drawn_with_its_interval(show):
    point = {"variable": "VKH2", "time": 300, "value": 40, "low": 30, "high": 50, "label": "study"}
    page = show(cycle(evidence=[point]))
    assert page.locator(".k2-evidence line").count() == 1
    assert "study: 40 (30 to 50)" in page.locator(".k2-legend").first.inner_text()


def test_keyboard_moves_names_and_values(show):
    page = show(cycle())
    slider = page.locator("input[name=dose]")
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_timeout(150)
    assert slider.get_attribute("aria-valuetext") == "10 mg"
    page.keyboard.press("Home")
    page.wait_for_timeout(150)
    assert slider.get_attribute("aria-valuetext") == "0 mg"
    label = page.locator(f"label[for={slider.get_attribute('id')}]").inner_text()
    assert "warfarin" in label


class TestIntake:
    def calculator(self):
        portions = {"vegetable": 100, "cheese, hard": 30, "soy, fermented": 0}
        return IntakeCalculator(data.load("foods"), portions, reference=70, caption="Three bars.")

    @pytest.mark.parametrize("rounds", ROUNDS)
    def test_page_agrees_with_python(self, show, rounds):
        calculator = self.calculator()
        page = show(calculator)
        generator = random.Random(SEED)
        for _ in range(rounds):
            day = {
                name: move(page, name, generator.randrange(0, 301, 5))
                for name in calculator.defaults
            }
            sums = calculator.total(day)
            for text, (low, high) in zip(values(page), sums.to_numpy(), strict=True):
                seen = [
                    float(x) for x in re.findall(r"[\d.]+(?:e\+?\d+)?", text.partition("µg")[0])
                ]
                assert seen[0] == pytest.approx(low, rel=6e-3, abs=1e-9)
                assert seen[-1] == pytest.approx(high, rel=6e-3, abs=1e-9)

    def test_accessibility(self, show):
        assert accessibility(show(self.calculator(), cycle()), ".k2-live") == []


def test_grid_steps_through_results_that_load_on_demand(show, tmp_path, monkeypatch):
    monkeypatch.setenv("K2COURSE_BOOK", str(tmp_path / "grids"))
    grid = explore(lambda a, b: f"{a} and {b}", a=[1, 2], b=["x", "<y>"])
    page = show(grid.data)
    assert page.locator(".k2-result").inner_text() == "1 and x"
    page.get_by_label("b").select_option("<y>")
    page.wait_for_timeout(300)
    assert page.locator(".k2-result").inner_text() == "1 and <y>"
    page.get_by_label("a").select_option("2")
    page.wait_for_timeout(100)
    assert page.locator(".k2-result").inner_text() == "2 and <y>"
