"""A class: killed and resumed gradings, marks for Canvas and Moodle, many submissions."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from types import SimpleNamespace

import psutil
import pytest
from classroom_kit import (
    QUIET,
    ROOT,
    add_mini,
    answer,
    cell,
    enroll,
    hand_in,
    make_course,
    notebook,
    record,
    run,
    scores,
    without,
)

from classroom import marks, personal

pytestmark = QUIET
PEOPLE = {
    "ada": ("Ada", "Müller, jun."),
    "bo": ('Bo "the" Lee', "O'Neil"),
    "cy": ("=cmd|' /C calc'!A0", "+Evil"),
    "di": ("李雷", "@SUM(1+1)"),
    "ed": ("Ed", "-Dash"),
    "fay": ("Fay", "Ünal"),
}


HANDED_IN = list(PEOPLE)[:4]
LEFT = {"bo": 2, "di": 2}  # points with a syntax error in one cell, with deleted cells


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class whose grading was killed half-way and run again."""
    course = make_course(tmp_path_factory.mktemp("class"))
    add_mini(course)
    with (course / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [["id", "first_name", "last_name", "email", "canvas_id", "sis_id", "section"]]
        rows += [
            [i, *n, f"{i}@x.org", str(k), f"S{k}", "A"] for k, (i, n) in enumerate(PEOPLE.items())
        ]
        csv.writer(file).writerows([*rows, ["gus", "Gus", "Absent", "", "", "", ""]])
    assert run(course, "release").returncode == 0
    source = notebook(course, "mini")
    source["cells"].append(
        {"cell_type": "markdown", "id": "x", "metadata": {}, "source": "<script>alert(1)</script>"}
    )
    for student in HANDED_IN:
        hand_in(course, student, "mini", source)
    hand_in(course, "bo", "mini", answer(source, b="b = (2"))
    hand_in(course, "di", "mini", without(source, "a", "a-test", "b-test"))
    command = [sys.executable, "-W", "ignore", "-m", "classroom", "grade", "--root", str(course)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    first = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    done = course / "graded" / "mini"
    wait_for(lambda: len(records(course)) >= 2)
    time.sleep(0.5)  # in the middle of the next one
    children = psutil.Process(first.pid).children(recursive=True)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = records(course)
    wait_for(lambda: not any(map(alive, children)), 60)
    second = run(course, "grade")
    assert second.returncode == 0, second.stderr
    return SimpleNamespace(path=course, before=before, second=second, done=done)


def records(course):
    found = (course / "graded" / "mini").glob("*.json")
    return {p.stem: p.stat().st_mtime_ns for p in found if p.stem in HANDED_IN}


def alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_the_rest_is_graded_and_nothing_twice(course):
    after = records(course.path)
    assert 2 <= len(course.before) < len(HANDED_IN)
    assert set(after) == set(HANDED_IN)
    assert {s: after[s] for s in course.before} == course.before
    assert f"{len(HANDED_IN) - len(course.before)} submissions graded" in course.second.stdout


def test_marks_are_whole(course):
    found = scores(course.path, "mini")
    assert {s: sum(q.values()) for s, q in found.items()} == {s: LEFT.get(s, 3) for s in HANDED_IN}


def test_only_a_changed_submission_is_graded_again(course):
    hand_in(course.path, "cy", "mini", answer(notebook(course.path, "mini"), a="a = 1.0"))
    again = run(course.path, "grade")
    assert "1 submissions graded" in again.stdout
    assert sum(scores(course.path, "mini")["cy"].values()) == 3


def test_steps_before_anything_was_handed_in_say_so(tmp_path):
    """One line each, with what comes first; assignments that are not released don't matter."""
    course = make_course(tmp_path / "c")
    add_mini(course)
    enroll(course, "ada")
    said = [run(course, step) for step in ("grade", "feedback", "marks")]
    assert [done.returncode for done in said] == [0, 0, 0]
    assert "it belongs into c/submitted/ID/NAME" in said[0].stdout
    assert "run `make grade` first" in said[1].stdout
    assert "no mark yet" in said[2].stdout
    hand_in(course, "ada", "mini", notebook(course, "mini"))
    assert "mini is not released yet" in run(course, "grade").stderr


def test_another_secret_is_refused(course, monkeypatch):
    monkeypatch.setenv("K2_CLASS_SECRET", "quite another secret than before")
    result = run(course.path, "grade")
    assert result.returncode == 1
    assert "another secret" in result.stderr


@pytest.fixture(scope="module")
def rows(course):
    result = run(course.path, "marks")
    assert result.returncode == 0, result.stderr
    assert "canvas.csv" in result.stdout
    read = {}
    for name in ("canvas", "moodle"):
        with (course.path / "marks" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            read[name] = list(csv.reader(file))
    return read


def test_canvas(rows):
    head, points, *people = rows["canvas"]
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "mini"]
    assert (points[0], points[-1]) == ("Points Possible", "3")
    got = {row[3]: row[-1] for row in people}
    assert got == {s: "" for s in [*PEOPLE, "gus"]} | {s: str(LEFT.get(s, 3)) for s in HANDED_IN}


def test_moodle(rows):
    head, *people = rows["moodle"]
    assert head == ["First name", "Last name", "ID number", "Email address", "mini"]
    assert people[0] == ["Ada", "Müller, jun.", "ada", "ada@x.org", "3"]
    assert people[1][0] == 'Bo "the" Lee'


def test_no_cell_is_a_formula(rows):
    cells = [cell for table in rows.values() for row in table for cell in row]
    assert any(cell.startswith("'=") for cell in cells)
    assert not [c for c in cells if c[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_feedback_runs_no_script_of_a_student(course):
    assert run(course.path, "feedback").returncode == 0
    pages = sorted((course.path / "feedback").glob("*/mini/mini.html"))
    assert len(pages) == len(HANDED_IN)
    for page in pages:
        text = page.read_text("utf-8")
        assert "<script>alert(1)" not in text
        assert "right (1 of 1)" in text


def test_marks_say_what_waits_for_grading(course):
    """New and changed submissions are told, and not once they are graded."""
    source = notebook(course.path, "mini")
    hand_in(course.path, "bo", "mini", answer(source, b="b = (3"))
    hand_in(course.path, "late", "mini", answer(source, b="b = 7"))
    said = run(course.path, "marks").stdout
    assert "not final: bo, mini changed since it was graded; run `make grade`" in said
    assert "not final: late, mini is not graded yet; run `make grade`" in said
    assert "ada" not in said
    assert "2 submissions graded" in run(course.path, "grade").stdout
    assert "not final" not in run(course.path, "marks").stdout


@pytest.mark.long
def test_a_zip_of_a_platform_is_collected(tmp_path):
    """With the shipped pattern: the id in front of the file's name, or as its folder."""
    course = make_course(tmp_path / "c")
    archive = course / "downloaded" / "k-cycle" / "archive"
    archive.mkdir(parents=True)
    files = ["ada01_k-cycle.ipynb", "bo@x.org/k-cycle.ipynb", "c_y-2_k-cycle (1).ipynb"]
    with zipfile.ZipFile(archive / "class.zip", "w") as zipped:
        for name in [*files, "__MACOSX/ada01/._k-cycle.ipynb", "ada01/notes.txt"]:
            zipped.writestr(name, name)
    command = [sys.executable, "-W", "ignore", "-m", "nbgrader", "zip_collect", "k-cycle"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=course, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ids = ["ada01", "bo@x.org", "c_y-2"]
    found = {p.relative_to(course): p.read_text() for p in course.glob("submitted/**/*.ipynb")}
    assert sorted(found.values()) == files
    assert sorted(path.parts[1:3] for path in found) == [(i, "k-cycle") for i in ids]


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_class_of_many(tmp_path, workers):
    """Thirty submissions, a third of them broken in some way; ``K2_CLASS_SIZE=300`` for more."""
    size = int(os.environ.get("K2_CLASS_SIZE", "30"))
    course = make_course(tmp_path / "c", limits={"cell": 3, "notebook": 12})
    add_mini(course)
    students = [f"s{i:03d}" for i in range(size)]
    (course / "roster.csv").write_text("id\n" + "\n".join(students) + "\n", "utf-8")
    assert run(course, "release").returncode == 0
    source, expected = notebook(course, "mini"), {}
    kinds = [
        (None, 3),
        ("b = 7", 2),
        (None, 3),
        ("b = (", 2),
        (None, 3),
        ("import os; os._exit(1)", 1),
    ]
    for i, student in enumerate(students):
        code, expected[student] = kinds[i % len(kinds)]
        hand_in(course, student, "mini", answer(source, b=code) if code else source)
    result = run(course, "grade", "--workers", str(workers))
    assert result.returncode == 0, result.stderr
    assert f"{size} submissions graded" in result.stdout
    found = {s: sum(q.values()) for s, q in scores(course, "mini").items()}
    assert found == expected
    assert all(record(course, s, "mini")["version"] for s in students)
    files, waiting = marks.marks(course)
    assert waiting == []
    assert len(files[0].read_text("utf-8").splitlines()) == size + 2


@pytest.mark.long
def test_exchange_of_a_hub(tmp_path):
    """Release, fetch, submit, collect, grade: nbgrader's exchange with the shipped settings."""
    from nbgrader.utils import get_username

    course, student = make_course(tmp_path / "course", "k-cycle"), get_username()
    exchange, home = tmp_path / "exchange", tmp_path / "home"
    exchange.mkdir()
    exchange.chmod(0o777)
    home.mkdir()
    shipped = (ROOT / "assignments" / "student_config.py").read_text("utf-8")
    (home / "nbgrader_config.py").write_text(
        shipped.replace("/srv/nbgrader/exchange", str(exchange))
    )
    teacher = (course / "nbgrader_config.py").read_text("utf-8")
    (course / "nbgrader_config.py").write_text(
        teacher.replace("/srv/nbgrader/exchange", str(exchange)), "utf-8"
    )
    enroll(course, student, "somebody")
    assert run(course, "release").returncode == 0
    env = os.environ | {"PYTHONPATH": str(ROOT), "JUPYTERHUB_USER": student, "HOME": str(tmp_path)}

    def nbgrader(where, *arguments):
        command = [sys.executable, "-W", "ignore", "-m", "nbgrader", *arguments]
        done = subprocess.run(command, cwd=where, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    nbgrader(course, "release_assignment", "k-cycle")
    nbgrader(home, "fetch_assignment", "k-cycle")
    nb = json.loads((home / "k-cycle" / "k-cycle.ipynb").read_text("utf-8"))
    setup = "".join(cell(nb, "setup")["source"])
    assert (home / "k-cycle" / "personal" / f"{personal.token(student)}.csv").is_file()
    assert "JUPYTERHUB_USER" in setup
    right = personal.truth(course, "k-cycle", student)["half_life"]
    nb = answer(nb, half_life=f"half_life = {right}")
    (home / "k-cycle" / "k-cycle.ipynb").write_text(json.dumps(nb), "utf-8")
    nbgrader(home, "submit", "k-cycle")
    nbgrader(course, "collect", "k-cycle")
    result = run(course, "grade")
    assert "1 submissions graded" in result.stdout, result.stderr
    assert scores(course, "k-cycle")[student]["half-life-test"] == 4
    assert not (course / "autograded" / student / "k-cycle" / "personal").exists()
