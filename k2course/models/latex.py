"""The equations of a model as LaTeX, written from its SBML."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libsbml

GREEK = {"alpha", "beta", "gamma", "sigma", "phi", "psi", "rho", "pi"}
WIDTH = 50  # letters after which a sum goes on in the next line
RELATIONS = {
    libsbml.AST_RELATIONAL_EQ: "=",
    libsbml.AST_RELATIONAL_GEQ: r"\ge",
    libsbml.AST_RELATIONAL_GT: ">",
    libsbml.AST_RELATIONAL_LEQ: r"\le",
    libsbml.AST_RELATIONAL_LT: "<",
    libsbml.AST_RELATIONAL_NEQ: r"\ne",
}
FUNCTIONS = {
    libsbml.AST_FUNCTION_EXP: r"\exp",
    libsbml.AST_FUNCTION_LN: r"\ln",
    libsbml.AST_FUNCTION_TANH: r"\tanh",
}
SUM, PRODUCT, POWER = 1, 2, 3  # how tightly an expression holds together


def symbol(name: str) -> str:
    """Typeset an identifier: ``d_VKH2`` as d with the subscript VKH2, ``psi`` as Greek."""
    base, *rest = name.split("_")
    numbered = re.fullmatch(r"([A-Za-z])(\d+)", base)
    if numbered and not rest:
        base, rest = numbered[1], [numbered[2]]
    head = f"\\{base}" if base in GREEK else base if len(base) == 1 else rf"\mathrm{{{base}}}"
    subscript = r"\,".join(rest)
    return head + (rf"_{{\mathrm{{{subscript}}}}}" if rest else "")


def _number(node: libsbml.ASTNode) -> str:
    mantissa, _, exponent = f"{node.getValue():.12g}".partition("e")
    return mantissa if not exponent else rf"{mantissa}\cdot 10^{{{int(exponent)}}}"


def _piecewise(parts: list[libsbml.ASTNode]) -> str:
    lines = [
        rf"{formula(value)} & \text{{if }} {formula(when)}"
        for value, when in zip(parts[::2], parts[1::2], strict=False)
    ]
    if len(parts) % 2:
        lines.append(rf"{formula(parts[-1])} & \text{{otherwise}}")
    body = r" \\ ".join(lines)
    return rf"\begin{{cases}} {body} \end{{cases}}"


def formula(node: libsbml.ASTNode, around: int = 0) -> str:
    """Typeset an expression; ``around`` says how tightly what surrounds it holds."""
    parts = [node.getChild(i) for i in range(node.getNumChildren())]
    kind, strength = node.getType(), 0
    if node.isNumber():
        text = _number(node)
    elif kind == libsbml.AST_NAME_TIME:
        text = "t"
    elif node.isName():
        text = symbol(node.getName())
    elif kind == libsbml.AST_PLUS:
        text, strength = " + ".join(formula(p) for p in parts), SUM
    elif kind == libsbml.AST_MINUS and len(parts) == 1:
        text, strength = f"-{formula(parts[0], PRODUCT)}", SUM
    elif kind == libsbml.AST_MINUS:
        text, strength = f"{formula(parts[0])} - {formula(parts[1], PRODUCT)}", SUM
    elif kind == libsbml.AST_TIMES:
        text, strength = r"\,".join(formula(p, PRODUCT) for p in parts), PRODUCT
    elif kind == libsbml.AST_DIVIDE:
        text = rf"\frac{{{formula(parts[0])}}}{{{formula(parts[1])}}}"
    elif kind in (libsbml.AST_POWER, libsbml.AST_FUNCTION_POWER):
        text, strength = f"{formula(parts[0], POWER)}^{{{formula(parts[1])}}}", PRODUCT
    elif kind == libsbml.AST_FUNCTION_ROOT:
        text = rf"\sqrt{{{formula(parts[-1])}}}"
    elif kind == libsbml.AST_FUNCTION_PIECEWISE:
        text = _piecewise(parts)
    elif kind in RELATIONS:
        text = f" {RELATIONS[kind]} ".join(formula(p) for p in parts)
    elif kind in FUNCTIONS:
        text = rf"{FUNCTIONS[kind]}\left({formula(parts[0])}\right)"
    else:
        raise ValueError(f"no LaTeX for {libsbml.formulaToL3String(node)}")
    return rf"\left({text}\right)" if 0 < strength < around else text


def _cancel(node: libsbml.ASTNode, place: str) -> str | None:
    """Typeset a product without a volume that is one of its factors; None if it is none."""
    if node.isName() and node.getName() == place:
        return ""
    parts = [node.getChild(i) for i in range(node.getNumChildren())]
    if node.getType() == libsbml.AST_TIMES:
        for i, part in enumerate(parts):
            rest = _cancel(part, place)
            if rest is not None:
                texts = [rest if j == i else formula(p, PRODUCT) for j, p in enumerate(parts)]
                return r"\,".join(filter(None, texts))
    if node.getType() == libsbml.AST_DIVIDE:
        rest = _cancel(parts[0], place)
        if rest is not None:
            return rf"\frac{{{rest or 1}}}{{{formula(parts[1])}}}"
    return None


def _rate(law: libsbml.ASTNode, place: str) -> str:
    """Typeset a rate as a change of concentration: divided by the volume of its place."""
    if place == "default_compartment":
        return formula(law, PRODUCT)
    return _cancel(law, place) or rf"\frac{{{formula(law)}}}{{{symbol(place)}}}"


def _sums(model: libsbml.Model) -> Iterator[tuple[str, list[str]]]:
    """Yield each species and the terms of its rate of change."""
    for species in model.getListOfSpecies():
        terms = []
        for reaction in model.getListOfReactions():
            law = reaction.getKineticLaw().getMath()
            net = sum(
                sign * reference.getStoichiometry()
                for sign, side in ((-1, reaction.reactants), (1, reaction.products))
                for reference in side
                if reference.getSpecies() == species.getId()
            )
            if net:
                factor = "" if abs(net) == 1 else f"{abs(net):g}\\,"
                rate = _rate(law, species.getCompartment())
                terms.append(f"{'-' if net < 0 else '+'} {factor}{rate}")
        yield species.getId(), terms


def _line(left: str, terms: list[str]) -> str:
    """One aligned equation, broken where it grows wide."""
    text, width = "", 0
    for i, term in enumerate(terms):
        size = len(re.sub(r"\\[a-z]+|[{}\\_^ ]", "", term))
        if width and width + size > WIDTH:
            text, width = text + r" \\ & \quad ", 0
        text, width = text + " " + (term if i else term.removeprefix("+ ")), width + size
    return rf"{left} &= {text.strip() or '0'}"


def equations(model: libsbml.Model) -> str:
    """Typeset the differential equations, then the formulas they use."""
    lines = [_line(rf"\frac{{d\,{symbol(name)}}}{{dt}}", terms) for name, terms in _sums(model)]
    lines += [
        _line(symbol(rule.getVariable()), [formula(rule.getMath())])
        for rule in model.getListOfRules()
    ]
    return "\\begin{aligned}\n" + " \\\\[4pt]\n".join(lines) + "\n\\end{aligned}"
