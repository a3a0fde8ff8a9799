"""The models against the published figures, an exact result and each other."""

import math

import numpy as np
import pandas as pd
import pytest

from k2course import data, models

DAILY = {"dose": 4, "first_dose": 1, "dose_interval": 24, "doses": 15}


@pytest.fixture(scope="module")
def wajima():
    return models.load("wajima2009").simulate(361, points=3611, **DAILY)


def at(frame, time):
    return frame.iloc[np.abs(frame.index - time).argmin()]


class TestPublishedFigures:
    """Wajima 2009, 4 mg of warfarin a day: the figures of the curated model, to their digits."""

    @pytest.mark.parametrize(
        ("variable", "digits", "before", "after"),
        [
            ("VK", 4, 1, 0.9997),
            ("VKH2", 4, 0.1, 0.0317),
            ("VKO", 4, 0.1, 0.0978),
            ("II", 0, 1394, 444),
            ("VII", 2, 10, 2.96),
            ("X", 1, 174.3, 51.4),
        ],
    )
    def test_values(self, wajima, variable, digits, before, after):
        assert round(wajima[variable].iloc[0], digits) == before
        assert round(at(wajima, 360)[variable], digits) == after

    def test_quinone_hardly_moves(self, wajima):
        assert round(wajima["VK"].min(), 4) == 0.9996
        assert round(wajima["VK"].max(), 4) == 1.0091

    def test_epoxide_peak(self, wajima):
        half_hourly = wajima["VKO"].iloc[::5]
        assert round(half_hourly.max(), 4) == 0.1260
        assert half_hourly.idxmax() == 7.5

    def test_hydroquinone_over_the_last_day(self, wajima):
        assert round(wajima["VKH2"].iloc[::10].loc[336:360].mean(), 4) == 0.0293


@pytest.mark.parametrize("phi", [0, 0.1, 0.2, 1])
@pytest.mark.parametrize("concentration", [0.05, 0.34, 2])
def test_closed_form_at_constant_warfarin(concentration, phi):
    """With warfarin that is never cleared the steady state is known exactly, by hand."""
    model = models.load("kcycle")
    volume, ic50 = model.parameters.loc[["plasma", "IC50"], "value"]
    last = model.simulate(
        20000, points=2, dose=concentration * volume, doses=1, CL=0, phi=phi
    ).iloc[-1]
    f = 1 - concentration / (ic50 + concentration)
    assert last["VK"] == pytest.approx(1, rel=1e-9)
    assert last["VKH2"] / 0.1 == pytest.approx(phi + (1 - phi) * f, rel=1e-9)
    assert last["VKO"] / 0.1 == pytest.approx((phi + (1 - phi) * f) / f, rel=1e-9)


def test_handles_off_is_the_published_model():
    published = models.load("wajima2009").simulate(361, **DAILY)
    teaching = models.load("kcycle").simulate(361, phi=0, mk7=0, **DAILY)
    shared = [c for c in published if c in teaching]
    assert len(shared) == published.shape[1]
    pd.testing.assert_frame_equal(teaching[shared], published, rtol=1e-7, check_like=True)


@pytest.mark.parametrize(("phi", "epoxide"), [(0, 0.98), (0.1, 1.21), (0.2, 1.45)])
def test_epoxide_rises_with_a_warfarin_free_reductase(phi, epoxide):
    run = models.load("kcycle").simulate(337, points=3371, phi=phi, **DAILY)
    assert round(at(run, 336)["VKO"] / 0.1, 2) == pytest.approx(epoxide, abs=0.011)


@pytest.mark.parametrize("dose", [180, 360])
def test_tissue_response_meets_the_trial(dose):
    """Dalmeijer 2012: what was fitted comes out again, to the rounding of the abstract."""
    trial = data.load("biomarkers")
    trial = trial[(trial["study_id"] == "dalmeijer2012") & (trial["dose_ug_per_day"] == dose)]
    seen = trial.set_index("analyte")["percent_change"].astype(float)
    model = models.load("kcycle")
    end = model.simulate(20000, points=2, mk7=dose)
    start, last = end.iloc[0], end.iloc[-1]
    ratio = (last["ucOC"] / last["cOC"]) / (start["ucOC"] / start["cOC"])
    assert 100 * (ratio - 1) == pytest.approx(seen["ucOC:cOC ratio"], abs=1)
    assert 100 * (last["ucMGP"] / start["ucMGP"] - 1) == pytest.approx(seen["dp-ucMGP"], abs=1.2)


def test_linear_in_intake():
    """A stated limit of the model: ten times the intake, ten times the prothrombin."""
    run = models.load("wajima2009").simulate(200000, points=2, intake=10)
    assert run["II"].iloc[-1] / run["II"].iloc[0] == pytest.approx(10, rel=1e-6)


class TestTables:
    @pytest.mark.parametrize("name", models.catalog().index)
    def test_every_parameter_is_described_once_with_its_value(self, name):
        import libsbml

        model = models.load(name)
        sbml = libsbml.readSBMLFromString(model.sbml()).getModel()
        ruled = {r.getVariable() for r in sbml.getListOfRules()}
        values = {q.getId(): q.getSize() for q in sbml.getListOfCompartments()}
        values |= {q.getId(): q.getValue() for q in sbml.getListOfParameters()}
        inner = {a.getVariable() for e in sbml.getListOfEvents() for a in e.event_assignments}
        inner |= ruled | {"default_compartment"}
        values = {k: v for k, v in values.items() if k not in inner}
        table = model.parameters
        assert set(table.index) == set(values)
        assert table["value"].to_dict() == pytest.approx(values, rel=1e-12)

    @pytest.mark.parametrize("name", models.catalog().index)
    def test_every_parameter_has_a_source_or_says_it_has_none(self, name):
        table = models.load(name).parameters
        told = table["status"].isin(["teaching assumption", "scenario"])
        assert (told | table["study_id"].notna()).all()

    @pytest.mark.parametrize("name", models.catalog().index)
    def test_every_variable_is_described(self, name):
        model = models.load(name)
        assert set(model.states) <= set(model.variables.index)

    @pytest.mark.parametrize("name", models.catalog().index)
    def test_sbml_is_valid(self, name):
        import libsbml

        document = libsbml.readSBMLFromString(models.load(name).sbml())
        document.checkConsistency()
        assert document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) == 0


def test_frame_carries_units():
    run = models.load("wajima2009").simulate(24, points=5)
    assert run.index.name == "time"
    assert list(run.index) == [0, 6, 12, 18, 24]
    assert run.attrs["units"]["C"] == "mg/L"
    assert run.attrs["units"]["time"] == "h"


def test_runs_do_not_leak_into_each_other():
    model = models.load("kcycle")
    first = model.simulate(100)
    model.simulate(100, dose=10, phi=0.3, k12=0.2)
    pd.testing.assert_frame_equal(model.simulate(100), first)


class TestBadInput:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (
                lambda m: models.load("wajima"),
                "unknown model 'wajima'; there are: .*Did you mean 'wajima2009'",
            ),
            (lambda m: m.simulate(10, dosis=4), "'dosis'; there are: .*Did you mean 'dose"),
            (
                lambda m: m.simulate(10, dose=-1),
                r"dose = -1 is not allowed; it is at least 0 .*unit: mg",
            ),
            (lambda m: m.simulate(10, dose=math.nan), "dose = nan is not a finite number"),
            (lambda m: m.simulate(10, dose=math.inf), "dose = inf is not a finite number"),
            (lambda m: m.simulate(10, dose="4"), "dose = '4' is not a finite number"),
            (lambda m: m.simulate(10, dose=None), "dose = None is not a finite number"),
            (
                lambda m: m.simulate(10, phi=2),
                "phi = 2 is not allowed; it is at least 0 and at most 1",
            ),
            (lambda m: m.simulate(0), "t_end = 0 is not a time after 0"),
            (lambda m: m.simulate(-3), "t_end = -3 is not a time after 0"),
            (lambda m: m.simulate(math.nan), "t_end = nan is not a time after 0"),
            (lambda m: m.simulate("1"), "t_end = '1' is not a time after 0"),
            (lambda m: m.simulate(10, points=0), "points = 0 is not a whole number of at least 2"),
            (lambda m: m.simulate(10, points=2.5), "points = 2.5 is not a whole number"),
        ],
    )
    def test_one_clear_line(self, call, message):
        with pytest.raises(models.ModelError, match=message) as caught:
            call(models.load("kcycle"))
        assert "\n" not in str(caught.value)
