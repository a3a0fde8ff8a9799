"""Agatston score of calcium on CT: area times density weight, summed over lesions and slices.

The definition used (after Agatston 1990, as told by ``agatstonref`` and ``molloicode``): a lesion
is a connected group of pixels of at least 130 HU *within one slice*, at least 1 mm2 large. Its
score is its area in mm2 times a weight set by its peak: 1 below 200 HU, 2 below 300, 3 below 400,
4 from 400 on. The total is the sum over slices 3 mm apart; other distances are scaled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import ndimage

THRESHOLD, MIN_AREA, STEPS, SLICE_MM = 130.0, 1.0, (200.0, 300.0, 400.0), 3.0


def _volume(hu: object) -> np.ndarray:
    """Return the scan as a numeric 3-D array, or say in one line what is wrong with it."""
    if isinstance(hu, (list, tuple)):
        shapes = [np.shape(part) for part in hu]
        if odd := [i for i, shape in enumerate(shapes) if shape != shapes[0]]:
            raise ValueError(f"slice {odd[0]} has shape {shapes[odd[0]]}, slice 0 {shapes[0]}")
    array = np.asarray(hu)
    if array.dtype.kind not in "if":
        hint = "; subtract the scanner's offset first" if array.dtype.kind == "u" else ""
        raise ValueError(f"hu has type {array.dtype}, not signed whole or decimal numbers{hint}")
    if array.ndim != 3 or not array.size:
        raise ValueError(f"hu has shape {array.shape}; it must be (slices, rows, columns)")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("hu holds values that are not finite; replace them, for instance by -1000")
    return array


def _spacing(spacing: Sequence[float] | None) -> tuple[float, float, float]:
    if spacing is None:
        raise ValueError("spacing is missing; give (between slices, rows, columns) in mm")
    try:
        between, rows, columns = (float(value) for value in spacing)
    except (TypeError, ValueError):
        raise ValueError(f"spacing = {spacing!r} is not three numbers in mm") from None
    for name, value in (("slices", between), ("rows", rows), ("columns", columns)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"spacing of {name} = {value:g} mm; it must be above 0")
    return between, rows, columns


def lesions(
    hu: np.ndarray | Sequence[np.ndarray],
    spacing: Sequence[float] | None,
    *,
    threshold: float = THRESHOLD,
    min_area: float = MIN_AREA,
    connectivity: int = 8,
    calibration: float | None = None,
) -> pd.DataFrame:
    """List the lesions of a scan, slice by slice.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns), or a sequence of slices
        Hounsfield units, restricted to what counts as artery (set the rest to -1000).
    spacing : sequence of three numbers
        Distance between slices, rows, columns, in mm.
    threshold : float
        Least density of a pixel, in HU; a pixel exactly on it counts.
    min_area : float
        Least area of a lesion in mm2; a lesion exactly on it counts.
    connectivity : int
        8 joins pixels that touch at a corner, 4 does not. Slices are never joined.
    calibration : float, optional
        mg of hydroxyapatite a cm3 and HU of the scanner; adds the column ``mass_mg``.

    Returns
    -------
    DataFrame
        One row a lesion: slice, pixels, area, mean and peak HU, weight, score (area x weight x
        slice distance / 3 mm), volume; the mass is calibration x mean HU x volume / 1000.

    Raises
    ------
    ValueError
        Wrong type or shape, slices of different shape, spacing missing or not above 0.
    """
    array, (between, rows, columns) = _volume(hu), _spacing(spacing)
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity = {connectivity!r}; it must be 4 or 8")
    structure = np.zeros((3, 3, 3), bool)  # joins nothing across slices
    structure[1] = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    above = array >= threshold
    labels, count = ndimage.label(above, structure)
    inside = np.flatnonzero(above)
    label, value = labels.ravel()[inside], array.ravel()[inside].astype(float)
    pixels = np.bincount(label, minlength=count + 1)[1:]
    kept = np.flatnonzero(pixels * rows * columns >= min_area * (1 - 1e-9))  # few, even in noise
    total = np.bincount(label, value, minlength=count + 1)[1:]
    peak = np.full(count + 1, -np.inf)
    np.maximum.at(peak, label, value)
    peak = peak[1:][kept]
    first = np.zeros(count + 1, int)
    first[label] = inside // array[0].size
    table = pd.DataFrame({"slice": first[1:][kept], "pixels": pixels[kept]})
    table["area_mm2"] = table["pixels"] * rows * columns
    table["mean_hu"] = total[kept] / pixels[kept]
    table["peak_hu"] = peak
    table["weight"] = 1 + np.searchsorted(STEPS, peak, side="right")
    table["score"] = table["area_mm2"] * table["weight"] * between / SLICE_MM
    table["volume_mm3"] = table["area_mm2"] * between
    if calibration is not None:
        table["mass_mg"] = calibration * table["mean_hu"] * table["volume_mm3"] / 1000
    return table


def score(hu: np.ndarray, spacing: Sequence[float] | None, **options: float) -> float:
    """Return the Agatston score of a scan; arguments as in :func:`lesions`."""
    return float(lesions(hu, spacing, **options)["score"].sum())
