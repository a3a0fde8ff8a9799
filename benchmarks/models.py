"""Side-by-side timings of the models, all in one run.

Prints ratios, because only those compare across machines:

1. our layer (``Model.simulate``) over bare RoadRunner, 201 points;
2. SciPy's LSODA on a plain-Python right-hand side, and COPASI, over RoadRunner;
3. 1,000 runs with varied parameters;
4. ``simulate_many`` for 100 to 10,000 virtual patients, and one worker against two.

Run it from the folder of the course:

    python benchmarks/models.py            # about two minutes
    python benchmarks/models.py --large    # 100,000 virtual patients as well
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.integrate import solve_ivp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from engines import TOLERANCES, Copasi, right_hand_side

from k2course import models

TOLERANCES |= {"Relative Tolerance": 1e-9, "Absolute Tolerance": 1e-12}
COMPARED = ("lemaire2004", "legewie2006", "dallepezze2014", "topp2000", "nazaret2009")


def best(run: Callable[[], object], repeats: int = 7) -> float:
    """Shortest of some timings, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def layer() -> pd.DataFrame:
    """Time our layer over bare RoadRunner, turn by turn."""
    rows = []
    for name in models.catalog().index:
        model = models.load(name)
        model.simulate(model.t_end)
        engine = model._engine

        def bare(engine: object = engine, t_end: float = model.t_end) -> None:
            engine.resetAll()
            engine.simulate(0, t_end, 201)

        pairs = [(best(bare, 3), best(lambda m=model: m.simulate(m.t_end), 3)) for _ in range(12)]
        alone, ours = np.min(pairs, axis=0)
        rows.append((name, 1e3 * alone, ours / alone))
    return pd.DataFrame(rows, columns=["model", "RoadRunner, ms", "our layer / RoadRunner"])


def engines() -> pd.DataFrame:
    """Time one run, and 1,000 varied runs, of three engines; all at rtol 1e-9."""
    rows = []
    for name in COMPARED:
        model = models.load(name)
        rhs, start, _ = right_hand_side(model.sbml())
        grid = np.linspace(0, model.t_end, 201)
        copasi = Copasi(model.sbml())
        runs = {
            "RoadRunner": lambda m=model: m.simulate(m.t_end),
            "COPASI": lambda c=copasi, m=model: c.run(m.t_end),
            "LSODA": lambda f=rhs, y=start, g=grid: solve_ivp(
                f, (0, g[-1]), y, "LSODA", g, rtol=1e-9, atol=1e-12
            ),
        }
        one = {key: best(run, 3) for key, run in runs.items()}
        key = model.parameters.query("kind == 'constant' and value > 0").index[0]
        value = model.parameters.loc[key, "value"]
        varied = value * np.random.default_rng(1).uniform(0.8, 1.2, 1000)
        began = time.perf_counter()
        for v in varied:
            model.simulate(model.t_end, **{key: v})
        many = time.perf_counter() - began
        rows.append(
            (name, 1e3 * one["RoadRunner"], *(one[k] / one["RoadRunner"] for k in runs), many)
        )
    columns = ["model", "ms", "RoadRunner", "COPASI", "LSODA", "1,000 varied runs, s"]
    return pd.DataFrame(rows, columns=columns)


def patients(large: bool) -> pd.DataFrame:
    """Time virtual patients: growth with their number, one worker against two."""
    model, rows = models.load("lemaire2004"), []
    draw = np.random.default_rng(1)
    for count in (100, 1000, 10_000, *((100_000,) if large else ())):
        table = pd.DataFrame({"m_OPG": draw.uniform(1, 1.5, count)})
        took = []
        for workers in (1, 2):
            model.simulate_many(table[:100], 365, workers=workers, progress=False)
            began = time.perf_counter()
            model.simulate_many(table, 365, workers=workers, progress=False)
            took.append(time.perf_counter() - began)
        rows.append((count, *took, took[0] / took[1], 1e3 * took[0] / count))
    columns = ["patients", "1 worker, s", "2 workers, s", "gain", "ms a patient"]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--large", action="store_true", help="100,000 virtual patients as well")
    chosen = parser.parse_args()
    for title, table in (
        ("Our layer over bare RoadRunner (bar: 1.3)", layer()),
        ("One run, RoadRunner = 1", engines()),
        ("Virtual patients", patients(chosen.large)),
    ):
        print(f"\n{title}\n{table.round(2).to_string(index=False)}", flush=True)
