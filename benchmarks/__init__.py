"""Side-by-side timings of the course: ``python -m benchmarks`` runs them all."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # engines, harness and class kit stand beside the tests
