"""What a page says of itself to those who find, share, cite or mend it.

A description and preview tags in the head; at the foot the day of the last change, a citation and
a link for error reports; a sitemap and redirects beside the pages. An address stands in them only
where ``[tool.k2course]`` in ``pyproject.toml`` names one, and a day only where git knows it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from docutils import nodes

PREVIEW = "_static/preview.png"
PREVIEW_ALT = "A menaquinone drawn as a chain that carries a bone, a vessel, a nerve cell and a ?"
LONGEST = 200  # characters of a description that search engines show


@dataclass(frozen=True)
class Book:
    """What all pages share; ``site`` and ``repository`` are empty while unset."""

    title: str
    author: str
    version: str
    year: str
    site: str = ""
    repository: str = ""


def shorten(text: str, longest: int = LONGEST) -> str:
    """Cut a text at a word, with an ellipsis, to at most ``longest`` characters."""
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    return text[:longest].rpartition(" ")[0].rstrip(" ,;:(–-") + "…"


def description(doctree: nodes.document) -> str:
    """Describe a page: its first paragraph, or the list of what the reader will find out."""
    for node in doctree.findall(lambda n: isinstance(n, nodes.paragraph | nodes.bullet_list)):
        if isinstance(node.parent, nodes.section):
            items = (
                [n.astext() for n in node.children] if isinstance(node, nodes.bullet_list) else []
            )
            text = " ".join(items) or node.astext()
            if len(text) >= 40 and not text.startswith("Before you start"):
                return shorten(text)
    return ""


def metatags(book: Book, page: str, title: str, text: str) -> str:
    """Return the tags for search engines and previews; absolute addresses only with a site."""
    tags = [("name", "description", text)] if text else []
    tags += [
        ("property", "og:type", "article"),
        ("property", "og:site_name", book.title),
        ("property", "og:title", title),
        ("property", "og:description", text),
    ]
    if book.site:
        tags += [
            ("property", "og:url", f"{book.site}/{page}.html"),
            ("property", "og:image", f"{book.site}/{PREVIEW}"),
            ("property", "og:image:alt", PREVIEW_ALT),
            ("name", "twitter:card", "summary_large_image"),
        ]
    return "".join(
        f'<meta {kind}="{name}" content="{escape(value)}" />\n'
        for kind, name, value in tags
        if value
    )


def citation(book: Book, page: str, title: str, day: str) -> tuple[str, str]:
    """Cite a page as text and as BibTeX; ``day`` (2026-11-21) may be empty."""
    address = f"{book.site}/{page}.html" if book.site else ""
    year = day[:4] or book.year
    parts = [f"{book.author} ({year}). {title}. In {book.title}, version {book.version}"]
    parts += [f"last changed {day}"] if day else []
    text = ", ".join(parts) + "." + (f" {address}" if address else "")
    fields = {
        "author": f"{{{book.author}}}",
        "title": title,
        "howpublished": f"{book.title}, version {book.version}",
        "year": year,
        "note": f"Last changed {day}" if day else "",
        "url": address,
    }
    listed = ",\n".join(f"  {key} = {{{value}}}" for key, value in fields.items() if value)
    return text, f"@misc{{k2-{page.replace('/', '-')},\n{listed}\n}}"


def report(repository: str, page: str) -> str:
    """Return the address where an error on a page is reported."""
    title = quote(f"Error on the page {page}")
    if "gitlab" in repository:
        return f"{repository}/-/issues/new?issue[title]={title}"
    return f"{repository}/issues/new?title={title}"


def foot(book: Book, page: str, title: str, day: str) -> str:
    """Return the foot of a page: last change, citation, error report."""
    text, bibtex = citation(book, page, title, day)
    parts = [f'<p>Last changed <time datetime="{day}">{day}</time>.</p>'] if day else []
    parts.append(
        "<details><summary>Cite this page</summary>"
        + "".join(
            f'<div class="highlight" tabindex="0"><pre>{escape(form)}</pre></div>'
            for form in (text, bibtex)
        )
        + "</details>"
    )
    if book.repository:
        parts.append(
            f'<p><a href="{escape(report(book.repository, page))}">Report an error</a></p>'
        )
    return f'<footer class="k2-share">{"".join(parts)}</footer>'


def last_changed(root: Path) -> dict[str, str]:
    """Return the day of the last commit of each file; nothing without a full git history."""

    def git(*arguments: str) -> str:
        command = ["git", "-c", "core.quotepath=off", *arguments]
        done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=True)
        return done.stdout

    try:
        if git("rev-parse", "--is-shallow-repository").strip() != "false":
            return {}
        log = git("log", "--format=%x00%cs", "--name-only", "--relative")
    except (OSError, subprocess.CalledProcessError):
        return {}
    days: dict[str, str] = {}
    for commit in log.split("\0")[1:]:
        day, *names = commit.split("\n")
        for name in filter(None, names):
            days.setdefault(name, day)
    return days


def sitemap(site: str, days: dict[str, str]) -> str:
    """Return a sitemap of pages (name to the day of its last change, which may be empty)."""
    urls = "".join(
        f"<url><loc>{escape(site)}/{quote(page)}.html</loc>"
        + (f"<lastmod>{day}</lastmod>" if day else "")
        + "</url>\n"
        for page, day in sorted(days.items())
    )
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{space}">\n{urls}</urlset>\n'


def redirects(table: dict[str, str], pages: Iterable[str]) -> dict[str, str]:
    """Return the page to write at each old name.

    Parameters
    ----------
    table : dict
        Old page to new page, both without ``.html``.
    pages : iterable of str
        Pages of the book.

    Raises
    ------
    ValueError
        An old name is a page of today, or a new one is not.
    """
    known, written = set(pages), {}
    for old, new in table.items():
        if old in known or new not in known:
            raise ValueError(f"redirect {old!r} -> {new!r}: only a gone page can lead to a page")
        goal = escape("../" * old.count("/") + f"{new}.html")
        written[old] = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Moved</title>'
            f'<meta http-equiv="refresh" content="0; url={goal}"><meta name="robots" '
            f'content="noindex"></head><body><main><h1>This page has moved</h1><p><a '
            f'href="{goal}">Go to its new place</a></p></main></body></html>\n'
        )
    return written
