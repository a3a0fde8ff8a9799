"""Handling a live element in a page as a person would: move a control, read a curve."""

from __future__ import annotations

import functools
import http.server
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from k2course import models

ROUNDS = [3, pytest.param(20, marks=pytest.mark.long)]  # random settings of an explorer
COLORS = ["color-contrast", "link-in-text-block"]  # rules about colors


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that doesn't print every request."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine; yield the address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


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


def opened(page: Any, url: str) -> Any:
    """Open an address and wait until its live elements stand."""
    page.goto(url)
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)
    return page


def holding(html: Path, mark: str) -> list[str]:
    """List the pages of the book that hold a live element of this kind."""
    found = [p for p in sorted(html.rglob("*.html")) if f'class="{mark}"' in p.read_text("utf-8")]
    assert found
    return [p.relative_to(html).as_posix() for p in found]


def accessibility(page: Any, context: str | None = None) -> list[tuple[str, str, str]]:
    """Run the accessibility rules; return theme, rule and first place of what they found.

    A theme changes nothing but colors: the second one needs only the rules about them.
    """
    found = []
    for theme, options in (("light", None), ("dark", {"runOnly": COLORS})):
        page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
        page.wait_for_timeout(100)
        result = Axe().run(page, context=context, options=options).response["violations"]
        found += [(theme, rule["id"], rule["nodes"][0]["html"][:200]) for rule in result]
    return found


def explorers(page: Any) -> Iterator[tuple[int, dict]]:
    """Yield number and description of every model explorer of the open page."""
    for number, text in enumerate(page.locator(".k2-explorer > script").all_inner_texts()):
        spec = json.loads(text)["spec"]
        if "model" in spec:
            yield number, spec


def agree(page: Any, generator: random.Random, rounds: int) -> None:
    """Compare curves at random settings, in full precision, with RoadRunner's."""
    for number, spec in explorers(page):
        model = models.load(spec["model"])
        kept = {k: v for k, v in spec["parameters"].items() if k in model.parameters.index}
        for _ in range(rounds):
            chosen = {
                s["id"]: round(generator.uniform(s["low"], s["high"]), 3) for s in spec["sliders"]
            }
            columns = curves(page, number, **chosen)
            run = model.simulate(spec["t_end"], points=spec["points"], **(kept | chosen))
            for name in {c["id"] for panel in spec["panels"] for c in panel["curves"]}:
                error = np.abs(columns[name] - run[name].to_numpy()).max() / run[name].abs().max()
                assert error <= 1e-5, (spec["title"], name, chosen, error)
