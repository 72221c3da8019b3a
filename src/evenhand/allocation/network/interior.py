"""The primal-dual interior point behind ``network.solve``: start, Newton system, predictor-corrector step.

Besides slacks s, prices λ and bound multipliers z, y the iteration carries each flow's marginal q as a
variable of its own. Both feasibilities are then linear,

    R x + s = c,      Rᵀλ − z + y = q,

and all curvature sits in pairwise equations: λ s = μ, z (x − l) = μ, y (u − x) = μ and q = w U′(x). The last
is linearised on its own scale, dq / q = (U″ / U′) dx + error: for log utility that is the pair x q = w, asked
to meet w instead of zero, so that prices and shares wrong by orders of magnitude are put right in a few
steps, where Newton on w U′(x) = p only doubles x. Eliminating all but λ leaves one system over links,

    (R D⁻¹ Rᵀ + diag(s / λ)) dλ = rhs,      D = −q U″ / U′ + z / (x − l) + y / (u − x).

Sources: Mehrotra (1992), predictor-corrector; Wright (1997), *Primal-Dual Interior-Point Methods*, ch. 10;
centring (1 − α)³ and residuals scaled by 1 − σ as in Vandenberghe (2010), *The CVXOPT linear and quadratic
cone program solvers*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evenhand.allocation.network.answer import Array
from evenhand.allocation.network.schur import LOST, Field, factor
from evenhand.columns import same

__all__ = ["Point", "advance", "bills", "start"]

#: share of the way to the boundary that a step may take
TO_BOUNDARY = 0.995
#: q may fall to this share of itself in one step: it is no constraint, only a scale, so it must not block
Q_FLOOR = 0.05


@dataclass(frozen=True, slots=True)
class Point:
    """x, q (n,): share and marginal.  s, price (L,): slack and price.  z, y (n,): multipliers of l and u."""

    x: Array
    s: Array
    price: Array
    z: Array
    y: Array
    q: Array

    __eq__ = same


def start(field: Field) -> Point:
    """Strictly feasible in x and in the prices.

    Prices θ / room, θ such that the links are full on average; x between what the flows buy at these, drawn
    back to feasibility, and the equal split of every link. Then q = Rᵀλ − z + y holds, and q = w U′ nearly.
    """
    p = field.problem
    room = p.room[field.links]
    flows_of, links_of = np.diff(field.routing.indptr), np.diff(field.transposed.indptr)
    split = np.where(field.has_up > 0, 0.5 * (p.upper - p.lower), p.cap - p.lower)
    of_entry = np.repeat(np.arange(split.size), links_of)
    np.minimum.at(split, of_entry, (0.9 * room / flows_of)[field.transposed.indices] / field.transposed.data)
    split *= field.free
    unit = field.transposed @ (1.0 / room)
    price = _level(field, unit, split) / room
    bought = p.repair(p.response(field.transposed @ price)) - p.lower
    x = p.lower + field.free * (0.15 * split + 0.8 * bought)
    x = np.where(field.has_up > 0, np.minimum(x, p.upper - 0.01 * (p.upper - p.lower)), x)
    s = room - field.routing @ (x - p.lower)
    # a flow on no link has no path price; its own marginal is the scale then
    path = np.where(unit > 0, field.transposed @ price, np.maximum(p.marginal(x), LOST))
    path = np.where(field.free > 0, path, 1.0)
    below, above = field.distances(x)
    pairs = price.size + float(np.sum(field.has_low) + np.sum(field.has_up))
    mu = float(price @ s) / pairs if price.size else float(np.mean(path * split))
    z, y = field.has_low * np.minimum(0.5 * path, mu / below), field.has_up * mu / above
    return Point(x, s, price, z, y, path - z + y)


def _level(field: Field, unit: Array, split: Array) -> float:
    """θ at which demand at path prices θ · unit fills the links on average, by bisection on log θ."""
    p = field.problem
    if field.links.size == 0:
        return 1.0
    room = p.room[field.links]
    bill = np.where(unit > 0, p.marginal(p.lower + split) / np.maximum(unit, LOST), 0.0)
    known = bill[(bill > 0) & np.isfinite(bill)]
    least, most = (float(known.min()), float(known.max())) if known.size else (1.0, 1.0)
    low, high = np.log(least) - 30.0, np.log(most) + 30.0
    for _ in range(40):  # 40 halvings of at most 1400 leave 1e-9
        middle = 0.5 * (low + high)
        load = field.routing @ (p.response(unit * np.exp(middle)) - p.lower)
        low, high = (middle, high) if float(np.mean(load / room)) > 1.0 else (low, middle)
    # satiated flows and upper bounds let the level run off to zero; what the dearest flow would pay bounds it
    floor = max(0.1 * float(np.median(known)), 1e-4 * most) if known.size else 0.0
    return max(float(np.exp(high)), floor, LOST)


def _room_to_move(value: Array, change: Array) -> float:
    """The largest step ≤ 1 that keeps value + step · change ≥ 0."""
    falling = change < 0
    return min(1.0, float(np.min(value[falling] / -change[falling], initial=np.inf)))


def _steps(field: Field, at: Point, d: Point) -> tuple[float, float]:
    """Longest primal and dual steps inside the cone; they may differ, as the feasibilities share nothing."""
    below, above = field.distances(at.x)
    primal = min(_room_to_move(below, d.x * field.free), _room_to_move(above, -d.x * field.has_up))
    dual = min(_room_to_move(at.price, d.price), _room_to_move(at.z, d.z), _room_to_move(at.y, d.y))
    return min(primal, _room_to_move(at.s, d.s)), dual


def bills(field: Field, q: Array) -> tuple[Array, Array]:
    """What a link's room costs at the least path price through it, its price at most (L,), and a flow's span (n,)."""
    p = field.problem
    least = np.full(field.links.size, np.inf)
    of_entry = np.repeat(np.arange(field.links.size), np.diff(field.routing.indptr))
    np.minimum.at(least, of_entry, q[field.routing.indices] / field.routing.data)
    return least * p.room[field.links], np.where(field.free > 0, q * (p.cap - p.lower), 1.0)


def advance(field: Field, at: Point, even: bool = True) -> Point:
    """One predictor-corrector step, towards one μ for all pairs (even) or one in proportion to each pair's bill.

    One μ is the quicker way from afar; where prices spread over more than twelve decades, only the other brings
    the cheap links to rest before the slack of the dear ones is lost to rounding.
    """
    p, free, has_low, has_up = field.problem, field.free, field.has_low, field.has_up
    below, above = field.distances(at.x)
    marginal = np.where(free > 0, p.marginal(at.x), 1.0)
    curvature = np.where(free > 0, p.curvature(at.x), 0.0)
    bend = np.where(marginal > LOST, -curvature / np.maximum(marginal, LOST), 1.0 / below)  # −U″ / U′
    weight = np.maximum(bend * at.q + at.z / below + at.y / above, 1e-14 * at.q / np.maximum(p.cap, LOST))
    inverse = free / weight
    solve = factor(field, inverse, at.s / at.price)
    off = free * (field.transposed @ at.price - at.z + at.y - at.q)
    # error of q = w U′ relative to q. Too little share: its log, so that steps stay bounded. Too much: the
    # plain ratio, which keeps x above l for log utility, or the log where it moves x by less than 0.9 (x − l)
    ratio = np.maximum(marginal, LOST) / at.q
    excess = np.maximum(np.log(ratio), np.minimum(ratio - 1.0, -0.9 * bend * below))
    error = free * at.q * np.where(ratio > 1.0, np.log(ratio), excess)

    def direction(keep: float, links: Array, low: Array, up: Array, error: Array) -> Point:
        t_low, t_up = low / below, up / above
        v = t_low - t_up + error - keep * off
        price = solve(field.routing @ (inverse * v) + links / at.price)
        x = inverse * (v - field.transposed @ price)
        z, y = t_low - at.z / below * x, t_up + at.y / above * x
        return Point(x, -(field.routing @ x), price, z, y, error - bend * at.q * x)

    in_links, in_low, in_up = at.price * at.s, at.z * below, at.y * above
    pairs = at.price.size + float(np.sum(has_low) + np.sum(has_up))
    of_links, of_flows = (1.0, 1.0) if even else bills(field, at.q)
    mu = float(np.sum(in_links / of_links) + np.sum((in_low + in_up) / of_flows)) / max(pairs, 1.0)
    guess = direction(1.0, -in_links, -in_low, -in_up, error)
    reach = min(_steps(field, at, guess))
    centre, keep = (1.0 - reach) ** 3 * mu, 1.0 - (1.0 - reach) ** 3
    second = reach * reach  # second-order terms of a step that could not be taken mislead
    d = direction(
        keep,
        centre * of_links - in_links - second * guess.s * guess.price,
        has_low * (centre * of_flows - second * guess.x * guess.z) - in_low,
        has_up * (centre * of_flows + second * guess.x * guess.y) - in_up,
        keep * error - second * free * bend * guess.x * guess.q,
    )
    a, b = (TO_BOUNDARY * step if step < 1.0 else 1.0 for step in _steps(field, at, d))
    q = np.maximum(at.q + b * d.q, Q_FLOOR * at.q)
    return Point(at.x + a * d.x, at.s + a * d.s, at.price + b * d.price, at.z + b * d.z, at.y + b * d.y, q)
