"""The checks of hidden tests. They run outside the student's kernel, on answers as plain data."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from k2course import models

SLIPS = (1e3, 1e-3, 1e6, 1e-6, 100, 0.01, 60, 1 / 60, 24, 1 / 24)  # units taken for each other
Test = Callable[[pd.DataFrame, dict[str, float]], bool]


class Marks:
    """The marks of one question.

    Parameters
    ----------
    space : dict
        The answers by name; ``globals()`` in a notebook. The grader adds ``__truth__``.

    Attributes
    ----------
    truth : dict
        What is right for this student.
    earned, possible : float
    words : list of str
        One line a check, for the student.
    look : bool
        Whether a person should look at it: an answer is missing that was asked for by name.
    """

    def __init__(self, space: dict[str, Any]) -> None:
        if "__truth__" not in space:
            raise RuntimeError("hidden tests run in `make grade`, which knows the truth")
        self.space, self.truth = space, space["__truth__"]
        self.earned = self.possible = 0.0
        self.words: list[str] = []
        self.look = False
        space["__marks__"] = self

    def _note(self, name: str, share: float, points: float, words: str) -> None:
        got = round(share * points * 4) / 4
        self.earned, self.possible = self.earned + got, self.possible + points
        sign = "✓" if share == 1 else "–" if share else "✗"
        self.words.append(f"{sign} {name}: {words} ({got:g} of {points:g})")

    def _given(self, name: str, points: float) -> Any | None:  # noqa: ANN401
        if name not in self.space:
            self.look = True
            self._note(name, 0, points, f"there is no `{name}`; keep the name that is asked for")
        elif self.space[name] is None:
            self._note(name, 0, points, "no answer yet")
        else:
            return self.space[name]
        return None

    def number(
        self,
        name: str,
        right: float,
        unit: str,
        *,
        points: float,
        rel: float = 0.02,
        absolute: float = 0.0,
        slips: dict[float, str] | None = None,
        hint: str = "",
    ) -> None:
        """Check a number; half the points for the right method in another unit.

        Parameters
        ----------
        name, unit : str
        right : float
            The expected number in ``unit``.
        points : float
        rel, absolute : float
            Tolerance, relative to ``right`` and in ``unit``.
        slips : dict of float to str, optional
            Wrong numbers that tell what went wrong, with the words for the student; half points.
        hint : str
            Added when the number is wrong; it must not give the answer away.
        """
        given = self._given(name, points)
        if given is None:
            return
        value = _number(given)
        if value is None:
            self._note(name, 0, points, f"give one bare number in {unit}")
            return
        reach = max(rel, absolute / abs(right) if right else 0)

        def near(other: float) -> bool:
            return abs(value - other) <= reach * abs(other)

        if abs(value - right) <= max(rel * abs(right), absolute):
            self._note(name, 1, points, "right")
            return
        for other, words in (slips or {}).items():
            if near(other):
                self._note(name, 0.5, points, words)
                return
        if right and any(near(right * factor) for factor in SLIPS):
            words = f"right method, wrong unit: asked for in {unit}"
            self._note(name, 0.5, points, words)
            return
        if right and near(-right):
            self._note(name, 0.5, points, "right size, wrong sign")
            return
        words = f"not what your own data give (asked for in {unit})" + (f"; {hint}" if hint else "")
        self._note(name, 0, points, words)

    def choice(self, name: str, right: Any, *, points: float, hint: str = "") -> None:  # noqa: ANN401
        """Check a word, a truth value or a list of them; a list earns its share of right entries.

        A list must have the expected length. Case and outer blanks of words don't count.
        """
        value = self._given(name, points)
        if value is None:
            return
        given, wanted = ([v] if not isinstance(v, list) else v for v in (value, right))
        if len(given) != len(wanted):
            self._note(name, 0, points, f"give {len(wanted)} of them, one for each")
            return
        hits = sum(_word(a) == _word(b) for a, b in zip(given, wanted, strict=True))
        share = hits / len(wanted)
        # Guessing all the same way must not pay: below half right earns nothing.
        share = 1.0 if share == 1 else max(0.0, 2 * share - 1)
        words = "right" if share == 1 else f"{hits} of {len(wanted)} right"
        self._note(name, share, points, words + (f"; {hint}" if hint and share < 1 else ""))

    def setting(
        self,
        name: str,
        model: str,
        t_end: float,
        wanted: Sequence[tuple[float, str, Test]],
        *,
        allowed: Sequence[str],
    ) -> None:
        """Simulate a setting and check what it must bring about; many settings can be right.

        Parameters
        ----------
        name : str
            The answer: a pasted line in quotes, or the run that it returns.
        model, t_end
            What is simulated, whatever end the line asks for.
        wanted : sequence of (points, words, test)
            ``test(run, settings)`` says whether the run has the property that ``words`` name.
        allowed : sequence of str
            Handles that may be moved.
        """
        points = sum(part[0] for part in wanted)
        value = self._given(name, points)
        if value is None:
            return
        try:
            given = read_setting(value)
            if given.pop("model") != model:
                raise ValueError(f"this is not a setting of {model}")
            strange = sorted(set(given) - set(allowed))
            if strange:
                raise ValueError(f"only {', '.join(allowed)} may be moved, not {strange[0]}")
            run = models.load(model).simulate(t_end, 401, **given)
        except (ValueError, TypeError) as error:
            self._note(name, 0, points, str(error))
            return
        full = dict(models.load(model).parameters["value"]) | given
        for part, words, test in wanted:
            held = bool(test(run, full))
            self._note(name, float(held), part, f"{words}: {'yes' if held else 'not with this'}")


def read_setting(value: object) -> dict[str, Any]:
    """Read a setting without running it: a pasted line, or what a run says of itself.

    Returns
    -------
    dict
        ``model`` and the parameters that differ from the table's.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(value, dict) and isinstance(value.get("settings"), dict):
        return {k: v for k, v in value["settings"].items() if k not in ("t_end", "points")}
    words = 'paste the whole line, models.load("...").simulate(...)'
    try:
        tree = ast.parse(str(value).strip(), mode="exec")
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
        run = next(c for c in calls if getattr(c.func, "attr", "") == "simulate")
        load = run.func.value
        if load.func.attr != "load":
            raise ValueError(words)
        model = ast.literal_eval(load.args[0])
        given = {k.arg: ast.literal_eval(k.value) for k in run.keywords}
    except (StopIteration, AttributeError, IndexError, SyntaxError, ValueError):
        raise ValueError(words) from None
    return {"model": model} | {k: v for k, v in given.items() if k not in ("t_end", "points")}


def _number(value: object) -> float | None:
    """Read one finite number from an answer, or None."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool | dict | list) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _word(value: object) -> object:
    if isinstance(value, str):
        return " ".join(value.lower().split())
    return float(value) if isinstance(value, bool | int | float | np.number) else value
