"""Claims one at a time: what is said, and behind a lid what was found."""

from __future__ import annotations

from html import escape

import pandas as pd
from IPython.display import HTML

from k2book.ledger import SYMBOLS, link, words
from k2course import data

ROOT = "../../"  # from a chapter to the top of the built book


def _claims(keys: tuple[str, ...]) -> list[tuple[str, pd.Series]]:
    return list(data.load("claims").set_index("claim_id").loc[list(keys)].iterrows())


def _rows(parts: dict[str, str]) -> str:
    return "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in parts.items() if text)


def said(*keys: str) -> HTML:
    """Show claims as the guides make them, paraphrased, with what they point to."""
    listed = [
        f"<dt>{key}, guide {claim['guide']}</dt><dd>{escape(claim['claim'])}<br>Points to: "
        f"{'nothing' if pd.isna(claim['cited_as']) else escape(claim['cited_as'])}</dd>"
        for key, claim in _claims(keys)
    ]
    return HTML(f"<dl>{''.join(listed)}</dl>")


def found(*keys: str) -> HTML:
    """Show verdict, source and correction of each claim, closed until the reader opens it."""
    lids = []
    for key, claim in _claims(keys):
        study, says, better = (claim[n] for n in ("study_id", "source_says", "correction"))
        parts = {
            "Source says": "" if pd.isna(says) else escape(says),
            "Better said": "" if pd.isna(better) else escape(better),
            "Source": f"none found: {escape(claim['locator'])}"
            if pd.isna(study)
            else link(f"{ROOT}bibliography.html#{study}", data.cite(study)),
        }
        verdict = f"{SYMBOLS[claim['verdict']]} {words(claim['verdict'])}"
        lids.append(
            f"<details><summary>What we found on {key}</summary><p><strong>{verdict}</strong>, "
            f"strongest evidence: {claim['strength']}</p><dl>{_rows(parts)}</dl></details>"
        )
    return HTML("".join(lids))
