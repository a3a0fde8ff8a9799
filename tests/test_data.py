"""The tables, their description and the reference list hold together."""

from __future__ import annotations

import hashlib
import time
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


def test_loading_everything_is_fast():
    start = time.perf_counter()
    for name in NAMES:
        data.load(name)
    assert time.perf_counter() - start < 1


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
