"""Marks as CSV for Canvas and Moodle."""

from __future__ import annotations

import csv
import os
import unicodedata
from pathlib import Path

from nbgrader.api import MissingEntry

from classroom.grade import assignments, course, roster, ungraded


def guard(text: str) -> str:
    """Make a text harmless in a spreadsheet: no formula, no control character, one line."""
    kept = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text).strip()
    first = unicodedata.normalize("NFKC", kept[:1])
    return "'" + kept if first in {"=", "+", "-", "@", "|", "%"} else kept


def _write(path: Path, rows: list[list[str]]) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[guard(cell) for cell in row] for row in rows])
    os.replace(fresh, path)


def marks(root: Path, names: list[str] | None = None) -> tuple[list[Path], list[str]]:
    """Write ``marks/canvas.csv`` and ``marks/moodle.csv``.

    An assignment that was not handed in is left empty, which both systems read as "no mark". A
    student who is not in the roster is written too.

    Returns
    -------
    files : list of Path
    waiting : list of str
        What is not final: a submission that is not graded or changed since, a written answer not
        yet marked by a person.
    """
    chosen, students, waiting = assignments(root, names), roster(root), set()
    known = {row["id"] for row in students}
    with course(root).gradebook as gradebook:
        names_of = {s.id: s for s in gradebook.students}
        submitted = {s.student.id for a in gradebook.assignments for s in a.submissions}
        for other in sorted(submitted - known):
            students.append(dict.fromkeys(students[0], "") | {"id": other})
        possible, scores = {}, {}
        for name in chosen:
            ran = {path.stem for path in root.glob(f"graded/{name}/*.json")}
            for student, _ in ungraded(root, name):
                state = "changed since it was graded" if student in ran else "is not graded yet"
                waiting.add(f"{student}, {name} {state}; run `make grade`")
            try:
                possible[name] = gradebook.find_assignment(name).max_score
            except MissingEntry:
                continue
            for student in set(names_of) & {row["id"] for row in students}:
                try:
                    found = gradebook.find_submission(name, student)
                except MissingEntry:
                    continue
                if student not in ran:
                    waiting.add(f"{student}, {name} is not graded yet; run `make grade`")
                    continue
                scores[student, name] = f"{found.score:g}"
                if found.needs_manual_grade:
                    waiting.add(f"{student}, {name} has a written answer to mark")
    if not (scores or waiting):
        waiting = {"no mark yet; nothing was handed in"}
    canvas = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *possible]]
    canvas += [["Points Possible", "", "", "", "", *(f"{p:g}" for p in possible.values())]]
    moodle = [["First name", "Last name", "ID number", "Email address", *possible]]
    for row in students:
        got = [scores.get((row["id"], name), "") for name in possible]
        full = ", ".join(filter(None, (row["last_name"], row["first_name"]))) or row["id"]
        canvas.append([full, row["canvas_id"], row["sis_id"], row["id"], row["section"], *got])
        moodle.append([row["first_name"], row["last_name"], row["id"], row["email"], *got])
    (root / "marks").mkdir(exist_ok=True)
    files = [root / "marks" / "canvas.csv", root / "marks" / "moodle.csv"]
    for path, rows in zip(files, (canvas, moodle), strict=True):
        _write(path, rows)
    return files, sorted(waiting)
