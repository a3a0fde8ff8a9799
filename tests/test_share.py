"""What pages say of themselves, and what is mended or made lighter in them."""

import base64
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from docutils.core import publish_doctree
from pybtex.database import parse_file, parse_string
from pybtex.plugin import find_plugin

from k2book import bibstyle, icons, mend, share

ROOT = Path(__file__).resolve().parent.parent

UNSET = share.Book("The course", "The authors", "1.2.0", "2026")
SET = share.Book(
    "The course", "The authors", "1.2.0", "2026", "https://k2.example/c", "https://git.example/k2"
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("A first paragraph that is long enough to describe.\n\nMore.", "A first paragraph that"),
        ("Short.\n\nThe second paragraph is long enough to describe it.", "The second"),
        ("- What a bone is made of, in short.\n- What it is for.", "What a bone is made of, in"),
        ("**Before you start:** nothing at all, and forty minutes of time.", ""),
        (".. note:: A note of many words is not what a page is about.", ""),
    ],
)
def test_description_is_the_first_real_text(source, expected):
    doctree = publish_doctree(f"Title\n=====\n\nSection\n-------\n\n{source}\n\nEnd\n---\n\nBye.")
    found = share.description(doctree)
    assert found.startswith(expected)
    assert bool(found) == bool(expected)


def test_shorten_cuts_at_a_word():
    text = "word " * 60
    short = share.shorten(text)
    assert len(short) <= share.LONGEST + 1
    assert short.endswith("word…")
    assert share.shorten("as  it\nis") == "as it is"


def tags(book):
    head = share.metatags(book, "a/b", 'Say "K2"', "About <this> & that")
    found = BeautifulSoup(head, "html.parser").find_all("meta")
    return {tag.get("name") or tag["property"]: tag["content"] for tag in found}


def test_tags_name_an_address_only_when_there_is_one():
    unset, given = tags(UNSET), tags(SET)
    assert unset["description"] == unset["og:description"] == "About <this> & that"
    assert unset["og:title"] == 'Say "K2"'
    assert "://" not in str(unset)
    assert given["og:url"] == "https://k2.example/c/a/b.html"
    assert given["og:image"] == "https://k2.example/c/_static/preview.png"
    assert given.keys() > unset.keys()


@pytest.mark.parametrize("book", [UNSET, SET], ids=["unset", "set"])
@pytest.mark.parametrize("day", ["", "2027-03-04"])
def test_citation_is_whole_and_parses(book, day):
    text, bibtex = share.citation(book, "chapters/bone/model", "The model, live", day)
    entry = parse_string(bibtex, "bibtex").entries["k2-chapters-bone-model"]
    assert str(entry.persons["author"][0]) == "{The authors}"  # one name, not two parts
    assert entry.fields["year"] == (day[:4] or "2026")
    assert entry.fields["title"] == "The model, live"
    assert ("url" in entry.fields) == bool(book.site)
    assert (day in text) if day else ("changed" not in text)
    assert "1.2.0" in text
    assert ("://" in text) == bool(book.site)


def test_error_report_names_the_page():
    assert "Report" not in share.foot(UNSET, "a/b", "T", "")
    assert "Last changed" not in share.foot(UNSET, "a/b", "T", "")
    shown = BeautifulSoup(share.foot(SET, "a/b", "<T>", "2026-01-02"), "html.parser")
    assert shown.time["datetime"] == "2026-01-02"
    assert shown.a["href"].startswith("https://git.example/k2/issues/new?title=Error")
    assert shown.a["href"].endswith("a/b")
    assert "/-/issues/new?issue[title]=" in share.report("https://gitlab.com/x/y", "a")


def test_sitemap_lists_every_page():
    root = ElementTree.fromstring(
        share.sitemap("https://k2.example", {"b & c": "", "a": "2026-01-02"})
    )
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    assert [e.text for e in root.iter(f"{space}loc")] == [
        "https://k2.example/a.html",
        "https://k2.example/b%20%26%20c.html",
    ]
    assert [e.text for e in root.iter(f"{space}lastmod")] == ["2026-01-02"]


def test_redirects_lead_to_the_new_name():
    assert share.redirects({}, ["intro"]) == {}
    written = share.redirects({"chapters/bone/dxa": "chapters/bone/lab"}, ["chapters/bone/lab"])
    page = BeautifulSoup(written["chapters/bone/dxa"], "html.parser")
    assert page.a["href"] == "../../chapters/bone/lab.html"
    assert page.find("meta", {"http-equiv": "refresh"})["content"].endswith(page.a["href"])


@pytest.mark.parametrize("table", [{"old": "gone"}, {"intro": "intro"}])
def test_a_redirect_that_leads_nowhere_is_an_error(table):
    with pytest.raises(ValueError, match="only a gone page can lead to a page"):
        share.redirects(table, ["intro"])


def test_last_change_is_that_of_the_last_commit(tmp_path):
    def git(*arguments, day="2026-01-01"):
        env = {"GIT_AUTHOR_DATE": f"{day}T12:00:00", "GIT_COMMITTER_DATE": f"{day}T12:00:00"}
        who = ("-c", "user.name=A", "-c", "user.email=a@b.example")
        env |= {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(tmp_path)}
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, env=env)

    assert share.last_changed(tmp_path) == {}
    git("init", "-q")
    for day, names in (("2026-01-01", ("a.md", "ü.md")), ("2026-02-03", ("a.md",))):
        for name in names:
            (tmp_path / name).write_text(day)
        git("add", ".")
        git("commit", "-qm", "x", day=day)
    (tmp_path / "new.md").write_text("not committed")
    assert share.last_changed(tmp_path) == {"a.md": "2026-02-03", "ü.md": "2026-01-01"}


def test_tables_are_named_by_their_order():
    def page(first, second):
        return (
            f'<style>#T_{first}_row0_col1 {{color: red}}</style><table id="T_{first}">\n  <tr>\n'
            f'<td id="T_{first}_row0_col0" class="data row0 col0">T_{first[:4]}</td>'
            f'<td id="T_{first}_row0_col1" class="data row0 col1">1</td></tr></table>'
            f'<p>T_12345</p><table id="T_{second}"></table>'
        )

    mended = mend.name_tables(page("0a1b2", "ff00e"))
    assert mended == mend.name_tables(page("99999", "0a1b3")).replace("T_9999<", "T_0a1b<")
    assert '<style>#T_1_row0_col1 {color: red}</style><table id="T_1"><tr><td>' in mended
    assert '<td id="T_1_row0_col1">1</td>' in mended
    assert '<p>T_12345</p><table id="T_2">' in mended


def test_pictures_become_files():
    png = b"\x89PNG picture"
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" role="img" aria-label="A &amp; B"></svg>'
    )
    page = (
        f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="x">{drawing}'
        '<svg class="icon"></svg>'
    )
    lifted, files = mend.lift_pictures(page, "../")
    assert list(files.values()) == [png, drawing.encode()]
    tree = BeautifulSoup(lifted, "html.parser")
    assert [i["src"].removeprefix("../") for i in tree.find_all("img")] == list(files)
    assert [i["alt"] for i in tree.find_all("img")] == ["x", "A & B"]
    assert tree.svg["class"] == ["icon"]


def test_icons_that_are_used():
    styles = (
        '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}.fa-cat:before{content:"\\f6be"}'
        '.note{content:"\\f05a"}.tip{--icon:"\uf0eb"}.fa-0:before{content:"\\30 "}'
    )
    assert icons.used(styles, '<i class="fas fa-navicon">') == {0xF0C9, 0xF05A, 0xF0EB}


def test_the_bibliography_is_that_of_unsrtalpha_with_each_entry_formatted_once():
    entries = parse_file(ROOT / "references.bib").entries
    ours, theirs = bibstyle.Style(), find_plugin(bibstyle.GROUP, "unsrtalpha")()
    for key in ("vos2012", "kampmann2023", "mott2019"):
        first = ours.format_entry("label", entries[key])
        assert first.text.render_as("html") == (
            theirs.format_entry("label", entries[key]).text.render_as("html")
        )
        assert ours.format_entry("label", entries[key]) is first
