"""Steady states, scans, doses, virtual patients, exports; awkward values and bad input."""

import math
import os
import re
import xml.etree.ElementTree as ET
import zipfile

import antimony
import libsbml
import numpy as np
import pandas as pd
import pytest
import roadrunner

from k2course import models
from k2course.models import source

NAMES = list(models.catalog().index)


def test_catalog():
    table = models.catalog()
    assert len(table) == 19
    assert (table["states"] > 0).all()
    assert table["title"].is_unique


class TestDoses:
    def test_schedule_is_the_same_as_the_models_own_doses(self):
        model = models.load("wajima2009")
        own = model.simulate(240, dose=4, first_dose=1, doses=5)
        given = models.schedule(4, "A", every=24, count=5, start=1)
        pd.testing.assert_frame_equal(model.simulate(240, schedule=given), own, rtol=1e-6)

    def test_first_dose_at_time_zero_is_given(self):
        model = models.load("wajima2009")
        own = model.simulate(24, dose=4, first_dose=0, doses=1)
        assert own["A"].iloc[0] == 4
        pd.testing.assert_frame_equal(model.simulate(24, schedule=[(0, 4, "A")]), own, rtol=1e-6)

    def test_missed_dose(self):
        all_, missed = (models.schedule(3, "A", every=24, count=5, missed=m) for m in ((), (2, 5)))
        assert list(all_["time"]) == [0, 24, 48, 72, 96]
        assert list(missed["time"]) == [0, 48, 72]
        model = models.load("wajima2009")
        full, less = (model.simulate(120, schedule=s)["C"] for s in (all_, missed))
        assert (less <= full + 1e-6).all()
        assert less.loc[40:47].max() < full.loc[40:47].min()

    def test_amounts_spread_in_the_volume_of_the_target(self):
        run = models.load("wajima2009").simulate(1, points=2, schedule=[(0, 10, "C")])
        assert run["C"].iloc[0] == pytest.approx(1)  # 10 mg in 10 L

    def test_doses_off_the_grid_count(self):
        model = models.load("vitamin_k_pk")
        coarse = model.simulate(100, points=3, schedule=[(33.3, 50, "MK7")])
        fine = model.simulate(100, points=1001, schedule=[(33.3, 50, "MK7")])
        assert list(coarse.index) == [0, 50, 100]
        assert len(fine) == 1001
        assert fine.index.is_monotonic_increasing
        assert coarse["MK7"].iloc[-1] == pytest.approx(fine["MK7"].iloc[-1], rel=1e-7)

    @pytest.mark.parametrize(
        ("schedule", "message"),
        [
            ([], "the schedule holds no dose"),
            ([(-1, 4, "A")], "a dose with time -1; it must be 0 or more"),
            ([(1, -4, "A")], "a dose with amount -4; it must be 0 or more"),
            ([(1, math.nan, "A")], "a dose with amount nan"),
            ([(1, 4, "B")], "unknown target of a dose of wajima2009, 'B'; there are: VK"),
            ([(1, 4)], r"each dose of the schedule must be \(time, amount, target\)"),
            (7, r"schedule = 7 is not a list of \(time, amount, target\)"),
        ],
    )
    def test_bad_schedule(self, schedule, message):
        with pytest.raises(models.ModelError, match=message) as caught:
            models.load("wajima2009").simulate(10, schedule=schedule)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"every": 0, "count": 3}, "every = 0 is not a time between doses"),
            ({"every": 24, "count": 0}, "count = 0 is not a number of doses"),
            ({"every": 24, "count": 3, "missed": [4]}, "missed dose 4 does not exist"),
        ],
    )
    def test_bad_repetition(self, arguments, message):
        with pytest.raises(models.ModelError, match=message):
            models.schedule(4, "A", **arguments)


class TestSteadyStates:
    @pytest.mark.parametrize("name", NAMES)
    def test_nothing_changes_there(self, name):
        model = models.load(name)
        found = model.steady_state()
        sums = found.index[found.isna()]
        assert set(sums) <= {"BV"}
        model._start({})
        model._settle({})
        rates = dict(zip(model.states, model._engine.getRatesOfChange(), strict=True))
        scale = {s: max(abs(found[s]), 1e-6) * model.t_end for s in rates if s not in sums}
        assert all(abs(rates[s]) * model.t_end / model.t_end < 1e-3 * scale[s] for s in scale)

    def test_scan_goes_up_and_comes_back(self):
        found = models.load("topp2000").scan("m_SI", [2, 1])
        assert list(found["branch"]) == ["up", "up", "down", "down"]
        assert list(found["m_SI"]) == [1, 2, 2, 1]
        up = models.load("topp2000").scan("m_SI", [1, 2], direction="up")
        pd.testing.assert_frame_equal(up, found.iloc[:2])

    def test_scan_down_starts_at_the_top(self):
        found = models.load("lemaire2004").scan("m_OPG", [1, 1.2], direction="down")
        assert list(found["m_OPG"]) == [1.2, 1]

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda m: m.scan("m_SI", []), "topp2000: no values of m_SI to scan"),
            (lambda m: m.scan("SI_", [1]), "unknown parameter of topp2000, 'SI_'"),
            (lambda m: m.scan("SI", [1, math.nan]), "SI = nan is not a finite number"),
            (lambda m: m.scan("SI", [1], direction="left"), "unknown direction 'left'"),
        ],
    )
    def test_bad_scan(self, call, message):
        with pytest.raises(models.ModelError, match=message):
            call(models.load("topp2000"))


def final_cells(run):
    return {"B": run["B"].iloc[-1], "C": run["C"].iloc[-1]}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("lemaire2004", {"I_B": 1e-4}),
        ("wajima2009", {"dose": 4}),
        ("wajima2009", {"dose": 4, "first_dose": 0}),
        ("dallepezze2014", {}),
        ("zhou2016", {"dose": 3, "k2_dose": 20}),
    ],
)
def test_no_run_leaves_traces_in_the_next(name, settings):
    def run(model):
        return model.simulate(model.t_end, points=101, **settings)

    def failed(model):
        with pytest.raises(models.ModelError):
            model.simulate(10, points=-1)

    first = run(models.load(name))
    used = models.load(name)
    state = used.states[0]
    for spoil in (
        lambda m: m.steady_state(),
        lambda m: m.scan(m.parameters.index[0], m.parameters["value"].iloc[0] * np.array([1, 1.1])),
        lambda m: m.simulate(100, schedule=[(0, 1e-9, state), (33.3, 1e-9, state)]),
        lambda m: m.simulate(3 * m.t_end, **settings),
        failed,
    ):
        spoil(used)
        pd.testing.assert_frame_equal(run(used), first, check_exact=True)


class TestManyPatients:
    @pytest.fixture
    def patients(self):
        draw = np.random.default_rng(3)
        return pd.DataFrame(
            {"m_OPG": draw.uniform(1, 1.5, 120), "m_RANKL": draw.uniform(0.6, 1, 120)},
            index=[f"p{i}" for i in range(120)],
        )

    def test_same_results_for_any_number_of_workers(self, patients):
        model = models.load("lemaire2004")
        one, two, three = (
            model.simulate_many(patients, 365, 50, summarize=final_cells, workers=n, progress=False)
            for n in (1, 2, 3)
        )
        pd.testing.assert_frame_equal(one, two, check_exact=True)
        pd.testing.assert_frame_equal(one, three, check_exact=True)
        assert list(one.columns) == ["B", "C", "error"]
        assert list(one.index) == list(patients.index)

    def test_agrees_with_single_runs_in_any_order(self, patients):
        model = models.load("lemaire2004")
        many = model.simulate_many(patients.iloc[::-1], 365, 50, progress=False)
        row = patients.iloc[17]
        single = model.simulate(365, 50, **row).iloc[-1]
        assert many.loc["p17"].drop("error").to_list() == single.to_list()

    def test_a_failed_run_is_reported_and_not_fatal(self, capfd):
        table = pd.DataFrame({"m_OPG": [1.0, -1.0, 1.2, math.nan]})
        found = models.load("lemaire2004").simulate_many(table, 100, progress=False)
        assert list(found["error"] != "") == [False, True, False, True]
        assert "m_OPG = -1 is not allowed" in found["error"][1]
        assert found.loc[[1, 3], "C"].isna().all()
        assert found.loc[[0, 2], "C"].notna().all()

    def test_shared_schedule_and_progress(self, capsys):
        table = pd.DataFrame({"weight": [50.0, 70.0]})
        found = models.load("zhou2016").simulate_many(
            table, 48, schedule=[(0, 3, "A_w")], progress=True
        )
        assert found["INR"].iloc[0] > found["INR"].iloc[1]
        told = capsys.readouterr()
        assert "zhou2016: 100%" in told.out
        assert told.err == ""

    @pytest.mark.parametrize(
        ("table", "options", "message"),
        [
            (pd.DataFrame(), {}, "the table of patients is empty"),
            (pd.DataFrame({"m_OPG": []}), {}, "the table of patients is empty"),
            (pd.DataFrame({"opg": [1]}), {}, "unknown parameter of lemaire2004, 'opg'"),
            (pd.DataFrame({"m_OPG": [1]}), {"workers": 0}, "workers = 0 is not a number"),
        ],
    )
    def test_bad_table(self, table, options, message):
        with pytest.raises(models.ModelError, match=message):
            models.load("lemaire2004").simulate_many(table, 10, **options)


class TestExports:
    @pytest.mark.parametrize("name", NAMES)
    def test_archive(self, name, tmp_path):
        path = models.load(name).omex(tmp_path / f"{name}.omex")
        with zipfile.ZipFile(path) as archive:
            parts = {n: archive.read(n).decode() for n in archive.namelist()}
        listed = ET.fromstring(parts["manifest.xml"])
        places = {c.get("location") for c in listed} - {"."}
        assert places == {f"./{n}" for n in parts}
        assert parts["model.xml"] == models.load(name).sbml()
        sedml = ET.fromstring(parts["simulation.sedml"])
        assert sedml.get("version") == "3"
        found = libsbml.readSBMLFromString(parts["model.xml"]).getModel()
        for variable in sedml.iter("{http://sed-ml.org/sed-ml/level1/version3}variable"):
            target = variable.get("target")
            if target:
                kind = found.getSpecies if "species[" in target else found.getParameter
                assert kind(target.split("'")[1]) is not None
        assert models.load(name).title in ET.fromstring(parts["metadata.rdf"])[0][0].text

    def test_archive_is_the_same_every_time(self, tmp_path):
        model = models.load("kcycle")
        first, second = (model.omex(tmp_path / n).read_bytes() for n in ("a.omex", "b.omex"))
        assert first == second

    @pytest.mark.parametrize("name", NAMES)
    def test_sbml_loads_back_to_the_same_run(self, name):
        model = models.load(name)
        antimony.clearPreviousLoads()
        assert antimony.loadSBMLString(model.sbml()) >= 0
        engine = roadrunner.RoadRunner(antimony.getSBMLString(antimony.getMainModuleName()))
        engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = 1e-9, 1e-12
        again = engine.simulate(0, model.t_end, 51, [f"[{s}]" for s in model.states])
        run = model.simulate(model.t_end, 51)[model.states]
        np.testing.assert_allclose(again, run, rtol=1e-6, atol=1e-9)

    @pytest.mark.parametrize("name", NAMES)
    def test_unit_warnings_are_counted(self, name):
        """SBML carries the time unit only; the units of all else stand in the tables."""
        document = libsbml.readSBMLFromString(models.load(name).sbml())
        document.checkConsistency()
        kinds = {document.getError(i).getCategoryAsString() for i in range(document.getNumErrors())}
        assert kinds <= {"SBML unit consistency", "Modeling practice"}
        assert models.load(name).parameters["unit"].notna().all()
        assert models.load(name).variables["unit"].notna().all()

    @pytest.mark.parametrize("name", NAMES)
    def test_diagram_shows_every_species(self, name):
        drawing = models.load(name).diagram()
        root = ET.fromstring(drawing._repr_svg_())
        boxes = {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")}
        assert boxes == set(models.load(name).states)
        assert len(drawing.alt) > 60
        assert root.get("aria-label") == drawing.alt

    @pytest.mark.parametrize("name", NAMES)
    def test_equations_name_every_state(self, name):
        text = models.load(name).equations()
        assert text.count(r"}{dt} &=") == len(models.load(name).states)
        assert text.count("{") == text.count("}")


def test_comments_and_table_agree():
    """The comment behind each constant in the Antimony file is the table's unit and meaning."""
    for name in NAMES:
        table = models.load(name).parameters
        for line in source.text(name).splitlines():
            found = re.match(r"  (?:\w+\.)?(\w+) = [\d.eE+-]+ +// (.+)$", line)
            if found and found[2] not in ("internal", "1, counter"):
                unit, _, _meaning = found[2].partition(", ")
                assert table.loc[found[1], "unit"].replace("µ", "u") == unit.replace("µ", "u")


class TestAwkward:
    """Zero and extreme values end in a result or in one line that says where."""

    @pytest.mark.parametrize("name", NAMES)
    def test_ends(self, name, capfd):
        model = models.load(name)
        rows = model.parameters[["value", "minimum", "maximum"]]
        draw = np.random.default_rng(len(name))
        for key in draw.choice(rows.index, size=min(12, len(rows)), replace=False):
            value, low, high = rows.loc[key]
            top = (
                1e300 if math.isnan(high) else high
            )  # a million times the value is the table's wall
            for extreme in (low, min(abs(value or 1) * 1e6, top)):
                told = self.outcome(model, {key: extreme})
                if told:
                    assert re.fullmatch(rf"{name}: .* stopped at time .*{key}.*: .+", told)
        assert capfd.readouterr() == ("", "")

    @staticmethod
    def outcome(model, parameters):
        """Return the error of a run, or nothing when it gave numbers."""
        try:
            run = model.simulate(model.t_end, **parameters)
        except models.ModelError as error:
            return str(error)
        assert np.isfinite(run.iloc[-1]).all()
        return None

    def test_unit_may_be_stated(self):
        model = models.load("lemaire2004")
        same = model.simulate(10, points=3, D_R=(7e-4, "pM/day"))
        pd.testing.assert_frame_equal(same, model.simulate(10, points=3))
        with pytest.raises(models.ModelError, match="D_R is in pM/day, not in nM/day"):
            model.simulate(10, D_R=(7e-7, "nM/day"))


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="NO /proc: MEMORY UNMEASURED")
def test_memory_stays_flat():
    def resident():
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[1]) * 4096

    model = models.load("kcycle")
    table = pd.DataFrame({"phi": np.linspace(0, 0.4, 600)})
    model.simulate_many(table, 360, summarize=lambda r: {"II": r["II"].iloc[-1]}, progress=False)
    before = resident()
    for _ in range(2):
        model.simulate_many(
            table, 360, summarize=lambda r: {"II": r["II"].iloc[-1]}, progress=False
        )
    assert resident() - before < 20e6


def test_the_book_shows_every_model_once():
    import json
    from pathlib import Path

    folder = Path(__file__).resolve().parent.parent / "chapters" / "reference"
    pages = [json.loads(p.read_text("utf-8")) for p in sorted(folder.glob("models*.ipynb"))]
    code = "\n".join("".join(c["source"]) for page in pages for c in page["cells"])
    assert sorted(re.findall(r'card\.show\("(\w+)"\)', code)) == NAMES
