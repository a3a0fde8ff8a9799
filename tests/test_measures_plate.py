"""Normalization of microplates: an oracle by hand, invariances, and bad input."""

import numpy as np
import pandas as pd
import pytest

from k2course.measures.plate import PlateError, percent_of_control

GROUPS = ["blank", "vehicle", "toxin", "toxin + K2"]


def random_wells(rng, plates=3, each=6):
    """Wells in random order with a scale and a shift for each plate."""
    wells = pd.DataFrame(
        [(p, g) for p in range(plates) for g in GROUPS for _ in range(each)],
        columns=["plate", "group"],
    )
    level = wells["group"].map(dict(zip(GROUPS, (0, 100, 50, 70), strict=True)))
    for name in ("viability", "ROS"):
        wells[name] = level + 20 + rng.normal(0, 3, len(wells))
    return wells.sample(frac=1, random_state=int(rng.integers(1000)))


def test_by_hand():
    wells = pd.DataFrame(
        {
            "plate": ["x", "x", "x", "x", "y", "y", "y"],
            "group": ["blank", "vehicle", "vehicle", "toxin", "toxin", "vehicle", "blank"],
            "signal": [10, 100, 120, 60, 9, 5, 1],
        }
    )
    percent = percent_of_control(wells, ["signal"])["signal"]
    assert np.allclose(percent, [0, 90, 110, 50, 200, 100, 0])
    assert list(wells["signal"]) == [10, 100, 120, 60, 9, 5, 1]  # the input is left alone


@pytest.mark.parametrize("seed", range(8))
def test_scale_and_shift_of_a_plate_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    wells = random_wells(rng)
    before = percent_of_control(wells, ["viability", "ROS"])
    scale = wells["plate"].map({p: rng.uniform(0.1, 20) for p in range(3)})
    moved = wells.assign(viability=wells["viability"] * scale + 300 * scale)
    after = percent_of_control(moved, ["viability", "ROS"])
    assert np.allclose(before[["viability", "ROS"]], after[["viability", "ROS"]])
    means = after.groupby(["plate", "group"])[["viability", "ROS"]].mean()
    assert np.allclose(means.xs("vehicle", level="group"), 100)
    assert np.allclose(means.xs("blank", level="group"), 0)


@pytest.mark.parametrize("seed", range(4))
def test_each_plate_stands_alone(seed):
    rng = np.random.default_rng(seed)
    wells = random_wells(rng)
    wells.index = rng.permutation(len(wells)) // 2  # labels repeat and are out of order
    whole = percent_of_control(wells, ["ROS"])
    assert list(whole.index) == list(wells.index)
    assert list(whole["group"]) == list(wells["group"])
    for plate in range(3):
        rows = (wells["plate"] == plate).to_numpy()
        alone = percent_of_control(wells[rows], "ROS")["ROS"]
        assert np.allclose(whole["ROS"].to_numpy()[rows], alone)
        raw = wells["ROS"].to_numpy()[rows]
        kinds = wells["group"].to_numpy()[rows]
        low, high = raw[kinds == "blank"].mean(), raw[kinds == "vehicle"].mean()
        assert np.allclose(alone, 100 * (raw - low) / (high - low))


def with_signal(value):
    def change(wells):
        signal = wells["ROS"].astype(object)
        signal.iloc[3] = value
        return wells.assign(plate=7, ROS=signal)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda w: w[(w["plate"] != 1) | (w["group"] != "vehicle")].sort_values("plate"),
            r"^plate 1 has no control wells \('vehicle'\); it has: [\w+ ,]*toxin[\w+ ,]*$",
        ),
        (lambda w: w[w["group"] != "blank"], r"^plate \d has no blank wells \('blank'\); it has: "),
        (lambda w: w.drop(columns="plate"), "^the wells have no column 'plate'$"),
        (lambda w: w.drop(columns="ROS"), "^the wells have no column 'ROS'$"),
        (lambda w: w.iloc[:0], "^no wells given$"),
        (lambda w: w.assign(group=None), "^every well needs a plate and a group$"),
        (with_signal(np.nan), "^plate 7, ROS: nan is not a finite number$"),
        (with_signal(np.inf), "^plate 7, ROS: inf is not a finite number$"),
        (with_signal("OVRFLW"), "^plate 7, ROS: 'OVRFLW' is not a finite number$"),
        (with_signal(None), "^plate 7, ROS: None is not a finite number$"),
        (lambda w: w.assign(ROS=-w["ROS"]), "^plate 0, ROS: controls are not above the blank$"),
        (lambda w: w.assign(ROS=5.0), "^plate 0, ROS: controls are not above the blank$"),
    ],
)
def test_bad_wells_give_one_clear_line(change, message):
    wells = change(random_wells(np.random.default_rng(1)).sort_values("plate", kind="stable"))
    with pytest.raises(PlateError, match=message) as caught:
        percent_of_control(wells, ["viability", "ROS"])
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_other_names_of_control_and_blank():
    wells = random_wells(np.random.default_rng(2))
    renamed = wells.replace({"group": {"vehicle": "DMSO", "blank": "medium"}})
    percent = percent_of_control(renamed, ["ROS"], control="DMSO", blank="medium")
    assert np.allclose(percent["ROS"], percent_of_control(wells, ["ROS"])["ROS"])
    with pytest.raises(PlateError, match="no control wells \\('vehicle'\\)"):
        percent_of_control(renamed, ["ROS"])
