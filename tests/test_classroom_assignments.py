"""Every assignment through nbgrader's pipeline: prepared submissions get a teacher's marks."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from classroom_kit import (
    QUIET,
    ROOT,
    SECRET,
    answer,
    cell,
    enroll,
    hand_in,
    make_course,
    notebook,
    outputs,
    record,
    run,
    scores,
    without,
)

from classroom import execute, grade, personal
from classroom.check import Marks
from k2course import data, models
from k2course.measures import agatston

pytestmark = QUIET
# question: {variable: (key of the truth, points)}
NUMBERS = {
    "k-cycle": {
        "molecules": {"mk7_nmol": ("mk7_nmol", 2)},
        "half-life": {"half_life": ("half_life", 4)},
        "left": {"left_percent": ("left", 3)},
        "half-concentration": {"half_concentration": ("half_concentration", 3)},
    },
    "bone": {
        "t-score": {"t_score": ("t_score", 2)},
        "change": {"least_change": ("change", 4)},
        "rankl": {"rankl": ("rankl", 5)},
    },
    "vessel": {
        "area": {"area": ("area", 2)},
        "score": {"score": ("score", 4)},
        "corrected": {"corrected": ("corrected", 3)},
        "velocity": {"velocity": ("velocity", 3)},
    },
    "neuro": {
        "threshold": {"threshold": ("threshold", 5)},
        "hours": {"hours": ("hours", 3)},
    },
    "capstone": {
        "people": {"people": ("people", 4)},
        "power": {"power": ("power", 4)},
    },
    "insulin": {
        "homa": {"homa": ("homa", 3)},
        "fit": {"si": ("si", 6), "sg": ("sg", 3)},
    },
}
SETTING = {"k-cycle": 4, "bone": 5, "vessel": 4, "neuro": 4, "insulin": 4}
WORDS = {
    "neuro": {"states": ("states", 4)},
    "capstone": {"verdicts": ("verdicts", 6)},
}


# Natural slips that earn half: question, answer, the wrong number.
SLIPS = {
    "k-cycle": [
        ("molecules", "mk7_nmol", lambda t: t["as_k1"]),
        ("half-life", "half_life", lambda t: 1 / t["rate"]),
        ("half-life", "half_life", lambda t: t["half_life"] * 60),
        ("left", "left_percent", lambda t: t["left_alone"]),
        ("half-concentration", "half_concentration", lambda t: t["ic50"]),
    ],
    "bone": [
        ("t-score", "t_score", lambda t: -t["t_score"]),
        ("change", "least_change", lambda t: t["error"]),
        ("change", "least_change", lambda t: t["change"] * 1000),
        ("rankl", "rankl", lambda t: 1 - t["rankl"]),
    ],
    "vessel": [
        ("area", "area", lambda t: t["pixels"]),
        ("area", "area", lambda t: t["area_all"]),
        ("score", "score", lambda t: t["score"] / t["pixel"]),
        ("score", "score", lambda t: t["score"] / t["scale"]),
        ("score", "score", lambda t: t["score_all"]),
        ("score", "score", lambda t: t["score_mean"]),
        ("corrected", "corrected", lambda t: t["corrected_wrong_way"]),
        ("velocity", "velocity", lambda t: t["velocity"] / 0.8),
        ("velocity", "velocity", lambda t: t["velocity"] * 100),
    ],
    "neuro": [
        ("threshold", "threshold", lambda t: t["published"]),
        ("hours", "hours", lambda t: 3600 * t["hours"]),
    ],
    "capstone": [
        ("people", "people", lambda t: t["one_group"]),
        ("people", "people", lambda t: t["all_stay"]),
        ("power", "power", lambda t: t["power"] / 100),
    ],
    "insulin": [
        ("homa", "homa", lambda t: t["mixed"]),
        ("fit", "si", lambda t: t["si"] / 1e4),
    ],
}


def judged(name: str, question: str, truth: dict, **answers: object) -> Marks:
    """Marks of one question, without a kernel."""
    tests = execute.split("".join(cell(SOURCES[name], f"{question}-test")["source"]))[1]
    space = {"__truth__": truth, **answers}
    exec(tests, space)
    return space["__marks__"]


SOURCES = {n: notebook(ROOT / "assignments", n) for n in NUMBERS}


@pytest.mark.parametrize("name", NUMBERS)
def test_natural_slips_earn_half_and_are_told(name, tmp_path):
    course = make_course(tmp_path / "c", name)
    for student in ("anna", "bo"):
        truth = personal.truth(course, name, student)
        for question, variable, wrong in SLIPS[name]:
            points = NUMBERS[name][question][variable][1]
            others = {v: truth[k] for v, (k, _) in NUMBERS[name][question].items()}
            marks = judged(name, question, truth, **others | {variable: wrong(truth)})
            assert marks.possible - marks.earned == points / 2, (question, marks.words)
            told = [w for w in marks.words if w.startswith("–")]
            assert len(told) == 1
            assert "not what your own data give" not in told[0]


def test_a_score_that_is_not_the_agatston_score_earns_nothing(tmp_path):
    """Another threshold, slices joined to one lesion, a sum without weights."""
    course = make_course(tmp_path / "c", "vessel")
    for student in ("anna", "bo", "cy"):
        mine, _ = personal.make(course, "vessel", student)
        truth = personal.truth(course, "vessel", student)
        lines = mine["text"][mine["quantity"].str.startswith("slice")]
        hu = np.array([line.split() for line in lines], float).reshape(3, 20, 24)
        one = mine.set_index("quantity")["value"].dropna()
        side = one["side of a pixel"]
        spacing = (one["distance between slices"], side, side)
        for wrong in (
            agatston.score(hu, spacing, threshold=100),
            agatston.score(hu, spacing, threshold=160),
            truth["area"],
        ):
            assert judged("vessel", "score", truth, score=wrong).earned == 0


def test_the_scan_scored_by_hand(tmp_path):
    """The truth of ``vessel`` by a flood fill that shares nothing with ``agatston``."""
    course = make_course(tmp_path / "c", "vessel")
    for student in ("anna", "bo", "cy", "di"):
        mine, _ = personal.make(course, "vessel", student)
        one = mine.set_index("quantity")["value"].dropna()
        total = area = 0.0
        for number in (1, 2, 3):
            lines = mine["text"][mine["quantity"] == f"slice {number}"]
            pixels = {
                (r, c): float(v)
                for r, line in enumerate(lines)
                for c, v in enumerate(line.split())
                if float(v) >= 130
            }
            while pixels:
                edge, lesion = [next(iter(pixels))], []
                while edge:
                    r, c = edge.pop()
                    if (r, c) in pixels:
                        lesion.append(pixels.pop((r, c)))
                        edge += [(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
                size = len(lesion) * one["side of a pixel"] ** 2
                if size >= 1:
                    area += size
                    total += size * (1 + sum(max(lesion) >= limit for limit in (200, 300, 400)))
        truth = personal.truth(course, "vessel", student)
        assert truth["area"] == pytest.approx(area)
        assert truth["score"] == pytest.approx(total * one["distance between slices"] / 3)


def test_trials_added_to_the_table_leave_the_capstone_as_it_is(tmp_path, monkeypatch):
    course = make_course(tmp_path / "c", "capstone")
    students, load = [f"s{i}" for i in range(20)], data.load
    before = [personal.make(course, "capstone", s) for s in students]
    grown = load("studies").copy()
    grown["study_id"] = "a" + grown["study_id"]
    grown = pd.concat([grown, load("studies").iloc[::-1]])
    monkeypatch.setattr(data, "load", lambda name: grown if name == "studies" else load(name))
    for student, (table, hidden) in zip(students, before, strict=True):
        again, slips = personal.make(course, "capstone", student)
        assert again.equals(table)
        assert slips == hidden


def setting_line(name: str, truth: dict) -> str:
    """A right setting as the explorer writes it, found by trying."""
    if name == "neuro":
        return (
            f'models.load("cui2008").simulate(50000, points=201, p2={truth["stress"]}, m_Bcl2=1.3)'
        )
    if name == "vessel":
        ed50 = round(0.8 * truth["largest"] / (100 / truth["goal"] - 1))
        mk7 = round(0.8 * truth["largest"], 1)
        return f'models.load("marker_response").simulate(84, points=201, mk7={mk7}, ED50={ed50})'
    goal, found = truth["goal"], None
    if name == "k-cycle":
        model, t_end = models.load("kcycle"), 360
        tries = [{"dose": round(d, 2), "phi": 0.15} for d in np.arange(0.5, 10, 0.25)]
        miss = lambda r: 1000 * r["VKH2"].iloc[-1] - goal  # noqa: E731
    elif name == "bone":
        model, t_end = models.load("lemaire2004"), 140
        tries = [{"m_OPG": 1.15, "m_RANKL": round(f, 2)} for f in np.arange(0.5, 1.2, 0.01)]
        miss = lambda r: 100 - 100 * r["C"].iloc[-1] / r["C"].iloc[0] - goal  # noqa: E731
    else:
        model, t_end = models.load("bergman"), 182
        tries = [{"m_SI": round(f, 2)} for f in np.arange(0.5, 2, 0.02)]
        miss = lambda r: r.loc[60, "G"] - goal  # noqa: E731
    points = 183 if name == "insulin" else 201
    found = min(tries, key=lambda k: abs(miss(model.simulate(t_end, points, **k))))
    inside = ", ".join(f"{k}={v}" for k, v in found.items())
    return f'models.load("{model.name}").simulate({t_end}, points={points}, {inside})'


def literal(name: str, truth: dict, change=lambda v: v, form=repr) -> dict[str, str]:
    """Answer cells with numbers typed in."""
    cells = {
        question: "\n".join(f"{v} = {form(change(float(truth[k])))}" for v, (k, _) in asked.items())
        for question, asked in NUMBERS[name].items()
    }
    for question, (key, _) in WORDS.get(name, {}).items():
        cells[question] = f"{question} = {list(truth[key])!r}"
    if name not in SETTING:
        return cells
    return cells | {"setting": f"setting = '{setting_line(name, truth)}'"}


def full(name: str) -> dict[str, float]:
    points = {f"{q}-test": float(sum(p for _, p in a.values())) for q, a in NUMBERS[name].items()}
    points |= {f"{q}-test": float(p) for q, (_, p) in WORDS.get(name, {}).items()}
    return points | ({"setting-test": float(SETTING[name])} if name in SETTING else {})


def neighbor(course, name: str) -> str:
    """Find a student whose numbers all lie apart from those of ``copied``."""
    mine = personal.truth(course, name, "copied")
    keys = [key for asked in NUMBERS[name].values() for key, _ in asked.values()]
    for other in (f"neighbor{i}" for i in range(60)):
        theirs = personal.truth(course, name, other)
        if all(abs(theirs[k] / mine[k] - 1) > 0.12 for k in keys):
            return other
    raise AssertionError("no neighbor differs: the data are hardly personal")


def prepared(course, name: str) -> dict[str, tuple[dict, dict]]:
    """Submissions by student with the automatic points that a teacher would give."""
    source, released = notebook(course, name), notebook(course, name, "release")
    truths = {s: personal.truth(course, name, s) for s in STUDENTS}
    truths["neighbor"] = personal.truth(course, name, neighbor(course, name))
    first, whole = next(iter(NUMBERS[name])), full(name)
    lost = whole | {f"{first}-test": 0.0}

    def typed(student, **change):
        return answer(released, **literal(name, truths[student]) | change)

    other = literal(name, truths["neighbor"])
    odd = literal(name, truths["different"], form=lambda v: f"np.array([{v!r}])")
    if name in SETTING:
        odd["setting"] = f"setting = {setting_line(name, truths['different'])}  # the run itself"
    tampered = answer(released, **literal(name, truths["tampered"], lambda _: 0.0))
    for c in tampered["cells"]:
        label = c["metadata"].get("nbgrader", {})
        if label.get("grade") and not label["solution"]:
            c["source"] = "from classroom import check\ncheck.Marks.number = print\nprint('fine')"
            label |= {"points": 100, "locked": False}
    if name in SETTING:
        cell(tampered, "setting")["source"] = "setting = None"
    renamed = literal(name, truths["renamed"])[first].replace(" = ", "_of_mine = ")
    missing = [first, f"{first}-test", f"{list(NUMBERS[name])[1]}-test"]
    near = {
        q: 0.5 * sum(p for _, p in a.values()) for q, a in NUMBERS[name].items()
    }  # fmt: skip
    zero = dict.fromkeys(whole, 0.0)
    words = {f"{q}-test": whole[f"{q}-test"] for q in WORDS.get(name, {})}
    return {
        "reference": (source, whole),
        "untouched": (released, zero),
        "different": (answer(released, **odd), whole),
        "typed": (typed("typed"), whole),
        "unit": (
            answer(released, **literal(name, truths["unit"], lambda v: v * 1000)),
            whole | {f"{q}-test": round(4 * p) / 4 for q, p in near.items()},
        ),
        "copied": (answer(released, **other), None),
        "deleted": (without(typed("deleted"), *missing), lost),
        "syntax": (typed("syntax", **{first: "answer = (1,"}), lost),
        "renamed": (typed("renamed", **{first: renamed}), lost),
        "tampered": (tampered, zero | words),
    }


STUDENTS = ["reference", "untouched", "different", "typed", "unit", "copied", "deleted", "syntax"]
STUDENTS += ["renamed", "tampered"]
EVERYDAY = ["reference", "untouched", "unit", "copied", "renamed"]


@pytest.fixture(
    scope="module",
    params=[
        ("k-cycle", EVERYDAY),
        *(pytest.param((n, STUDENTS), marks=pytest.mark.long) for n in NUMBERS),
    ],
    ids=lambda param: f"{param[0]}-{len(param[1])}",
)
def graded(request, tmp_path_factory):
    name, students = request.param
    course = make_course(tmp_path_factory.mktemp(name), name)
    enroll(course, *STUDENTS)
    released = run(course, "release")
    assert released.returncode == 0, released.stderr
    expected = {s: v for s, v in prepared(course, name).items() if s in students}
    for student, (nb, _) in expected.items():
        hand_in(course, student, name, nb)
    result = run(course, "grade", "--workers", "2")
    assert result.returncode == 0, result.stderr
    return course, name, expected, scores(course, name), result


class TestMarks:
    def test_points(self, graded):
        course, name, expected, found, _ = graded
        wanted = {s: points for s, (_, points) in expected.items() if points is not None}
        got = {s: {q: p for q, p in found[s].items() if q != "words"} for s in wanted}
        assert got == wanted, {s: outputs(course, s, name) for s in wanted if got[s] != wanted[s]}

    def test_a_neighbors_numbers_are_wrong(self, graded):
        _, name, _, found, _ = graded
        for question in NUMBERS[name]:
            # Half, if the neighbor's number happens to be what a slip would give.
            assert found["copied"][f"{question}-test"] <= full(name)[f"{question}-test"] / 2

    def test_points_of_the_guide(self, graded):
        """Automatic and written points make twenty."""
        written = 6 if graded[1] == "capstone" else 4
        assert sum(full(graded[1]).values()) + written == 20

    def test_written_answer_waits_for_a_person(self, graded):
        found = graded[3]
        assert found["reference"]["words"] is None
        assert found["untouched"]["words"] == 0

    def test_a_renamed_answer_is_shown_to_the_teacher(self, graded):
        course, name, _, _, result = graded
        first = next(iter(NUMBERS[name]))
        assert record(course, "renamed", name)["look"] == [f"{first}-test"]
        assert f"renamed, {name}: please look at {first}-test" in result.stdout

    def test_feedback_has_words_and_no_solution_no_test_no_truth(self, graded):
        course, name, expected, *_ = graded
        shown = {"unit", "copied", "tampered"} & set(expected)
        for student in shown:
            assert grade.course(course).generate_feedback(name, student)["success"]
        page = (course / "feedback" / "unit" / name / f"{name}.html").read_text("utf-8")
        assert "wrong unit" in page
        for student in shown:
            page = (course / "feedback" / student / name / f"{name}.html").read_text("utf-8")
            assert "HIDDEN TESTS" not in page
            assert "Marks(" not in page
            for asked in NUMBERS[name].values():
                for key, _ in asked.values():
                    right = personal.truth(course, name, student)[key]
                    assert f"{right:.6g}" not in page


def test_release_holds_no_solution_and_no_test(tmp_path):
    course = make_course(tmp_path / "c", *ALL)
    enroll(course, "anna", "bo")
    assert run(course, "release").returncode == 0
    for name in ALL:
        files = [*(course / "release" / name).rglob("*.*"), *course.glob(f"handout/*/{name}/*")]
        assert {p.name for p in files if p.suffix != ".csv"} == {f"{name}.ipynb"}
        text = "\n".join(p.read_text("utf-8") for p in files)
        for word in ("SOLUTION", "HIDDEN", "Marks", "classroom.check", SECRET):
            assert word not in text
        source, given = notebook(course, name), notebook(course, name, "release")
        for grade_id in [*NUMBERS[name], *WORDS.get(name, {}), "words"]:
            lines = "".join(cell(source, grade_id)["source"]).splitlines()
            kept = "".join(cell(given, grade_id)["source"])
            solved = [x for x in lines if len(x) > 25 and x not in kept]
            assert solved
            assert not any(json.dumps(x)[1:-1] in text for x in solved)
        anna, bo = (
            (course / "handout" / s / name / "mine.csv").read_text() for s in ("anna", "bo")
        )
        assert anna != bo
        shared = course / "release" / name / "personal" / f"{personal.token('anna')}.csv"
        assert shared.read_text() == anna


@pytest.mark.long
def test_binder_opens_no_solution(tmp_path):
    """The last part of ``binder/postBuild``, on a copy of the repository."""
    copied = tmp_path / "repository"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("NOT A GIT CHECKOUT: the files of the repository cannot be listed")
    two = tuple(f"assignments/source/{name}/" for name in ALL[:2])  # the script tells no names
    for line in listed.stdout.splitlines():
        if line.startswith("assignments/source/") and not line.startswith(two):
            continue
        if (ROOT / line).is_file() and line.split("/")[0] in KEPT:
            (copied / line).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / line, copied / line)
    (copied / ".git").mkdir()
    assert list((copied / "tests").glob("*classroom*"))
    tools = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    env = {"PATH": tools, "HOME": str(tmp_path), "PYTHONPATH": str(copied)}
    env["K2_ASSIGNMENTS_ONLY"] = "1"
    done = subprocess.run(
        ["bash", "binder/postBuild"], cwd=copied, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    left = {p.relative_to(copied).as_posix() for p in copied.rglob("*") if p.is_file()}
    opened = {p for p in left if p.startswith("assignments/")}
    assert opened == {f"assignments/{n}/{f}" for n in ALL[:2] for f in (f"{n}.ipynb", "mine.csv")}
    for path in copied.rglob("*"):
        if path.is_file() and path.suffix in {".ipynb", ".py"} and "k2course" not in path.parts:
            assert "BEGIN SOLUTION" not in path.read_text("utf-8"), path
    assert not list(copied.glob("tests/*classroom*"))
    assert {p.name for p in copied.iterdir()} == KEPT - {"classroom", "binder"}  # and no .git


KEPT = {"assignments", "classroom", "binder", "k2course", "data", "pyproject.toml", "tests"}
ALL = sorted(p.parent.name for p in (ROOT / "assignments" / "source").glob("*/personal.py"))
