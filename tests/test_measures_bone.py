"""ELISA and bone density: known truth, published fits, a second implementation, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from k2course import data
from k2course.measures import bone_density, elisa
from k2course.measures.bone_density import DensityError, Reference
from k2course.measures.elisa import PlateError

LEVELS = [0, 0.78, 1.56, 3.125, 6.25, 12.5, 25, 50]
TRUTH = {"bottom": 0.06, "top": 3.0, "ec50": 15.0, "slope": 1.2}


def truth(c):
    """The 4PL in its other usual form, written apart from the package."""
    c = np.maximum(np.asarray(c, float), 1e-12)
    drop = (TRUTH["bottom"] - TRUTH["top"]) / (1 + (c / TRUTH["ec50"]) ** TRUTH["slope"])
    return TRUTH["top"] + drop


def simulated(rng, cv=0.04, samples=None, repeats=2):
    """A plate with standards and samples, both in ``repeats`` wells, constant CV."""
    samples = {"s1": 2.0, "s2": 8.0, "s3": 20.0} if samples is None else samples
    rows = [(None, level, np.nan, level) for level in LEVELS for _ in range(repeats)]
    rows += [(name, np.nan, 1.0, value) for name, value in samples.items() for _ in range(repeats)]
    plate = pd.DataFrame(rows, columns=["sample", "concentration", "dilution", "true"])
    plate["signal"] = truth(plate["true"]) * (1 + cv * rng.standard_normal(len(plate)))
    plate["well"] = [f"{'ABCDEFGH'[i % 8]}{1 + i // 8}" for i in range(len(plate))]
    plate["unit"] = "ng/mL"
    return plate


@pytest.fixture
def plate():
    return simulated(np.random.default_rng(3))


# --- the fit ---------------------------------------------------------------------------------


def test_fit_agrees_with_published_elisa():
    """Run 1 of the DNase ELISA (Davidian & Giltinan 1995), fitted in R's own documentation.

    R prints A, B, xmid, scal of A + (B - A) / (1 + exp((xmid - ln c) / scal)) with standard
    errors and the residual standard error on 12 degrees of freedom.
    """
    levels = [0.04882812, 0.1953125, 0.390625, 0.78125, 1.5625, 3.125, 6.25, 12.5]
    density = [0.017, 0.018, 0.121, 0.124, 0.206, 0.215, 0.377, 0.374, 0.614, 0.609, 1.019, 1.001]
    density += [1.334, 1.364, 1.730, 1.710]
    curve = elisa.fit_curve(np.repeat(levels, 2), density, theta=0)
    value = curve.parameters()["value"]
    assert np.allclose(value[["bottom", "top"]], [-0.007897, 2.377239], atol=3e-6)
    assert np.log(value["ec50"]) == pytest.approx(1.507403, abs=3e-6)
    assert 1 / value["slope"] == pytest.approx(1.062579, abs=3e-6)
    error = np.sqrt(np.diag(curve.covariance)) * [1, 1, 1, 1.062579]
    assert np.allclose(error, [0.017200, 0.109516, 0.102080, 0.056996], rtol=1e-3)
    assert (round(curve.sigma, 5), curve.df) == (0.01981, 12)


@pytest.mark.parametrize("theta", [0.5, 1.0])
def test_weighted_fit_agrees_with_a_second_implementation(theta):
    """Same weights, another optimizer on the raw parameters, no derivative given."""
    rng = np.random.default_rng(11)
    plate = simulated(rng).dropna(subset=["concentration"])
    c, y = plate["concentration"].to_numpy(), plate["signal"].to_numpy()
    curve = elisa.fit_curve(c, y, theta=theta)
    p = np.array([0.05, 3.3, 12.0, 1.0])

    def model(q):
        return q[1] + (q[0] - q[1]) / (1 + (np.maximum(c, 1e-12) / q[2]) ** q[3])

    for _ in range(12):
        weight = np.maximum(model(p), 0.01 * p[1]) ** -theta
        p = optimize.least_squares(
            lambda q, w=weight: w * (y - model(q)), p, x_scale=[0.1, 1, 10, 1], xtol=1e-14
        ).x
    assert np.allclose(curve.parameters()["value"], p, rtol=2e-4)


def test_intervals_hold_the_truth_at_the_stated_rate():
    """95 % intervals of the parameters and of back-calculated samples, over many plates."""
    rng, plates = np.random.default_rng(2026), 250
    c, known = np.repeat(LEVELS, 2), np.array(list(TRUTH.values()))
    inside = np.zeros(6)
    for _ in range(plates):
        curve = elisa.fit_curve(c, truth(c) * (1 + 0.04 * rng.standard_normal(len(c))))
        _, low, high = curve.parameters().to_numpy().T
        inside[:4] += (low <= known) & (known <= high)
        for i, sample in ((4, 1.5), (5, 12.0)):
            mean = (truth(sample) * (1 + 0.04 * rng.standard_normal(2))).mean()
            _, low, high = curve.concentration(mean, wells=2)
            inside[i] += low <= sample <= high
    lowest, highest = stats.binom.ppf([0.001, 0.999], plates, 0.95)
    assert np.all((inside >= lowest) & (inside <= highest)), inside / plates


def test_noise_free_plate_gives_the_truth_back():
    plate = simulated(np.random.default_rng(0), cv=1e-9)
    curve = elisa.fit_curve(
        *plate.dropna(subset=["concentration"])[["concentration", "signal"]].T.to_numpy()
    )
    assert np.allclose(curve.parameters()["value"], list(TRUTH.values()), rtol=1e-6)
    for c in np.random.default_rng(1).uniform(0.8, 50, 20):
        assert curve.concentration(float(truth(c)))[0] == pytest.approx(c, rel=1e-6)


def test_random_curves_are_fitted_and_read_back():
    """200 random assays: the fit ends, and standards are read back within their scatter."""
    rng, levels = np.random.default_rng(12), np.array(LEVELS)
    for _ in range(200):
        bottom, top, slope = rng.uniform(0.02, 0.2), rng.uniform(1, 4), rng.uniform(0.7, 2.0)
        c = np.repeat(levels * rng.choice([0.01, 1, 1000]), 2)
        clean = bottom + (top - bottom) / (1 + (c[10] / np.maximum(c, 1e-12)) ** slope)
        curve = elisa.fit_curve(c, clean * (1 + 0.03 * rng.standard_normal(len(c))))
        middle = curve.concentration(float(curve.signal(c[10])), wells=2)
        assert middle[0] == pytest.approx(c[10])
        assert middle[1] < c[10] < middle[2]
        assert curve.parameters()["value"]["ec50"] == pytest.approx(c[10], rel=0.6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_fit_refuses_bad_standards(bad):
    c = np.array(LEVELS, float)
    with pytest.raises(PlateError, match="finite concentrations of 0 or more"):
        elisa.fit_curve(np.append(c, bad), np.append(truth(c), 1.0))


@pytest.mark.parametrize("signal", [np.nan, np.inf])
def test_a_signal_that_is_no_number_has_no_concentration(plate, signal):
    with pytest.raises(PlateError, match=f"^signal = {signal}: a finite number is needed$"):
        elisa.read_plate(plate).curve.concentration(signal)


def test_off_the_curve_is_zero_or_infinite(plate):
    curve = elisa.read_plate(plate).curve
    assert curve.concentration(0.001)[0] == 0
    assert curve.concentration(9.0)[0] == np.inf


def test_limits_do_what_they_promise():
    """About 95 % of wells at the detection limit pass the limit of blank."""
    rng = np.random.default_rng(5)
    plate = simulated(rng, samples={})
    curve = elisa.fit_curve(plate["concentration"], plate["signal"])
    detection, quantification = curve.limits(wells=2)
    bottom, sd = curve.fitted[0], curve.well_sd(curve.fitted[0])
    at_limit = curve.signal(detection) + curve.well_sd(
        curve.signal(detection)
    ) * rng.standard_normal(20000)
    assert np.mean(at_limit > bottom + 1.645 * sd) == pytest.approx(0.95, abs=0.01)
    assert quantification >= LEVELS[1]
    assert quantification > detection
    noisy = simulated(rng, cv=0.15, samples={})
    noisy = elisa.fit_curve(noisy["concentration"], noisy["signal"])
    assert noisy.limits()[0] > detection
    assert noisy.limits(cv=1)[1] == np.inf


def test_dilution_multiplies_and_groups(plate):
    plate.loc[plate["sample"].eq("s2"), "dilution"] = 5
    samples = elisa.read_plate(plate).samples.set_index("sample")
    undiluted = elisa.read_plate(plate.assign(dilution=1.0)).samples.set_index("sample")
    for column in ("concentration", "low", "high"):
        assert samples.loc["s2", column] == pytest.approx(5 * undiluted.loc["s2", column])


def test_cv_of_duplicates(plate):
    wells = plate["sample"].eq("s1")
    plate.loc[wells, "signal"] = [0.5, 0.7]
    row = elisa.read_plate(plate).samples.set_index("sample").loc["s1"]
    assert row["cv"] == pytest.approx(100 * 0.1 * np.sqrt(2) / 0.6)
    assert row["status"] == "duplicates differ"
    assert row["concentration"] > 0


# --- bad plates: one clear line, and the good wells still reported ---------------------------


def set_standard(plate, level, signal):
    plate.loc[plate["concentration"].eq(level), "signal"] = signal
    return plate


def change(column, value, **where):
    def spoil(plate):
        key, wanted = next(iter(where.items()))
        hit = plate.index[plate[key].eq(wanted)][0]
        plate[column] = plate[column].astype(object if isinstance(value, str) else float)
        plate.loc[hit, column] = value
        return plate

    return spoil


GOOD_STAYS = {
    "missing standard well": (change("signal", np.nan, concentration=25), "no signal: "),
    "missing sample well": (change("signal", np.nan, sample="s1"), "no signal: "),
    "text for a signal": (change("signal", "OVRFLW", sample="s1"), "no signal: "),
    "infinite signal": (change("signal", np.inf, sample="s1"), "no signal: "),
    "negative standard": (
        change("concentration", -25.0, concentration=25),
        "standard without a valid concentration: ",
    ),
    "standard without label": (
        change("concentration", np.nan, concentration=25),
        "standard without a valid concentration: ",
    ),
    "mixed units": (change("unit", "pg/mL", concentration=25), "not in ng/mL: "),
    "dilution 0": (change("dilution", 0.0, sample="s1"), "dilution missing or not 1 to 1e9: "),
    "dilution infinite": (
        change("dilution", np.inf, sample="s1"),
        "dilution missing or not 1 to 1e9: ",
    ),
    "two standards swapped": (
        lambda p: p.assign(concentration=p["concentration"].replace({12.5: 25, 25: 12.5})),
        "signal falls between these standards: ",
    ),
    "a zero that is none": (
        lambda p: set_standard(p, 0, 1.0),
        "signal falls between these standards: ",
    ),
}


@pytest.mark.parametrize("case", GOOD_STAYS)
def test_bad_well_is_reported_and_the_rest_kept(plate, case):
    spoil, line = GOOD_STAYS[case]
    read = elisa.read_plate(spoil(plate))
    assert len(read.problems) == 1, read.problems
    assert read.problems[0].startswith(line)
    assert "\n" not in read.problems[0]
    bad = read.wells["status"].ne("ok")
    named = read.problems[0].removeprefix(line).split(", ")
    assert named == list(read.wells.loc[bad, "well"])
    samples = read.samples.set_index("sample")
    assert list(samples.index) == ["s1", "s2", "s3"]
    for name, true in {"s2": 8.0, "s3": 20.0}.items():
        assert samples.loc[name, "status"] == "ok"
        assert samples.loc[name, "concentration"] == pytest.approx(true, rel=0.15)


def test_wells_entered_twice_do_not_narrow_an_interval(plate):
    twice = elisa.read_plate(pd.concat([plate, plate[plate["sample"].eq("s1")]]))
    names = list(plate.loc[plate["sample"].eq("s1"), "well"])
    assert twice.problems == [
        f"well entered twice: {', '.join(names * 2)}",
        "no good well: sample s1",
    ]
    rest = elisa.read_plate(plate).samples.set_index("sample").drop("s1")
    pd.testing.assert_frame_equal(twice.samples.set_index("sample"), rest)


def test_plate_of_standards_only_has_a_table_without_rows(plate):
    read = elisa.read_plate(plate[plate["sample"].isna()])
    assert read.problems == []
    assert read.samples.empty
    assert list(read.samples) == list(elisa.read_plate(plate).samples)


def test_a_step_for_a_curve_has_limits_and_no_warning():
    """Signal 0.1 up to 10 ng/mL and 2 above: far from the step the fitted curve is level."""
    curve = elisa.Curve(
        np.array([0.1, 2, np.log(10), np.log(90)]), np.eye(4) * 1e-8, 0.01, 1, 8, 1, 99
    )
    detection, quantification = curve.limits()
    assert 9 < detection <= quantification < 11


def test_hook_at_the_top_shortens_the_range(plate):
    read = elisa.read_plate(set_standard(plate, 50, 1.2))
    assert read.problems[0].startswith("signal falls between these standards: ")
    assert list(read.samples["status"]) == ["ok", "ok", "above the top standard"]
    assert read.curve.highest == 12.5


def flat(plate):
    return plate.assign(signal=np.where(plate["sample"].isna(), 0.5, plate["signal"]))


def only(levels):
    return lambda plate: plate[plate["sample"].notna() | plate["concentration"].isin(levels)]


NO_CURVE = {
    "flat": (flat, "the standard curve is flat or falls: 0.5 at 0, 0.5 at 50"),
    "falling": (
        lambda p: p.assign(concentration=50 - p["concentration"]),
        "2 standard level(s); a 4PL needs at least 5",
    ),
    "single standard": (only([25]), "1 standard level(s); a 4PL needs at least 5"),
    "four levels": (only([0, 3.125, 12.5, 50]), "4 standard level(s); a 4PL needs at least 5"),
    "no standard": (only([]), "0 standard level(s); a 4PL needs at least 5"),
    "all in another unit": (
        lambda p: p.assign(unit="pg/mL"),
        "0 standard level(s); a 4PL needs at least 5",
    ),
}


@pytest.mark.parametrize("case", NO_CURVE)
def test_without_a_curve_signals_and_cv_are_still_reported(plate, case):
    spoil, line = NO_CURVE[case]
    read = elisa.read_plate(spoil(plate))
    assert read.curve is None
    assert f"no concentrations: {line}" in read.problems
    assert list(read.samples["status"]) == ["no curve"] * 3
    assert read.samples["concentration"].isna().all()
    assert read.samples[["signal", "cv"]].notna().all(axis=None)


@pytest.mark.parametrize(
    ("signal", "status"),
    [
        (2.95, "above the top standard"),
        (5.0, "above the top standard"),
        (0.061, "below the limit of detection"),
        (0.0, "below the limit of detection"),
        (-0.1, "below the limit of detection"),
        (0.11, "below the limit of quantification"),
    ],
)
def test_samples_off_the_range_say_so(plate, signal, status):
    plate.loc[plate["sample"].eq("s1"), "signal"] = signal
    read = elisa.read_plate(plate)
    row = read.samples.set_index("sample").loc["s1"]
    assert row["status"] == status
    assert read.problems == [f"{status}: sample s1"]
    assert np.isnan(row["concentration"]) == ("quantification" not in status)
    assert read.samples.set_index("sample").loc["s2", "status"] == "ok"


def test_sample_without_any_good_well_is_named(plate):
    plate.loc[plate["sample"].eq("s1"), "signal"] = np.nan
    read = elisa.read_plate(plate)
    assert "no good well: sample s1" in read.problems
    assert list(read.samples["sample"]) == ["s2", "s3"]


def test_mislabelled_standard_shows_in_its_recovery(plate):
    """A vial of 25 that holds 12.5: the curve still rises, but that level comes back too low."""
    plate = set_standard(plate, 25, truth(12.5) * 1.08)
    wells = elisa.read_plate(plate).wells
    recovery = wells.groupby("concentration")["recovery"].mean()
    assert recovery.idxmin() == 25
    assert recovery[25] < 75


def test_missing_column_is_named(plate):
    with pytest.raises(PlateError, match="the plate lacks the column"):
        elisa.read_plate(plate.drop(columns="dilution"))


# --- percent ucOC ----------------------------------------------------------------------------


def test_percent_ucoc_and_ratio():
    rng = np.random.default_rng(7)
    u, c = rng.uniform(0.1, 20, (2, 50))
    percent, ratio = elisa.percent_ucoc(u, c), u / c
    assert np.allclose(percent / (100 - percent), ratio)
    assert elisa.percent_ucoc(2, 6) == 25
    assert elisa.percent_ucoc(0, 6) == 0
    assert elisa.percent_ucoc(2, 0) == 100


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ((-1, 5), "must be 0 or more"),
        ((1, -5), "must be 0 or more"),
        ((0, 0), "not both 0"),
        ((np.nan, 5), "must be 0 or more"),
        (([1, 2], [3, -1]), "must be 0 or more"),
        ((1, 5, "ng/mL", "nM"), "ucOC in ng/mL and cOC in nM"),
    ],
)
def test_percent_ucoc_refuses(given, line):
    with pytest.raises(PlateError, match=line):
        elisa.percent_ucoc(*given)


# --- bone density ----------------------------------------------------------------------------

YOUNG = Reference("women 21-30", 1.064, 0.106)


def test_score_round_trip():
    scores = np.random.default_rng(1).uniform(-5, 3, 100)
    assert np.allclose(YOUNG.score(YOUNG.bmd(scores)), scores)
    assert YOUNG.score(1.064) == 0
    assert YOUNG.score(1.064 - 2.5 * 0.106) == pytest.approx(-2.5)
    assert YOUNG.bmd(-1) == pytest.approx(0.958)


def test_precision_error_is_the_root_mean_square():
    """For duplicates the formula of the textbooks: sqrt(sum of d^2 / 2n)."""
    scans = np.random.default_rng(4).normal(1.0, 0.012, (30, 2))
    found = bone_density.precision_error(scans)
    difference = np.diff(scans, axis=1).ravel()
    assert found.rms_sd == pytest.approx(np.sqrt(np.sum(difference**2) / 60))
    cv = np.std(scans, axis=1, ddof=1) / scans.mean(axis=1)
    assert found.rms_cv == pytest.approx(100 * np.sqrt(np.mean(cv**2)))
    assert (found.df, found.people, found.left_out) == (30, 30, 0)


def test_precision_error_equals_the_within_variance_of_anova():
    """Unequal numbers of scans: the pooled variance, here from residuals of a dummy regression."""
    rng = np.random.default_rng(6)
    scans = rng.normal(rng.normal(1, 0.1, (12, 1)), 0.02, (12, 4))
    scans[:4, 2:] = scans[5, 1:] = np.nan
    person, value = np.repeat(np.arange(12), 4), scans.ravel()
    seen = ~np.isnan(value) & (person != 5)
    dummies = (person[seen, None] == np.unique(person[seen])).astype(float)
    rest = np.linalg.lstsq(dummies, value[seen])[1][0]
    found = bone_density.precision_error(scans)
    assert found.rms_sd == pytest.approx(np.sqrt(rest / found.df))
    assert (found.df, found.people, found.left_out) == (4 * 1 + 7 * 3, 11, 1)


def test_upper_bound_agrees_with_gluer1995():
    """27 degrees of freedom: the upper 90 % limit lies about 30 % above."""
    constants = data.load("constants").set_index("constant_id")
    above = constants.loc["precision-upper-limit-27-df-gluer1995", "value"]
    bound = bone_density.Precision(1.0, 1.0, 27, 27, 0).upper()
    assert round(100 * (bound - 1), -1) == above


def test_upper_bound_covers_at_its_rate():
    rng = np.random.default_rng(8)
    draws = [bone_density.precision_error(rng.normal(1, 0.02, (15, 3))).upper() for _ in range(600)]
    assert np.mean(np.array(draws) > 0.02) == pytest.approx(0.95, abs=0.03)


def test_lsc_is_exceeded_once_in_twenty():
    lsc = bone_density.least_significant_change(0.01)
    assert lsc == pytest.approx(0.0277)
    source = data.load("constants").set_index("constant_id").loc["lsc-factor-iscdcalculator"]
    assert source["value"] == bone_density.LSC_FACTOR
    change = np.diff(np.random.default_rng(9).normal(1, 0.01, (40000, 2)), axis=1)
    assert np.mean(np.abs(change) > lsc) == pytest.approx(0.05, abs=0.005)


def test_areal_density_grows_with_size_and_bmad_does_not():
    """A block of one volumetric density, scaled in all directions."""
    for scale in (0.8, 1.0, 1.2, 1.5):
        width, height, depth = 4.0 * scale, 3.0 * scale, 3.0 * scale
        bmc, area = 0.18 * width * height * depth, width * height
        assert bone_density.areal_bmd(bmc, area) == pytest.approx(scale * 0.54)
        assert bone_density.bmad(bmc, area) == pytest.approx(0.54 / np.sqrt(12))


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: YOUNG.score(0), "BMD .* must be above 0"),
        (lambda: YOUNG.score(np.nan), "BMD .* must be above 0"),
        (lambda: YOUNG.score([1.0, -1.0]), "BMD .* must be above 0"),
        (lambda: YOUNG.score(958), "below 5; is it in another unit"),
        (lambda: Reference("nobody", 1.0, 0), "SD of the reference"),
        (lambda: Reference("in mg", 1064, 106), "mean of the reference"),
        (lambda: bone_density.areal_bmd(50, 0), "area .* must be above 0"),
        (lambda: bone_density.bmad(-1, 40), "BMC .* must be above 0"),
        (lambda: bone_density.precision_error([[1.0, np.nan], [np.nan, 1.0]]), "nobody has two"),
        (lambda: bone_density.precision_error([[1.0, 1001.0]]), "another unit"),
        (lambda: bone_density.least_significant_change(0), "precision error must be above 0"),
    ],
)
def test_density_refuses(call, line):
    with pytest.raises(DensityError, match=line) as caught:
        call()
    assert "\n" not in str(caught.value)
