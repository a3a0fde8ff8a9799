"""The models: our layer, bare RoadRunner, COPASI, SciPy; growth, virtual patients, memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import cycle

import libsbml
import numpy as np
import pandas as pd
from engines import TOLERANCES, Copasi, right_hand_side
from scipy.integrate import solve_ivp

from benchmarks.timing import CPU, interleaved, row
from k2course import models

TOLERANCES |= {"Relative Tolerance": 1e-9, "Absolute Tolerance": 1e-12}
BARE, OURS = "RoadRunner", "our layer"
POINTS, VARIED, PAIRS = 201, 1000, 25


def bare(model: models.Model, settings: dict[str, float], points: int = POINTS) -> object:
    """Run the engine without our checks and without a table around the result."""
    engine = model._engine
    engine.resetAll()
    for key, value in settings.items():
        engine.setValue(key, value)
    if settings:
        engine.reset()
    return engine.simulate(0, model.t_end, points)


def others(model: models.Model, settings: dict[str, float]) -> dict[str, Callable[[], object]]:
    """Make the same run in COPASI and with SciPy's LSODA on plain Python."""
    document = libsbml.readSBMLFromString(model.sbml())
    for key, value in settings.items():
        document.getModel().getParameter(key).setValue(value)
    sbml = libsbml.writeSBMLToString(document)
    copasi, (rhs, start, _) = Copasi(sbml), right_hand_side(sbml)
    grid = np.linspace(0, model.t_end, POINTS)
    return {
        "COPASI": lambda: copasi.run(model.t_end, POINTS),
        "SciPy LSODA": lambda: solve_ivp(
            rhs, (0, model.t_end), start, "LSODA", grid, rtol=1e-9, atol=1e-12
        ),
    }


def engines(rounds: int) -> Iterator[dict]:
    """Compare runs of every model, alike and varied.

    Our layer costs a tenth of a run, less than a moment of the machine can: it has ``PAIRS`` turns.
    """
    for name in models.catalog().index:
        model, about = models.load(name), {"model": name}
        about["states"] = len(model.states)
        constants = model.parameters.query("kind == 'constant' and value > 0")["value"]
        sbml = libsbml.readSBMLFromString(model.sbml()).getModel()
        key = next(k for k in constants.index if sbml.getParameter(k))
        values = constants[key] * np.random.default_rng(2026).uniform(0.9, 1.1, VARIED)
        settings = {"one": [{}], "varied": [{key: float(value)} for value in values]}
        for kind, tried in settings.items():
            first, second = cycle(tried), cycle(tried)
            runs = {
                BARE: lambda m=model, t=first: bare(m, next(t)),
                OURS: lambda m=model, t=second: m.simulate(m.t_end, POINTS, **next(t)),
            }
            pairs = interleaved(runs, PAIRS, clock=CPU)
            yield row(OURS, BARE, pairs[OURS], pairs[BARE], **about, runs=kind)
            more = others(model, tried[0])
            times = interleaved({BARE: runs[BARE]} | more, rounds, clock=CPU)
            for other in more:
                yield row(other, BARE, times[other], times[BARE], **about, runs=kind)


def states(rounds: int, name: str = "lemaire2004") -> Iterator[dict]:
    """Compare a run of RoadRunner on every model with one on a small model."""
    loaded = {key: models.load(key) for key in models.catalog().index}
    runs = {key: lambda m=model: bare(m, {}) for key, model in loaded.items()}
    times = interleaved(runs, rounds, clock=CPU)
    for key, model in loaded.items():
        yield row(key, name, times[key], times[name], model=key, states=len(model.states))


def points(rounds: int, name: str = "lemaire2004") -> Iterator[dict]:
    """Compare a run with more output times against one with eleven."""
    model, counts = models.load(name), (11, 101, 1001, 10_001)
    times = interleaved(
        {str(n): lambda n=n: model.simulate(model.t_end, n) for n in counts}, rounds, clock=CPU
    )
    for n in counts:
        yield row(f"{n} points", "11 points", times[str(n)], times["11"], points=n)


def patients(rounds: int, full: bool, name: str = "lemaire2004") -> Iterator[dict]:
    """Compare more virtual patients, on one worker and on two, against a hundred on one."""
    model, draw = models.load(name), np.random.default_rng(2026)
    table = pd.DataFrame({"m_OPG": draw.uniform(1, 1.5, 100_000 if full else 10_000)})

    def run(count: int, workers: int) -> None:
        model.simulate_many(table[:count], 365, 11, workers=workers, progress=False)

    run(100, 2)  # starts the processes
    for count in (100, 1000, 10_000, 100_000)[: 4 if full else 3]:
        tried = {"base": (100, 1), "1 worker": (count, 1), "2 workers": (count, 2)}
        runs = {key: lambda how=how: run(*how) for key, how in tried.items()}
        times = interleaved(runs, 3 if count > 1000 else rounds, warm=False)
        for workers in ("1 worker", "2 workers"):
            label, more = f"{count} patients, {workers}", {"patients": count, "workers": workers}
            yield row(label, "100 patients, 1 worker", times[workers], times["base"], **more)
        yield row(
            f"{count} patients, 2 workers",
            "the same, 1 worker",
            times["2 workers"],
            times["1 worker"],
            patients=count,
        )


def memory(rounds: int, name: str = "lemaire2004", count: int = 1000) -> Iterator[dict]:
    """Compare the memory that virtual patients need with that of keeping their whole curves."""
    model, draw = models.load(name), np.random.default_rng(2026)
    table = pd.DataFrame({"m_OPG": draw.uniform(1, 1.5, count)})
    t_end, several = model.t_end, table.to_dict("records")
    runs = {
        "rows": lambda: model.simulate_many(table, t_end, POINTS, progress=False),
        "curves": lambda: [model.simulate(t_end, POINTS, **patient) for patient in several],
    }
    peaks: dict[str, list[int]] = {key: [] for key in runs}
    for key in list(runs) * rounds:
        tracemalloc.start()
        runs[key]()
        peaks[key].append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    what = f"{count} patients, a row each"
    yield row(what, "their whole curves", peaks["rows"], peaks["curves"], patients=count)
