"""Run the benchmarks and write ``chapters/reference/speed.json``, which a page of the book shows.

python -m benchmarks                    # about ten minutes on two cores
python -m benchmarks --full             # larger sizes, cold builds and growth: over an hour
python -m benchmarks --only models data # these parts; the others keep their last results
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psutil
from tqdm import tqdm

from benchmarks import ROOT, build, classroom, explorers, models, tables
from benchmarks.timing import row

RESULTS = ROOT / "chapters" / "reference" / "speed.json"
PACKAGES = ("numpy", "pandas", "scipy", "matplotlib", "libroadrunner", "python-copasi", "ipykernel")
PACKAGES += ("nbclient", "jupyter-book", "sphinx", "nbgrader", "playwright")
LONG = {"cold", "growth"}  # each as long as all the others


def grading(full: bool) -> Iterable[dict]:
    """Compare grading a submission with only executing it in the same box."""
    more = ((30, 1), (300, 1), (300, 2)) if full else ()
    for found in classroom.rows((*classroom.RUNS, *more)):
        what = f"{found['submissions']} submissions, {found['workers']} at a time"
        each, floors = found["each"], found["floors"]
        about = {k: found[k] for k in ("assignment", "submissions", "workers")}
        yield row(what, "executing one", [each] * len(floors), floors, **about)


def sections(full: bool) -> dict[str, Callable[[], Iterable[dict]]]:
    """List the parts and how each of them is measured."""
    return {
        # First: what the other parts write would make its notebooks run anew.
        "build": lambda: build.whole(3 if full else 2),
        "engines": lambda: models.engines(5 if full else 3),
        "states": lambda: models.states(5),
        "points": lambda: models.points(5),
        "patients": lambda: models.patients(5 if full else 3, full),
        "memory": lambda: models.memory(3),
        "data": lambda: tables.tables(5),
        "measures": lambda: tables.measures(5),
        "page": lambda: explorers.in_page(5 if full else 3, full),
        "starts": lambda: build.starts(3),
        "floor": lambda: build.floor(5 if full else 3),
        "grading": lambda: grading(full),
        "cold": lambda: build.cold(2),
        "growth": lambda: build.growth(1),
    }


def machine() -> dict[str, object]:
    """Describe what the results were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory, GB": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def main() -> None:
    """Run what is asked for and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--full", action="store_true", help="the larger sizes as well")
    known = sections(full=False)
    parser.add_argument("--only", nargs="+", choices=known, default=[], metavar="PART")
    given = parser.parse_args()
    chosen = given.only or (known if given.full else known.keys() - LONG)
    parts = {k: v for k, v in sections(given.full).items() if k in chosen}
    bar = tqdm(parts.items())
    for name, measure in bar:
        bar.set_description(name)
        began, load = time.perf_counter(), os.getloadavg()[0]
        rows = list(measure())
        results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
        results[name] = {
            "date": date.today().isoformat(),
            "full": given.full,
            "seconds": round(time.perf_counter() - began),
            "other load": round(load, 1),
            "rows": rows,
        }
        results["machine"] = machine()
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"Wrote {RESULTS.relative_to(ROOT)}; `make book` shows it.")


if __name__ == "__main__":
    main()
