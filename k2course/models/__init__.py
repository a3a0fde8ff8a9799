"""The dynamic models of the course: written in Antimony, simulated by libRoadRunner.

Each model stands once, in ``NAME.ant`` beside this file. What its parameters and variables mean,
their units, sources and allowed values stand in the tables ``model_parameters`` and
``model_variables``. A model that imports another takes over that model's rows.
"""

from __future__ import annotations

import pandas as pd

from k2course.models.doses import schedule
from k2course.models.model import Model
from k2course.models.source import ModelError, names, unknown

__all__ = ["Model", "ModelError", "catalog", "load", "schedule", "unknown"]


def catalog() -> pd.DataFrame:
    """List the models.

    Returns
    -------
    DataFrame
        One row a model, indexed by name: title, number of states and of parameters, time unit,
        length of a usual run.
    """
    models = [load(name) for name in names()]
    return pd.DataFrame(
        {
            "title": [m.title for m in models],
            "states": [len(m.states) for m in models],
            "parameters": [len(m.parameters) for m in models],
            "time_unit": [m.time_unit for m in models],
            "t_end": [m.t_end for m in models],
        },
        index=pd.Index([m.name for m in models], name="model"),
    )


def load(name: str) -> Model:
    """Load a model of the course.

    Parameters
    ----------
    name : str
        One of the names in ``catalog()``, for instance ``"wajima2009"``.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        If there is no such model; the message lists those that exist.
    """
    if name not in names():
        raise unknown("model", name, names())
    return Model(name)
