"""What Binder would build: the lock's versions, the notebooks' packages, our own step last."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pinned(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Read name, version and hashes of each requirement."""
    found = {}
    for block in re.split(r"\n(?=[a-z0-9])", path.read_text("utf-8")):
        if match := re.match(r"([a-z0-9][\w.-]*)==([^\s;]+)", block):
            hashes = frozenset(re.findall(r"sha256:\w+", block))
            found.setdefault(match[1], []).append((match[2], hashes))
    return found


@pytest.mark.parametrize(
    ("file", "least"), [("binder/requirements.txt", 80), ("tools/installer.lock", 1)]
)
def test_versions_and_hashes_are_those_of_the_lock(file, least):
    lock, shorter = pinned(ROOT / "requirements.lock"), pinned(ROOT / file)
    assert len(shorter) >= least
    for name, [(version, hashes)] in shorter.items():
        assert (version, hashes) in lock[name], name


def test_everything_that_notebooks_need_is_there_and_nothing_of_the_tests():
    with (ROOT / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)["project"]
    binder = pinned(ROOT / "binder/requirements.txt")

    def names(lines):
        return {re.match(r"[\w-]+", line)[0].lower() for line in lines}

    extras = project["optional-dependencies"]
    assert names(project["dependencies"]) | names(extras["book"]) | names(extras["teach"]) <= set(
        binder
    )
    assert not {"playwright", "pytest", "python-copasi", "ruff"} & set(binder)


@pytest.mark.skipif(sys.platform != "linux", reason="BINDER'S PACKAGES ARE FOR LINUX")
def test_guide_tells_what_it_costs():
    """The number of packages, and what they take on disk without the compiled files."""
    binder, size = pinned(ROOT / "binder/requirements.txt"), 0
    for package in map(metadata.distribution, binder):
        files = [package.locate_file(f) for f in package.files if f.suffix != ".pyc"]
        size += sum(os.path.getsize(f) for f in files if os.path.isfile(f))
    told = f"the {len(binder)} packages of `binder/requirements.txt` in their locked versions, "
    told += f"about {size / 1e9:.0f} GB on disk"
    assert told in (ROOT / "how-to-use.md").read_text("utf-8")


@pytest.mark.long
def test_plan_of_repo2docker():
    run = [sys.executable, "-W", "ignore", "-m", "repo2docker", "--no-build", "--debug", "."]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    plan = done.stdout + done.stderr
    assert "Building conda environment for python=3.12" in plan
    steps = [plan.index(s) for s in ('-r "binder/requirements.txt"', "RUN ./binder/postBuild")]
    assert steps == sorted(steps)
