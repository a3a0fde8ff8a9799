"""The errors that curators make: each is put into a copy of the data and must be told plainly.

"Told" means: the file, the row, the column, and a reason that holds the words given here.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from data_checks import Problem, problems

from k2course import data

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Sheet:
    """One table of the copy, as cells; ``row`` is the line number a spreadsheet shows."""

    path: Path

    def __post_init__(self) -> None:
        self.cells = list(csv.reader(io.StringIO(self.path.read_text("utf-8"))))
        self.header = self.cells[0]

    def find(self, **where: str) -> int:
        at = {self.header.index(name): value for name, value in where.items()}
        for row, cells in enumerate(self.cells[1:], start=2):
            if all(cells[column] == value for column, value in at.items()):
                return row
        raise LookupError(f"{self.path.name}: no row with {where}")

    def put(self, row: int, column: str, value: str) -> None:
        self.cells[row - 1][self.header.index(column)] = value

    def save(self) -> None:
        with self.path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(self.cells)


ROWS = {
    "dose": (
        "biomarkers",
        {"study_id": "dalmeijer2012", "analyte": "dp-ucMGP", "arm": "treatment"},
    ),
    "hearsay": ("biomarkers", {"study_id": "westenfeld2012"}),
    "gouda": ("foods", {"food": "Gouda 48+, average", "form": "total MK"}),
    "bologna": ("foods", {"food": "Bologna, beef"}),
    "rotterdam": ("cohorts", {"study_id": "geleijnse2004", "outcome": "CHD mortality"}),
    "prospect": ("cohorts", {"study_id": "gast2009"}),
    "natto": ("cohorts", {"study_id": "nagata2017"}),
    "spine": ("bone_bmd", {"study_id": "ronn2021", "site": "lumbar spine"}),
    "radius": ("bone_bmd", {"study_id": "levyschousboe2023", "site": "distal radius 1/3"}),
    "count": ("fractures", {"study_id": "sato2002", "events": "10"}),
    "tie": ("studies", {"study_id": "tie2011"}),
    "knapen": ("studies", {"study_id": "knapen2013"}),
    "fabricated": ("studies", {"study_id": "sato2002"}),
    "doubted": ("studies", {"study_id": "ishida2004"}),
    "mk7": ("menaquinones", {"abbreviation": "MK-7"}),
    "claim": ("claims", {"claim_id": "C031"}),
    "citation": ("claim_references", {"guide": "B", "ref_number": "24"}),
}
# kind of error | row | column | what the curator types | words of the reason
CELLS = """
milligrams for micrograms | dose | dose_ug_per_day | 0.18 | milligrams for micrograms
form that does not exist | dose | form | MK-77 | is not one of
percent beyond -100 | dose | percent_change | -131 | below -100
value with its unit | dose | time_months | 2.8 months | a number
second hand without the source that tells it | hearsay | read_via | | second hand
food value 100 times too large | gouda | mean_ug_per_100g | 6450 | above 2000
food value 10 times too large | gouda | mean_ug_per_100g | 645 | in 100 g
mean outside its range | bologna | mean_ug_per_100g | 63 | above the highest
missing locator | gouda | locator | | is empty
blank at the end of a cell | gouda | category | cheese, semi-hard_ | blank
estimate outside its interval | prospect | estimate | 1.91 | above its interval
swapped bounds | rotterdam | ci_low | 7.7 | lower limit
negative n | prospect | n | -16057 | below 1
n that is not whole | prospect | n | 16057.5 | a whole number
reading depth that does not exist | prospect | read_depth | skimmed | is not one of
P value in percent | natto | p_value | 4 | above 1
lost minus sign | radius | mean_change | 0.023 | above its interval
unknown study | spine | study_id | nobody2099 | is not in studies.csv
text in a number column | spine | mean_change | about -1.8 | a number
decimal comma | spine | mean_change | -1,8 | decimal point
NaN typed as a word | spine | sd_change | NaN | a number
negative standard deviation | spine | sd_change | -3.9 | below 0
unit that does not exist | spine | unit | g/cm3 | is not one of
more events than people | count | events | 100 | more events
year in the future | tie | year | 2111 | above
DOI with a blank | tie | doi | 10.1182/ blood-2010-08-304303 | not of the form
DOI of another paper | tie | doi | 10.1182/blood-2011-00-000000 | another DOI
address in the DOI column | tie | doi | https://doi.org/10.1182/blood | not of the form
design that does not exist | tie | design | RCT | is not one of
share of women above 100 | knapen | percent_female | 244 | above 100
retracted study without its mark | fabricated | status | ok | is retracted
retraction without its source | fabricated | status_source | | source of the notice
disputed study without its mark | doubted | status | ok | is disputed
no for false | mk7 | inferred | no | true or false
broken InChIKey | mk7 | inchikey | RAKQPZMEYJZGPI | not of the form
claim without verdict | claim | verdict | | is empty
verdict misspelled | claim | verdict | Wrong | is not one of
page in another form | claim | chapter | evidence.html | not of the form
claim number used twice | claim | claim_id | C030 | stands twice
claim that does not exist | citation | claim_id | C999 | is not in claims.csv
"""


def _cell(line: str) -> tuple[str, Callable[[Path], tuple[str, int, str]], str]:
    kind, name, column, typed, words = (part.strip() for part in line.split("|"))
    table, where = ROWS[name]

    def spoil(folder: Path) -> tuple[str, int, str]:
        sheet = Sheet(folder / f"{table}.csv")
        row = sheet.find(**where)
        sheet.put(row, column, typed.replace("_", " ") if typed.endswith("_") else typed)
        sheet.save()
        return f"{table}.csv", row, column

    return kind, spoil, words


def _double(folder: Path) -> tuple[str, int, str | None]:
    sheet = Sheet(folder / "foods.csv")
    sheet.cells.append(list(sheet.cells[1]))
    sheet.save()
    return "foods.csv", len(sheet.cells), "food"


def _rename(folder: Path) -> tuple[str, int, str | None]:
    sheet = Sheet(folder / "foods.csv")
    sheet.cells[0][3] = "mean_mg_per_100g"
    sheet.save()
    return "foods.csv", 1, "4"


def _extra(folder: Path) -> tuple[str, int, str | None]:
    sheet = Sheet(folder / "proteins.csv")
    sheet.cells = [[*cells, "x"] for cells in sheet.cells]
    sheet.save()
    return "proteins.csv", 1, str(len(sheet.cells[0]))


def _short(folder: Path) -> tuple[str, int, str | None]:
    sheet = Sheet(folder / "pooled.csv")
    sheet.cells[4].pop()
    sheet.save()
    return "pooled.csv", 5, None


def _semicolons(folder: Path) -> tuple[str, int, str | None]:
    path = folder / "proteins.csv"
    path.write_text(path.read_text("utf-8").replace(",", ";"), "utf-8")
    return "proteins.csv", 1, "1"


def _latin(folder: Path) -> tuple[str, int, str | None]:
    path = folder / "studies.csv"
    lines = path.read_bytes().split(b"\n")
    row = next(i for i, line in enumerate(lines, start=1) if line.startswith(b"iwamoto1999,"))
    lines[row - 1] = lines[row - 1].replace(b"Iwamoto", "Iwamotö".encode("latin-1"), 1)
    path.write_bytes(b"\n".join(lines))
    return "studies.csv", row, None


def _mark(folder: Path) -> tuple[str, int, str | None]:
    path = folder / "invitro.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return "invitro.csv", 1, "1"


def _lost(folder: Path) -> tuple[str, int | None, str | None]:
    (folder / "fractures.csv").unlink()
    return "fractures.csv", None, None


def _uncited(folder: Path) -> tuple[str, int, str | None]:
    sheet = Sheet(folder / "studies.csv")
    cells = list(sheet.cells[-1])
    cells[sheet.header.index("study_id")] = "zz2026"
    sheet.cells.append(cells)
    sheet.save()
    return "studies.csv", len(sheet.cells), "study_id"


FILES = {
    "row typed twice": (_double, "second row with the same key"),
    "column renamed": (_rename, "the header has"),
    "column added": (_extra, "the header has"),
    "cell too few": (_short, "cells, not"),
    "saved with semicolons": (_semicolons, "the header has"),
    "broken UTF-8": (_latin, "not UTF-8"),
    "byte order mark": (_mark, "the header has"),
    "file lost": (_lost, "is missing"),
    "study without a reference": (_uncited, "has no entry in references.bib"),
}
ERRORS = {
    kind: (spoil, words) for kind, spoil, words in map(_cell, CELLS.strip().splitlines())
} | FILES


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[Problem], bool]]:
    """For every kind of error: what the check says, and whether that tells it plainly."""
    results = {}
    with pytest.MonkeyPatch.context() as patch:
        for kind, (spoil, words) in ERRORS.items():
            folder = tmp_path_factory.mktemp("copy") / "data"
            shutil.copytree(ROOT / "data", folder)
            patch.setattr(data, "_folder", lambda folder=folder: folder)
            file, row, column = spoil(folder)
            found = problems(ROOT / "references.bib", Path(file).stem)
            plain = any(
                problem.file == file
                and (row is None or problem.row == row)
                and (column is None or problem.column == column)
                and words in problem.reason
                for problem in found
            )
            results[kind] = (found, plain)
    return results


@pytest.mark.parametrize("kind", ERRORS)
def test_told(told, kind):
    found, plain = told[kind]
    assert found, "nothing was found"
    assert plain, "\n".join(map(str, found))


def test_how_many_kinds_are_caught(told, record_property):
    caught = [kind for kind, (_, plain) in told.items() if plain]
    record_property("kinds_of_curator_errors_caught", f"{len(caught)} of {len(ERRORS)}")
    print(f"{len(caught)} of {len(ERRORS)} kinds of curator errors are told plainly")
    assert len(caught) == len(ERRORS) >= 20
