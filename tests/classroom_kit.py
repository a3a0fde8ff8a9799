"""Courses in a temporary folder, and submissions made from their sources."""

from __future__ import annotations

import copy
import io
import json
import os
import shutil
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a secret that only this test knows"
QUIET = [  # nbgrader leaves its sockets and its database to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def make_course(folder: Path, *names: str, limits: dict | None = None) -> Path:
    """A course with some of the repository's assignments (or none) in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = (ROOT / "assignments" / "nbgrader_config.py").read_text("utf-8")
    config = config.replace("str(here.parent)", repr(str(ROOT)))
    if limits:
        config += f"c.Contained.limits = {limits!r}\n"
    (folder / "nbgrader_config.py").write_text(config, "utf-8")
    (folder / "secret").write_text(SECRET, "utf-8")
    for name in names:
        shutil.copytree(ROOT / "assignments" / "source" / name, folder / "source" / name)
    return folder


def enroll(course: Path, *students: str) -> None:
    (course / "roster.csv").write_text("id\n" + "\n".join(students) + "\n", "utf-8")


def run(course: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """One of the teacher's commands: in this process, or in its own if it needs an environment."""
    arguments = [*arguments, "--root", str(course)]
    if environment:
        command = [sys.executable, "-W", "ignore", "-m", "classroom", *arguments]
        env = os.environ | {"PYTHONPATH": str(ROOT)} | environment
        options = {"capture_output": True, "text": True, "timeout": 580, "check": False}
        return subprocess.run(command, cwd=ROOT, env=env, **options)
    from classroom.__main__ import main

    out, err = io.StringIO(), io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("ignore")
        code = main(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def notebook(course: Path, name: str, step: str = "source") -> dict:
    return json.loads((course / step / name / f"{name}.ipynb").read_text("utf-8"))


def cell(nb: dict, grade_id: str) -> dict:
    found = [
        c for c in nb["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    ]
    return found[0]


def answer(nb: dict, **answers: str) -> dict:
    """A copy of a notebook with the source of some cells replaced (``_`` stands for ``-``)."""
    nb = copy.deepcopy(nb)
    for grade_id, source in answers.items():
        cell(nb, grade_id.replace("_", "-"))["source"] = source
    return nb


def without(nb: dict, *grade_ids: str) -> dict:
    nb = copy.deepcopy(nb)
    gone = [cell(nb, grade_id) for grade_id in grade_ids]
    nb["cells"] = [c for c in nb["cells"] if not any(c is g for g in gone)]
    return nb


def hand_in(course: Path, student: str, name: str, nb: dict | str | bytes) -> Path:
    path = course / "submitted" / student / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(nb) if isinstance(nb, dict) else nb
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def record(course: Path, student: str, name: str) -> dict:
    return json.loads((course / "graded" / name / f"{student}.json").read_text("utf-8"))


def scores(course: Path, name: str) -> dict[str, dict[str, float]]:
    """Automatic points of every student, by question, from nbgrader's own gradebook."""
    from nbgrader.api import Gradebook

    found = {}
    with (
        warnings.catch_warnings(),
        Gradebook(f"sqlite:///{course}/gradebook.db", "k2") as gradebook,
    ):
        warnings.simplefilter("ignore")
        for submission in gradebook.assignment_submissions(name):
            grades = [g for n in submission.notebooks for g in n.grades]
            found[submission.student.id] = {g.name: g.auto_score for g in grades}
    return found


def outputs(course: Path, student: str, name: str) -> str:
    """Everything that the graded notebook prints."""
    path = course / "autograded" / student / name / f"{name}.ipynb"
    said = []
    for c in json.loads(path.read_text("utf-8"))["cells"]:
        for out in c.get("outputs", []):
            said.append("".join(out.get("text", "")) + "\n".join(out.get("traceback", [])))
    return "\n".join(said)


MINI = {"a": "1", "b": "2", "c": "3"}


def add_mini(course: Path) -> None:
    """A tiny assignment of three numbers: what a hostile cell does to its neighbors shows."""
    cells = []
    for name, right in MINI.items():
        solution = f"{name} = None\n### BEGIN SOLUTION\n{name} = {right}\n### END SOLUTION"
        tests = "### BEGIN HIDDEN TESTS\nfrom classroom.check import Marks\n"
        tests += f'Marks(globals()).number("{name}", {right}, "mg", points=1)\n'
        tests += "### END HIDDEN TESTS"
        flags = {"schema_version": 3, "task": False}
        for kind, source in (("", solution), ("-test", f"print({name})\n{tests}")):
            test = bool(kind)
            label = flags | {"grade": test, "solution": not test, "locked": test}
            label |= {"grade_id": name + kind} | ({"points": 1} if test else {})
            cells.append(
                {"cell_type": "code", "id": name + kind, "metadata": {"nbgrader": label},
                 "execution_count": None, "outputs": [], "source": source}
            )  # fmt: skip
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nb = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (course / "source" / "mini").mkdir(parents=True)
    (course / "source" / "mini" / "mini.ipynb").write_text(json.dumps(nb), "utf-8")
