"""The explorer in a real JupyterLab with a kernel: it renders, moves, and Python reads it."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.error import URLError

import pytest
from playwright.sync_api import TimeoutError

pytestmark = [pytest.mark.long, pytest.mark.browser]

MAKE = """from k2course.explore import ModelExplorer
explorer = ModelExplorer("kcycle", title="Test", sliders=["dose", "phi"],
    panels={"Vitamin K": ["VKH2", "VKO"]}, t_end=360, relative=True, caption="A test picture.")
explorer"""
READ = """end = float(explorer.trajectory["VKH2"].iloc[-1])
print("READ", explorer.parameters["dose"], round(end, 4))"""


@pytest.fixture
def lab(tmp_path):
    cells = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "metadata": {},
            "source": s,
            "outputs": [],
            "execution_count": None,
        }
        for i, s in enumerate((MAKE, READ))
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "try.ipynb").write_text(json.dumps(notebook), "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--IdentityProvider.token=",
        "--allow-root",
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={tmp_path}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                with urllib.request.urlopen(f"{address}/api", timeout=5):
                    break
            except (URLError, OSError):
                time.sleep(0.5)
        else:
            pytest.fail("JupyterLab did not start within a minute")
        yield f"{address}/lab/tree/try.ipynb?reset"
    finally:
        server.terminate()
        server.wait(20)


def run_cell(page, number):
    page.locator(".jp-Notebook .jp-CodeCell").nth(number).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def test_slider_reaches_python_and_back(page, lab):
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_selector("text=/ipykernel.*Idle/", timeout=60_000)
    slider = page.locator(".k2-live input[name=dose]")
    for _ in range(5):  # a kernel that says it is idle may still lose its first request
        run_cell(page, 0)
        with contextlib.suppress(TimeoutError):
            slider.wait_for(timeout=10_000)
            break
    page.wait_for_timeout(1000)  # JupyterLab moves the focus to the next cell
    slider.click(position={"x": 8, "y": 12})
    page.keyboard.press("Home")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    run_cell(page, 1)
    page.wait_for_selector("text=READ 4 0.0317", timeout=30_000)
