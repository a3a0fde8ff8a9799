"""Print the built book, or one chapter of it, as a PDF: ``_build/pdf/<name>.pdf``.

All pages are joined into one document, which Chromium prints, so that page numbers run through,
links lead to places in the same file and the headings become its bookmarks and its structure for
screen readers. It is printed twice: the first print tells which page each entry of the table of
contents stands on. A live element appears as the picture of its first settings, solutions and
answers are open, the code behind a figure stays in the book.
"""

from __future__ import annotations

import argparse
import html
import logging
import posixpath
import re
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import yaml
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject
from tqdm import tqdm

from k2book import chromium

ROOT = Path(__file__).resolve().parent.parent
HTML, PDF = ROOT / "_build" / "html", ROOT / "_build" / "pdf"
BIBLIOGRAPHY = "bibliography"
MATHJAX = "_static/vendor/mathjax/tex-chtml.js"
GONE = "script:not([type^=math]), a.headerlink, button, form, .k2-share, .tag_hide-input .hide"
PREFIXED = ("id", "for", "aria-labelledby", "aria-describedby")


class PrintError(RuntimeError):
    """Nothing can be printed: no book, no such chapter, no browser."""


class Entry(NamedTuple):
    """A line of the table of contents: a page of the book, or a part (``page`` is None)."""

    level: int
    page: str | None
    title: str


def contents(toc: dict) -> list[Entry]:
    """List parts (level 1), chapters (2) and their pages (3) of a Jupyter Book's ``_toc.yml``."""
    found = [Entry(1, toc["root"], "")]
    for part in toc["parts"]:
        found.append(Entry(1, None, part["caption"]))
        for chapter in part["chapters"]:
            found.append(Entry(2, chapter["file"], ""))
            found += [Entry(3, page["file"], "") for page in chapter.get("sections", [])]
    return found


def name_of(page: str) -> str:
    """Return the name by which a chapter is called: ``chapters/bone/index`` is ``bone``."""
    return page.removesuffix("/index").rpartition("/")[2]


def chapter(entries: list[Entry], name: str) -> list[Entry]:
    """Pick one chapter with its pages and the bibliography, one level up.

    Raises
    ------
    PrintError
        No chapter has this name.
    """
    heads = {name_of(e.page): i for i, e in enumerate(entries) if e.page and e.level == 2}
    if name not in heads:
        raise PrintError(f"no chapter is called {name!r}; there are: {', '.join(heads)}")
    first = heads[name]
    rest = (i for i in range(first + 1, len(entries)) if entries[i].level < 3)
    picked = entries[first : next(rest, len(entries))]
    if name != BIBLIOGRAPHY:
        picked.append(Entry(2, BIBLIOGRAPHY, ""))
    return [e._replace(level=e.level - 1) for e in picked]


def anchor(page: str, fragment: str = "") -> str:
    """Return the one id, in the joined document, of a place in a page."""
    return f"{page.replace('/', '-')}--{fragment}" if fragment else page.replace("/", "-")


def link(href: str, page: str, pages: set[str], site: str) -> str | None:
    """Return where a link leads in print; None if nowhere (a page that is not printed)."""
    if re.match(r"[a-z]+:", href):
        return href
    path, _, fragment = href.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    if (inside := target.removesuffix(".html")) in pages:
        return f"#{anchor(inside, fragment)}"
    return f"{site}/{target}{'#' + fragment if fragment else ''}" if site else None


def prepared(article: Tag, entry: Entry, pages: set[str], site: str) -> Tag:
    """Make a page's article ready to stand among others: ids, links, headings, open lids."""
    page = entry.page
    for tag in article.select(GONE):
        tag.decompose()
    for choices in article.select(".k2-choices"):
        shown = [
            f"{label.find(string=True).strip()}: {label.option.get_text()}"
            for label in choices.find_all("label")
        ]
        choices.replace_with(BeautifulSoup(f"<p>Shown for {'; '.join(shown)}.</p>", "html.parser"))
    for lid in article.find_all("details"):
        if lid.summary.get_text().startswith("First rows"):  # of a table wider than the paper
            lid.decompose()
            continue
        lid["open"] = ""
        if "hide" in lid.get("class", []):
            lid.summary.string = "Code"
    for image in article.find_all("img"):
        image.attrs.pop("loading", None)
        if not image["src"].startswith("data:"):
            path = posixpath.join(posixpath.dirname(page), image["src"])
            image["src"] = f"../html/{posixpath.normpath(path)}"
    for tag in article.find_all("a", href=True):
        goal = link(tag["href"], page, pages, site)
        if goal:
            tag["href"] = goal
        else:
            tag.name, tag.attrs = "span", {}
    for tag in article.find_all(True):
        for key in PREFIXED:  # a drawing's and a styled table's ids belong to their style
            if key in tag.attrs and not tag[key].startswith("T_") and not tag.find_parent("svg"):
                tag[key] = " ".join(anchor(page, one) for one in tag[key].split())
        if re.fullmatch("h[1-6]", tag.name):
            tag.name = f"h{min(6, int(tag.name[1]) + entry.level - 1)}"
    return article


def only_cited(bibliography: Tag, body: list[Tag]) -> None:
    """Leave in the bibliography what the printed pages cite."""
    cited = {tag.get("href") for article in body for tag in article.find_all("a")}
    for entry in bibliography.select(".citation"):
        if f"#{entry['id']}" not in cited:
            entry.decompose()


def table_of_contents(entries: list[Entry], numbers: dict[str, int]) -> str:
    """Return the table of contents; pages without a known number show none."""
    lines = []
    for entry in entries:
        place = anchor(entry.page) if entry.page else anchor(entry.title)
        number = numbers.get(place, "")
        lines.append(
            f'<li class="level-{entry.level}"><a href="#{html.escape(place)}">'
            f"<span>{html.escape(entry.title)}</span><span>{number}</span></a></li>"
        )
    return f'<nav class="k2-contents"><h1>Contents</h1><ol>{"".join(lines)}</ol></nav>'


def cover(title: str, chapter_title: str, author: str, version: str, site: str) -> str:
    """Return the title page."""
    lines = [f"Version {version}", author, site]
    picture = f'<img src="{(ROOT / "cover.svg").as_uri()}" alt="">'
    return (
        f'<section class="k2-cover">{picture}<p class="title">{html.escape(title)}</p>'
        f'<p class="chapter">{html.escape(chapter_title)}</p>'
        + "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)
        + "<p class='note'>Printed from the book. Live elements show their first settings; the "
        "code behind the figures is in the notebooks.</p></section>"
    )


def joined(entries: list[Entry], config: dict, settings: dict, whole: bool) -> tuple[str, list]:
    """Join the pages; return the document, with a gap for the contents, and its entries."""
    pages = {e.page for e in entries if e.page}
    sheets: dict[str, None] = {}
    body, titled, running, head = [], [], [], ""
    for entry in tqdm(entries, desc="pages"):
        if entry.page is None:
            place, title = anchor(entry.title), html.escape(entry.title)
            body.append(f'<section class="k2-part" id="{place}"><h1>{title}</h1></section>')
            titled.append(entry)
            continue
        soup = BeautifulSoup((HTML / f"{entry.page}.html").read_text("utf-8"), "html.parser")
        folder = posixpath.dirname(entry.page)
        for sheet in soup.select('link[rel="stylesheet"]'):
            path = posixpath.normpath(posixpath.join(folder, sheet["href"].partition("?")[0]))
            sheets[f"../html/{path}"] = None
        article = prepared(soup.select_one("article.bd-article"), entry, pages, settings["site"])
        if entry.page == BIBLIOGRAPHY and not whole:
            only_cited(article, [b for b in body if isinstance(b, Tag)])
        title = article.find(re.compile("^h[1-6]$")).get_text().strip()
        titled.append(entry._replace(title=title))
        if entry.level <= 2 - (not whole):
            head = f"k2-{anchor(entry.page)}"
            shown = title.replace("\\", "").replace('"', "”")
            running.append(f'@page {head} {{ @top-left {{ content: "{shown}"; }} }}')
        article["id"], article["style"] = anchor(entry.page), f"page: {head or 'auto'}"
        body.append(article)
    first = "" if whole else titled[0].title
    front = cover(config["title"], first, config["author"], settings["version"], settings["site"])
    links = "".join(f'<link rel="stylesheet" href="{sheet}">' for sheet in sheets)
    style = (Path(__file__).parent / "print.css").read_text("utf-8") + "\n".join(running)
    title = f"{first}: {config['title']}" if first else config["title"]
    return (
        '<!doctype html><html lang="en" data-theme="light" data-mode="light">'
        f'<meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="author" content="{html.escape(config["author"])}">'
        f"{links}<style>{style}</style>"
        "<script>window.MathJax = {options: {processHtmlClass: 'math', enableMenu: false}};"
        f'</script><script src="../html/{MATHJAX}"></script>'
        f"<body>{front}<!--contents-->{''.join(map(str, body))}</body></html>"
    ), titled


def page_numbers(pdf: Path) -> dict[str, int]:
    """Return the page, from 1, of every place that a link of the document leads to."""
    reader = PdfReader(pdf)
    return {
        name.removeprefix("/"): reader.get_destination_page_number(place) + 1
        for name, place in reader.named_destinations.items()
    }


def finish(pdf: Path, titles: list[str], author: str) -> None:
    """Name the author, and mend bookmarks: Chromium drops the space where a heading wraps."""
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it remarks on how Chromium counts
    writer = PdfWriter(clone_from=pdf)
    writer.add_metadata({"/Author": author})
    whole = {"".join(title.split()): " ".join(title.split()) for title in titles}
    below = [writer.root_object["/Outlines"]["/First"]]
    while below:
        item = below.pop()
        shown = str(item["/Title"])
        item[NameObject("/Title")] = TextStringObject(whole.get("".join(shown.split()), shown))
        below += [item[key] for key in ("/First", "/Next") if key in item]
    writer.write(pdf)


def print_document(text: str, entries: list[Entry], target: Path) -> None:
    """Print a joined document twice, the second time with page numbers in its contents."""
    if not chromium.find():
        raise PrintError("Chromium prints the book, and none was found: install chromium")
    target.parent.mkdir(parents=True, exist_ok=True)
    source = target.with_suffix(".html")
    numbers: dict[str, int] = {}
    with chromium.launched() as browser, tqdm(total=2, desc="prints") as bar:
        for _ in range(2):
            listed = table_of_contents(entries, numbers)
            source.write_text(text.replace("<!--contents-->", listed), "utf-8")
            page = browser.new_page()
            page.set_default_timeout(600_000)
            page.goto(source.as_uri())
            page.evaluate("MathJax.startup.promise.then(() => document.fonts.ready)")
            page.pdf(
                path=target,
                prefer_css_page_size=True,
                print_background=True,
                outline=True,
                tagged=True,
            )
            page.close()
            numbers = page_numbers(target)
            bar.update()
    source.unlink()


def print_book(name: str = "") -> Path:
    """Print the whole book, or the chapter of this name; return the file.

    Raises
    ------
    PrintError
        The book is not built, there is no such chapter, or no browser.
    """
    if not (HTML / "index.html").is_file():
        raise PrintError("the book is not built: run `make book` first")
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    settings = {
        "site": project["tool"]["k2course"]["site"].rstrip("/"),
        "version": project["project"]["version"],
    }
    entries = contents(yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8")))
    if name:
        entries = chapter(entries, name)
    text, titled = joined(entries, config, settings, whole=not name)
    target = PDF / f"{name or 'k2-beyond-the-liver'}.pdf"
    print_document(text, titled, target)
    headings = BeautifulSoup(text, "html.parser").find_all(re.compile("^h[1-6]$"))
    finish(target, ["Contents", *(h.get_text() for h in headings)], config["author"])
    return target


def main(arguments: list[str] | None = None) -> int:
    """Print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("chapter", nargs="?", default="", help="name of a chapter, such as bone")
    try:
        target = print_book(parser.parse_args(arguments).chapter)
    except PrintError as error:
        print(f"Nothing was printed: {error}", file=sys.stderr)
        return 1
    pages = len(PdfReader(target).pages)
    print(f"{pages} pages, {target.stat().st_size / 1e6:.1f} MB: {target.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
