"""Resolve ``pyproject.toml`` with all extras into ``requirements.lock`` for Python 3.11 and newer.

One file with hashes for every Python and platform, and no download address in it.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--all-extras"]
OPTIONS = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
OPTIONS += ["--no-emit-index-url", "--upgrade", "--quiet", "-o", "requirements.lock"]

if __name__ == "__main__":
    sys.exit(subprocess.run([*COMMAND, *OPTIONS], cwd=ROOT, check=False).returncode)
