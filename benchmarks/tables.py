"""Data tables and laboratory measures against the plain library call below them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import ndimage

from benchmarks.timing import CPU, interleaved, row
from k2course import data
from k2course.measures import agatston, trial


def tables(rounds: int) -> Iterator[dict]:
    """Compare strict loading and full validation of all tables with plain ``read_csv``."""
    from frictionless import Package  # half a second to import, and only needed here

    folder, names = data._folder(), list(data.catalog()["name"])
    files = [folder / data.description(name)["path"] for name in names]

    def validate() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not Package(str(folder / "datapackage.json")).validate().valid:
                raise RuntimeError("the tables are not valid")

    plain = "pandas.read_csv, all tables"
    runs = {
        plain: lambda: [pd.read_csv(file) for file in files],
        "data.load, all tables": lambda: [data.load(name) for name in names],
        "Frictionless validation": validate,
    }
    times = interleaved(runs, rounds, clock=CPU)
    for other in list(runs)[1:]:
        yield row(other, plain, times[other], times[plain], tables=len(names))


def measures(rounds: int) -> Iterator[dict]:
    """Compare a score with labeling alone, in little and much noise, and two workers with one."""
    rng = np.random.default_rng(2026)
    grid, plain = rng.standard_normal((40, 512, 512), dtype="float32"), "scipy.ndimage.label"
    for mean, noise in ((40, 30), (60, 60)):  # the two scans of the page on the score
        scan = mean + noise * grid
        runs = {
            plain: lambda scan=scan: [ndimage.label(image >= 130) for image in scan],
            "score": lambda scan=scan: agatston.score(scan, (3, 0.5, 0.5)),
        }
        times, share = interleaved(runs, rounds, clock=CPU), 100 * (scan >= 130).mean()
        what = f"Agatston score, 512 x 512 x 40, {share:.1f} % of the voxels above 130 HU"
        yield row(what, plain, times["score"], times[plain])
    design = {"n": 20, "effects": (0, -0.1, -0.3, -0.7), "sd": 0.6, "correlation": 0.7}
    runs = {n: lambda n=n: trial.simulate(**design, workers=n, progress=False) for n in (1, 2)}
    times = interleaved(runs, rounds)
    yield row("10,000 trials, 2 workers", "the same, 1 worker", times[2], times[1])
