"""Breaking something must break the build, also after a build that was good."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("_config.yml", "references.bib", "pyproject.toml", "requirements.lock")
NEEDED += ("bibliography.md", "favicon.svg")
PAGE = "chapters/k-cycle/model.ipynb"


def build(folder: Path) -> subprocess.CompletedProcess:
    """Build the copied project with the copied package in front of the installed one."""
    return subprocess.run(
        [sys.executable, str(folder / "tools" / "build_book.py")],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Copy what a book of one page and one notebook needs, and build it."""
    tmp_path = tmp_path_factory.mktemp("book")
    for name in NEEDED:
        shutil.copy(ROOT / name, tmp_path)
    for folder in ("data", "k2book", "k2course", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    notebook = json.loads((ROOT / PAGE).read_text("utf-8"))
    for cell in notebook["cells"]:  # links to pages that are not in this small book
        cell["source"] = [line.replace(".ipynb)", ")") for line in cell["source"]]
        if cell["cell_type"] == "markdown":
            cell["source"] = [line.replace("](", "] (") for line in cell["source"]]
    (tmp_path / PAGE).parent.mkdir(parents=True)
    (tmp_path / PAGE).write_text(json.dumps(notebook), "utf-8")
    (tmp_path / "intro.md").write_text("# A small book\n\n(here)=\n## A place\n", "utf-8")
    (tmp_path / "other.md").write_text("# Another page\n\nAs {ref}`here` says.\n", "utf-8")
    files = "".join(f"- file: {name}\n" for name in (PAGE, "other", "bibliography"))
    (tmp_path / "_toc.yml").write_text(f"format: jb-book\nroot: intro\nchapters:\n{files}")
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    return tmp_path


@pytest.fixture
def project(built, tmp_path):
    """Return a copy of the built project, known to be up to date."""
    shutil.copytree(built, tmp_path / "book")
    assert "up to date" in build(tmp_path / "book").stdout
    return tmp_path / "book"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (PAGE, "fig, ax = plt.subplots(", "fig, ax = plt.no_such_thing("),
        (PAGE, "(51.4, 1)", "(51.5, 1)"),
        (
            "data/model_parameters.csv",
            "wajima2009,IC50,constant,0.34",
            "wajima2009,IC50,constant,0.35",
        ),
        ("k2course/models/wajima2009.ant", "d_VII = 0.120", "d_VII = 0.130"),
        ("k2course/models/model.py", "engine.reset()", "engine.rest()"),
    ],
    ids=["cell", "asserted value", "data", "model", "helper"],
)
def test_break_it_and_the_build_fails(project, file, old, new):
    edit(project / file, old, new)
    for _ in range(2):  # the second build must not forget what the first one saw
        done = build(project)
        told = done.stdout + done.stderr
        assert done.returncode != 0
        assert "model.ipynb" in told
        assert "Traceback" in told or "Error" in told
        assert "up to date" not in told


def test_prose_changes_rebuild_without_running_the_notebook_again(project):
    edit(project / "intro.md", "A small book", "A small book, changed")
    done = build(project)
    assert done.returncode == 0
    told = done.stdout + done.stderr
    assert "notebooks:" not in told  # the bar of those that run
    assert "Executing notebook" not in told
    assert "changed" in (project / "_build/html/intro.html").read_text("utf-8")


def test_a_broken_page_of_the_bibliography_is_an_error(project):
    edit(project / "intro.md", "# A small book", "# A small book\n\n{cite}`nobody1900`")
    done = build(project)
    assert done.returncode != 0
    assert "nobody1900" in done.stdout + done.stderr


@pytest.fixture
def again(project):
    """Return a project that was built where it stands, so that its pages can be kept."""
    edit(project / "intro.md", "# A small book", "# A small book\n\nEdited.")
    assert build(project).returncode == 0
    return project


def written(project: Path) -> dict[str, int]:
    """Tell when each page was written."""
    pages = ("intro", "other", "chapters/k-cycle/model")
    html = project / "_build/html"
    return {page: (html / f"{page}.html").stat().st_mtime_ns for page in pages}


def test_only_the_edited_page_is_written(again):
    before = written(again)
    edit(again / "other.md", "says", "told")
    assert build(again).returncode == 0
    after = written(again)
    assert {page for page in before if after[page] != before[page]} <= {"other", "intro"}
    assert "told" in (again / "_build/html/other.html").read_text("utf-8")


def test_an_older_file_put_back_counts_as_edited(again):
    page = again / "other.md"
    shutil.copy2(page, again / "kept")
    edit(page, "says", "told")
    assert build(again).returncode == 0
    shutil.move(again / "kept", page)  # with its old date
    assert build(again).returncode == 0
    assert "told" not in (again / "_build/html/other.html").read_text("utf-8")


def test_a_new_heading_reaches_the_pages_that_print_it(again):
    edit(again / "intro.md", "A place", "A renamed place")
    assert build(again).returncode == 0
    assert "A renamed place" in (again / "_build/html/other.html").read_text("utf-8")


def test_a_label_renamed_elsewhere_is_an_error(again):
    edit(again / "intro.md", "(here)=", "(there)=")
    for _ in range(2):
        done = build(again)
        assert done.returncode != 0
        assert "other.md" in done.stderr
    edit(again / "intro.md", "(there)=", "(here)=")
    assert build(again).returncode == 0


def test_a_removed_page_vanishes(again):
    edit(again / "_toc.yml", "- file: other\n", "")
    (again / "other.md").unlink()
    assert build(again).returncode == 0
    assert not (again / "_build/html/other.html").exists()
    assert not list((again / "_build/html").rglob("other*"))


def test_pictures_of_changed_cells_do_not_stay(again):
    images = again / "_build/html/_images"
    (images / "old.png").write_bytes(b"")
    edit(again / "intro.md", "A place", "Another place")
    assert build(again).returncode == 0
    assert list(images.glob("*.png"))
    assert not (images / "old.png").exists()
