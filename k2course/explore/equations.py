"""The right-hand side of a model as JavaScript, generated from its SBML.

The page integrates the same equations as RoadRunner because both are made from one document.
"""

from __future__ import annotations

import re
from typing import Any

import libsbml

# Names of SBML's formula language that JavaScript spells differently.
PRELUDE = """
const { abs, ceil, cos, exp, floor, max, min, pow, sin, sqrt, tan, tanh } = Math;
const ln = Math.log, log10 = Math.log10;
const piecewise = (...a) => {
  for (let i = 0; i + 1 < a.length; i += 2) if (a[i + 1]) return a[i];
  return a.length % 2 ? a[a.length - 1] : NaN;
};
"""


def _js(node: libsbml.ASTNode) -> str:
    """Write an SBML expression in JavaScript, where the power operator is ``**``."""
    return libsbml.formulaToL3String(node).replace("^", "**")


def _event(event: libsbml.Event, names: dict[str, str]) -> str:
    """JavaScript of an event whose trigger starts with ``time >= x``, further conditions by &&."""
    trigger = _js(event.getTrigger().getMath())
    first, *others = (part.strip("() ") for part in trigger.split("&&"))
    match = re.fullmatch(r"time >= ([^<>=]+)", first)
    if not match:
        raise ValueError(
            f"event {event.getId()}: trigger {trigger!r} does not start with time >= x"
        )
    lines = [
        f"{names.get(a.getVariable(), 'p.' + a.getVariable())} = ({_js(a.getMath())});"
        for a in event.getListOfEventAssignments()
    ]
    when = " && ".join(f"({part})" for part in others) or "true"
    return (
        f"{{ at(t, y, p) {{ BIND return {match[1]}; }}, when(t, y, p) {{ BIND return {when}; }}, "
        f"fire(t, y, p) {{ BIND {' '.join(lines)} }} }}"
    )


def _symbolic(formulas: dict[str, str]) -> dict[str, Any]:
    """Parse formulas, each of which may use those before it, into SymPy expressions."""
    import sympy  # half a second, and only stiff models need it

    functions = {
        name: getattr(sympy, name) for name in ("cos", "exp", "sin", "sqrt", "tan", "tanh")
    }
    functions |= {"abs": sympy.Abs, "ln": sympy.log, "max": sympy.Max, "min": sympy.Min, "pow": pow}
    functions["piecewise"] = lambda *a: sympy.Piecewise(
        *zip(a[0:-1:2], a[1::2], strict=True), *([(a[-1], True)] if len(a) % 2 else [])
    )
    known: dict[str, Any] = {}
    for name, formula in formulas.items():
        words = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"\b\d[\w.]*([eE][+-]?\d+)?", "", formula)))
        scope = {w: sympy.Symbol(w, real=True) for w in words} | functions | known
        known[name] = sympy.sympify(eval(formula, {"__builtins__": {}}, scope))
    return known


def _jacobian(before: dict[str, str], slopes: dict[str, str]) -> str:
    """JavaScript that writes d(slope i)/d(state j) into ``out[i][j]`` where it is not zero."""
    import sympy

    rates = _symbolic(before | {f"d_{k}_dt": v for k, v in slopes.items()})
    places, entries = [], []
    for i, name in enumerate(slopes):
        for j, state in enumerate(slopes):
            entry = sympy.diff(rates[f"d_{name}_dt"], sympy.Symbol(state, real=True))
            if entry != 0:
                places.append((i, j))
                entries.append(entry)
    shared, reduced = sympy.cse(entries, symbols=sympy.numbered_symbols("_x"))
    lines = [f"const {symbol} = {sympy.jscode(value)};" for symbol, value in shared]
    lines += [
        f"out[{i}][{j}] = {sympy.jscode(value)};"
        for (i, j), value in zip(places, reduced, strict=True)
    ]
    return "\n".join(lines)


def javascript(
    sbml: str, variables: list[str], *, stiff: bool = False
) -> tuple[str, dict[str, float]]:
    """Generate the JavaScript of a model.

    Parameters
    ----------
    sbml : str
        An SBML document without algebraic rules, delays or functions defined in it.
    variables : list of str
        Species and other variables to observe, in this order.
    stiff : bool
        Add ``jac(t, y, p, out)``, the Jacobian, with which the page takes an implicit method.

    Returns
    -------
    source : str
        An expression whose value is ``{variables, init(p), rhs(t, y, p, dy), observe(t, y, p),
        events}``. States are concentrations, as in RoadRunner's ``[species]``.
    parameters : dict
        Values of everything that may be set: constants and compartment sizes.
    """
    model = libsbml.readSBMLFromString(sbml).getModel()
    if model.getNumFunctionDefinitions():
        raise ValueError(f"{model.getId()}: function definitions are not supported")
    rules = {r.getVariable(): _js(r.getMath()) for r in model.getListOfRules() if r.isAssignment()}
    slopes = {r.getVariable(): _js(r.getMath()) for r in model.getListOfRules() if r.isRate()}
    starts = {a.getSymbol(): _js(a.getMath()) for a in model.getListOfInitialAssignments()}
    values = {c.getId(): c.getSize() for c in model.getListOfCompartments()}
    values |= {q.getId(): q.getValue() for q in model.getListOfParameters()}

    fluxes, change = {}, {s.getId(): "0" for s in model.getListOfSpecies()}
    for reaction in model.getListOfReactions():
        flux = f"v_{reaction.getId()}"
        fluxes[flux] = _js(reaction.getKineticLaw().getMath())
        sides = (("-", reaction.getListOfReactants()), ("+", reaction.getListOfProducts()))
        for sign, side in sides:
            for ref in side:
                change[ref.getSpecies()] += f" {sign} {ref.getStoichiometry()!r} * {flux}"
    for s in model.getListOfSpecies():
        if s.getId() not in rules:
            slopes.setdefault(s.getId(), f"({change[s.getId()]}) / {s.getCompartment()}")
            starts.setdefault(s.getId(), repr(s.getInitialConcentration()))

    # A rate rule makes a state of a parameter; a start formula makes a derived constant of it.
    starts |= {k: repr(values[k]) for k in slopes if k in values and k not in starts}
    derived = [k for k in starts if k not in slopes]
    values = {k: v for k, v in values.items() if k not in rules and k not in starts}
    states = {k: f"y[{i}]" for i, k in enumerate(slopes)}
    given = f"const {{ {', '.join(values)} }} = p;"
    bind = (
        f"const time = t; const {{ {', '.join([*values, *derived])} }} = p; "
        f"const {', '.join(f'{k} = {y}' for k, y in states.items())}; {_constants(rules)}"
    )
    ordered = _ordered(rules)
    source = "\n".join(
        [
            "(() => {",
            PRELUDE,
            "return {",
            f"variables: {variables!r},",
            f"init(p) {{ const time = 0; {given} {_constants({**rules, **starts})}",
            *(f"p.{k} = {k};" for k in derived),
            f"return [{', '.join(states)}]; }},",
            f"rhs(t, y, p, dy) {{ {bind}",
            *(f"const {flux} = {formula};" for flux, formula in fluxes.items()),
            *(f"dy[{i}] = {slope};" for i, slope in enumerate(slopes.values())),
            "},",
            f"jac(t, y, p, out) {{ {bind} {_jacobian(ordered | fluxes, slopes)} }},"
            if stiff
            else "",
            f"observe(t, y, p) {{ {bind} return [{', '.join(variables)}]; }},",
            f"events: [{', '.join(_event(e, states) for e in model.getListOfEvents())}],",
            "}; })()",
        ]
    )
    return source.replace("BIND", bind), values


def _ordered(formulas: dict[str, str]) -> dict[str, str]:
    """Sort formulas so that each comes after those it uses."""
    done, waiting = {}, dict(formulas)
    while waiting:
        free = [
            k
            for k, v in waiting.items()
            if not set(re.findall(r"[A-Za-z_]\w*", v)) & (set(waiting) - {k})
        ]
        if not free:
            raise ValueError(f"formulas in a circle: {', '.join(waiting)}")
        done |= {k: waiting.pop(k) for k in free}
    return done


def _constants(formulas: dict[str, str]) -> str:
    return " ".join(f"const {k} = {v};" for k, v in _ordered(formulas).items())
