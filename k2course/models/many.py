"""Virtual patients: many runs of one model in several processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import joblib
import pandas as pd
from tqdm import tqdm

from k2course.models import source
from k2course.models.source import ModelError, unknown

CHUNK = 50  # runs that travel to a process together


@cache
def _model(name: str) -> Any:  # noqa: ANN401 (a Model; importing it here would go in a circle)
    """One model a process: loading takes longer than a hundred runs."""
    from k2course.models import load

    return load(name)


def _last(run: pd.DataFrame) -> dict[str, float]:
    return run.iloc[-1].to_dict()


def _chunk(
    name: str,
    patients: list[dict[str, float]],
    how: tuple[float, int],
    summarize: Callable[[pd.DataFrame], dict[str, float]],
    settings: dict[str, Any],
) -> pd.DataFrame:
    """Run some patients; a run that fails leaves its reason."""
    results, model = [], _model(name)
    for patient in patients:
        try:
            results.append({**summarize(model.simulate(*how, **(settings | patient))), "error": ""})
        except ModelError as error:
            results.append({"error": str(error)})
    return pd.DataFrame(results)  # takes less memory than its rows as dicts


def run(
    model: Any,  # noqa: ANN401
    table: pd.DataFrame,
    t_end: float,
    points: int,
    summarize: Callable[[pd.DataFrame], dict[str, float]] | None,
    workers: int,
    progress: bool | None,
    settings: dict[str, Any],
) -> pd.DataFrame:
    """Run the patients of a table; see ``Model.simulate_many``."""
    if table.empty:
        raise ModelError(f"{model.name}: the table of patients is empty")
    known = list(source.rows("model_parameters", model.name).index)
    for column in table.columns:
        if column not in known:
            raise unknown(f"parameter of {model.name},", column, known)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ModelError(f"{model.name}: workers = {workers!r} is not a number of at least 1")
    if progress is None:
        progress = not os.environ.get("K2COURSE_BOOK")
    chunks = (table.iloc[i : i + CHUNK] for i in range(0, len(table), CHUNK))
    jobs = (
        joblib.delayed(_chunk)(
            model.name, chunk.to_dict("records"), (t_end, points), summarize or _last, settings
        )
        for chunk in chunks
    )
    results = []
    bar = tqdm(total=len(table), disable=not progress, file=sys.stdout, desc=model.name)
    with bar, joblib.Parallel(n_jobs=workers, return_as="generator") as parallel:
        for chunk in parallel(jobs):
            results.append(chunk)
            bar.update(len(chunk))
    frame = pd.concat(results).set_axis(table.index)
    return frame[[c for c in frame.columns if c != "error"] + ["error"]]
