"""Seconds per submission against the floor of just executing the notebook.

    python benchmarks/classroom.py [--size 40] [--workers 2] [--assignment k-cycle]

The floor runs the same notebook in the same box, one at a time and without any grading. It is timed
before and after each grading, so that a busy machine slows both down. The bar is 1.5 times the
floor. Growth is linear when the ratio to the floor stays the same in a larger class.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from classroom_kit import enroll, hand_in, make_course, notebook, run  # noqa: E402

from classroom import execute, sandbox  # noqa: E402

BAR = 1.5  # times the floor
RUNS = ((10, 1), (10, 2), (30, 2))  # submissions, and how many at a time


def floor(course: Path, name: str, student: str) -> float:
    """Seconds to execute a student's copy of the solved notebook in a box, and nothing else."""
    nb = nbformat.read(course / "source" / name / f"{name}.ipynb", as_version=4)
    for cell in nb.cells:  # hidden tests don't run in a kernel
        cell.source = execute.split(cell.source)[0]
    began = time.perf_counter()
    with sandbox.box(sandbox.Limits()) as box:
        shutil.copy(course / "handout" / student / name / "mine.csv", box.work)
        client = NotebookClient(
            nb,
            kernel_manager_class=sandbox.ContainedKernelManager,
            resources={"metadata": {"path": str(box.work)}},
            store_widget_state=False,
        )
        client.create_kernel_manager().place(box)
        client.execute()
    return time.perf_counter() - began


def graded(course: Path, name: str, students: Sequence[str], workers: int) -> float:
    """Seconds to grade the submissions of some students, all anew."""
    for path in [course / "submitted", course / "autograded", *course.glob("graded/*/s*.json")]:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    for student in students:
        hand_in(course, student, name, notebook(course, name))
    began = time.perf_counter()
    result = run(course, "grade", "--workers", str(workers))
    took = time.perf_counter() - began
    if f"{len(students)} submissions graded" not in result.stdout:
        raise RuntimeError(result.stdout + result.stderr)
    return took


def rows(
    runs: Sequence[tuple[int, int]] = RUNS, assignment: str = "k-cycle"
) -> list[dict[str, str | int | float]]:
    """Time the grading of classes of several sizes.

    Parameters
    ----------
    runs : sequence of (int, int)
        Submissions, and how many of them are graded at the same time.
    assignment : str

    Returns
    -------
    list of dict
        One for each run: assignment, submissions, workers, seconds (the whole class),
        each (s a submission), floor (s), floors (each measured), ratio (each over floor), bar.
    """
    found = []
    with tempfile.TemporaryDirectory() as folder:
        course = make_course(Path(folder) / "course", assignment)
        students = [f"s{i:03d}" for i in range(max(size for size, _ in runs))]
        enroll(course, *students)
        released = run(course, "release")
        if released.returncode:
            raise RuntimeError(released.stderr)
        graded(course, assignment, students[:1], 1)  # starts what stays for the next ones
        floor(course, assignment, students[0])
        for size, at_once in runs:
            floors = [floor(course, assignment, s) for s in students[:2]]
            took = graded(course, assignment, students[:size], at_once)
            floors += [floor(course, assignment, s) for s in students[:2]]
            each, least = took / size, median(floors)
            found.append(
                {
                    "assignment": assignment,
                    "submissions": size,
                    "workers": at_once,
                    "seconds": round(took, 1),
                    "each": round(each, 2),
                    "floor": round(least, 2),
                    "floors": floors,
                    "ratio": round(each / least, 2),
                    "bar": BAR,
                }
            )
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, help="submissions (default: 10 and 30)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--assignment", default="k-cycle")
    given = parser.parse_args()
    for row in rows([(given.size, given.workers)] if given.size else RUNS, given.assignment):
        print(
            f"{row['assignment']}: {row['submissions']} submissions, {row['workers']} worker(s): "
            f"{row['seconds']:.1f} s, {row['each']:.2f} s each, {row['ratio']:.2f} x the floor of "
            f"{row['floor']:.2f} s (bar {row['bar']:g})"
        )


if __name__ == "__main__":
    main()
