"""The claim ledger as HTML that reads well without a script and can be filtered with one.

Every claim is an article with its facets in ``data-`` attributes; ``ledger.js`` shows the form and
hides the articles that do not match. Without scripts the form stays hidden and every claim stands.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape

import pandas as pd

from k2course import data

__all__ = ["FACETS", "SYMBOLS", "ledger"]

FACETS = ("guide", "topic", "verdict", "kind", "strength")
SYMBOLS = {
    "supported": "✓",
    "supported-with-caveat": "◐",
    "imprecise": "≈",
    "contested": "⇄",
    "wrong": "✗",
    "not-verifiable-here": "?",
}


@cache
def _known() -> frozenset[str]:
    return frozenset(data.load("studies")["study_id"])


def words(value: str) -> str:
    """Turn a value of the table into words: ``not-verifiable-here`` into "not verifiable here"."""
    return value.replace("-", " ") if value in SYMBOLS else value


def link(href: str, text: str) -> str:
    """Return an anchor with escaped address and text."""
    return f'<a href="{escape(href)}">{escape(text)}</a>'


def _source(claim: pd.Series, root: str) -> str:
    """Link the study in the reference list and its DOI; say where and how it was read."""
    if pd.isna(claim["study_id"]):
        return f"none found; {escape(claim['locator'])}"
    study = data.study(claim["study_id"])
    parts = [link(f"{root}bibliography.html#{study['study_id']}", data.cite(study["study_id"]))]
    if pd.notna(study["doi"]):
        parts.append(link(f"https://doi.org/{study['doi']}", f"doi:{study['doi']}"))
    depth = "" if claim["read_depth"] == study["read_depth"] else f", {claim['read_depth']}"
    return f"{', '.join(parts)}; {escape(claim['locator'])}{depth}"


def _text(text: str, root: str) -> str:
    """Escape a text of ours and link the studies that it names by their key."""

    def linked(match: re.Match) -> str:
        key = match[0]
        return link(f"{root}bibliography.html#{key}", key) if key in _known() else key

    return re.sub(r"\b[a-z]+[0-9]{4}[a-z]?\b", linked, escape(text))


def _place(chapter: str, root: str) -> str:
    """Return a link to the page and section that discuss a claim."""
    page, _, section = chapter.partition("#")
    name = page.rpartition("/")[2].replace("-", " ").capitalize()
    if section:
        name += f": {section.replace('-', ' ')}"
    return link(f"{root}{page}.html{'#' + section if section else ''}", name)


def _article(claim: pd.Series, root: str) -> str:
    facets = " ".join(f'data-{name}="{escape(claim[name])}"' for name in FACETS)
    parts = {"Guide cites": escape(claim["cited_as"]) if pd.notna(claim["cited_as"]) else "nothing"}
    if pd.notna(claim["source_says"]):
        parts["Source says"] = _text(claim["source_says"], root)
    if pd.notna(claim["correction"]):
        parts["Better said"] = _text(claim["correction"], root)
    parts["Source"] = _source(claim, root)
    if pd.notna(claim["note"]):
        parts["Note"] = _text(claim["note"], root)
    if pd.notna(claim["chapter"]):
        parts["In the course"] = _place(claim["chapter"], root)
    listed = "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in parts.items())
    verdict, key = claim["verdict"], claim["claim_id"]
    return (
        f'<article id="{key}" {facets}>'
        f'<h3><a href="#{key}">{key}</a> {escape(claim["claim"])}</h3>'
        f'<p class="k2-facts"><span class="k2-verdict k2-{verdict}"><span aria-hidden="true">'
        f"{SYMBOLS[verdict]}</span> {words(verdict)}</span> guide {claim['guide']}, "
        f"“{escape(claim['section'])}” · {claim['topic']} · {claim['kind']} · evidence: "
        f"{claim['strength']}</p><dl>{listed}</dl></article>"
    )


def _choice(claims: pd.DataFrame, name: str) -> str:
    allowed = next(
        field["constraints"]["enum"]
        for field in data.description("claims")["schema"]["fields"]
        if field["name"] == name
    )
    counts = claims[name].value_counts()
    options = "".join(
        f'<option value="{value}">{words(value)} ({counts[value]})</option>'
        for value in allowed
        if value in counts
    )
    return (
        f'<label>{name.capitalize()} <select name="{name}">'
        f'<option value="">all</option>{options}</select></label>'
    )


def ledger(claims: pd.DataFrame, root: str = "../../") -> str:
    """Return the ledger of claims as HTML.

    Parameters
    ----------
    claims : pandas.DataFrame
        Rows of the table ``claims``.
    root : str
        Way from the page to the root of the built book.

    Returns
    -------
    str
        A form, a count and one ``article`` a claim, in one ``div`` of the class ``k2-ledger``.
    """
    articles = "".join(_article(claim, root) for _, claim in claims.iterrows())
    choices = "".join(_choice(claims, name) for name in FACETS)
    return (
        '<div class="k2-ledger"><form hidden role="search" aria-label="Filter the claims">'
        f'{choices}<label>Words <input type="search" name="words" autocomplete="off">'
        '</label><button type="reset">Show all</button></form>'
        f'<p class="k2-count" role="status">{len(claims)} of {len(claims)} claims</p>'
        f"{articles}</div>"
    )
