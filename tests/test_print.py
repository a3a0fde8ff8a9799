"""The printed book: what is joined, and what Chromium makes of it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader
from pypdf.generic import Destination

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("print_book", ROOT / "tools" / "print_book.py")
printing = importlib.util.module_from_spec(spec)
spec.loader.exec_module(printing)

TOC = {
    "root": "intro",
    "parts": [
        {
            "caption": "Chapters",
            "chapters": [
                {"file": "chapters/bone/index", "sections": [{"file": "chapters/bone/model"}]},
                {"file": "bibliography"},
            ],
        }
    ],
}


def test_contents_follow_the_toc():
    listed = [tuple(entry)[:2] for entry in printing.contents(TOC)]
    assert listed == [
        (1, "intro"),
        (1, None),
        (2, "chapters/bone/index"),
        (3, "chapters/bone/model"),
        (2, "bibliography"),
    ]


def test_a_chapter_is_its_pages_and_the_bibliography():
    picked = printing.chapter(printing.contents(TOC), "bone")
    assert [(e.level, e.page) for e in picked] == [
        (1, "chapters/bone/index"),
        (2, "chapters/bone/model"),
        (1, "bibliography"),
    ]
    with pytest.raises(printing.PrintError, match="'liver'; there are: bone, bibliography"):
        printing.chapter(printing.contents(TOC), "liver")


@pytest.mark.parametrize(
    ("href", "site", "goal"),
    [
        ("https://doi.org/10.1/x", "", "https://doi.org/10.1/x"),
        ("#summary", "", "#chapters-bone-model--summary"),
        ("index.html", "", "#chapters-bone-index"),
        ("../../bibliography.html#tie2011", "", "#bibliography--tie2011"),
        ("../vessel/index.html#top", "", None),
        ("../vessel/index.html#top", "https://k2.example", "https://k2.example/chapters/vessel/"),
    ],
)
def test_links_in_print(href, site, goal):
    pages = {"chapters/bone/index", "chapters/bone/model", "bibliography"}
    found = printing.link(href, "chapters/bone/model", pages, site)
    assert found == (goal + "index.html#top" if goal and goal.endswith("/") else goal)


def test_a_page_is_prepared():
    entry = printing.Entry(2, "chapters/bone/model", "")
    article = BeautifulSoup(
        '<article><h1 id="a b">T<a class="headerlink" href="#a">#</a></h1><p id="T_1">x</p>'
        '<div class="cell tag_hide-input"><details class="hide">code</details></div>'
        '<details><summary>Solution</summary>yes</details><a href="../vessel/x.html">away</a>'
        '<svg><g id="arrow"/></svg><img src="../../_images/f.png" loading="lazy">'
        '<div class="k2-choices" hidden><label>dose <select><option>4</option><option>8</option>'
        "</select></label></div></article>",
        "html.parser",
    ).article
    text = str(printing.prepared(article, entry, {entry.page}, ""))
    assert '<h2 id="chapters-bone-model--a chapters-bone-model--b">T</h2>' in text
    assert "code" not in text
    assert '<details open="">' in text
    assert "<span>away</span>" in text
    assert '<g id="arrow">' in text
    assert '<p id="T_1">' in text
    assert '<img src="../html/_images/f.png"/>' in text
    assert "<p>Shown for dose: 4.</p>" in text


def test_wrong_name_is_one_line(html, capsys):
    assert printing.main(["liver"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("Nothing was printed: no chapter is called 'liver'")
    assert told.count("\n") == 1


def bookmarks(reader: PdfReader) -> list[tuple[int, str, int]]:
    """List depth, title and page (from 1) of every bookmark."""

    def walk(outline, depth):
        for item in outline:
            if isinstance(item, Destination):
                yield depth, item.title, reader.get_destination_page_number(item) + 1
            else:
                yield from walk(item, depth + 1)

    return list(walk(reader.outline, 1))


def check(reader: PdfReader, chapters: list[str]) -> None:
    """Hold bookmarks, contents, page numbers, links and structure of a print together."""
    marks = bookmarks(reader)
    titles = [title for _, title, _ in marks]
    assert [title for title in chapters if title not in titles] == []
    assert [page for *_, page in marks] == sorted(page for *_, page in marks)
    pages = [page.extract_text() for page in reader.pages]
    numbered = [str(i) in text.splitlines()[:2] for i, text in enumerate(pages[1:], 2)]
    assert all(numbered)
    first = next(i for i, text in enumerate(pages) if "Contents" in text.splitlines()[:2])
    listed = " ".join("".join(pages[first : marks[1][2] - 1]).split())
    for title in chapters:
        page = next(p for _, t, p in marks if t == title)
        assert f"{title} {page}" in listed
    assert "/StructTreeRoot" in reader.trailer["/Root"]
    annotations = [a.get_object() for p in reader.pages for a in p.get("/Annots", [])]
    kinds = [a["/A"]["/S"] if "/A" in a else "/Dest" for a in annotations if "/Subtype" in a]
    assert kinds.count("/Dest") + kinds.count("/GoTo") > 50  # links inside of the file
    local = [a["/A"]["/URI"] for a in annotations if "/A" in a and "/URI" in a["/A"]]
    assert [uri for uri in local if uri.startswith("file:")] == []


def printed(name: str) -> PdfReader:
    """Print as the command does, in a process of its own."""
    command = [sys.executable, str(ROOT / "tools" / "print_book.py"), *([name] if name else [])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return PdfReader(printing.PDF / f"{name or 'k2-beyond-the-liver'}.pdf")


@pytest.mark.long
@pytest.mark.browser
def test_a_chapter_is_printed(html, chromium_path):
    reader = printed("neuro")
    check(reader, ["Neurons and mitochondria", "An electron carrier?", "Bibliography"])
    text = "".join(page.extract_text() for page in reader.pages)
    assert "{cite" not in text
    assert "\\frac" not in text  # maths is set
    assert sum(len(page.images) for page in reader.pages) >= 10
    bibliography = next(p for _, t, p in bookmarks(reader) if t == "Bibliography")
    assert len(reader.pages) - bibliography < 12  # only what the chapter cites


@pytest.mark.long
@pytest.mark.browser
def test_the_whole_book_is_printed(html, chromium_path):
    reader = printed("")
    check(reader, ["Chapters", "Bone", "The vessel", "Claim ledger", "Glossary", "Bibliography"])
    assert len(reader.pages) > 300
