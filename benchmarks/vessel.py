"""Timings of the vessel measurements and of simulated trials.

Run it from the folder of the course, about a minute:

    python benchmarks/vessel.py

On two shared cores in November 2026: a scan of 512 x 512 x 40 took 0.3 s as whole numbers and
0.5 s as decimals (the bar is 1 s), one with noise above 130 HU in every tenth voxel about 1 s;
10,000 trials of four arms took 0.3 s.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from k2course.measures import agatston, pulse_wave, trial


def best(run: Callable[[], object], repeats: int = 5) -> float:
    """Shortest of some timings, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    rng = np.random.default_rng(1)
    scan = rng.normal(40, 20, (40, 512, 512))
    scan[20, 100:120, 100:120] = 450
    noisy = rng.normal(50, 62, scan.shape)
    clock = np.arange(0, 60, 1e-3)
    beat = np.exp(-np.mod(clock, 0.8) / 0.3) * np.clip(np.mod(clock, 0.8) / 0.1, 0, 1)
    design = {"n": 20, "effects": (0, -0.1, -0.3, -0.7), "sd": 0.6, "correlation": 0.7}
    for title, run in {
        "Agatston, 512 x 512 x 40, decimals": lambda: agatston.score(scan, (3, 0.5, 0.5)),
        "... whole numbers": lambda: agatston.score(scan.astype("int16"), (3, 0.5, 0.5)),
        f"... noise, {np.mean(noisy >= 130):.0%} of voxels above": lambda: agatston.score(
            noisy, (3, 0.5, 0.5)
        ),
        "cfPWV, one minute at 1000 a second": lambda: pulse_wave.cfpwv(
            beat, np.roll(beat, 60), 1000, 0.5
        ),
        "10,000 trials, 1 worker": lambda: trial.simulate(**design, progress=False),
        "10,000 trials, 2 workers": lambda: trial.simulate(**design, workers=2, progress=False),
    }.items():
        print(f"{title:45} {best(run):.3f} s", flush=True)
