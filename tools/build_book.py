"""Build the book into ``_build/html``, from scratch when anything it depends on has changed.

Notebook results are kept between builds only while the helper package, the data, the lock and the
interpreter are the same: the execution cache itself looks at nothing but the cells' code.
Notebooks run side by side, one a core, before Sphinx reads their results from that cache.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
INDEX = BUILD / "html" / "index.html"
TIMEOUT = 120  # seconds a cell may take
SKIP = {"_build", ".venv", ".git", ".ipynb_checkpoints", "__pycache__", ".pytest_cache"}
SKIP |= {".ruff_cache", "tests", "benchmarks", ".ci", ".github", "binder"}
SKIP |= {"assignments", "classroom"}


def inputs() -> list[Path]:
    """List every file that the book may depend on."""
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = sorted(n for n in names if n not in SKIP)
        found += [Path(folder) / f for f in sorted(files) if f not in SKIP]  # .git may be a file
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


def run_notebook(path: Path) -> tuple[Path, ExecutionResult]:
    """Run a notebook in its own folder and kernel."""
    notebook = nbformat.read(path, as_version=4)
    result = single_nb_execution(
        notebook, cwd=str(path.parent), timeout=TIMEOUT, allow_errors=False
    )
    return path, result


def run_notebooks(paths: list[Path]) -> dict[Path, str]:
    """Run the notebooks that the cache lacks; return the error of each one that failed."""
    cache, failed = get_cache(str(BUILD / ".jupyter_cache")), {}

    def missing(path: Path) -> bool:
        try:
            cache.match_cache_notebook(nbformat.read(path, as_version=4))
        except KeyError:
            return True
        return False

    todo = [path for path in paths if missing(path)]
    run = joblib.delayed(run_notebook)
    work = joblib.Parallel(n_jobs=-1, return_as="generator_unordered")(map(run, todo))
    for path, result in tqdm(work, total=len(todo), desc="notebooks", disable=not todo):
        if result.err is not None:
            failed[path] = str(result.err)
            continue
        bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return failed


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
    os.environ["K2COURSE_BOOK"] = str(BUILD / "grids")
    failed = run_notebooks([*ROOT.glob("*.ipynb"), *sorted((ROOT / "chapters").rglob("*.ipynb"))])
    for path, error in failed.items():
        print(f"{path.relative_to(ROOT)} failed:\n{error}", file=sys.stderr)
    status = 1 if failed else subprocess.run([*command, "--keep-going"], check=False).returncode
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
