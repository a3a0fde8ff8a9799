"""Resolve ``pyproject.toml`` into ``requirements.lock`` and, from it, two shorter lists.

The lock holds every extra for Python 3.11 and newer and every platform. Binder's list holds what
the notebooks need, ``tools/installer.lock`` the installer that is quicker than pip, both in the
lock's versions. All have hashes and no download address.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILE = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header"]
COMPILE += ["--generate-hashes", "--no-emit-index-url"]
ANY = ["--universal", "--python-version", "3.11"]
LOCKED = ["--constraint", "requirements.lock", "--no-annotate"]
BINDER = ["--extra", "book", "--extra", "teach", "--python-version", "3.12"]
BINDER += ["--python-platform", "linux"]
LISTS = {
    "requirements.lock": ["pyproject.toml", "--all-extras", *ANY, "--upgrade"],
    "binder/requirements.txt": ["pyproject.toml", *BINDER, *LOCKED],
    "tools/installer.lock": ["-", *ANY, *LOCKED],
}


def main() -> int:
    """Write the files; return the exit code of the first that fails."""
    for file, options in LISTS.items():
        run = [*COMPILE, *options, "-o", file]
        done = subprocess.run(run, cwd=ROOT, input="uv", text=True, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
