"""Seconds per submission against the floor of just executing the notebook.

    .venv/bin/python benchmarks/classroom.py [--size 6] [--assignment k-cycle]

The floor runs the same notebook with nbclient, in an open kernel, with no grading. Both are timed
in turn, so that a busy machine slows both down.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from classroom_kit import enroll, hand_in, make_course, notebook, run  # noqa: E402


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=6)
    parser.add_argument("--assignment", default="k-cycle")
    given = parser.parse_args()
    name, size = given.assignment, given.size
    folder = Path(tempfile.mkdtemp())
    course = make_course(folder / "course", name)
    students = [f"s{i}" for i in range(size)]
    enroll(course, *students)
    run(course, "release")
    source = course / "source" / name / f"{name}.ipynb"
    floor = []
    for student in students[:3]:
        nb = nbformat.read(source, as_version=4)
        for cell in nb.cells:  # hidden tests don't run in a kernel
            cell.source = cell.source.partition("### BEGIN HIDDEN TESTS")[0]
        where = {"metadata": {"path": str(course / "handout" / student / name)}}
        began = time.perf_counter()
        NotebookClient(nb, resources=where, allow_errors=True).execute()
        floor.append(time.perf_counter() - began)
    print(f"{name}: floor {median(floor):.2f} s a submission (nbclient alone)")
    for workers in (1, 2):
        for count in (size // 2, size):
            for step in ("submitted", "graded", "autograded"):
                keep = (course / "graded" / name / "release.json").read_bytes()
                shutil.rmtree(course / step, ignore_errors=True)
                (course / "graded" / name).mkdir(parents=True, exist_ok=True)
                (course / "graded" / name / "release.json").write_bytes(keep)
            for student in students[:count]:
                hand_in(course, student, name, notebook(course, name))
            began = time.perf_counter()
            result = run(course, "grade", "--workers", str(workers))
            took = time.perf_counter() - began
            assert f"{count} submissions graded" in result.stdout, result.stderr
            each = took / count
            print(
                f"  {workers} worker(s), {count} submissions: {took:.1f} s, {each:.2f} s each, "
                f"{each / median(floor):.2f} x the floor"
            )
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
