"""Building the book: cold, warm, nothing changed, one page touched; growth; the floor."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from benchmarks import ROOT
from benchmarks.timing import family, interleaved, row

sys.path.insert(0, str(ROOT / "tools"))
from build_book import SKIP

FEW = ("k-cycle/evidence", "vessel/biology", "reading/certainty")
SEED = 30  # notebooks that grow
TOUCHED = "chapters/k-cycle/index.md"


def copied(folder: Path) -> Path:
    """Copy what the book is made from, and the notebooks' results if they belong to it."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*SKIP), dirs_exist_ok=True)
    for name in (".jupyter_cache", "grids"):
        if (ROOT / "_build" / name).is_dir():
            shutil.copytree(ROOT / "_build" / name, folder / "_build" / name)
    for stamp in (ROOT / "_build").glob("execution.stamp"):
        shutil.copy(stamp, folder / "_build")
    return folder


def build(folder: Path, workers: int = 2) -> None:
    """Build the book in a folder; its error, if it fails, is ours."""
    settings = {"PYTHONPATH": str(folder), "K2COURSE_WORKERS": str(workers)}
    command = [sys.executable, str(folder / "tools" / "build_book.py")]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])


def clear(folder: Path, *, results: bool) -> None:
    """Remove the pages, or the notebooks' results with them."""
    for name in (".",) if results else ("html", ".doctrees", "book.stamp"):
        path = folder / "_build" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def about() -> dict[str, int]:
    """Count the notebooks of the book."""
    return {"notebooks": len(list((ROOT / "chapters").rglob("*.ipynb"))) + 1}


def whole(rounds: int) -> Iterator[dict]:
    """Compare builds of the whole book with one that has all results and writes all pages."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = copied(Path(temporary))
        page, plain = folder / TOUCHED, (folder / TOUCHED).read_text("utf-8")
        edits = iter(range(1000))

        def warm() -> None:
            clear(folder, results=False)
            build(folder)

        def touch() -> None:
            page.write_text(f"{plain}\nAnother sentence, number {next(edits)}.\n", "utf-8")
            build(folder)

        runs = {"warm": warm, "nothing": lambda: build(folder), "touched": touch}
        times = interleaved(runs, rounds, warm=False)
        base = "warm build"
        yield row("nothing changed", base, times["nothing"], times["warm"], **about())
        yield row("one page touched", base, times["touched"], times["warm"], **about())


def cold(rounds: int) -> Iterator[dict]:
    """Compare building the book from nothing, notebooks two at a time, with one after another."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = copied(Path(temporary))

        def anew(workers: int) -> None:
            clear(folder, results=True)
            build(folder, workers)

        runs = {workers: lambda w=workers: anew(w) for workers in (1, 2)}
        times = interleaved(runs, rounds, warm=False)
        yield row("cold build, 2 workers", "one after another", times[2], times[1], **about())


def plain_copy(source: Path, target: Path) -> None:
    """Copy a notebook without what must be unique in a book or leads to other pages."""
    notebook = nbformat.read(source, as_version=4)
    for cell in notebook.cells:
        cell.metadata.get("mystnb", {}).get("figure", {}).pop("name", None)
        if cell.cell_type == "markdown":
            text = re.sub(r"^(\([\w-]+\)=|:name:.*|:::+\{figure\}.*)$", "", cell.source, flags=re.M)
            cell.source = re.sub(r"\{(?!glue)[\w:]+\}`", "`", text).replace("](", "] (")
    nbformat.write(notebook, target)


def growth(rounds: int) -> Iterator[dict]:
    """Compare building notebooks with building the same doubled and quadrupled."""
    every = [p.relative_to(ROOT / "chapters") for p in (ROOT / "chapters").rglob("*.ipynb")]
    seed = sorted(str(p.with_suffix("")) for p in every)[:SEED]
    with tempfile.TemporaryDirectory() as temporary:
        folder = copied(Path(temporary))
        shutil.rmtree(folder / "chapters")
        for page in [*folder.glob("*.ipynb"), *folder.glob("*.md")]:
            if page.name != "bibliography.md":
                page.unlink()
        (folder / "intro.md").write_text("# A small book\n", "utf-8")

        def grown(times: int) -> None:
            clear(folder, results=True) if (folder / "_build").exists() else None
            shutil.rmtree(folder / "chapters", ignore_errors=True)
            files = ["- file: bibliography\n"]
            for name in seed:
                for n in range(times):
                    target = folder / "chapters" / f"{name}-{n}.ipynb"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    plain_copy(ROOT / "chapters" / f"{name}.ipynb", target)
                    files.append(f"- file: chapters/{name}-{n}\n")
            toc = "format: jb-book\nroot: intro\nchapters:\n" + "".join(files)
            (folder / "_toc.yml").write_text(toc, "utf-8")
            build(folder)

        # Processor time: other work on the machine would bend the slope.
        steps = {n: lambda n=n: grown(n) for n in (1, 2, 4)}
        times = interleaved(steps, rounds, warm=False, clock=family)
        for n in (2, 4):
            number = n * len(seed)
            base = f"{len(seed)} notebooks"
            yield row(f"{number} notebooks", base, times[n], times[1], notebooks=number)


def execute(cells: list[str], folder: Path) -> None:
    """Execute cells in a kernel of their own, as the build does."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, timeout=120).execute()


def floor(rounds: int) -> Iterator[dict]:
    """Compare notebooks with a kernel that does nothing, and with one that only imports."""
    for name in FEW:
        source = ROOT / "chapters" / f"{name}.ipynb"
        cells = json.loads(source.read_text("utf-8"))["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        tried = {"empty": ["1"], "imports": code[:1], "whole": code}
        with tempfile.TemporaryDirectory() as grids:
            os.environ["K2COURSE_BOOK"] = grids
            runs = {k: lambda c=c, s=source: execute(c, s.parent) for k, c in tried.items()}
            times = interleaved(runs, rounds, warm=False, clock=family)
            del os.environ["K2COURSE_BOOK"]
        base = "kernel and imports"
        yield row("whole notebook", base, times["whole"], times["imports"], page=name)
        yield row("empty kernel", base, times["empty"], times["imports"], page=name)


STARTS = {
    "pandas": "import pandas",
    "quoted values, k2course.glue": "import pandas; from k2course.glue import glue",
    "quoted values, myst_nb.glue": "import pandas; import myst_nb.ext.glue",
    "models": "import k2course.models",
    "matplotlib": "import pandas, matplotlib.pyplot",
    "models, figures, explorers": "import matplotlib.pyplot, k2course.explore",
    "scipy.stats": "import pandas, scipy.stats",
    "pooling of trials": "import k2course.evidence",
    "reading notebooks": "import pandas, nbformat",
    "the same without the grammar": "import sys, pandas; sys.modules['rfc3987_syntax'] = None; "
    "import nbformat",
}


def starts(rounds: int) -> Iterator[dict]:
    """Compare what a new Python process imports with pandas alone."""
    runs = {k: lambda c=c: subprocess.run([sys.executable, "-c", c]) for k, c in STARTS.items()}
    times = interleaved(runs, rounds, warm=False, clock=family)
    for name in list(STARTS)[1:]:
        yield row(name, "pandas", times[name], times["pandas"])
