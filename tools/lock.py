"""Resolve ``pyproject.toml`` into ``requirements.lock`` and, from it, ``binder/requirements.txt``.

The lock holds every extra for Python 3.11 and newer and every platform; Binder's list holds what
the notebooks need, in the lock's versions. Both have hashes and no download address.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILE = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--no-header"]
COMPILE += ["--generate-hashes", "--no-emit-index-url"]
LOCK = ["--all-extras", "--universal", "--python-version", "3.11", "--upgrade"]
BINDER = [
    "--extra",
    "book",
    "--extra",
    "teach",
    "--constraint",
    "requirements.lock",
    "--no-annotate",
]
BINDER += ["--python-version", "3.12", "--python-platform", "linux"]


def main() -> int:
    """Write both files; return the exit code of the first that fails."""
    for options, file in ((LOCK, "requirements.lock"), (BINDER, "binder/requirements.txt")):
        done = subprocess.run([*COMPILE, *options, "-o", file], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
