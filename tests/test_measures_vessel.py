"""Agatston score, cfPWV and simulated trials against phantoms, known delays and closed forms."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.power import TTestIndPower

from k2course.measures import agatston, pulse_wave, trial

SEED = 20261121


def phantom(*spots, shape=(3, 8, 8)):
    """A scan of soft tissue with boxes of (slice, rows, columns, HU)."""
    hu = np.full(shape, 40.0)
    for plane, rows, columns, value in spots:
        hu[plane, rows, columns] = value
    return hu


BOX = slice(2, 4)  # two pixels; 2 x 2 pixels of 1 mm are 4 mm2


class TestAgatstonPhantoms:
    """Scores computed by hand, on pixels of 1 mm and slices 3 mm apart."""

    @pytest.mark.parametrize(
        ("peak", "expected"),
        [(129, 0), (130, 4), (199, 4), (200, 8), (299, 8), (300, 12), (399, 12), (400, 16),
         (1500, 16)],
    )  # fmt: skip
    def test_one_lesion_at_each_weight(self, peak, expected):
        assert agatston.score(phantom((1, BOX, BOX, peak)), (3, 1, 1)) == expected

    def test_the_peak_weighs_the_whole_lesion(self):
        hu = phantom((1, BOX, BOX, 150))
        for peak, expected in ((399, 12), (400, 16)):
            hu[1, 2, 2] = peak
            assert agatston.score(hu, (3, 1, 1)) == expected

    def test_touching_lesions_are_one_and_apart_they_are_two(self):
        touching = phantom((0, 2, slice(1, 3), 150), (0, 2, slice(3, 5), 350))
        apart = phantom((0, 2, slice(1, 3), 150), (0, 2, slice(4, 6), 350))
        assert agatston.score(touching, (3, 1, 1)) == 4 * 3
        assert agatston.score(apart, (3, 1, 1)) == 2 * 1 + 2 * 3

    def test_corners_join_unless_told_otherwise(self):
        hu = phantom((0, 2, 2, 150), (0, 3, 3, 450))
        assert agatston.score(hu, (3, 1, 1)) == 2 * 4
        assert agatston.score(hu, (3, 1, 1), connectivity=4) == 1 + 4

    def test_minimum_area_counts_on_the_limit_and_not_below(self):
        hu = phantom((0, BOX, BOX, 250), (1, 2, slice(2, 5), 250))
        assert agatston.score(hu, (3, 0.5, 0.5)) == 1 * 2  # 1.00 mm2 counts, 0.75 mm2 does not
        assert agatston.score(hu, (3, 0.1, 0.1), min_area=0.04) == pytest.approx(0.08)

    def test_two_slices_are_weighed_apart(self):
        hu = phantom((0, BOX, BOX, 150), (1, BOX, BOX, 450))
        table = agatston.lesions(hu, (3, 1, 1))
        assert list(table["slice"]) == [0, 1]
        assert list(table["score"]) == [4, 16]

    def test_diagonal_contact_across_slices_joins_nothing(self):
        hu = phantom((0, 2, 2, 150), (1, 3, 3, 450))
        assert agatston.score(hu, (3, 1, 1)) == 1 + 4
        assert agatston.score(hu, (3, 0.8, 0.8)) == 0  # each is 0.64 mm2 in its own slice

    def test_slice_distance_scales(self):
        hu = phantom((1, BOX, BOX, 250))
        assert agatston.score(hu, (1.5, 1, 1)) == 4
        assert agatston.score(hu, (3, 0.5, 2)) == 8

    def test_volume_and_mass(self):
        hu = phantom((1, BOX, BOX, 250))
        hu[1, 2, 2] = 350
        row = agatston.lesions(hu, (2, 1, 1), calibration=0.8).iloc[0]
        assert (row["mean_hu"], row["peak_hu"], row["volume_mm3"]) == (275, 350, 8)
        assert row["mass_mg"] == pytest.approx(0.8 * 275 * 8 / 1000)

    def test_nothing_is_zero(self):
        assert agatston.score(phantom(), (3, 1, 1)) == 0
        assert agatston.lesions(phantom(), (3, 1, 1)).empty

    def test_list_of_slices_and_whole_numbers(self):
        hu = phantom((1, BOX, BOX, 250))
        for form in (list(hu), hu.astype("int16"), hu.astype("float32")):
            assert agatston.score(form, (3, 1, 1)) == 8


def flood(hu, spacing, corners):
    """The same score by a flood fill in plain Python."""
    between, rows, columns = spacing
    steps = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
    steps = [s for s in steps if corners or 0 in s]
    total = 0.0
    for plane in hu.tolist():
        left = {(i, j) for i, row in enumerate(plane) for j, v in enumerate(row) if v >= 130}
        while left:
            queue, members = [left.pop()], []
            while queue:
                i, j = queue.pop()
                members.append((i, j))
                for a, b in steps:
                    if (i + a, j + b) in left:
                        left.remove((i + a, j + b))
                        queue.append((i + a, j + b))
            area = len(members) * rows * columns
            if area >= 1 - 1e-9:
                peak = max(plane[i][j] for i, j in members)
                weight = 1 + (peak >= 200) + (peak >= 300) + (peak >= 400)
                total += area * weight * between / 3
    return total


def test_agrees_with_a_flood_fill_on_200_random_phantoms():
    rng = np.random.default_rng(SEED)
    scores = []
    for _ in range(200):
        hu = rng.normal(rng.uniform(0, 120), rng.uniform(20, 120), rng.integers(1, 12, 3))
        spacing = tuple(rng.choice([0.3, 0.5, 0.7, 1.0, 2.5, 3.0], 3))
        corners = bool(rng.integers(2))
        got = agatston.score(hu, spacing, connectivity=8 if corners else 4)
        assert got == pytest.approx(flood(hu, spacing, corners)), (hu.shape, spacing, corners)
        scores.append(got)
    assert np.mean(np.array(scores) > 0) > 0.5


GOOD = np.full((2, 4, 4), 40.0)


@pytest.mark.parametrize(
    ("hu", "spacing", "options", "message"),
    [
        ("scan.dcm", (3, 1, 1), {}, "type <U8, not signed whole or decimal"),
        (GOOD.astype("uint16"), (3, 1, 1), {}, "uint16, not signed .* subtract the scanner's"),
        (GOOD > 3, (3, 1, 1), {}, "type bool"),
        (GOOD * 1j, (3, 1, 1), {}, "type complex128"),
        (GOOD[0], (3, 1, 1), {}, r"shape \(4, 4\); it must be \(slices, rows, columns\)"),
        (GOOD[:0], (3, 1, 1), {}, r"shape \(0, 4, 4\)"),
        ([GOOD[0], GOOD[0, :3]], (3, 1, 1), {}, r"slice 1 has shape \(3, 4\), slice 0 \(4, 4\)"),
        (GOOD * np.nan, (3, 1, 1), {}, "not finite"),
        (GOOD, None, {}, "spacing is missing"),
        (GOOD, (3, 1), {}, "not three numbers in mm"),
        (GOOD, "abc", {}, "not three numbers in mm"),
        (GOOD, (-3, 1, 1), {}, "spacing of slices = -3 mm; it must be above 0"),
        (GOOD, (3, 0, 1), {}, "spacing of rows = 0 mm"),
        (GOOD, (3, 1, math.nan), {}, "spacing of columns = nan mm"),
        (GOOD, (3, 1, 1), {"connectivity": 26}, "connectivity = 26; it must be 4 or 8"),
    ],
)
def test_bad_scans_are_told_in_one_line(hu, spacing, options, message):
    with pytest.raises(ValueError, match=message) as error:
        agatston.lesions(hu, spacing, **options)
    assert "\n" not in str(error.value)


def beats(time, rise=0.1, height=40.0, period=0.8):
    """Beats with the foot at whole periods: half a cosine up, an exponential down."""
    phase = np.mod(time, period)
    up = height * (1 - np.cos(np.pi * np.clip(phase / rise, 0, 1))) / 2
    tail, end = np.exp(-(phase - rise) / 0.5), np.exp(-(period - rise) / 0.5)
    return 80 + np.where(phase < rise, up, height * (tail - end) / (1 - end))


class TestPulseWave:
    @pytest.mark.parametrize("method", pulse_wave.METHODS)
    @pytest.mark.parametrize("rate", [128, 250, 1000])
    @pytest.mark.parametrize("period", [0.4, 0.8, 1.5])
    def test_known_delay_within_1_ms(self, method, rate, period):
        time = np.arange(0, 20, 1 / rate)
        for delay in (0.0301, 0.0617, 0.0999):
            carotid, femoral = beats(time, period=period), beats(time - delay, period=period)
            found = pulse_wave.cfpwv(carotid, femoral, rate, 0.5, method=method)
            assert np.abs(found.transit_ms - 1000 * delay).max() < 1
            assert found.velocity == pytest.approx(0.4 / delay, rel=0.02)

    def test_tangent_of_a_cosine_rise_is_where_calculus_puts_it(self):
        """The tangent at T/2 meets the floor at T (1/2 - 1/pi)."""
        time = np.arange(0, 20, 1 / 2000)
        for rise in (0.1, 0.2):
            late = np.mod(pulse_wave.feet(beats(time, rise), 2000), 0.8)
            assert late == pytest.approx(rise * (0.5 - 1 / math.pi), abs=1e-3)

    def test_methods_part_when_the_femoral_rise_is_slower(self):
        time = np.arange(0, 20, 1 / 1000)
        carotid, femoral = beats(time, 0.1), beats(time - 0.06, 0.14)
        tangent, curvature = (
            pulse_wave.cfpwv(carotid, femoral, 1000, 0.5, method=m).transit_ms.mean()
            for m in pulse_wave.METHODS
        )
        assert tangent == pytest.approx(60 + 40 * (0.5 - 1 / math.pi), abs=1)
        assert curvature == pytest.approx(60, abs=2)

    @pytest.mark.parametrize(
        "method", ["tangent", pytest.param("curvature", marks=pytest.mark.long)]
    )
    def test_interval_holds_the_truth_at_its_rate(self, method):
        rng, time, runs = np.random.default_rng(SEED), np.arange(0, 12, 1 / 500), 400
        carotid, femoral = beats(time), beats(time - 0.06)
        inside = 0
        for _ in range(runs):
            noisy = (w + rng.normal(0, 1, len(time)) for w in (carotid, femoral))
            found = pulse_wave.cfpwv(*noisy, 500, 0.5, method=method, level=0.9)
            inside += found.low <= 0.4 / 0.06 <= found.high
        assert stats.binomtest(inside, runs, 0.9).pvalue > 0.01, inside / runs

    def test_tangents_scatter_less_than_curvature(self):
        rng, time = np.random.default_rng(SEED), np.arange(0, 60, 1 / 1000)
        noisy = [w + rng.normal(0, 1, len(time)) for w in (beats(time), beats(time - 0.06))]
        spread = {
            m: pulse_wave.cfpwv(*noisy, 1000, 0.5, method=m).transit_ms.std()
            for m in pulse_wave.METHODS
        }
        assert 2 * spread["tangent"] < spread["curvature"]

    def test_path_factor_and_distance_scale_the_velocity(self):
        time = np.arange(0, 10, 1 / 1000)
        waves = beats(time), beats(time - 0.05)
        usual, direct = (pulse_wave.cfpwv(*waves, 1000, 0.5, path_factor=f) for f in (0.8, 1))
        assert direct.velocity == pytest.approx(1.25 * usual.velocity)

    def test_formulas_for_a_tube(self):
        """A thin elastic tube has distensibility 2r/(E h); Bramwell-Hill is then Moens-Korteweg."""
        modulus, thickness, radius = 5e5, 1.5e-3, 1e-2
        speed = pulse_wave.moens_korteweg(modulus, thickness, radius)
        assert speed == pytest.approx(math.sqrt(750 / 21.2))
        assert pulse_wave.bramwell_hill(2 * radius / (modulus * thickness)) == pytest.approx(speed)

    @pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf])
    @pytest.mark.parametrize("name", ["modulus", "thickness", "radius", "density"])
    def test_no_tube_has_such_measures(self, name, bad):
        tube = {"modulus": 5e5, "thickness": 1.5e-3, "radius": 1e-2, "density": 1060}
        with pytest.raises(ValueError, match=f"^{name} = {bad:g} is not between 0 and "):
            pulse_wave.moens_korteweg(**tube | {name: bad})
        with pytest.raises(ValueError, match=f"^distensibility = {bad:g} is not between 0 and inf"):
            pulse_wave.bramwell_hill(bad)

    @pytest.mark.parametrize(
        ("name", "value", "most"), [("thickness", 1.5, 0.01), ("radius", 10, 0.05)]
    )
    def test_millimeters_are_not_taken_for_meters(self, name, value, most):
        tube = {"modulus": 5e5, "thickness": 1.5e-3, "radius": 1e-2} | {name: value}
        with pytest.raises(ValueError, match=f"^{name} = {value} is not between 0 and {most} in"):
            pulse_wave.moens_korteweg(**tube)


TIME = np.arange(0, 5, 1 / 1000)
WAVE, LATE = beats(TIME), beats(TIME - 0.06)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"femoral": LATE[::2]}, "5000 samples and femoral 2500: record both together"),
        ({"femoral": beats(TIME * 2 - 0.06)}, "0.80 s apart in carotid and 0.40 s in femoral"),
        ({"carotid": 0 * WAVE}, "carotid has no detectable foot"),
        ({"femoral": np.sin(8 * TIME)}, "femoral has no detectable foot"),
        ({"femoral": TIME}, "femoral has no detectable foot"),
        ({"carotid": np.random.default_rng(1).normal(size=5000)}, "carotid has no detectable foot"),
        ({"carotid": WAVE * np.nan}, "carotid holds values that are not finite"),
        ({"carotid": ["a"] * 5000}, "carotid is not a list of numbers"),
        ({"carotid": np.stack([WAVE, WAVE], 1)}, "carotid is not a list of numbers.*2-D"),
        ({"carotid": WAVE[:900], "femoral": LATE[:900]}, "carotid lasts 0.9 s; at least 2 s"),
        ({"carotid": WAVE[:2100], "femoral": LATE[:2100]}, "2 beats have a foot in both waves"),
        ({"femoral": beats(TIME - 0.4)}, "0 beats have a foot in both waves; 3 are needed"),
        ({"distance": 500}, "distance = 500 is not a distance in m between 0.2 and 1.2"),
        ({"distance": 50.0}, "distance = 50 is not a distance in m"),
        ({"distance": -0.5}, "distance = -0.5 is not"),
        ({"rate": 50}, "rate = 50 a second; at least 100"),
        ({"method": "eye"}, "method = 'eye'; it must be one of: tangent, curvature"),
        ({"path_factor": 80}, "path_factor = 80"),
        ({"level": 95}, "level = 95"),
    ],
)
def test_bad_recordings_are_told_in_one_line(change, message):
    usual = {"carotid": WAVE, "femoral": LATE, "rate": 1000, "distance": 0.5}
    with pytest.raises(ValueError, match=message) as error:
        pulse_wave.cfpwv(**(usual | change))
    assert "\n" not in str(error.value)


DESIGN = {"n": 20, "effects": (0, -0.4), "sd": 0.6, "correlation": 0.7}


def power(trials=10_000, **changes):
    options = {"progress": False} | DESIGN | changes
    return (trial.simulate(trials, **options)["p"] < 0.05).mean()


class TestTrial:
    @pytest.mark.parametrize(("n", "effect"), [(12, 0.5), (20, 0.4), (64, 0.3), (30, 0.0)])
    @pytest.mark.parametrize("analysis", ["follow-up", "change"])
    def test_power_is_that_of_the_t_test(self, n, effect, analysis):
        sd = 0.6 * (1 if analysis == "follow-up" else math.sqrt(2 * (1 - 0.7)))
        exact = 0.05 if not effect else TTestIndPower().power(effect / sd, n, 0.05)
        found = power(n=n, effects=(0, effect), analysis=analysis)
        assert abs(found - exact) < 4 * math.sqrt(exact * (1 - exact) / 10_000)

    def test_ancova_is_near_its_asymptotic_power_and_above_both_others(self):
        sd = 0.6 * math.sqrt(1 - 0.7**2)
        exact = TTestIndPower().power(0.3 / sd, 64, 0.05)
        found = power(n=64, effects=(0, 0.3))
        assert abs(found - exact) < 0.02
        assert found > max(power(n=64, effects=(0, 0.3), analysis=a) for a in trial.ANALYSES[:2])

    @pytest.mark.parametrize("analysis", trial.ANALYSES)
    def test_one_trial_is_ordinary_least_squares(self, analysis):
        rng = np.random.default_rng(SEED)
        before, after, stayed = trial.draw(rng, 5, 15, (0, -0.1, -0.5), 0.6, 0.5, dropout=0.2)
        found = trial.analyze(before, after, stayed, analysis)
        for k in range(5):
            arm = np.repeat([0, 1, 2], 15)[stayed[k].ravel()]
            x, y = before[k].ravel()[stayed[k].ravel()], after[k].ravel()[stayed[k].ravel()]
            columns = {"one": 1.0, "arm1": arm == 1, "arm2": arm == 2}
            design = pd.DataFrame(columns | ({"x": x} if analysis == "ancova" else {}), dtype=float)
            fit = OLS(y - x if analysis == "change" else y, design).fit()
            for key, other in (("estimate", fit.params), ("se", fit.bse), ("p", fit.pvalues)):
                assert found[key][k] == pytest.approx(other[["arm1", "arm2"]].to_numpy()), key

    def test_dropout_costs_power_and_no_bias(self):
        table = trial.simulate(10_000, **DESIGN, dropout=0.3, progress=False)
        assert table["estimate"].mean() == pytest.approx(-0.4, abs=0.01)
        assert (table["p"] < 0.05).mean() < power() - 0.05

    def test_results_do_not_depend_on_the_number_of_processes(self):
        runs = [trial.simulate(600, **DESIGN, workers=w, progress=False) for w in (1, 2)]
        pd.testing.assert_frame_equal(*runs)
        other = trial.simulate(600, **DESIGN, seed=1, progress=False)
        assert not np.allclose(other["p"], runs[0]["p"])

    def test_whole_numbers_of_numpy_are_whole_numbers(self):
        own, numpys = (
            trial.simulate(kind(300), **DESIGN | {"n": kind(20)}, progress=False)
            for kind in (int, np.int64)
        )
        pd.testing.assert_frame_equal(own, numpys)

    @pytest.mark.parametrize("name", ["n", "effects", "sd", "correlation"])
    def test_a_design_without_one_of_its_four_numbers_is_refused(self, name):
        left = {k: v for k, v in DESIGN.items() if k != name}
        with pytest.raises(ValueError, match=r"^got \[.*\]; needed: n, effects, sd, correlation"):
            trial.simulate(300, **left, progress=False)

    def test_progress_is_shown_except_in_the_book(self, capsys, monkeypatch):
        monkeypatch.delenv("K2COURSE_BOOK", raising=False)
        trial.simulate(300, **DESIGN)
        assert "300/300" in capsys.readouterr().out
        monkeypatch.setenv("K2COURSE_BOOK", "grids")
        trial.simulate(300, **DESIGN)
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"n": 2}, "n = 2 is not a whole number of at least 3"),
            ({"n": 20.5}, "n = 20.5 is not a whole number"),
            ({"trials": 0}, "trials = 0 is not a whole number of at least 1"),
            ({"workers": 0}, "workers = 0"),
            ({"effects": (0,)}, "at least a control and one arm"),
            ({"effects": -0.4}, r"effects = -0.4: at least a control and one arm, all finite"),
            ({"effects": (0, math.nan)}, r"effects = \[ 0. nan\]: .* all finite, needed"),
            ({"drop_out": 0.3}, r"got \[.*'drop_out'.*\]; needed: n, effects, sd, correlation"),
            ({"n": True}, "n = True is not a whole number"),
            ({"sd": -1}, "sd = -1 is not between"),
            ({"correlation": 1.5}, "correlation = 1.5 is not between -0.999 and 0.999"),
            ({"dropout": 1}, "dropout = 1 is not between 0 and 0.95"),
            ({"dropout": 0.95, "n": 3}, "fewer than 2 people left"),
            ({"analysis": "by eye"}, "it must be one of: follow-up, change, ancova"),
        ],
    )
    def test_bad_designs_are_told_in_one_line(self, change, message):
        with pytest.raises(ValueError, match=message) as error:
            trial.simulate(**({"trials": 100, "progress": False} | DESIGN | change))
        assert "\n" not in str(error.value)
