"""Build the book into ``_build/html``, from scratch when anything it depends on has changed.

Notebook results are kept between builds only while the helper package, the data, the lock and the
interpreter are the same: the execution cache itself looks at nothing but the cells' code.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
INDEX = BUILD / "html" / "index.html"
SKIP = {"_build", ".venv", ".git", ".ipynb_checkpoints", "__pycache__", ".pytest_cache"}
SKIP |= {".ruff_cache", "tests", "benchmarks", ".ci", ".github", "binder"}
SKIP |= {"assignments", "classroom"}


def inputs() -> list[Path]:
    """List every file that the book may depend on."""
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = sorted(n for n in names if n not in SKIP)
        found += [Path(folder) / f for f in sorted(files)]
    return found


def fingerprint(files: list[Path]) -> str:
    """Hash names and contents of files together with the interpreter."""
    digest = hashlib.sha256(f"{platform.python_version()} {sys.platform}".encode())
    for file in files:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def same(stamp: Path, value: str) -> bool:
    """Whether a stamp file holds this value."""
    return stamp.is_file() and stamp.read_text() == value


def main() -> int:
    """Build if needed; return the exit code."""
    files = inputs()
    whole = fingerprint(files)
    code = fingerprint([f for f in files if f.suffix not in {".ipynb", ".md", ".bib", ".svg"}])
    whole_stamp, code_stamp = BUILD / "book.stamp", BUILD / "execution.stamp"
    if same(whole_stamp, whole) and INDEX.is_file():
        print(f"The book is up to date. Open {INDEX.as_uri()} or run: make serve")
        return 0
    # A second -W build over an old one skips unchanged pages with their warnings: start afresh.
    shutil.rmtree(BUILD / "html", ignore_errors=True)
    shutil.rmtree(BUILD / ".doctrees", ignore_errors=True)
    whole_stamp.unlink(missing_ok=True)
    if not same(code_stamp, code):
        shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    code_stamp.write_text(code)
    run = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", run, "build", str(ROOT), "--warningiserror"]
    environment = os.environ | {"K2COURSE_BOOK": str(BUILD / "grids")}
    status = subprocess.run([*command, "--keep-going"], env=environment, check=False).returncode
    if status == 0 and not INDEX.is_file():
        print("The build reported success and wrote no _build/html/index.html.", file=sys.stderr)
        status = 1
    if status:
        print("The book was not built; the errors stand above.", file=sys.stderr)
        return status
    whole_stamp.write_text(whole)
    print(f"Built. Open {INDEX.as_uri()} or run: make serve")
    return 0


if __name__ == "__main__":
    sys.exit(main())
