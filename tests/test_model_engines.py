"""Second engines: COPASI on the exported SBML, and the equations that a page integrates."""

import json
import shutil
import subprocess

import libsbml
import numpy as np
import pytest
from conftest import _missing
from engines import Copasi, right_hand_side

from k2course import models
from k2course.explore.equations import javascript
from k2course.models import source

# Settings under which something happens in each model.
ON = {
    "wajima2009": {"dose": 4, "doses": 15},
    "kcycle": {"dose": 4, "phi": 0.1, "mk7": 180},
    "zhou2016": {"dose": 3, "k2_dose": 20, "k2_doses": 3},
    "lemaire2004": {"I_L": 1e4, "I_O": 9e4, "m_OPG": 1.255},
    "pivonka2008": {"P_PTH": 1e3, "m_OPG": 1.255, "m_RANKL": 0.8},
    "zierhut2008": {"dose": 210, "opg": 0.59},
    "nazaret2009": {"m_resp": 0.5},
    "dallepezze2014": {"m_mitophagy_old": 5},
    "cui2008": {"p2": 0.006, "m_Bcl2": 1.2},
    "cui2008_direct1": {"p2": 0.007},
    "cui2008_direct": {"p2": 0.006},
    "legewie2006": {"apaf1": 15},
    "topp2000": {"m_SI": 0.5},
    "bergman": {"m_SI": 1.5},
    "dallaman2007": {"m_uptake": 1.5},
    "vitamin_k_pk": {"dose_K1": 100, "dose_MK4": 420, "dose_MK7": 180, "doses": 7},
    "marker_response": {"mk7": 360},
}
NAMES = list(models.catalog().index)


@pytest.mark.parametrize("name", NAMES)
def test_copasi_agrees(name):
    """To 1e-6 of each species' maximum, on the exported SBML."""
    model, settings = models.load(name), ON.get(name, {})
    document = libsbml.readSBMLFromString(model.sbml())
    for key, value in settings.items():
        document.getModel().getParameter(key).setValue(value)
    other = Copasi(libsbml.writeSBMLToString(document)).run(model.t_end, 101)
    run = model.simulate(model.t_end, 101, **settings)
    for state in model.states:
        if state in other:  # COPASI leaves out what never changes
            gap = np.abs(other[state] - run[state]).max()
            assert gap <= 1e-6 * run[state].abs().max(), state
        else:
            assert run[state].nunique() == 1


@pytest.mark.parametrize("name", NAMES)
def test_plain_python_agrees(name):
    """The right-hand side of the benchmarks gives the engine's rates of change."""
    model = models.load(name)
    rhs, start, names = right_hand_side(model.sbml())
    model._start({})
    engine = model._engine
    draw = np.random.default_rng(1)
    for factor in (np.ones(len(start)), draw.uniform(0.5, 2, len(start))):
        state = (start + 1e-3) * factor
        for key, value in zip(names, state, strict=True):
            engine.setValue(f"[{key}]", value)
        ids = engine.model.getFloatingSpeciesIds()
        rates = dict(zip(ids, engine.getRatesOfChange(), strict=True))
        volume = {s: engine.getValue(s) / engine.getValue(f"[{s}]") for s in ids}
        expected = [rates[s] / volume[s] for s in names]
        np.testing.assert_allclose(rhs(0, state), expected, rtol=1e-9, atol=1e-12)


@pytest.fixture(scope="module")
def node():
    path = shutil.which("node")
    if not path:
        _missing("NO NODE FOUND: the page's equations cannot be run outside a browser")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_page_equations_agree(name, node):
    """Start, rates of change and formulas of the JavaScript are those of the engine."""
    model, settings = models.load(name), ON.get(name, {})
    variables = list(model.variables.index)
    code, values = javascript(model.sbml(), variables)
    script = (
        f"const m = {code}, p = {json.dumps(values | settings)}, y = Float64Array.from(m.init(p));"
        "const dy = new Float64Array(y.length);"
        "for (let i = 0; i < y.length; i++) y[i] = (y[i] + 1e-3) * (0.7 + 0.05 * (i % 12));"
        "m.rhs(0, y, p, dy); console.log(JSON.stringify([[...y], [...dy], m.observe(0, y, p)]));"
    )
    told = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True).stdout
    state, slopes, seen = json.loads(told)
    model._start(settings)
    engine = model._engine
    for key, value in source.counters(name).items():
        engine.setValue(key, value)
    for key, value in zip(model.states, state, strict=True):
        engine.setValue(f"[{key}]", value)
    ids = engine.model.getFloatingSpeciesIds()
    rates = dict(zip(ids, engine.getRatesOfChange(), strict=True))
    volume = {s: engine.getValue(s) / engine.getValue(f"[{s}]") for s in ids}
    expected = [rates[s] / volume[s] for s in model.states]
    np.testing.assert_allclose(slopes, expected, rtol=1e-9, atol=1e-12)
    there = [engine.getValue(s) for s in engine.timeCourseSelections[1:]]
    np.testing.assert_allclose(seen, there, rtol=1e-9, atol=1e-12)
