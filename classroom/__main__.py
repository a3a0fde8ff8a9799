"""The teacher's four steps: ``python -m classroom release | grade | feedback | marks``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run one step; return the exit code."""
    parser = argparse.ArgumentParser(prog="classroom", description=__doc__)
    parser.add_argument("step", choices=["release", "grade", "feedback", "marks"])
    parser.add_argument("assignments", nargs="*", help="by default all")
    parser.add_argument("--workers", type=int, default=1, help="submissions at the same time")
    default = Path(__file__).resolve().parent.parent / "assignments"
    parser.add_argument("--root", type=Path, default=default, help="the course")
    given = parser.parse_args(arguments)
    from classroom import grade, marks  # after --help: nbgrader takes a second to load

    root, names = given.root.resolve(), given.assignments
    try:
        if given.step == "release":
            for name in grade.release(root, names):
                print(f"released {name}: release/{name}, and handout/ID/{name} for each student")
        elif given.step == "grade":
            graded = grade.grade(root, names, given.workers)
            whole = sum(not entry["again"] for entry in graded)
            print(f"{whole} submissions graded; what was graded before stays as it is")
            if not any(root.glob("submitted/*/*/*")):
                print(f"  nothing was handed in: it belongs into {root.name}/submitted/ID/NAME")
            for entry in graded:
                notes = [entry["reason"]] * bool(entry["reason"])
                notes += [f"please look at {question}" for question in entry["look"]]
                for note in notes:
                    print(f"  {entry['student']}, {entry['assignment']}: {note}")
            if any(entry["again"] for entry in graded):
                raise RuntimeError("some were not graded; run `make grade` again")
        elif given.step == "feedback":
            count = grade.feedback(root, names)
            hint = "" if count else "; nothing is graded yet, run `make grade` first"
            print(f"{count} pages of feedback in {root.name}/feedback{hint}")
        else:
            files, waiting = marks.marks(root, names)
            for note in waiting:
                print(f"  not final: {note}")
            print(f"wrote {' and '.join(f'{root.name}/marks/{f.name}' for f in files)}")
    except (ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
