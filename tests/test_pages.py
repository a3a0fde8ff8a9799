"""What notebooks give to their pages: quoted values and light pictures."""

import io

import matplotlib.pyplot as plt
import myst_nb
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import HTML
from IPython.utils.capture import capture_output
from PIL import Image

from k2course import figures
from k2course.glue import glue

VALUES = [1.5, 7, "text", float(np.pi), [1, 2], pd.DataFrame({"a": [1]}), HTML("<b>bold</b>")]


@pytest.mark.parametrize("display", [True, False])
@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_glue_sends_what_myst_nb_sends(value, display):
    """The library itself is the oracle; the build reads its form of message."""
    InteractiveShell.instance()  # what a kernel has
    sent = []
    for function in (glue, myst_nb.glue):
        with capture_output() as captured:
            function("name", value, display=display)
        sent += [(output.data, output.metadata) for output in captured.outputs]
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert sent[0][1]["scrapbook"]["name"] == "name"


def test_palette_keeps_the_picture_and_saves_weight():
    with plt.rc_context(figures.STYLE):
        figure, ax = plt.subplots()
        for color in figures.COLORS.values():
            ax.plot(np.random.default_rng(1).normal(size=50).cumsum(), color=color)
        usual = io.BytesIO()
        figure.savefig(usual, format="png", dpi=100)
        light = figures.png(figure, dpi=100)
        plt.close(figure)
    before, after = (
        np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float)
        for png in (usual.getvalue(), light)
    )
    assert before.shape == after.shape
    assert np.abs(before - after).mean() < 1.5  # of 255
    assert len(light) < 0.6 * len(usual.getvalue())
