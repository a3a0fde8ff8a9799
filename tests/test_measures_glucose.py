"""HOMA-IR, Matsuda index, minimal model: published examples and second implementations."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from k2course import data
from k2course.measures import glucose as measures

UNITS = {"glucose_unit": "mg/dL", "insulin_unit": "µU/mL"}
SI_UNITS = {"glucose_unit": "mmol/L", "insulin_unit": "pmol/L"}
# Example of the R package tabletools, which was checked with the author's own calculator.
TIME = np.array([0, 30, 60, 90, 120])
GLUCOSE = np.array([93, 129, 178, 164, 97])
INSULIN = np.array([12.8, 30.7, 68.5, 74.1, 44.0])


def constant(name):
    return data.load("constants").set_index("constant_id").loc[name]


def test_homa_of_the_literature():
    row = constant("homa-ir-worked-example-gutch2015")
    assert row["context"] == "100 mg/dL, 5 µU/mL"
    assert round(measures.homa_ir(100, 5, **UNITS), 2) == row["value"] == 1.23
    assert measures.homa_ir(4.5, 5, glucose_unit="mmol/L", insulin_unit="mU/L") == 22.5 / 22.5


def test_the_two_forms_of_homa_agree():
    """The divisor for mg/dL is printed as 405 = 22.5 x 18, a rounded conversion."""
    rng = np.random.default_rng(2026)
    for g, i in zip(rng.uniform(60, 200, 50), rng.uniform(3, 40, 50), strict=True):
        assert measures.homa_ir(g, i, **UNITS) == pytest.approx(g * i / 405, rel=1e-3)


@pytest.mark.parametrize(
    ("minutes", "index"),
    [
        ((0, 30, 60, 90, 120), 3.43125),
        ((0, 30, 60, 120), 3.68),
        ((0, 30, 120), 4.72),
        ((0, 60, 120), 3.56),
        ((0, 120), 5.58),
    ],
)
def test_matsuda_of_the_literature(minutes, index):
    keep = np.isin(TIME, minutes)
    found = measures.matsuda(TIME[keep], GLUCOSE[keep], INSULIN[keep], **UNITS)
    assert found == pytest.approx(index, abs=0.006)
    if len(minutes) == 5:
        assert found == pytest.approx(constant("matsuda-worked-example-tabletools")["value"], 1e-6)
        assert found == pytest.approx(index, abs=5e-6)


def test_matsuda_in_all_units_and_against_a_second_implementation():
    rng = np.random.default_rng(2026)
    for _ in range(30):
        t = np.concatenate([[0], np.cumsum(rng.uniform(5, 40, 5))])
        g, i = rng.uniform(70, 180, 6), rng.uniform(3, 40, 6)
        area = [
            sum(
                (b - a) * (y + z) / 2
                for a, b, y, z in zip(t[:-1], t[1:], x[:-1], x[1:], strict=True)
            )
            for x in (g, i)
        ]
        expected = 1e4 / (g[0] * i[0] * area[0] * area[1] / t[-1] ** 2) ** 0.5
        assert measures.matsuda(t, g, i, **UNITS) == pytest.approx(expected)
        converted = measures.matsuda(t, g / 18.0156, i * 6, **SI_UNITS)
        assert converted == pytest.approx(expected)


def fsigt():
    rows = data.load("fsigt")
    return (rows[c].to_numpy(float) for c in ("time_min", "glucose_mg_dl", "insulin_uu_ml"))


@pytest.mark.parametrize(("basal", "si"), [((92, 11), 8.1), ((90, 7), 5.2)])
def test_minimal_model_of_the_published_test(basal, si):
    fit = measures.minimal_model(*fsigt(), basal=basal, **UNITS)
    assert fit.parameters.loc["SI", "value"] == pytest.approx(si, abs=0.05)
    t, g, _ = fsigt()
    for other in ({"SI": 1.02}, {"SG": 1.05}, {"p2": 1.05}, {"G0": 1.01}):
        values = fit.parameters["value"] * [other.get(n, 1) for n in fit.parameters.index]
        moved = second(values, basal, *fsigt())
        best = second(fit.parameters["value"], basal, *fsigt())
        error = [((curve - g)[t >= 8] ** 2).sum() for curve in (best, moved)]
        assert error[0] < error[1], other


def test_tutorial_values_are_within_two_standard_errors():
    fit = measures.minimal_model(*fsigt(), basal=(90, 7), **UNITS).parameters
    for name, published in {"SI": 5.0, "SG": 0.026, "p2": 0.025, "G0": 279}.items():
        assert abs(fit.loc[name, "value"] - published) < 2 * fit.loc[name, "stderr"], name


def second(values, basal, t, g, i):
    """Integrate the minimal model with scipy."""

    def slope(time, y):
        insulin = np.interp(time, t, i)
        return [
            values["SG"] * (basal[0] - y[0]) - y[1] * y[0],
            values["p2"] * (1e-4 * values["SI"] * (insulin - basal[1]) - y[1]),
        ]

    run = solve_ivp(
        slope, (0, t[-1]), [values["G0"], 0], "LSODA", t, rtol=1e-8, atol=1e-10, max_step=2
    )
    return run.y[0]


@pytest.mark.parametrize("seed", range(3))
def test_known_parameters_are_found_again(seed):
    rng = np.random.default_rng(seed)
    t, _, i = fsigt()
    i = i * rng.uniform(0.8, 1.5)
    true = {"SI": rng.uniform(2, 8), "SG": rng.uniform(0.015, 0.03), "p2": 0.03, "G0": 280}
    glucose = second(true, (90, 8), t, None, i)
    glucose[0] = 90
    fit = measures.minimal_model(t, glucose / 18.0156, i * 6, basal=(90 / 18.0156, 48), **SI_UNITS)
    for name, value in true.items():
        assert fit.parameters.loc[name, "value"] == pytest.approx(value, rel=0.01), name
    assert np.allclose(np.diag(fit.correlation), 1)
    assert fit.curve.loc[0] == pytest.approx(280, rel=0.01)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"time": [30, 60, 90]}, "the fasting sample is missing: time starts at 30 min, not at 0"),
        ({"time": [0, 60, 60]}, "time must increase, but 60 min comes after 60 min"),
        ({"time": [0, 90, 60]}, "time must increase, but 60 min comes after 90 min"),
        ({"time": ["0", "a", "60"]}, "time must be one list of numbers, not "),
        ({"time": [0, 30, np.inf]}, "time: sample 3 is missing or infinite"),
        ({"time": np.array([[0, 60], [90, 120]])}, "time must be one list of numbers, not "),
        ({"insulin": [8, 40]}, "have 3, 3 and 2 samples; each must have the same number, at least"),
        ({"time": 0, "glucose": 92, "insulin": 8}, "have 1, 1 and 1 samples; .* at least 2"),
        ({"insulin": [66, 400, 200]}, "fasting insulin 66 µU/mL is outside 2 to 50 .* in pmol/L?"),
        ({"insulin_unit": "pmol/L"}, "fasting insulin 8 pmol/L is outside 12 to 300 .* µU/mL?"),
        ({"glucose": [5.1, 8, 6]}, "fasting glucose 5.1 mg/dL is outside 40 to 400 .* mmol/L?"),
        ({"glucose_unit": "mmol/L"}, "fasting glucose 92 mmol/L is outside 2.22 to 22.2 .* mg/dL?"),
        ({"glucose_unit": "g/L"}, "glucose in 'g/L'; the units are: mg/dL, mmol/L"),
        ({"insulin_unit": "ng/mL"}, "insulin in 'ng/mL'; the units are: µU/mL, mU/L, pmol/L"),
        ({"insulin": [8, None, 40]}, "insulin: sample 2 is missing or infinite"),
        ({"glucose": [92, 0, 90]}, "glucose, sample 2: 0 mg/dL is outside 20 to 1000 mg/dL$"),
        ({"glucose": [93, 7.2, 9.9]}, "sample 2: 7.2 mg/dL is outside .*; is it in mmol/L[?]$"),
        ({"insulin_unit": None}, "insulin in 'None'; the units are: "),
        ({"insulin": ["low", 40, 20]}, "insulin must be one list of numbers, not "),
    ],
)
def test_bad_samples_are_answered_in_one_line(change, says):
    good = {"time": [0, 60, 120], "glucose": [92, 140, 100], "insulin": [8, 60, 30]} | UNITS
    assert measures.matsuda(**good) > 0
    with pytest.raises(measures.GlucoseError, match=says) as caught:
        measures.matsuda(**good | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("glucose", "insulin", "other", "unit"),
    [
        (5.1, 8, {}, "mmol/L"),
        (92, 8, {"glucose_unit": "mmol/L"}, "mg/dL"),
        (92, 66, {}, "pmol/L"),
        (92, 8, {"insulin_unit": "pmol/L"}, "µU/mL"),
        (450, 8, {}, None),
        (35, 8, {}, None),
        (25, 8, {"glucose_unit": "mmol/L"}, None),
        (92, 1.5, {}, None),
        (92, 400, {"insulin_unit": "pmol/L"}, None),
    ],
)
def test_another_unit_is_proposed_only_where_the_value_fits_it(glucose, insulin, other, unit):
    with pytest.raises(measures.GlucoseError, match="is outside") as caught:
        measures.homa_ir(glucose, insulin, **UNITS | other)
    assert str(caught.value).partition("; ")[2] == (f"is it in {unit}?" if unit else "")


@pytest.mark.parametrize("pair", [([92, 150], [10, 60]), ([92, 150], 10)])
def test_homa_takes_one_pair(pair):
    with pytest.raises(measures.GlucoseError, match="HOMA-IR takes one glucose and one insulin"):
        measures.homa_ir(*pair, **UNITS)
    with pytest.raises(measures.GlucoseError, match="glucose must be one list of numbers, not"):
        measures.homa_ir([], 10, **UNITS)


@pytest.mark.parametrize("flat", ["insulin", pytest.param("glucose", marks=pytest.mark.long)])
def test_samples_that_determine_nothing_are_refused(flat):
    """Insulin that never rises says nothing of its action, nor does glucose that stays at base."""
    t, g, i = fsigt()
    if flat == "insulin":
        i = np.where(t > 0, 8.0, 11.0)
    else:
        g = np.full(t.size, 92.0)
    with pytest.raises(measures.GlucoseError, match=r"do not determine (SI|the parameters)$"):
        measures.minimal_model(t, g, i, basal=(92, 11), **UNITS)


@pytest.mark.parametrize(
    ("basal", "says"),
    [
        (90, "basal takes two numbers, glucose and insulin, not 1"),
        ((90,), "basal takes two numbers, glucose and insulin, not 1"),
        ((90, None), "basal: sample 2 is missing"),
        (([90, 91], 7), "basal must be one list of numbers"),
    ],
)
def test_a_bad_basal_pair_is_answered_in_one_line(basal, says):
    with pytest.raises(measures.GlucoseError, match=says):
        measures.minimal_model(*fsigt(), basal=basal, **UNITS)


def test_too_few_samples_and_a_wrong_basal_pair():
    t, g, i = fsigt()
    with pytest.raises(measures.GlucoseError, match="4 samples from minute 8 on; the fit needs 6"):
        measures.minimal_model(t[:8], g[:8], i[:8], basal=(92, 11), **UNITS)
    with pytest.raises(measures.GlucoseError, match=r"fasting glucose 5\.1 mg/dL"):
        measures.minimal_model(t, g, i, basal=(5.1, 11), **UNITS)


def test_greek_and_plain_micro_are_the_same_unit():
    for unit in ("µU/mL", "μU/mL", "uU/mL"):
        assert measures.homa_ir(90, 10, glucose_unit="mg/dL", insulin_unit=unit) > 0
