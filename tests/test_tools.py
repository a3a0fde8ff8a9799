"""The repository itself: notebooks, lock, addresses, names."""

import ast
import io
import json
import re
import subprocess
import tokenize
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = [ROOT / "intro.ipynb", *sorted((ROOT / "chapters").rglob("*.ipynb"))]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("NOT A GIT CHECKOUT: the files of the repository cannot be listed")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestNotebook:
    def cells(self, path):
        return json.loads(path.read_text("utf-8"))["cells"]

    def test_outputs_are_stripped(self, path):
        for cell in self.cells(path):
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None

    def test_cells_are_short(self, path):
        """About ten statements; the formatter may spread them over more lines."""
        for cell in self.cells(path):
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and not re.match(r"(import|from) ", source):
                statements = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.stmt)]
                hidden = "remove-cell" in cell["metadata"].get("tags", [])
                assert len(statements) <= (20 if hidden else 16), source
                assert len(source.splitlines()) <= 34, source

    def test_imports_stand_once_in_the_first_code_cell(self, path):
        code = ["".join(c["source"]) for c in self.cells(path) if c["cell_type"] == "code"]
        for source in code[1:]:
            assert not re.search(r"^(import|from) ", source, re.M), source

    def test_one_title_and_headings_in_order(self, path):
        text = "\n".join(
            "".join(c["source"]) for c in self.cells(path) if c["cell_type"] == "markdown"
        )
        levels = [len(m) for m in re.findall(r"^(#+) ", text, re.M)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))

    def test_every_drawing_cell_has_written_alt_text(self, path):
        for cell in self.cells(path):
            source = "".join(cell["source"])
            if re.search(r"^explore\(", source, re.M):
                assert re.search(r"^    alt=", source, re.M), source
            elif cell["cell_type"] == "code" and re.search(r"plt\.subplots\(|\.plot[.(]", source):
                alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
                assert len(alt) > 30, source


LOCKS = {"requirements.lock": 100, "binder/requirements.txt": 80, "tools/installer.lock": 1}


@pytest.mark.parametrize(("file", "least"), LOCKS.items())
def test_lock_has_hashes_and_no_address(file, least):
    text = (ROOT / file).read_text("utf-8")
    names = re.findall(r"^[a-z0-9][\w.\[\]-]*==", text, re.M)
    assert len(names) >= least
    assert "://" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)


def code_lines(path: Path) -> int:
    """Count the lines of a Python file that hold code: no blank, comment or docstring."""
    source = path.read_text("utf-8")
    docstrings, held = set(), set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            docstrings |= set(range(body[0].lineno, body[0].end_lineno + 1))
    blank = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in blank | {tokenize.ENDMARKER}:
            held |= set(range(token.start[0], token.end[0] + 1))
    return len(held - docstrings)


def test_helper_package_stays_small():
    package = ROOT / "k2course"
    assert sum(map(code_lines, package.rglob("*.py"))) <= 2500
    scripts = [*package.rglob("*.js"), *(ROOT / "k2book").glob("*.js")]
    assert sum(len(p.read_text("utf-8").splitlines()) for p in scripts) <= 900


def test_citation_follows_the_one_setting():
    with (ROOT / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)
    address = project["tool"]["k2course"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    for key, field in (("repository", "repository-code"), ("site", "url")):
        found = re.findall(rf"^{field}: (.+)$", citation, re.M)
        assert found == ([address[key]] if address[key] else [])
    assert re.search(r"^version: (.+)$", citation, re.M)[1] == project["project"]["version"]


def test_no_machine_path_or_registry_name_in_any_file():
    words = "|".join(
        [
            r"/(?:ro" + r"ot|wo" + r"rk|ho" + r"me)/\w",
            r"pyp" + r"i\.org",
            r"npm" + r"js\.",
            "pythonhos" + "ted",
        ]
    )
    for path in tracked():
        if path.suffix in {".png", ".woff2"}:
            continue
        assert not re.search(words, path.read_text("utf-8", errors="replace")), path


def test_no_file_is_heavy():
    assert [p for p in tracked() if p.stat().st_size > 1_000_000] == []


def test_package_tells_what_is_in_it(capsys):
    from k2course import __version__, data, models
    from k2course.__main__ import main

    assert main([]) == 0
    shown = capsys.readouterr().out
    assert __version__ in shown
    assert all(f"  {name} " in shown for name in [*data.catalog()["name"], *models.catalog().index])


def test_package_opens_a_built_book_only_where_there_is_one(capsys, tmp_path, monkeypatch):
    from k2course import __main__ as package

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(package, "__file__", str(tmp_path / "site-packages/k2course/__main__.py"))
    opened = []
    monkeypatch.setattr(package.webbrowser, "open", opened.append)
    assert package.main(["--open"]) == 1
    assert "make book" in capsys.readouterr().out
    for name in ("index.html", "_static/explorer.js"):
        (tmp_path / "html" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "html" / name).touch()
    assert package.main(["--open"]) == 0
    assert opened == [(tmp_path / "html/index.html").as_uri()]
