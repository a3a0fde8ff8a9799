"""Two hundred moves of every explorer in the built book, in Chromium, and one slider in a kernel.

For each explorer it prints, in milliseconds on this machine, median and 95th percentile of

- work: handler, integration and drawing, from the start of the frame's callback to its end;
- paint: from the key press to the frame that shows the new curve;

and the long tasks (over 50 ms) while its page loads. Then the same model behind an ipywidgets
slider with matplotlib in a local kernel: from the message that moves the slider until the kernel
is idle again, with no browser in between, so in the kernel's favor. The ratio is the result.

    make book && .venv/bin/python benchmarks/explorers.py     # about ten seconds an explorer
    .venv/bin/python benchmarks/explorers.py --only model     # pages whose address holds "model"
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
from jupyter_client.manager import start_new_kernel
from playwright.sync_api import Page, sync_playwright

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"
MOVES = 200
WATCH = """
(() => {
  const m = window.measured = { work: [], paint: [], long: [] };
  new PerformanceObserver((list) => m.long.push(...list.getEntries().map((e) => e.duration)))
    .observe({ type: "longtask", buffered: true });
  const frame = window.requestAnimationFrame.bind(window), channel = new MessageChannel();
  let inside = false, drew = false, pressed = 0;
  window.requestAnimationFrame = (call) => frame(async (stamp) => {
    const begun = performance.now();
    inside = true, drew = false;
    call(stamp);
    for (let hop = 0; hop < 10; hop++) await null;  // what the callback awaits has run by then
    inside = false;
    if (pressed && drew) m.work.push(performance.now() - begun);
  });
  channel.port1.onmessage = () => {
    if (pressed) m.paint.push(performance.now() - pressed);
    pressed = 0;
  };
  const painted = () => channel.port2.postMessage(0);
  const moved = () => { drew = true; inside ? painted() : frame(painted); };
  window.watchExplorer = (element) => {
    const input = element.querySelector("input[type=range]");
    input.addEventListener("input", (event) => { pressed = event.timeStamp; }, true);
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


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that doesn't print every request."""

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def moves(page: Page, number: int) -> dict[str, float]:
    """Move the first slider of the n-th explorer of the open page by keyboard."""
    page.evaluate("n => watchExplorer(document.querySelectorAll('.k2-explorer')[n])", number)
    page.evaluate("measured.work = [], measured.paint = []")
    for i in range(MOVES):
        page.keyboard.press("ArrowRight" if i // 20 % 2 == 0 else "ArrowLeft")
        page.wait_for_timeout(20)
    page.wait_for_timeout(300)
    seen = page.evaluate("measured")
    return {
        f"{what} {name}": float(np.percentile(seen[what], q)) if seen[what] else float("nan")
        for what in ("work", "paint")
        for name, q in (("median", 50), ("p95", 95))
    } | {"painted": len(seen["paint"])}


def in_page(only: str) -> tuple[pd.DataFrame, dict]:
    """Measure every explorer of the built book; return the rows and the last model's state."""
    rows, state = [], {}
    handler = functools.partial(Quiet, directory=str(HTML))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.add_init_script(WATCH)
        for file in sorted(HTML.rglob("*.html")):
            name = file.relative_to(HTML).as_posix()
            if only not in name or 'class="k2-explorer"' not in file.read_text("utf-8"):
                continue
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}")
            page.wait_for_timeout(1000)
            long = page.evaluate("measured.long")
            for number, text in enumerate(page.locator(".k2-explorer script").all_inner_texts()):
                spec = json.loads(text)["spec"]
                if "model" not in spec:
                    continue
                state = spec if spec["model"] == "kcycle" or not state else state
                rows.append(
                    {"page": name, "explorer": spec["title"], "model": spec["model"]}
                    | moves(page, number)
                    | {"long tasks on load": len(long), "longest": max(long, default=0)}
                )
        browser.close()
    server.shutdown()
    return pd.DataFrame(rows), state


def in_kernel(spec: dict, repeats: int = 40) -> np.ndarray:
    """Time the same slider in a kernel, in milliseconds a move."""
    slider = spec["sliders"][0]
    manager, client = start_new_kernel()
    try:
        curves = [c["id"] for panel in spec["panels"] for c in panel["curves"]]
        fill = {k: slider[k] for k in ("low", "high", "step")} | {"slider": slider["id"]}
        fill |= {"model": spec["model"], "settings": spec["settings"], "curves": curves}
        fill |= {k: spec[k] for k in ("t_end", "points")} | {"start": slider["value"]}
        client.execute_interactive(KERNEL.format(**fill), output_hook=lambda _: None)
        reply = client.execute("", user_expressions={"id": "moved.model_id"})
        answer = client.get_shell_msg()
        while answer["parent_header"]["msg_id"] != reply:
            answer = client.get_shell_msg()
        comm = answer["content"]["user_expressions"]["id"]["data"]["text/plain"].strip("'")
        times = []
        for i in range(repeats):
            value = slider["low"] + (slider["high"] - slider["low"]) * (i % 20) / 20
            change = {"method": "update", "state": {"value": value}, "buffer_paths": []}
            message = client.session.msg("comm_msg", {"comm_id": comm, "data": change})
            begun = time.perf_counter()
            client.shell_channel.send(message)
            while True:
                got = client.get_iopub_msg(timeout=30)
                mine = got["parent_header"].get("msg_id") == message["header"]["msg_id"]
                if mine and got["content"].get("execution_state") == "idle":
                    break
            times.append(1000 * (time.perf_counter() - begun))
        return np.array(times[5:])
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main() -> None:
    """Print both tables and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="part of a page's address")
    table, spec = in_page(parser.parse_args().only)
    pd.set_option("display.width", 200, "display.max_columns", 20, "display.max_colwidth", 44)
    print(f"{MOVES} moves each, ms on this machine\n{table.round(1).to_string(index=False)}")
    kernel = in_kernel(spec)
    print(f"\n{spec['title']} behind ipywidgets and matplotlib in a local kernel, ms a move:")
    print(f"median {np.median(kernel):.0f}, p95 {np.percentile(kernel, 95):.0f}")
    ours = table[table["explorer"] == spec["title"]].iloc[0]
    print(f"kernel over page, work: {np.median(kernel) / ours['work median']:.0f} x (medians)")


if __name__ == "__main__":
    main()
