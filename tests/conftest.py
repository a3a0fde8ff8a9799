"""Shared fixtures: the built book, a local server, Chromium with every outside host blocked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import harness
import pytest

from k2book.chromium import find, launched

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"


def pytest_xdist_auto_num_workers() -> int:
    """``-n auto``: one more than there are cores, for tests of pages and kernels wait a lot."""
    return (os.cpu_count() or 1) + 1


def _missing(reason: str) -> None:
    """Skip on a user's machine with a loud reason; fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def html() -> Path:
    """Folder of the built book."""
    if not (HTML / "index.html").is_file():
        _missing("THE BOOK IS NOT BUILT: run `make book` first")
    return HTML


@pytest.fixture(scope="session")
def server(html: Path) -> Iterator[str]:
    """Address of a local server for the built book."""

    with harness.served(html) as address:
        yield address


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where the system's Chromium is."""
    if not find():
        _missing("NO CHROMIUM FOUND: install chromium to run the browser tests")
    return find()


@pytest.fixture(scope="session")
def chromium(chromium_path):
    """Headless Chromium of the system, driven by Playwright."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(chromium):
    """Open a page that reaches this machine only; ``page.outside`` lists what it asked else."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.outside, page.errors = [], []

    def note(request) -> None:  # the browser itself finds no other host
        if not request.url.startswith(("http://127.0.0.1:", "file://", "data:", "blob:")):
            page.outside.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    context.close()


@pytest.fixture
def show(page, tmp_path, monkeypatch):
    """Show live elements in a page of their own and return it: ``show(explorer, ...)``.

    For anyone who writes a notebook: ``page = show(explorer)``, then ``move(page, "dose", 4)`` and
    ``curves(page)`` from ``tests/harness.py``.
    """
    from k2course import explore

    monkeypatch.setenv("K2COURSE_BOOK", str(tmp_path / "grids"))

    def opened(*elements, address: str = ""):
        body = "".join(e if isinstance(e, str) else e.html() for e in elements)
        (tmp_path / "page.js").write_text(explore.page_script(), "utf-8")
        (tmp_path / "page.html").write_text(
            '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">'
            f"<title>Test</title><style>{explore.style()}</style><main><h1>Test</h1>{body}</main>"
            '<script src="page.js"></script></html>',
            "utf-8",
        )
        page.goto((tmp_path / "page.html").as_uri() + address)
        page.wait_for_timeout(300)
        return page

    return opened
