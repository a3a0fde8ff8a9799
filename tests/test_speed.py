"""The measurements behind the page on speed: complete, with their spread, and fairly taken."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.timing import interleaved, row  # noqa: E402

RESULTS = json.loads((ROOT / "chapters/reference/speed.json").read_text("utf-8"))
PARTS = ["engines", "points", "patients", "data", "measures", "page", "starts", "floor", "growth"]
PARTS += ["build", "cold", "grading", "memory", "states"]


@pytest.mark.parametrize("name", PARTS)
def test_every_part_is_measured_with_its_spread(name):
    part = RESULTS[name]
    assert part["rows"]
    assert part["date"]
    for found in part["rows"]:
        assert found["what"]
        assert found["over"]
        assert 0 < found["low"] <= found["ratio"] <= found["high"]
        assert found["rounds"] >= 1


def test_the_machine_is_described():
    about = RESULTS["machine"]
    assert about["processor"]
    assert about["cores"] >= 1
    assert {"numpy", "libroadrunner", "jupyter-book"} <= set(about["versions"])


def test_all_models_stand_beside_all_programs():
    from k2course import models

    seen = {(r["model"], r["what"], r["runs"]) for r in RESULTS["engines"]["rows"]}
    programs = ("our layer", "COPASI", "SciPy LSODA")
    wanted = {
        (m, p, r) for m in models.catalog().index for p in programs for r in ("one", "varied")
    }
    assert seen == wanted


def test_things_have_their_turns_one_after_the_other():
    turns = []
    runs = {name: lambda n=name: turns.append(n) for name in "abc"}
    times = interleaved(runs, 4, warm=False)
    assert turns == list("abc") * 4
    assert {name: len(values) for name, values in times.items()} == {"a": 4, "b": 4, "c": 4}


def test_a_call_is_timed_not_a_batch():
    """A clock that only our calls move: each call takes a thousandth of a second."""
    clock = [0.0]
    calls = {"one": lambda: clock.__setitem__(0, clock[0] + 1e-3)}
    times = interleaved(calls, 3, clock=lambda: clock[0])
    np.testing.assert_allclose(times["one"], 1e-3)


def test_a_row_compares_each_round_with_itself():
    """A machine that gets twice as slow halfway changes no ratio."""
    below = np.array([1.0, 1.0, 2.0, 2.0])
    found = row("x", "y", 3 * below, below, model="m")
    assert (found["low"], found["ratio"], found["high"]) == (3, 3, 3)
    assert (found["rounds"], found["model"]) == (4, "m")
    assert row("x", "y", [2, 4, 9], [1, 1, 1])["ratio"] == 4
