"""``python -m k2course``: what is here, and ``--open`` for the built book."""

from __future__ import annotations

import argparse
import webbrowser
from pathlib import Path

from k2course import __version__, data, models

PLACES = ("_build/html", "html", ".")  # in a checkout, beside an unpacked book, inside of one


def find_book(folder: Path) -> Path | None:
    """Return the first page of a built book in or below ``folder``; None if there is none."""
    pages = (folder / place / "index.html" for place in PLACES)
    return next((p.resolve() for p in pages if (p.parent / "_static/explorer.js").is_file()), None)


def main(arguments: list[str] | None = None) -> int:
    """Print version, tables and models, or open the book; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m k2course", description=__doc__)
    parser.add_argument("--open", action="store_true", help="open the built book, without network")
    if parser.parse_args(arguments).open:
        page = find_book(Path.cwd()) or find_book(Path(__file__).resolve().parent.parent)
        if page is None:
            print("No built book here. Build it with `make book`, or unpack a released one here.")
            return 1
        print(f"Opening {page}")
        webbrowser.open(page.as_uri())
        return 0
    print(f"k2course {__version__}\n\nTables, k2course.data.load(name):")
    for _, row in data.catalog().iterrows():
        print(f"  {row['name']:<26} {row['rows']:>4} rows  {row['title']}")
    print("\nModels, k2course.models.load(name):")
    for name, row in models.catalog().iterrows():
        print(f"  {name:<26} {row['title']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
