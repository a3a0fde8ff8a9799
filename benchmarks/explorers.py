"""The explorers of the built book in Chromium against RoadRunner and against a local kernel.

Needs a built book (``make book``) and Chromium. ``python -m benchmarks.explorers`` prints the
milliseconds of 200 moves of every explorer: the work of a move (from its handler to the drawn
curve, in a worker or not) and the time from the key to the painted frame. It also prints how many
tasks over 50 ms the load of its page takes, how many there are without the explorers' script, and
the longest piece of that script that the browser names within a frame of over 50 ms.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from harness import explorers, holding, served
from jupyter_client.manager import start_new_kernel
from playwright.sync_api import Page

from benchmarks import ROOT
from benchmarks.models import bare
from benchmarks.timing import interleaved, row
from k2book.chromium import launched
from k2course import models
from k2course.explore import live

HTML = ROOT / "_build" / "html"
MOVES = 20  # in a round
BATCHES = 5  # of integrations in a round, of which the quickest counts
LOADS = 3  # of a page, of which the median counts
WATCH = """
(() => {
  const m = window.measured = { work: [], paint: [], long: [], ours: 0, usable: 0 };
  const observe = (type, see) => new PerformanceObserver((list) => list.getEntries().forEach(see))
    .observe({ type, buffered: true });
  observe("longtask", (task) => m.long.push(task.duration));
  observe("long-animation-frame", ({ scripts }) => scripts
    .filter((script) => script.sourceURL.endsWith("/explorer.js"))
    .forEach((script) => { m.ours = Math.max(m.ours, script.duration); }));
  const channel = new MessageChannel();
  let began = 0, pressed = 0;
  channel.port1.onmessage = ({ data }) => m.paint.push(performance.now() - data);
  const moved = () => {
    const from = pressed;
    if (!from) return;
    m.work.push(performance.now() - began);
    pressed = 0;
    requestAnimationFrame(() => channel.port2.postMessage(from));  // comes after the frame
  };
  const ready = () => {
    if (document.querySelector(".k2-canvas path")) m.usable = performance.now();
    else requestAnimationFrame(ready);
  };
  requestAnimationFrame(ready);
  window.watchExplorer = (element) => {
    const input = element.querySelector("input[type=range]");
    input.addEventListener("input", (event) => {
      if (pressed) return;  // the first of several inputs waits longest
      pressed = event.timeStamp, began = performance.now();
    }, true);
    const whole = { subtree: true, childList: true, attributes: true };
    for (const canvas of element.querySelectorAll(".k2-canvas"))
      new MutationObserver(moved).observe(canvas, whole);
    input.focus();
  };
})();
"""
KERNEL = """
import ipywidgets, matplotlib
import matplotlib.pyplot as plt
from k2course import models
model, settings = models.load({model!r}), {settings!r}
def show(value):
    run = model.simulate({t_end}, points={points}, **(settings | {{{slider!r}: value}}))
    fig, ax = plt.subplots()
    ax.plot(run.index, run[{curves!r}])
    plt.show()
moved = ipywidgets.FloatSlider({start}, min={low}, max={high}, step={step})
box = ipywidgets.interactive_output(show, dict(value=moved))
"""


@contextmanager
def kernel(spec: dict) -> Iterator[tuple[float, object]]:
    """Start a kernel with the explorer's first slider behind ipywidgets and matplotlib.

    Yields the seconds until its first figure was drawn, and a function that moves the slider to a
    share of its range and returns the seconds until the kernel is idle again: without a browser,
    so in the kernel's favor.
    """
    slider, began = spec["sliders"][0], time.perf_counter()
    manager, client = start_new_kernel()
    try:
        curves = [c["id"] for panel in spec["panels"] for c in panel["curves"]]
        fill = {k: slider[k] for k in ("low", "high", "step")} | {"slider": slider["id"]}
        fill |= {"model": spec["model"], "settings": spec["settings"], "curves": curves}
        fill |= {k: spec[k] for k in ("t_end", "points")} | {"start": slider["value"]}
        client.execute_interactive(KERNEL.format(**fill), output_hook=lambda _: None)
        started = time.perf_counter() - began
        reply = client.execute("", user_expressions={"id": "moved.model_id"})
        answer = client.get_shell_msg()
        while answer["parent_header"]["msg_id"] != reply:
            answer = client.get_shell_msg()
        comm = answer["content"]["user_expressions"]["id"]["data"]["text/plain"].strip("'")

        def move(share: float) -> float:
            value = slider["low"] + (slider["high"] - slider["low"]) * share
            change = {"method": "update", "state": {"value": value}, "buffer_paths": []}
            message = client.session.msg("comm_msg", {"comm_id": comm, "data": change})
            begun = time.perf_counter()
            client.shell_channel.send(message)
            while True:
                got = client.get_iopub_msg(timeout=30)
                mine = got["parent_header"].get("msg_id") == message["header"]["msg_id"]
                if mine and got["content"].get("execution_state") == "idle":
                    return time.perf_counter() - begun

        yield started, move
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def moves(page: Page, number: int) -> dict[str, list[float]]:
    """Move the first slider of the n-th explorer by keyboard; milliseconds of each move."""
    page.evaluate("measured.work = [], measured.paint = []")
    for i in range(MOVES):
        page.keyboard.press("ArrowRight" if i < MOVES // 2 else "ArrowLeft")
        page.wait_for_timeout(20)
    page.wait_for_timeout(300)
    return page.evaluate("measured")


def integrators(page: Page, specs: dict[str, dict], rounds: int) -> Iterator[dict]:
    """Compare one run of the page's integrator with one of RoadRunner, model by model."""
    page.goto("about:blank")
    page.add_script_tag(content=live.script() + "\nwindow.makeRunner = makeRunner;")
    for name, spec in specs.items():
        model = models.load(name)
        known = {k: v for k, v in spec["settings"].items() if k in model.parameters.index}
        page.evaluate("spec => { window.runner = makeRunner(spec); }", spec)
        calls = max(1, int(20 / max(page.evaluate(TIMED, 1), 0.01)))
        theirs, ours = [], []
        for _ in range(rounds):
            one = {"RoadRunner": lambda m=model, k=known, s=spec: bare(m, k, s["points"])}
            theirs.append(interleaved(one, BATCHES)["RoadRunner"].min())
            ours.append(min(page.evaluate(TIMED, calls) for _ in range(BATCHES)) / 1000)
        yield row("integrator in the page", "RoadRunner", ours, theirs, model=name)


TIMED = """calls => {
  const began = performance.now();
  for (let i = 0; i < calls; i++) runner.now({});
  return (performance.now() - began) / calls;
}"""


def sliders(page: Page, address: str, where: dict[str, tuple], rounds: int) -> Iterator[dict]:
    """Compare a slider in the page with the same slider through a kernel, in turn."""
    for name, (file, number, spec) in where.items():
        opened, usable, long = [], [], 0
        seen = {"work": [], "paint": [], "kernel": [], "p95": []}
        for _ in range(rounds):
            page.goto("about:blank")
            page.goto(f"{address}/{file}")
            page.wait_for_function("measured.usable > 0")
            usable.append(page.evaluate("measured.usable") / 1000)
            long = max(long, len(page.evaluate("measured.long")))
            with kernel(spec) as (started, move):
                opened.append(started)
                watch = "n => watchExplorer(document.querySelectorAll('.k2-explorer')[n])"
                page.evaluate(watch, number)
                found = moves(page, number)
                seen["work"].append(np.median(found["work"]) / 1000)
                seen["paint"].append(np.median(found["paint"]) / 1000)
                seen["p95"].append(np.percentile(found["paint"], 95) / 1000)
                seen["kernel"].append(np.median([move(i / MOVES) for i in range(MOVES)]))
        about = {"model": name, "page": file.removesuffix(".html")}
        for what, key in (("kernel, slider to figure", "kernel"), ("page, slowest 5 %", "p95")):
            yield row(what, "page, slider to painted frame", seen[key], seen["paint"], **about)
        yield row("page, handler to drawing", "kernel", seen["work"], seen["kernel"], **about)
        more = about | {"long tasks": long}
        yield row("page, first explorer usable", "kernel, first figure", usable, opened, **more)


def in_page(rounds: int, full: bool) -> Iterator[dict]:
    """Measure one explorer of every model in the book; sliders of three models unless full."""
    if not (HTML / "index.html").is_file():
        raise SystemExit("The book is not built: run `make book` first.")
    with served(HTML) as address, launched() as browser:
        page, where = browser.new_page(), {}
        page.add_init_script(WATCH)
        for file in holding(HTML, "k2-explorer"):
            page.goto(f"{address}/{file}")
            for number, spec in explorers(page):
                where.setdefault(spec["model"], (file, number, spec))
        yield from integrators(page, {name: spec for name, (*_, spec) in where.items()}, rounds)
        sizes = sorted(where, key=lambda name: len(models.load(name).states))
        chosen = sizes if full else {sizes[0], sizes[len(sizes) // 2], sizes[-1]}
        yield from sliders(page, address, {n: where[n] for n in sizes if n in chosen}, rounds)


def loads(pages: list[Page], url: str) -> Iterator[tuple[float, float, float]]:
    """Load an address in several pages in turn; medians of tasks over 50 ms, longest, and ours."""
    found = {page: [] for page in pages}
    for page in pages * LOADS:
        page.goto("about:blank")
        page.goto(url)
        page.wait_for_timeout(1000)
        long, ours = page.evaluate("[measured.long, measured.ours]")
        found[page].append((len(long), max(long, default=0), ours))
    return (tuple(np.median(seen, axis=0)) for seen in found.values())


def every_move() -> None:
    """Print milliseconds of 200 moves of every explorer of the book, on this machine."""
    print(f"{'':<60}{'200 moves, p95':<20}load: tasks > 50 ms, longest")
    print(f"{'page':<32}{'model':<28}{'work':>6}{'paint':>8}{'':6}with        without     our code")
    with served(HTML) as address, launched() as browser:
        plain, page = browser.new_page(), browser.new_page()
        plain.route("**/explorer.js", lambda route: route.abort())
        page.route("**/explorer.js", lambda route: route.continue_())  # routes turn the cache off
        for one in (plain, page):
            one.add_init_script(WATCH)
        for file in holding(HTML, "k2-explorer"):
            without, load = loads([plain, page], f"{address}/{file}")
            tasks = "".join(f"{n:>3.0f}, {longest:>3.0f} ms " for n, longest, _ in (load, without))
            for number, spec in explorers(page):
                page.evaluate(
                    "n => watchExplorer(document.querySelectorAll('.k2-explorer')[n])", number
                )
                found = [moves(page, number) for _ in range(200 // MOVES)]
                work, paint = (
                    np.percentile([x for turn in found for x in turn[kind]], 95)
                    for kind in ("work", "paint")
                )
                name = file.removesuffix(".html").removeprefix("chapters/")
                print(
                    f"{name:<32}{spec['model']:<28}{work:>6.1f}{paint:>8.1f}    {tasks}"
                    f"{load[2]:>5.0f} ms",
                    flush=True,
                )


if __name__ == "__main__":
    every_move()
