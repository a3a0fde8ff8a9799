"""House style of the figures: colors that color-blind readers can tell apart, readable in the dark.

The palette is that of Okabe and Ito. Figures keep a light, opaque background, so that they stand
as a sheet of paper on a dark page, and never tell curves apart by color alone.
"""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

COLORS = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
    "gray": "#6B7280",
}

# Color and dash go together: a curve is never told by its color alone.
LINES = [
    {"color": COLORS["blue"], "linestyle": "-"},
    {"color": COLORS["vermillion"], "linestyle": "--"},
    {"color": COLORS["green"], "linestyle": ":"},
    {"color": COLORS["purple"], "linestyle": "-."},
    {"color": COLORS["orange"], "linestyle": (0, (5, 1))},
    {"color": COLORS["sky"], "linestyle": (0, (1, 1))},
]

STYLE = {
    "figure.figsize": (6.4, 3.8),
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "savefig.facecolor": "white",
    "axes.prop_cycle": cycler(color=[line["color"] for line in LINES])
    + cycler(linestyle=[line["linestyle"] for line in LINES]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": "medium",
    "axes.titleweight": "bold",
    "grid.color": "#E5E7EB",
    "legend.frameon": False,
    "legend.fontsize": "small",
    "lines.linewidth": 2,
    "font.size": 10.5,
}


def use_house_style() -> None:
    """Apply the house style to every figure that follows in this session."""
    mpl.rcParams.update(STYLE)


def _reduced(picture: Image.Image) -> bytes:
    """Return a picture as PNG with 256 colors: less than half as heavy, a chart loses nothing."""
    small = io.BytesIO()
    reduced = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    reduced.save(small, format="png", optimize=True)
    return small.getvalue()


def palette(png: bytes) -> bytes:
    """Reduce a PNG to 256 colors."""
    return _reduced(Image.open(io.BytesIO(png)))


def png(figure: Figure, dpi: int) -> bytes:
    """Draw a figure as PNG with a palette, since a page may hold dozens."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)  # drawn once; savefig would lay it out, then draw, then pack
    canvas.draw()
    return _reduced(Image.fromarray(np.asarray(canvas.buffer_rgba())))
