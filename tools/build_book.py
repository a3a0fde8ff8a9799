"""Build the book into ``_build/html``, as much of it as has changed.

Notebook results are kept between builds only while the helper package, the data, the lock and the
interpreter are the same: the execution cache itself looks at nothing but the cells' code.
Notebooks run side by side, one a core, before Sphinx reads their results from that cache.

Pages are kept only after a good build and while nothing but the text of pages has changed: Sphinx
would skip an unchanged page together with the warning that it gave last time.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_cache.executors.utils import ExecutionResult

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
INDEX = BUILD / "html" / "index.html"
WORKERS = int(os.environ.get("K2COURSE_WORKERS") or os.cpu_count() or 1)  # notebooks at a time
PAGES = {".ipynb", ".md"}
SKIP = {"_build", ".venv", ".git", ".ipynb_checkpoints", "__pycache__", ".pytest_cache"}
SKIP |= {".ruff_cache", "tests", "benchmarks", ".ci", ".github", "binder"}
SKIP |= {"assignments", "classroom"}
# To check notebooks, jsonschema compiles a grammar of addresses whenever it is imported: over a
# second for a format that no notebook holds. Where the grammar is missing it does without.
sys.modules["rfc3987_syntax"] = None


def inputs() -> list[Path]:
    """List every file that the book may depend on."""
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = sorted(n for n in names if n not in SKIP)
        found += [Path(folder) / f for f in sorted(files) if f not in SKIP]  # .git may be a file
    return found


def fingerprint(files: list[Path], contents: bool = True) -> str:
    """Hash names and, if wanted, contents of files together with the interpreter."""
    digest = hashlib.sha256(f"{platform.python_version()} {sys.platform}".encode())
    for file in files:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0")
        if contents:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def same(stamp: Path, value: str) -> bool:
    """Whether a stamp file holds this value."""
    return stamp.is_file() and stamp.read_text() == value


def run_notebook(path: Path, timeout: float) -> tuple[Path, ExecutionResult]:
    """Run a notebook in its own folder and kernel; a cell may take ``timeout`` seconds."""
    import nbformat
    from jupyter_cache.executors.utils import single_nb_execution
    from traitlets.config import Config

    # Encrypted, or each kernel warns into the progress bar.
    config = Config(KernelManager={"transport_encryption": "auto"})
    notebook = nbformat.read(path, as_version=4)
    return path, single_nb_execution(
        notebook, cwd=str(path.parent), timeout=timeout, allow_errors=False, config=config
    )


def run_notebooks(paths: list[Path]) -> dict[Path, str]:
    """Run the notebooks that the cache lacks; return the error of each one that failed."""
    # The cache is asked only about files that it has not seen: reading all takes a while.
    seen = BUILD / "cached.stamp"
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    known = set(seen.read_text().split()) if seen.is_file() else set()
    paths = [path for path in paths if digests[path] not in known]
    if not paths:
        return {}
    import joblib  # here and below: a build with nothing to do shall not wait for imports
    import nbformat
    import yaml
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn
    from tqdm import tqdm

    cache, failed = get_cache(str(BUILD / ".jupyter_cache")), {}

    def missing(path: Path) -> bool:
        try:
            cache.match_cache_notebook(nbformat.read(path, as_version=4))
        except KeyError:
            return True
        return False

    todo = [path for path in paths if missing(path)]
    timeout = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["execute"]["timeout"]
    # Threads: the work is done in the kernels, and each worker process would import all this anew.
    parallel = joblib.Parallel(n_jobs=WORKERS, prefer="threads", return_as="generator_unordered")
    work = parallel(joblib.delayed(run_notebook)(path, timeout) for path in todo)
    for path, result in tqdm(work, total=len(todo), desc="notebooks", disable=not todo):
        if result.err is not None:
            failed[path] = str(result.err)
            continue
        bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    seen.write_text("\n".join(digests[path] for path in digests if path not in failed))
    return failed


def write_pages() -> int:
    """Let Sphinx write what has changed, with every warning an error; return the exit code."""
    from jupyter_book.sphinx import build_sphinx

    result = build_sphinx(
        ROOT,
        BUILD / "html",
        noconfig=True,
        path_config=ROOT / "_config.yml",
        confoverrides={
            "external_toc_path": str(ROOT / "_toc.yml"),
            "latex_individualpages": False,
        },
        warningiserror=True,
        keep_going=True,
        jobs=WORKERS,
    )
    return 1 if isinstance(result, Exception) else result


def main() -> int:
    """Build if needed; return the exit code."""
    files = inputs()
    code = fingerprint([f for f in files if f.suffix not in {".bib", ".svg", *PAGES}])
    frame = fingerprint([f for f in files if f.suffix not in PAGES])
    frame += fingerprint([f for f in files if f.suffix in PAGES], contents=False)
    whole = fingerprint(files)
    stamps = [BUILD / f"{name}.stamp" for name in ("execution", "frame", "book")]
    code_stamp, frame_stamp, whole_stamp = stamps
    if same(whole_stamp, whole) and INDEX.is_file():
        print(f"The book is up to date. Open {INDEX.as_uri()} or run: make serve")
        return 0
    good = whole_stamp.is_file() and same(frame_stamp, frame)
    whole_stamp.unlink(missing_ok=True)
    if not same(code_stamp, code):
        shutil.rmtree(BUILD, ignore_errors=True)
    elif not good:
        shutil.rmtree(BUILD / "html", ignore_errors=True)
        shutil.rmtree(BUILD / ".doctrees", ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    code_stamp.write_text(code)
    frame_stamp.write_text(frame)
    os.environ["K2COURSE_BOOK"] = str(BUILD / "grids")
    failed = run_notebooks([*ROOT.glob("*.ipynb"), *sorted((ROOT / "chapters").rglob("*.ipynb"))])
    for path, error in failed.items():
        print(f"{path.relative_to(ROOT)} failed:\n{error}", file=sys.stderr)
    status = 1 if failed else write_pages()
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
