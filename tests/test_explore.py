"""The live elements in Python: equations, grids, intake, and what they refuse."""

import json
import re
import shutil
import subprocess

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from k2course import data, models
from k2course.explore import IntakeCalculator, ModelExplorer, explore
from k2course.explore.equations import javascript
from k2course.explore.grid import GridError
from k2course.explore.live import script

BASIC = {"title": "t", "sliders": ["dose"], "panels": {"a": ["VK"]}, "t_end": 10, "caption": "c"}


def in_node(source: str) -> object:
    """Run page code in Node and return what its last expression gives."""
    node = shutil.which("node")
    if not node:
        pytest.skip("NO NODE FOUND: the page code is checked in the browser tests only")
    done = subprocess.run([node], input=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-800:]
    return json.loads(done.stdout)


class TestIntegrators:
    """Oracles that share no code: an analytic solution and a published stiff benchmark."""

    PENDULUM = """({ variables: ["y"], init: () => [1], events: [],
      rhs(t, y, p, dy) { dy[0] = -Math.cos(t) * y[0]; },
      jac(t, y, p, out) { out[0][0] = -Math.cos(t); },
      observe: (t, y) => [y[0]] })"""
    ROBERTSON = """({ variables: ["a", "b", "c"], init: () => [1, 0, 0], events: [],
      rhs(t, y, p, dy) {
        dy[0] = -0.04 * y[0] + 1e4 * y[1] * y[2]; dy[2] = 3e7 * y[1] ** 2;
        dy[1] = -dy[0] - dy[2]; },
      jac(t, y, p, out) {
        out[0][0] = -0.04; out[0][1] = 1e4 * y[2]; out[0][2] = 1e4 * y[1]; out[2][1] = 6e7 * y[1];
        out[1][0] = 0.04; out[1][1] = -1e4 * y[2] - 6e7 * y[1]; out[1][2] = -1e4 * y[1]; },
      observe: (t, y) => Array.from(y) })"""

    def solve(self, model, times, changes=""):
        code = f"const m = {model}; {changes}; const c = solve(m, {{}}, {json.dumps(times)});"
        return in_node(f"{script()}\n{code} console.log(JSON.stringify(c.map(x => [...x])))")

    @pytest.mark.parametrize("changes", ["", "delete m.jac"], ids=["implicit", "explicit"])
    def test_analytic_solution_between_the_steps(self, changes):
        times = list(np.linspace(0, 10, 101))
        (found,) = self.solve(self.PENDULUM, times, changes)
        assert found == pytest.approx(np.exp(-np.sin(times)).tolist(), rel=1e-6)

    def test_stiff_benchmark(self):
        """Robertson's problem at t = 40: values of Hindmarsh's and later reference solvers."""
        found = np.array(self.solve(self.ROBERTSON, [0, 40]))[:, 1]
        assert found == pytest.approx([0.7158270687, 9.185534765e-6, 0.2841637457], rel=2e-6)

    def test_it_gives_up_honestly(self):
        blow_up = self.PENDULUM.replace("-Math.cos(t) * y[0]", "y[0] * y[0]")
        code = f"""const m = {blow_up}; delete m.jac;
        let told; try {{ solve(m, {{}}, [0, 5]); }} catch (e) {{ told = e.message; }}
        console.log(JSON.stringify(told))"""
        told = in_node(f"{script()}\n{code}")
        assert re.match(r"(no solution beyond|not a number at) t = (0\.9|1\.0)", told)


@pytest.mark.parametrize("name", models.catalog().index)
@pytest.mark.parametrize("stiff", [False, True])
def test_generated_jacobian_is_that_of_the_generated_slopes(name, stiff):
    model = models.load(name)
    if stiff and not model.states:
        pytest.skip(f"{name} has no states")
    source, values = javascript(model.sbml(), list(model.variables.index), stiff=stiff)
    code = f"""const m = {source}; const p = {json.dumps(values)};
    const y = m.init(p), n = y.length;
    const f = (v) => {{ const d = new Float64Array(n); m.rhs(0.5, v, p, d); return [...d]; }};
    const jac = Array.from({{ length: n }}, () => new Float64Array(n));
    if (m.jac) m.jac(0.5, y, p, jac);
    const steps = y.map((v, j) => {{ const h = 1e-6 * Math.max(Math.abs(v), 1e-3);
      const [a, b] = [1, -1].map((s) => f(y.map((w, i) => (i === j ? w + s * h : w))));
      return a.map((x, i) => (x - b[i]) / (2 * h)); }});
    console.log(JSON.stringify({{ slope: f(y), jac: jac.map((r) => [...r]), steps }}))"""
    found = in_node(f"{script()}\n{code}")
    assert np.isfinite(found["slope"]).all()
    if stiff:
        numeric = np.array(found["steps"]).T
        scale = np.abs(numeric).max() or 1
        assert np.array(found["jac"]) == pytest.approx(numeric, rel=2e-4, abs=2e-6 * scale)


class TestModelExplorer:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"sliders": ["dosis"]}, "'dosis'; there are: "),
            ({"sliders": ["k12"]}, "k12 has no slider range in the table"),
            ({"panels": {"a": ["VKK"]}}, "unknown variable of kcycle, 'VKK'"),
            ({"panels": {"a": ["VK", "II"]}}, "one panel, one unit"),
            ({"presets": {"x": {"dose": -1}}}, "dose = -1 is not allowed"),
        ],
    )
    def test_bad_input_gets_one_line(self, change, message):
        with pytest.raises(models.ModelError, match=message) as caught:
            ModelExplorer("kcycle", **(BASIC | change))
        assert "\n" not in str(caught.value)

    def test_hostile_labels_stay_text(self):
        hostile = '</script><script>alert("x")</script>'
        page = ModelExplorer("kcycle", **(BASIC | {"title": hostile, "caption": hostile})).html()
        assert page.count("<script") == 1
        assert page.count("</script") == 1

    def test_python_reads_and_moves_the_sliders(self):
        explorer = ModelExplorer("kcycle", **BASIC)
        seen = []
        explorer.observe(seen.append)
        explorer.parameters = {"dose": 4}
        assert explorer.parameters == {"dose": 4}
        assert len(seen) == 1
        pd.testing.assert_frame_equal(
            explorer.trajectory, models.load("kcycle").simulate(10, points=201, dose=4)
        )
        with pytest.raises(models.ModelError, match="dose = -1 is not allowed"):
            explorer.parameters = {"dose": -1}

    def test_sliders_may_start_away_from_the_reference(self):
        explorer = ModelExplorer("kcycle", **BASIC, start={"dose": 4})
        assert explorer.defaults["dose"] == 4
        assert explorer.spec["parameters"]["dose"] == 0
        with pytest.raises(models.ModelError, match="nothing"):
            ModelExplorer("kcycle", **BASIC, start={"nothing": 1})

    def test_in_the_book_it_is_html_with_a_picture(self, monkeypatch, tmp_path):
        monkeypatch.setenv("K2COURSE_BOOK", str(tmp_path))
        bundle = ModelExplorer("kcycle", **BASIC)._repr_mimebundle_()
        assert set(bundle) == {"text/html", "text/plain"}
        assert 'alt="c"' in bundle["text/html"]
        assert "data:image/png;base64," in bundle["text/html"]


class TestIntake:
    FOODS = pd.DataFrame(
        {
            "category": ["leaf", "leaf", "cheese", "cheese", "cheese", "natto"],
            "form": ["K1", "K1", "K1", "total MK", "total K", "MK-7"],
            "mean_ug_per_100g": [200.0, 400, 4, 50, 300, 900],
            "market": ["NL", "JP", "NL", "NL", "US", "JP"],
        }
    )

    def test_sums_by_hand(self):
        calculator = IntakeCalculator(self.FOODS, {"leaf": 50, "cheese": 20}, caption="c")
        day = calculator.total({"leaf": 50, "cheese": 20})
        assert day.loc["K1"].tolist() == pytest.approx([100.8, 200.8])
        assert day.loc["MK"].tolist() == pytest.approx([10, 10])
        assert day.loc["total"].tolist() == pytest.approx([100 + 10.8, 200 + 60])

    def test_real_table_loads(self):
        calculator = IntakeCalculator(data.load("foods"), {"vegetable": 100}, caption="c")
        day = calculator.total({"vegetable": 100})
        assert (day["low"] <= day["high"]).all()

    @pytest.mark.parametrize(
        ("portions", "message"),
        [({"lef": 1}, "no food 'lef'; there are: "), ({"leaf": -1}, "leaf: -1 g/day; allowed"),
         ({"leaf": float("nan")}, "leaf: nan g/day")],
    )  # fmt: skip
    def test_bad_input_gets_one_line(self, portions, message):
        with pytest.raises(ValueError, match=message):
            IntakeCalculator(self.FOODS, portions, caption="c")


class TestGrid:
    @pytest.fixture
    def book(self, monkeypatch, tmp_path):
        monkeypatch.setenv("K2COURSE_BOOK", str(tmp_path))
        return tmp_path

    def results(self, folder):
        (file,) = folder.glob("*.js")
        text = file.read_text("utf-8")
        return json.loads(text[text.index(",") + 1 : text.rindex(")")])["results"]

    def test_every_combination_is_there_in_order(self, book):
        page = explore(lambda a, b: f"{a}<{b}", a=[1, 2], b=["x", "y", "z"])
        assert self.results(book) == [f"<p>{a}&lt;{b}</p>" for a in (1, 2) for b in "xyz"]
        assert page.data.count("<select") == 2
        assert "<p>1&lt;x</p>" in page.data

    def test_figures_carry_their_alt_text(self, book):
        def draw(n):
            figure, ax = plt.subplots()
            ax.plot([0, n])
            return figure

        before = plt.get_fignums()
        explore(draw, alt="A line up to {n}", n=[1, 2])
        assert 'alt="A line up to 2"' in self.results(book)[1]
        assert plt.get_fignums() == before

    def test_tables(self, book):
        explore(lambda n: pd.DataFrame({"n": [n]}), n=[1, 2])
        assert "<td>2</td>" in self.results(book)[1]

    @pytest.mark.parametrize(
        ("choices", "message"),
        [({}, "at least one choice"), ({"a": []}, "at least one value"),
         ({"a": range(20), "b": range(20)}, "400 combinations; at most 200"),
         ({"a": range(3)}, r"weigh 3\.0 MB; at most 2 MB")],
    )  # fmt: skip
    def test_what_it_refuses(self, book, choices, message):
        with pytest.raises(GridError, match=message):
            explore(lambda **chosen: "x" * 1_000_000, **choices)
        assert list(book.iterdir()) == []
