"""Proximal steps of piecewise quadratic costs: one agent of the water-filling kernel for each piece.

A convex piecewise quadratic has a non-decreasing marginal cost, so at any price its pieces fill in order: an agent
with two pieces is two agents with one piece each, and the kernel's answer stays exact. Routes of `proximal` for the
costs of `costs/unserved.py`, and for any separable quadratic with a price on moves, which adds one more knee at the
last action. Source: spec/online.md §8, §9.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.errors import ProblemError, SolverError
from evenhand.kernels import reduce
from evenhand.kernels.waterfill import waterfill
from evenhand.proximal.kink import Kink
from evenhand.proximal.separable import UNBOUNDED
from evenhand.sets import Box, Budget

__all__ = ["pooled_box", "pooled_budget", "unserved_box", "unserved_budget"]

#: curvature, linear cost, lower and upper end of one agent
Piece = tuple[Array, Array, Array, Array]


def _inside(at: Array, lower: Array, upper: Array) -> Array:
    return np.minimum(np.maximum(at, lower), upper)


def _split(bend: Array, slope: Array, lower: Array, upper: Array, at: Array, below: Any, above: Any) -> list[Piece]:
    """One knee: x = a + b, a up to the knee at slope + below, b >= 0 beyond it at slope + above."""
    knee = _inside(at, lower, upper)
    return [(bend, slope + below, lower, knee), (bend, slope + above + bend * knee, np.zeros_like(knee), upper - knee)]


def _unserved(cost: Unserved, feasible: Any, tilt: Any, rho: Any, anchor: Any, kink: Kink | None) -> list[Piece]:
    """x = a + b (+ c) with a up to the first knee and the rest >= 0 beyond it; knees at demand and last action."""
    lower, upper = feasible.lower, feasible.upper
    knee = _inside(cost.demand, lower, upper)
    bend = cost.curvature + rho
    slope = cost.linear + tilt - rho * anchor
    short, scarce = cost.price + cost.weight * cost.demand, bend + cost.weight
    if kink is None:
        zero = np.zeros_like(knee)
        return [(scarce, slope - short, lower, knee), (bend, slope + bend * knee, zero, upper - knee)]
    at = _inside(kink.at, lower, upper)
    wanting = cost.demand > kink.at  # the piece between the knees lies below demand, or else below the last action
    first, second = np.minimum(knee, at), np.maximum(knee, at)
    between = np.where(wanting, scarce, bend)
    middle = slope + np.where(wanting, kink.up - short, -kink.down)
    zero = np.zeros_like(first)
    return [
        (scarce, slope - short - kink.down, lower, first),
        (between, middle + between * first, zero, second - first),
        (bend, slope + kink.up + bend * second, zero, upper - second),
    ]


def _sum(parts: Array, n: int) -> Array:
    """Pieces side by side (..., k n) back to actions (..., n), in order."""
    x = parts[..., :n]
    for start in range(n, parts.shape[-1], n):
        x = x + parts[..., start : start + n]
    return x


def _filled(pieces: list[Piece], total: Array, equal: float) -> Array:
    """Water-filling over all pieces: (..., n)."""
    n = pieces[0][0].shape[-1]
    columns = [np.concatenate(np.broadcast_arrays(*column), axis=-1) for column in zip(*pieces, strict=True)]
    x, price = waterfill(*columns, total, equal)
    if np.isnan(price).any():
        raise SolverError(UNBOUNDED)
    return _sum(x, n)


def unserved_budget(
    cost: Unserved, feasible: Budget, tilt: Any, rho: Any, anchor: Any, kink: Kink | None = None
) -> Array:
    """Unserved on a budget: water-filling over 2n pieces, 3n with a price on moves."""
    pieces = _unserved(cost, feasible, tilt, rho, anchor, kink)
    return _inside(_filled(pieces, feasible.total, float(feasible.equal)), feasible.lower, feasible.upper)


def unserved_box(cost: Unserved, feasible: Box, tilt: Any, rho: Any, anchor: Any, kink: Kink | None = None) -> Array:
    """Unserved on a box: each piece on its own, in closed form."""
    x: Any = 0.0
    for piece in _unserved(cost, feasible, tilt, rho, anchor, kink):
        x = x + _clipped(*piece)
    return np.minimum(x, feasible.upper)


def _clipped(curvature: Array, linear: Array, lower: Array, upper: Array) -> Array:
    """argmin of q x^2 / 2 + c x between bounds; 0, moved into the bounds, where both q and c are 0."""
    flat = np.where(linear > 0, -np.inf, np.where(linear < 0, np.inf, 0.0))
    bend = np.where(curvature > 0, curvature, 1.0)
    x = np.minimum(np.maximum(np.where(curvature > 0, -linear / bend, flat), lower), upper)
    _bounded(x)
    return x


def _bounded(answer: Array) -> Array:
    if not np.isfinite(answer).all():
        raise SolverError(UNBOUNDED)
    return answer


def pooled_box(cost: Pooled, feasible: Box, tilt: Any, rho: Any, anchor: Any, kink: Kink | None = None) -> Array:
    """Pooled on a box: in units of demand served, y_i = rate_i x_i, with unserved demand u as one more agent.

    minimise over y and u >= 0 with sum y + u >= demand; the kernel takes the negatives, whose sum has a ceiling.
    """
    return _bounded(_pooled(cost, feasible.lower, feasible.upper, tilt, rho, anchor, kink))


def _pooled(cost: Pooled, lower: Array, upper: Array, tilt: Any, rho: Any, anchor: Any, kink: Kink | None) -> Array:
    """The step on a box; not finite where it is unbounded."""
    rate = cost.rate
    bend = (cost.curvature + rho) / (rate * rate)
    slope = (cost.linear + tilt - rho * anchor) / rate
    low, high = rate * lower, rate * upper
    pieces = [(bend, -slope, -high, -low)]
    if kink is not None:  # below the negative of the last action is above that action
        pieces = _split(bend, -slope, -high, -low, -rate * kink.at, -kink.up / rate, kink.down / rate)
    lead = np.broadcast_shapes(*(part.shape[:-1] for piece in pieces for part in piece), cost.demand.shape)
    most = np.maximum(cost.demand - reduce.total(low), 0.0)
    missing = (cost.weight, -cost.price, -most, np.zeros_like(most))
    columns = [
        np.concatenate([np.broadcast_to(part, (*lead, part.shape[-1])) for part in (*column, own[..., None])], axis=-1)
        for *column, own in zip(*pieces, missing, strict=True)
    ]
    x, _ = waterfill(*columns, -cost.demand, 0.0)
    return _inside(-_sum(x[..., :-1], rate.shape[-1]) / rate, lower, upper)


def pooled_budget(cost: Pooled, feasible: Budget, tilt: Any, rho: Any, anchor: Any, kink: Kink | None = None) -> Array:
    """Pooled on a budget with equal rates: where the budget binds, unserved demand is a constant."""
    if (cost.rate != cost.rate[..., :1]).any():
        raise ProblemError("Pooled on a Budget needs one rate for all actions; use a Box, or rescale the actions")
    bend = cost.curvature + rho
    slope = cost.linear + tilt - rho * anchor
    lower, upper = feasible.lower, feasible.upper
    pieces = [(bend, slope, lower, upper)]
    if kink is not None:
        pieces = _split(bend, slope, lower, upper, kink.at, -kink.down, kink.up)
    tight = _filled(pieces, feasible.total, 1.0)
    if feasible.equal:
        return tight
    free = _pooled(cost, lower, upper, tilt, rho, anchor, kink)
    endless = ~np.isfinite(free).all(axis=-1)
    if endless.any():  # upwards the budget is a bound; downwards there is none, however near the upper bounds are
        near = np.where(np.isfinite(upper), upper, np.maximum(lower, 0.0))
        _bounded(_pooled(cost, lower, near, tilt, rho, anchor, kink))
    slack = ~endless & (reduce.total(free) <= feasible.total)
    return np.where(slack[..., None], free, tight)
