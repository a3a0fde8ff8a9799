"""A virtual scan and two pulse waves: synthetic, every number a teaching assumption."""

import numpy as np
import pandas as pd

from k2course.measures import agatston, pulse_wave

SLICES, ROWS, COLUMNS = 3, 20, 24
RATE, SECONDS = 200, 4  # samples a second, s
LIMITS = (agatston.THRESHOLD, *agatston.STEPS)


def scan(rng: np.random.Generator, gain: float) -> np.ndarray:
    """Draw five calcified spots and three specks of one pixel, in HU as read by the scanner."""
    hu = rng.normal(40, 12, (SLICES, ROWS, COLUMNS))
    y, x = np.mgrid[:ROWS, :COLUMNS]
    places = [(z, r, c) for z in range(SLICES) for r in (5, 15) for c in (6, 18)]
    for number, place in enumerate(rng.permutation(len(places))[:8]):
        z, row, column = places[place]
        if number < 5:
            row, column = row + rng.uniform(-1, 1), column + rng.uniform(-1, 1)
            away = ((y - row) ** 2 + (x - column) ** 2) / rng.uniform(1.2, 2.2) ** 2
            hu[z] += rng.uniform(150, 520) * np.exp(-away / 2)
        else:
            hu[z, row, column] = rng.uniform(180, 350)
    hu = (gain * hu).round()
    # Nothing lies exactly on a limit, so that ">" and ">=" find the same.
    for limit in LIMITS:
        hu[hu == limit] += 1
        hu[np.abs(hu / gain - limit) < 0.3] += 1
    return hu


def wave(time: np.ndarray, pulse_rate: float) -> np.ndarray:
    """Pressure in mmHg: 40 up within 0.1 s along a cosine, then an exponential fall."""
    phase = np.mod(time, 60 / pulse_rate)
    rise = 20 * (1 - np.cos(np.pi * np.clip(phase / 0.1, 0, 1)))
    end = np.exp(-(60 / pulse_rate - 0.1) / 0.5)
    fall = 40 * (np.exp(-(phase - 0.1) / 0.5) - end) / (1 - end)
    return 80 + np.where(phase < 0.1, rise, fall)


def make(rng: np.random.Generator) -> tuple[pd.DataFrame, dict]:
    """Draw a scanner with its scan, two waves with 0.1 mmHg of noise, and a goal for a marker."""
    rod = 200 + int(rng.choice([-1, 1]) * rng.integers(13, 24))
    hu = scan(rng, rod / 200).astype(int)
    rows = [
        (f"slice {z + 1}", " ".join(map(str, line)), None, "HU")
        for z in range(SLICES)
        for line in hu[z]
    ]
    time, pulse_rate = np.arange(0, SECONDS, 1 / RATE), rng.uniform(60, 80)
    distance = round(rng.uniform(45, 62), 1)
    delay = pulse_wave.PATH_FACTOR * distance / 100 / rng.uniform(5.5, 12)
    for site, late in (("carotid", 0), ("femoral", delay)):
        seen = wave(time + 0.3 - late, pulse_rate) + rng.normal(0, 0.1, len(time))
        rows.append((f"{site} wave", " ".join(f"{p:.1f}" for p in seen), None, "mmHg"))
    rows += [
        ("side of a pixel", None, round(rng.uniform(0.5, 0.8), 2), "mm"),
        ("distance between slices", None, float(rng.choice([1.5, 2, 2.5])), "mm"),
        ("calibration rod, true", None, 200.0, "HU"),
        ("calibration rod, on the scan", None, float(rod), "HU"),
        ("samples", None, float(RATE), "1/s"),
        ("carotid to femoral, straight", None, distance, "cm"),
        ("dp-ucMGP after 84 days", None, float(rng.integers(43, 63)), "% of the start"),
        ("largest dose of MK-7", None, float(rng.choice([90, 135, 180])), "µg/day"),
    ]
    return pd.DataFrame(rows, columns=["quantity", "text", "value", "unit"]), {}


def truth(mine: pd.DataFrame, hidden: dict) -> dict[str, float]:
    """Compute what is right for these data, and what some slips make of them."""
    one = mine.set_index("quantity")["value"].dropna()
    text = mine.set_index("quantity")["text"]
    lines = mine[mine["quantity"].str.startswith("slice")]["text"]
    hu = np.array([line.split() for line in lines], float).reshape(SLICES, ROWS, COLUMNS)
    side, between = one["side of a pixel"], one["distance between slices"]
    spacing = (between, side, side)
    gain = one["calibration rod, on the scan"] / one["calibration rod, true"]
    found = agatston.lesions(hu, spacing)
    by_mean = 1 + np.searchsorted(agatston.STEPS, found["mean_hu"], side="right")
    waves = (np.array(text[f"{site} wave"].split(), float) for site in ("carotid", "femoral"))
    distance = one["carotid to femoral, straight"] / 100
    return {
        "area": found["area_mm2"].sum(),
        "pixels": float(found["pixels"].sum()),
        "area_all": agatston.lesions(hu, spacing, min_area=0)["area_mm2"].sum(),
        "score": found["score"].sum(),
        "score_all": agatston.score(hu, spacing, min_area=0),
        "score_mean": (found["area_mm2"] * by_mean).sum() * between / agatston.SLICE_MM,
        "corrected": agatston.score(hu / gain, spacing),
        "corrected_wrong_way": agatston.score(hu * gain, spacing),
        "pixel": side**2,
        "scale": between / agatston.SLICE_MM,
        "velocity": pulse_wave.cfpwv(*waves, one["samples"], distance).velocity,
        "goal": one["dp-ucMGP after 84 days"],
        "largest": one["largest dose of MK-7"],
    }
