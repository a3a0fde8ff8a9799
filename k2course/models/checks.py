"""What a model must reproduce, from the table ``model_checks``, beside what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from k2course import data

if TYPE_CHECKING:
    from k2course.models.model import Model

Ask = tuple["Model", dict[str, float], "pd.Series[Any]"]


def _run(ask: Ask) -> pd.Series:
    model, settings, row = ask
    run = model.simulate(row["t_end"], int(row["points"]), **settings)
    return run[row["variable"]]


def _steady(ask: Ask) -> float:
    model, settings, row = ask
    return model.steady_state(**settings)[row["variable"]]


def _rested(ask: Ask) -> float:
    model, _, row = ask
    return model.steady_state()[row["variable"]]


def _branches(ask: Ask) -> pd.DataFrame:
    """Steady states up and down along the setting that is written ``from:to:step``."""
    model, settings, row = ask
    (name, (low, high, step)) = next((k, v) for k, v in settings.items() if isinstance(v, tuple))
    values = np.round(np.arange(low, high + step / 2, step), 10)
    fixed = {k: v for k, v in settings.items() if k != name}
    found = model.scan(name, values, **fixed)
    return found.pivot(index=name, columns="branch", values=row["variable"])


def _window(ask: Ask) -> pd.Index:
    branches = _branches(ask)
    apart = (branches["up"] - branches["down"]).abs() > 1e-3 * branches.max(axis=None)
    return branches.index[apart]


STATISTICS: dict[str, Callable[[Ask], float]] = {
    "at the start": lambda ask: _run(ask).iloc[0],
    "at the end": lambda ask: _run(ask).iloc[-1],
    "highest": lambda ask: _run(ask).max(),
    "time of the highest": lambda ask: _run(ask).idxmax(),
    "lowest": lambda ask: _run(ask).min(),
    "time of the lowest": lambda ask: _run(ask).idxmin(),
    "percent change at the end": lambda ask: 100 * (_run(ask).iloc[-1] / _run(ask).iloc[0] - 1),
    "end over resting state": lambda ask: _run(ask).iloc[-1] / _rested(ask),
    "steady state": _steady,
    "steady over resting state": lambda ask: _steady(ask) / _rested(ask),
    "percent change of steady state": lambda ask: 100 * (_steady(ask) / _rested(ask) - 1),
    "bistable from": lambda ask: _window(ask).min(),
    "bistable to": lambda ask: _window(ask).max(),
    "width of the bistable window": lambda ask: float(len(_window(ask))),
    "first value on the way up": lambda ask: _branches(ask)["up"].iloc[0],
    "last value on the way down": lambda ask: _branches(ask)["down"].iloc[0],
}


def settings(text: object) -> dict[str, Any]:
    """Read settings such as ``dose=4; doses=15``; ``p2=0.001:0.008:0.0001`` is a scan."""
    found: dict[str, Any] = {}
    for part in text.split("; ") if isinstance(text, str) else ():
        name, _, value = part.partition("=")
        numbers = tuple(map(float, value.split(":")))
        found[name] = numbers if len(numbers) == 3 else numbers[0]
    return found


def validate(model: Model) -> pd.DataFrame:
    """Compare a model with what it must reproduce; see ``Model.validate``."""
    table = data.load("model_checks")
    table = table[table["model"] == model.name].copy()
    table["found"] = [
        float(STATISTICS[row["statistic"]]((model, settings(row["settings"]), row)))
        for _, row in table.iterrows()
    ]
    table["error"] = table["found"] - table["expected"]
    table["holds"] = table["error"].abs() <= table["within"] * (1 + 1e-9)
    columns = ["quantity", "settings", "unit", "expected", "found", "error", "within", "holds"]
    return table[[*columns, "study_id", "note"]].reset_index(drop=True)
