"""Handling a live element in a page as a person would: move a control, read a curve."""

from __future__ import annotations

from typing import Any

import numpy as np


def move(page: Any, name: str, value: float, number: int = 0) -> float:
    """Move a slider of the n-th live element; return the value it took (its step may round)."""
    slider = page.locator(".k2-explorer").nth(number).locator(f'input[name="{name}"]')
    slider.evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_timeout(100)
    return float(slider.input_value())


def curves(page: Any, number: int = 0, **settings: float) -> dict[str, np.ndarray]:
    """Read the curves of the n-th model explorer at given settings, in full precision."""
    found = page.evaluate(
        "([number, settings]) => window.k2course.curves(number, settings)", [number, settings]
    )
    return {name: np.array(column) for name, column in found.items()}


def table(page: Any, number: int = 0) -> dict[str, list[float]]:
    """Read the table that a person opens below the n-th model explorer."""
    details = page.locator(".k2-explorer").nth(number).locator("details")
    if not details.evaluate("e => e.open"):
        details.locator("summary").click()
    rows = details.locator("table").evaluate(
        "t => [...t.rows].map(r => [...r.cells].map(c => c.textContent))"
    )
    return {head: [float(row[i]) for row in rows[1:]] for i, head in enumerate(rows[0])}


def values(page: Any, number: int = 0) -> list[str]:
    """Read the numbers beside the curves of the n-th live element."""
    return page.locator(".k2-explorer").nth(number).locator(".k2-value").all_inner_texts()
