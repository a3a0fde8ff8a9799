"""The tables, their description and the reference list hold together."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import frictionless
import pytest
from data_checks import DISPUTED, RETRACTED, problems

from k2course import data

ROOT = Path(__file__).resolve().parent.parent
BIB = ROOT / "references.bib"
NAMES = [resource["name"] for resource in data.package()["resources"]]


def test_nothing_is_wrong():
    found = problems(BIB)
    assert not found, "\n" + "\n".join(map(str, found))


def test_frictionless_agrees():
    report = frictionless.Package(str(ROOT / "data" / "datapackage.json")).validate()
    assert report.valid, report.flatten(["title", "rowNumber", "fieldName", "note"])


@pytest.mark.parametrize("name", NAMES)
def test_hash(name):
    resource = data.description(name)
    content = (ROOT / "data" / resource["path"]).read_bytes()
    assert resource["bytes"] == len(content), "run: python tools/hash_data.py"
    assert resource["hash"] == "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_file_form(name):
    content = (ROOT / "data" / data.description(name)["path"]).read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf"), "no byte order mark"
    assert b"\r" not in content, "line ends are LF"
    assert content.endswith(b"\n")


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_described(name):
    resource = data.description(name)
    assert resource["licenses"]
    assert resource["sources"]
    for field in resource["schema"]["fields"]:
        assert field["title"]
        assert field["description"].endswith((".", ")")), field["name"]
        assert (field["type"] in ("number", "integer")) == ("unit" in field), field["name"]


def test_every_file_is_described():
    paths = {data.description(name)["path"] for name in NAMES}
    assert {path.name for path in (ROOT / "data").glob("*.csv")} == paths


def test_claims_are_complete():
    claims = data.load("claims")
    assert len(claims) == 113
    assert list(claims["claim_id"]) == [f"C{i:03}" for i in range(1, 114)]
    unsourced = claims[claims["study_id"].isna()]
    assert set(unsourced["verdict"]) <= {"not-verifiable-here"}


def test_retracted_and_disputed_are_marked():
    status = data.load("studies").set_index("study_id")["status"]
    for mark, studies in (("retracted", RETRACTED), ("disputed", DISPUTED)):
        here = [study for study in sorted(studies) if study in status.index]
        assert all(status[study] == mark for study in here)
    assert "retracted" in data.cite("sato2002")


def test_one_row_a_source():
    studies = data.load("studies")
    for column in ("study_id", "doi", "pmid"):
        known = studies[column].dropna().str.lower()
        assert list(known[known.duplicated()]) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_row_was_read_deeper_than_its_study(name):
    depth = {"secondary": 0, "abstract": 1, "part": 2, "data file": 2, "full text": 2}
    table = data.load(name)
    if {"study_id", "read_depth"} <= set(table.columns):
        study = table["study_id"].map(data.load("studies").set_index("study_id")["read_depth"])
        deeper = table[table["read_depth"].map(depth) > study.map(depth)]
        assert deeper.empty, set(deeper["study_id"])


def test_sources_without_authors_are_listed():
    studies = data.load("studies").set_index("study_id")
    unknown = studies["authors"].isna() | studies["authors"].str.contains("not shown", na=False)
    text = (ROOT / "data/README.md").read_text("utf-8")
    listed = text.partition("- Authors not shown")[2].partition("\n- ")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == set(studies.index[unknown])


def test_types():
    foods = data.load("foods")
    assert foods["mean_ug_per_100g"].dtype == "float64"
    assert foods["n_samples"].dtype == "Int64"
    assert foods["phylloquinone_equivalents"].dtype == "boolean"
    assert foods["food"].dtype == "str"


def test_catalog():
    catalog = data.catalog()
    assert list(catalog["name"]) == NAMES
    assert all(
        len(data.load(row.name_)) == row.rows
        for row in catalog.rename(columns={"name": "name_"}).itertuples()
    )


def test_unknown_names_are_answered():
    with pytest.raises(ValueError, match="no table 'nope'; the tables are: studies, "):
        data.load("nope")
    with pytest.raises(ValueError, match="no study 'dalmeijer2021'; did you mean dalmeijer20"):
        data.study("dalmeijer2021")


def test_cite():
    assert data.cite("dalmeijer2012") == "Dalmeijer et al. 2012 (abstract read)"
    assert data.cite("tie2011", "efsa2017").count("; ") == 1


def test_a_loaded_table_can_be_changed_without_harm():
    foods = data.load("foods")
    foods.loc[0, "food"] = "changed"
    assert data.load("foods").loc[0, "food"] != "changed"
    tie = data.study("tie2011")
    tie["title"] = "changed"
    assert data.study("tie2011")["title"] != "changed"


def cited(text: str) -> set[str]:
    """Return the keys that a page cites."""
    lists = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return {key.strip() for keys in lists for key in keys.split(",")}


def test_citations_of_all_pages_resolve_and_no_source_is_an_orphan():
    pages = [*ROOT.glob("*.md"), *(ROOT / "chapters").rglob("*.md")]
    pages += (ROOT / "chapters").rglob("*.ipynb")
    keys = {page: cited(page.read_text("utf-8")) for page in pages}
    assert sum(map(len, keys.values())) > 50
    known = set(data.load("studies")["study_id"])
    unknown = {page.name: sorted(found - known) for page, found in keys.items() if found - known}
    assert unknown == {}
    used = set().union(*keys.values())
    for name in NAMES:
        table = data.load(name)
        own = ["study_id"] if name == "studies" else []
        cells = table.drop(columns=own).select_dtypes("str").stack().dropna()
        used |= set(re.findall(r"[a-z][a-z0-9_]+", " ".join(cells)))
    assert sorted(known - used) == []


def test_marked_studies_tell_the_notice():
    studies = data.load("studies")
    marked = studies[studies["status"].isin(["retracted", "disputed", "corrected"])]
    assert marked["status_source"].notna().all()
    undated = marked.loc[marked["status_year"].isna(), "study_id"]
    assert list(undated) == ["sato1998"], "its notice was not found, see data/README.md"


def test_our_words_are_american_and_plain():
    """Titles and names stay as printed; everything else is ours."""
    printed = {"title", "journal", "authors", "first_author", "funding", "site", "claim", "section"}
    british = r"\b(?:\w*(?:isation|ised|ising|aemi[ac]|oestro\w+|our(?:s|ed)?)|catalogue|centre)\b"
    ours = r"\b(?:rising|raised|our|hours?|[Ff]our|your)\b"
    insider = r"\b(?:look-?ups?|seeds?|audit|corpus)\b"
    odd = []
    for name in NAMES:
        table = data.load(name)
        for column in table.select_dtypes("str").columns.difference(printed):
            for row, text in table[column].dropna().items():
                words = set(re.findall(british, text)) - set(re.findall(ours, text))
                words |= set(re.findall(insider, text))
                odd += [f"{name}.csv, row {row + 2}, {column}: {word}" for word in sorted(words)]
    assert odd == []


@pytest.mark.long
def test_the_wheel_carries_the_data(tmp_path):
    def run(*command: str, **settings: str) -> str:
        environment = os.environ | settings
        return subprocess.run(
            [sys.executable, *command],
            cwd=settings.get("CWD", ROOT),
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    run("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = """if True:
        import k2course
        from k2course import data
        names = data.catalog()["name"]
        print(k2course.__file__, len(names), sum(len(data.load(name)) for name in names))
    """
    told = run("-c", code, PYTHONPATH=str(tmp_path / "installed"), CWD=str(tmp_path))
    file, tables, rows = told.split()
    assert Path(file).is_relative_to(tmp_path)
    assert (int(tables), int(rows)) == (len(NAMES), sum(len(data.load(name)) for name in NAMES))
