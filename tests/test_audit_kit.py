"""The kit in audit/: same columns as the course, works alone, names what is wrong."""

import importlib.util
import json
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from k2course import data

KIT = Path(__file__).resolve().parent.parent / "audit"
OPEN = {"guide", "topic", "chapter"}  # belong to the two guides of the course


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("check", KIT / "check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_schema_is_that_of_the_course(check):
    ours = {f["name"]: f for f in check.SCHEMA["fields"]}
    course = data.description("claims")["schema"]["fields"]
    assert list(ours) == [field["name"] for field in course]
    for field in course:
        limits, name = field.get("constraints", {}), field["name"]
        assert ours[name].get("required", False) == limits.get("required", False)
        if name not in OPEN:
            assert ours[name].get("enum") == limits.get("enum")
            assert ours[name].get("pattern") == limits.get("pattern")


def test_sample_and_empty_table_and_course_hold_together(check):
    sample = check.read(KIT / "sample-claims.csv")
    assert check.problems(sample) == []
    assert set(sample["verdict"]) >= {"supported", "wrong", "imprecise", "not-verifiable-here"}
    empty = check.read(KIT / "claims.csv")
    assert (len(empty), check.problems(empty)) == (0, [])
    with pytest.raises(ValueError, match="no claims yet"):
        check.draw(empty)
    assert check.problems(check.read(KIT.parent / "data" / "claims.csv")) == []


def test_every_claim_of_the_sample_stands_in_its_document(check):
    """Numbers of the claims are in the document, numbers of the findings in the sources."""
    document = (KIT / "sample-document.md").read_text("utf-8")
    sources = (KIT / "sample-sources.md").read_text("utf-8").replace("−", "-")
    for row in check.read(KIT / "sample-claims.csv").to_dict("records"):
        for word in row["claim"].rstrip(".").split():
            assert not word[0].isdigit() or word in document
        for word in row["source_says"].replace("(", "").replace(")", "").split():
            assert not word[0].isdigit() or word.strip(".,;:") in sources


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"claim": ""}, "row 3: claim is empty"),
        ({"verdict": "true"}, "row 3: verdict is 'true', not supported"),
        ({"claim_id": "7"}, "row 3: claim_id is '7'"),
        ({"claim_id": "C001"}, "C001 stands in more than one row"),
        ({"source_says": ""}, "row 3: verdict 'wrong' without a source"),
        ({"correction": ""}, "row 3: verdict 'wrong' without a correction"),
        ({"read_depth": ""}, "row 3: a source, but not how it was read"),
        ({"read_depth": "secondary"}, "row 3: read at second hand, but not where"),
    ],
)
def test_problems_are_named(check, change, message):
    table = check.read(KIT / "sample-claims.csv")
    table.loc[1, list(change)] = list(change.values())
    assert any(line.startswith(message) for line in check.problems(table))


def test_semicolons_and_blanks_of_a_spreadsheet(check, tmp_path):
    sample = check.read(KIT / "sample-claims.csv")
    sample.to_csv(tmp_path / "own.csv", sep=";", index=False, encoding="utf-8-sig")
    assert check.read(tmp_path / "own.csv").equals(sample)
    blank = sample.assign(claim="  ")
    blank.to_csv(tmp_path / "blank.csv", index=False)
    assert "row 2: claim is empty" in check.problems(check.read(tmp_path / "blank.csv"))


def test_missing_column_is_named(check):
    table = check.read(KIT / "sample-claims.csv").drop(columns="verdict")
    assert "look at 'verdict'" in check.problems(table)[0]


def test_bars_count_the_claims(check):
    sample = check.read(KIT / "sample-claims.csv")
    bars = check.draw(sample, by="strength").axes[0].patches
    assert sum(bar.get_width() for bar in bars) == len(sample)


@pytest.fixture
def kit(tmp_path):
    """Copy the kit to a clean folder; its notebook beside it."""
    shutil.copytree(KIT, tmp_path / "kit", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "kit", nbformat.read(tmp_path / "kit" / "audit.ipynb", as_version=4)


def test_notebook_runs_in_a_clean_folder(kit):
    folder, book = kit
    assert "k2course" not in json.dumps(book)
    assert "k2course" not in (KIT / "check.py").read_text("utf-8")
    NotebookClient(book, resources={"metadata": {"path": folder}}).execute()
    assert "0 problems" in book.cells[3].outputs[0].text


@pytest.mark.parametrize(
    ("gone", "rows", "found"), [([], 0, "0 problems"), (["verdict"], 9, "look at 'verdict'")]
)
def test_notebook_draws_nothing_without_claims_or_with_a_column_missing(
    check, kit, monkeypatch, capsys, gone, rows, found
):
    folder, book = kit
    table = check.read(KIT / "sample-claims.csv")
    table[:rows].drop(columns=gone).to_csv(folder / "own.csv", index=False)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    names = {}
    for cell in book.cells:
        if cell.cell_type == "code":
            exec(cell.source.replace("sample-claims.csv", "own.csv"), names)
    assert found in capsys.readouterr().out
    assert "figure" not in names
