"""The reaction network of a model as a drawing, made from its SBML."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import libsbml
import numpy as np

from k2course.models.source import names_in

WIDTH, MARGIN, GAP = 760, 60, (72, 50)
INK, BOX, LINE, DASH = "#111827", "#E5F1FB", "#374151", "#B45309"


@dataclass(frozen=True)
class Diagram:
    """A drawing that displays as SVG.

    Attributes
    ----------
    svg : str
        The drawing; its title and description stand in it for readers who don't see it.
    alt : str
        The description.
    """

    svg: str
    alt: str

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return self.svg


@dataclass
class Network:
    """Species, reactions, and the arrows between them."""

    species: list[str]
    reactions: list[str]
    arrows: list[tuple[str, str, str]]  # from, to, kind: "flow" or "effect"


def network(model: libsbml.Model) -> Network:
    """Read who turns into whom and who speeds or slows what, also through formulas."""
    rules = {r.getVariable(): names_in(r.getMath()) for r in model.getListOfRules()}
    species = [s.getId() for s in model.getListOfSpecies()]
    arrows = []
    for reaction in model.getListOfReactions():
        name = f"v:{reaction.getId()}"
        left = {r.getSpecies() for r in reaction.reactants}
        right = {r.getSpecies() for r in reaction.products}
        both = left & right
        arrows += [(s, name, "flow") for s in sorted(left - both)]
        arrows += [(name, s, "flow") for s in sorted(right - both)]
        used = names_in(reaction.getKineticLaw().getMath())
        while used & rules.keys():
            used = set().union(*(rules.get(u, {u}) for u in used))
        effects = (used & set(species)) - left - right | both
        arrows += [(s, name, "effect") for s in sorted(effects)]
    return Network(species, [f"v:{r.getId()}" for r in model.getListOfReactions()], arrows)


def _distances(nodes: list[str], arrows: list[tuple[str, str, str]]) -> np.ndarray:
    """Count steps between nodes along the arrows (Floyd-Warshall)."""
    place = {name: i for i, name in enumerate(nodes)}
    steps = np.full((len(nodes),) * 2, np.inf)
    np.fill_diagonal(steps, 0)
    for a, b, _ in arrows:
        steps[place[a], place[b]] = steps[place[b], place[a]] = 1
    for k in range(len(nodes)):
        steps = np.minimum(steps, steps[:, k, None] + steps[None, k])
    finite = steps[np.isfinite(steps)].max()
    return np.where(np.isfinite(steps), steps, finite + 2)


def _layout(nodes: list[str], arrows: list[tuple[str, str, str]]) -> np.ndarray:
    """Place nodes so that drawn distances follow steps (stress majorization); shape (n, 2)."""
    goal = _distances(nodes, arrows)
    angle = 2 * np.pi * np.arange(len(nodes)) / len(nodes)
    spot = np.column_stack([1.6 * np.cos(angle), np.sin(angle)]) * goal.max() / 2
    weight = np.where(goal > 0, 1 / np.maximum(goal, 1) ** 2, 0)
    pull = np.linalg.pinv(np.diag(weight.sum(axis=1)) - weight)
    for _ in range(200):
        apart = np.linalg.norm(spot[:, None] - spot[None], axis=2)
        ratio = weight * goal / np.where(apart > 1e-9, apart, np.inf)
        spot = pull @ (ratio.sum(axis=1)[:, None] * spot - ratio @ spot)
    # The longer side lies across.
    turn = np.linalg.svd(spot - spot.mean(axis=0))[2]
    return (spot - spot.mean(axis=0)) @ turn.T


def _half(name: str) -> np.ndarray:
    """Half width and half height of a node."""
    return np.array([5.0, 5.0]) if name.startswith("v:") else np.array([4 * len(name) + 7, 11.0])


def _spread(nodes: list[str], spot: np.ndarray) -> np.ndarray:
    """Push boxes apart until none overlaps."""
    half = np.array([_half(name) for name in nodes])
    for _ in range(200):
        offset = spot[:, None] - spot[None]
        room = half[:, None] + half[None] + 6 - np.abs(offset)
        clash = (room > 0).all(axis=2) & ~np.eye(len(nodes), dtype=bool)
        if not clash.any():
            break
        across = room[..., 0] < room[..., 1]
        sign = np.where(offset >= 0, 1, -1)
        push = np.where(clash[..., None], sign * room / 4, 0)
        push[..., 0] *= across
        push[..., 1] *= ~across
        spot = spot + push.sum(axis=1)
    return spot


def _cut(start: np.ndarray, end: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Point where the line from ``start`` meets the box around ``end``."""
    way = start - end
    with np.errstate(divide="ignore"):
        share = np.min(half / np.maximum(np.abs(way), 1e-9))
    return end + way * min(share, 1)


def draw(model: libsbml.Model, title: str) -> Diagram:
    """Draw the network: boxes for species, dots for reactions, dashed lines for effects."""
    net = network(model)
    nodes = net.species + net.reactions
    spot = _spread(nodes, _layout(nodes, net.arrows) * GAP)
    spot = spot - spot.min(axis=0) + MARGIN
    width, height = np.maximum(spot.max(axis=0) + MARGIN, [WIDTH / 2, 0]).round()
    place = dict(zip(nodes, spot, strict=True))
    flows = sum(kind == "flow" for *_, kind in net.arrows)
    alt = (
        f"Reaction network of {title}: {len(net.species)} species in boxes "
        f"({', '.join(net.species)}), {len(net.reactions)} reactions as dots, {flows} arrows of "
        f"flow and {len(net.arrows) - flows} dashed lines from a species to a reaction that it "
        "speeds or slows."
    )
    key = re.sub(r"\W", "", model.getId())
    parts = []
    for a, b, kind in net.arrows:
        start = _cut(place[b], place[a], _half(a))
        end = _cut(place[a], place[b], _half(b) + 2)
        look = (
            f'stroke="{LINE}" marker-end="url(#tip-{key})"'
            if kind == "flow"
            else f'stroke="{DASH}" stroke-dasharray="4 3"'
        )
        parts.append(f'<path d="M{start[0]:.0f} {start[1]:.0f}L{end[0]:.0f} {end[1]:.0f}" {look}/>')
    for name in net.reactions:
        x, y = place[name]
        parts.append(
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="{LINE}"><title>{name[2:]}</title>'
            "</circle>"
        )
    for name in net.species:
        (x, y), (w, h) = place[name], _half(name)
        parts.append(
            f'<rect x="{x - w:.0f}" y="{y - h:.0f}" width="{2 * w:.0f}" height="{2 * h:.0f}" '
            f'rx="4" '
            f'fill="{BOX}" stroke="{INK}"/><text x="{x:.0f}" y="{y + 4:.0f}" fill="{INK}" '
            f'stroke="none" text-anchor="middle">{name}</text>'
        )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" style="max-width:100%;height:auto;background:#fff" role="img" '
        f'aria-label="{html.escape(alt)}" font-family="sans-serif" font-size="13" fill="none">'
        f"<title>{html.escape(title)}</title><defs>"
        f'<marker id="tip-{key}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8Z" fill="{LINE}"/></marker></defs>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )
    return Diagram(svg, alt)
