"""Personal versions: a student's data and truth follow from their id and the teacher's secret."""

from __future__ import annotations

import functools
import hashlib
import hmac
import importlib.util
import os
import re
import secrets
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
DATA = "mine.csv"


def check_id(student: str) -> str:
    """Return the id, or raise ``ValueError``: it names folders and stands in spreadsheets."""
    if not ID.fullmatch(student):
        raise ValueError(
            f"student id {student!r}: it must begin with a letter or digit and hold only "
            "letters, digits, '.', '_', '@' and '-' (at most 64)"
        )
    return student


def secret(root: Path, *, create: bool = False) -> bytes:
    """Read the teacher's secret: ``K2_CLASS_SECRET`` or the file ``secret`` of the course.

    Raises
    ------
    ValueError
        If there is none, or it has fewer than 16 characters.
    """
    path = root / "secret"
    text = os.environ.get("K2_CLASS_SECRET", "")
    if not text and not path.exists() and create:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    if not text and path.exists():
        text = path.read_text("utf-8").strip()
    if len(text) < 16:
        raise ValueError(f"no secret of at least 16 characters in {path} or K2_CLASS_SECRET")
    return text.encode()


def fingerprint(root: Path) -> str:
    """Return a mark by which a changed secret is noticed; it doesn't give the secret away."""
    return hmac.digest(secret(root), b"fingerprint", "sha256").hex()[:12]


def seed(key: bytes, assignment: str, student: str) -> int:
    """Return a 256-bit seed: HMAC-SHA-256 of assignment and id under the secret."""
    message = f"{assignment}\0{check_id(student)}".encode()
    return int.from_bytes(hmac.digest(key, message, "sha256"), "big")


def token(student: str) -> str:
    """Return the name of a student's file in a release that all students share."""
    return hashlib.sha256(student.encode()).hexdigest()[:16]


@functools.cache  # a module of its own each time would compile its model anew
def _maker(root: Path, assignment: str) -> ModuleType | None:
    path = root / "source" / assignment / "personal.py"
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location(f"personal_{assignment.replace('-', '_')}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(root: Path, assignment: str, student: str) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    """Make a student's data.

    Parameters
    ----------
    root : Path
        The course, ``assignments/``.
    assignment, student : str

    Returns
    -------
    data : DataFrame or None
        What the student is given; None if the assignment has no personal part.
    hidden : dict
        What only the grader knows, such as the true parameters. ``make`` in the assignment's
        ``personal.py`` returns both.
    """
    maker = _maker(root, assignment)
    if maker is None:
        return None, {}
    return maker.make(np.random.default_rng(seed(secret(root), assignment, student)))


def truth(root: Path, assignment: str, student: str) -> dict[str, Any]:
    """Return what the grader expects of a student: ``truth(data, hidden)`` of the assignment."""
    data, hidden = make(root, assignment, student)
    return {} if data is None else _maker(root, assignment).truth(data, hidden)


def write(root: Path, assignment: str, student: str, folder: Path, name: str = DATA) -> None:
    """Write a student's data into a folder; full precision, so that a file is reproducible."""
    data, _ = make(root, assignment, student)
    if data is not None:
        folder.mkdir(parents=True, exist_ok=True)
        data.to_csv(folder / name, index=False, lineterminator="\n")
