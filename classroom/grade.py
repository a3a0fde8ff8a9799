"""Drives nbgrader over a class: release, grade, feedback; one submission never stops another."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import multiprocessing
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell
from nbgrader.apps.api import NbGraderAPI
from nbgrader.utils import rmtree
from tqdm import tqdm
from traitlets.config import Config, PyFileConfigLoader

from classroom import execute, personal, sandbox

LARGEST = 20 << 20  # bytes of a submitted notebook
nbformat.validator.get_validator(4, 5)  # compiled once: graders are forked after this import
ROSTER = ["id", "first_name", "last_name", "email", "canvas_id", "sis_id", "section"]


def course(root: Path) -> NbGraderAPI:
    """Return nbgrader's interface to the course in ``root``."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.merge(Config({"CourseDirectory": {"root": str(root)}}))
    return NbGraderAPI(config=config)


def assignments(root: Path, names: list[str] | None = None) -> list[str]:
    """Return the assignments of the course, or check those that are named."""
    found = sorted(p.parent.name for p in root.glob("source/*/*.ipynb") if p.stem == p.parent.name)
    for name in names or []:
        if name not in found:
            raise ValueError(f"no assignment {name!r}; there are: {', '.join(found)}")
    return names or found


def roster(root: Path) -> list[dict[str, str]]:
    """Read the class list ``roster.csv``; without one, the class is one student ``demo``.

    Raises
    ------
    ValueError
        No text in UTF-8, no column ``id``, no student, an id that is not allowed or stands twice.
    """
    path = root / "roster.csv"
    if not path.is_file():
        return [dict.fromkeys(ROSTER, "") | {"id": "demo"}]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            columns, rows = table.fieldnames or [], list(table)
        if "id" not in columns:
            raise ValueError("the first line must name the columns, `id` among them, with commas")
        ids = [personal.check_id(row["id"] or "") for row in rows]
        if not ids or len({i.lower() for i in ids}) < len(ids):
            raise ValueError("an id stands in it twice" if ids else "no student stands in it")
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(f"{path.name} can't be read; save it as CSV in UTF-8") from None
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    return [{key: row.get(key) or "" for key in ROSTER} for row in rows]


def release(root: Path, names: list[str] | None = None) -> list[str]:
    """Generate the student versions and everyone's data.

    ``release/A`` holds what all students share, with a file of data for each under a hashed name;
    ``handout/STUDENT/A`` is the same for one student alone.
    """
    personal.secret(root, create=True)
    api, students = course(root), roster(root)
    with api.gradebook as gradebook:
        for row in students:
            given = {k: row[k] for k in ("first_name", "last_name", "email")}
            gradebook.update_or_create_student(row["id"], **given)
    for name in assignments(root, names):
        result = api.generate_assignment(name, force=True)
        if not result["success"]:
            raise RuntimeError(f"{name} was not released:\n{result.get('log', '')}")
        for row in students:
            target = root / "handout" / row["id"] / name
            shutil.copytree(root / "release" / name, target, dirs_exist_ok=True)
            personal.write(root, name, row["id"], target)
        for row in students:
            file = personal.token(row["id"]) + ".csv"
            personal.write(root, name, row["id"], root / "release" / name / "personal", file)
        _note(root / "graded" / name / "release.json", {"secret": personal.fingerprint(root)})
    return assignments(root, names)


def _note(path: Path, content: dict[str, Any]) -> None:
    """Write a small file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content), "utf-8")
    os.replace(fresh, path)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the course for one grading at a time; a killed one lets go by itself."""
    with (root / ".grading").open("w") as file:
        if os.name != "nt":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RuntimeError("this course is being graded already") from None
        yield


def version(root: Path, assignment: str, student: str) -> str:
    """Hash what a mark depends on: the submitted notebooks, the source, the secret."""
    digest = hashlib.sha256(personal.fingerprint(root).encode())
    submitted = root / "submitted" / student / assignment
    for path in sorted([*submitted.glob("*.ipynb"), *(root / "source" / assignment).glob("*.*")]):
        regular = stat.S_ISREG(path.lstat().st_mode) and path.stat().st_size <= 10 * LARGEST
        digest.update(path.name.encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes() if regular else b"").digest())
    return digest.hexdigest()


def ungraded(root: Path, assignment: str) -> Iterator[tuple[str, str]]:
    """Yield student and version of each submission that is new, or changed since it was graded."""
    for folder in sorted(root.glob(f"submitted/*/{assignment}")):
        student = folder.parent.name
        now = version(root, assignment, student)
        record = _read(root / "graded" / assignment / f"{student}.json")
        if (
            record.get("version") != now
            or not (root / "autograded" / student / assignment).is_dir()
        ):
            yield student, now


def prepare(root: Path, assignment: str, student: str) -> None:
    """Refuse what is no notebook before nbgrader touches it; ``ValueError`` says why."""
    folder = root / "submitted" / personal.check_id(student) / assignment
    for path in [folder, *folder.rglob("*")]:
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ValueError(f"{path.name} is a link or no plain file")
    wanted = [p.name for p in (root / "release" / assignment).glob("*.ipynb")]
    given = [p for p in folder.glob("*.ipynb")]
    if len(wanted) == len(given) == 1 and given[0].name != wanted[0]:
        shutil.copy(given[0], folder / wanted[0])  # handed in under another name
    for name in wanted:
        path = folder / name
        if not path.is_file():
            raise ValueError(f"{name} was not handed in")
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{name} is larger than {LARGEST >> 20} MB")
        try:
            cells = nbformat.reads(path.read_text("utf-8"), as_version=4)["cells"]
            plain = all(isinstance(c["source"], str) and "metadata" in c for c in cells)
        except Exception:
            raise ValueError(f"{name} is not a notebook that Jupyter can read") from None
        if not plain:
            raise ValueError(f"{name} is not a notebook that Jupyter can read")


def _one(root: Path, assignment: str, student: str, send: Connection) -> None:
    """Grade one submission in a process of its own, which ends with its parent."""
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (3 * sandbox.Limits.memory,) * 2)
    try:
        prepare(root, assignment, student)
        api = course(root)
        api.coursedir.ignore = [*api.coursedir.ignore, "personal"]  # everyone's data, not needed
        result = api.autograde(assignment, student, force=True)
        log = result.get("log", "") + result.get("error", "")
        again = "" if result["success"] else "the grader itself broke off; see the log"
        send.send({"failed": "", "again": again, "log": log, **execute.LAST})
    except ValueError as error:
        send.send({"failed": str(error), "log": ""})
    except Exception as error:
        again = f"the grader itself broke off: {error!r}"
        send.send({"failed": "", "again": again, "log": again})


def fail(root: Path, assignment: str, student: str, reason: str) -> None:
    """Give zero points with a reason; the feedback shows the untouched release under it."""
    with course(root).gradebook as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(assignment, student)
        folder = root / "autograded" / student / assignment
        if folder.exists():
            rmtree(str(folder))
        folder.mkdir(parents=True)
        for notebook in gradebook.find_assignment(assignment).notebooks:
            submitted = gradebook.find_submission_notebook(notebook.name, assignment, student)
            for grade in submitted.grades:
                grade.auto_score, grade.needs_manual_grade = 0, False
            released = root / "release" / assignment / f"{notebook.name}.ipynb"
            shown = nbformat.read(released, as_version=4)
            words = f"**This could not be graded: {reason}.** What follows is the empty assignment."
            shown.cells.insert(0, new_markdown_cell(words))
            nbformat.write(shown, folder / f"{notebook.name}.ipynb")
        gradebook.db.commit()


def grade(root: Path, names: list[str] | None = None, workers: int = 1) -> list[dict[str, Any]]:
    """Grade every submission that is new or changed.

    Parameters
    ----------
    root : Path
        The course.
    names : list of str, optional
        Assignments; by default all.
    workers : int
        Submissions graded at the same time.

    Returns
    -------
    list of dict
        One record for each submission graded in this run: assignment, student, reason (empty if
        all of it ran), again (not graded by a fault of the machine), look (questions that a
        person should see), seconds.
    """
    if not sandbox.bubblewrap():
        print(f"\n*** {sandbox.LOUD}\n", file=sys.stderr)
    todo = []
    for name in assignments(root, names):
        told = _read(root / "graded" / name / "release.json")
        if not told and not any(root.glob(f"submitted/*/{name}")):
            continue
        if told.get("secret", "") != personal.fingerprint(root):
            why = "is not released yet" if not told else "was released with another secret"
            raise ValueError(f"{name} {why}; put the secret back or run `make release`")
        for student, now in ungraded(root, name):
            todo.append((name, student, root / "graded" / name / f"{student}.json", now))
    with _alone(root):
        return _run(root, todo, max(1, workers))


def _run(root: Path, todo: list[tuple], workers: int) -> list[dict[str, Any]]:
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["classroom.grade", "IPython"])
    longest = course(root).config.Contained.get("limits", {}).get("notebook")
    longest = (longest or sandbox.Limits.notebook) + 120
    running, done, waiting = {}, [], list(reversed(todo))
    with tqdm(total=len(todo), unit="submission", desc="grading", disable=None) as bar:
        while waiting or running:
            while waiting and len(running) < workers:
                name, student, record, now = waiting.pop()
                receive, send = context.Pipe(duplex=False)
                child = context.Process(target=_one, args=(root, name, student, send))
                child.start()
                send.close()
                running[receive] = (child, time.monotonic(), name, student, record, now)
            ready = wait(list(running), timeout=1)
            late = [r for r, job in running.items() if time.monotonic() - job[1] > longest]
            for receive in {*ready, *late}:
                child, began, name, student, record, now = running.pop(receive)
                told = {"failed": "the grader's process was stopped (time or memory)", "log": ""}
                with contextlib.suppress(EOFError, OSError):
                    told = receive.recv() if receive in ready else told
                child.kill() if receive in late else child.join(30)
                if told["failed"]:
                    fail(root, name, student, told["failed"])
                entry = {"assignment": name, "student": student, "version": now}
                entry["again"] = told.get("again", "")
                entry["reason"] = told["failed"] or entry["again"] or told.get("reason", "")
                entry["look"] = told.get("look", [])
                entry["seconds"] = round(time.monotonic() - began, 2)
                if entry["reason"]:
                    record.with_suffix(".log").write_text(told["log"], "utf-8")
                if not entry["again"]:  # else it is not graded, and the next run tries again
                    _note(record, entry)
                done.append(entry)
                bar.update()
    return done


def feedback(root: Path, names: list[str] | None = None) -> int:
    """Write the HTML feedback of every graded submission; return how many."""
    api, count = course(root), 0
    for name in assignments(root, names):
        graded = sorted(p.parent.name for p in root.glob(f"autograded/*/{name}"))
        for student in tqdm(graded, unit="student", desc=f"feedback {name}", disable=None):
            result = api.generate_feedback(name, student, force=True)
            if not result["success"]:
                raise RuntimeError(f"no feedback for {student}:\n{result.get('log', '')}")
            count += 1
    return count
