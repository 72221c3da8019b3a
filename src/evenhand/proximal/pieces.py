"""Proximal steps of piecewise quadratic costs: one agent of the water-filling kernel for each piece.

A convex piecewise quadratic has a non-decreasing marginal cost, so at any price its pieces fill in order: an agent
with two pieces is two agents with one piece each, and the kernel's answer stays exact. Routes of `proximal` for the
costs of `costs/unserved.py`. Source: spec/online.md §8.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.errors import ProblemError, SolverError
from evenhand.kernels import reduce
from evenhand.kernels.waterfill import waterfill
from evenhand.proximal.separable import UNBOUNDED
from evenhand.sets import Box, Budget

__all__ = ["pooled_box", "pooled_budget", "unserved_box", "unserved_budget"]


def _halves(cost: Unserved, feasible: Any, tilt: Any, rho: Any, anchor: Any) -> tuple[Array, ...]:
    """x = a + b with a up to the knee (demand, kept inside the bounds) and b >= 0 beyond it.

    Gives knee, then curvature and linear cost of a and of b.
    """
    knee = np.minimum(np.maximum(cost.demand, feasible.lower), feasible.upper)
    bend = cost.curvature + rho
    slope = cost.linear + tilt - rho * anchor
    first = slope - cost.price - cost.weight * cost.demand
    return knee, bend + cost.weight, first, bend, slope + bend * knee


def unserved_budget(cost: Unserved, feasible: Budget, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Unserved on a budget: water-filling over 2n pieces."""
    knee, q_a, c_a, q_b, c_b = _halves(cost, feasible, tilt, rho, anchor)
    n = knee.shape[-1]
    room = feasible.upper - knee
    parts = [
        np.concatenate(np.broadcast_arrays(a, b), axis=-1)
        for a, b in ((q_a, q_b), (c_a, c_b), (feasible.lower, np.zeros_like(room)), (knee, room))
    ]
    x, price = waterfill(*parts, feasible.total, 1.0 if feasible.equal else 0.0)
    _bounded(price)
    return np.minimum(np.maximum(x[..., :n] + x[..., n:], feasible.lower), feasible.upper)


def unserved_box(cost: Unserved, feasible: Box, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Unserved on a box: each piece on its own, in closed form."""
    knee, q_a, c_a, q_b, c_b = _halves(cost, feasible, tilt, rho, anchor)
    low = _clipped(q_a, c_a, feasible.lower, knee)
    high = _clipped(q_b, c_b, np.zeros_like(knee), feasible.upper - knee)
    return np.minimum(low + high, feasible.upper)


def _clipped(curvature: Array, linear: Array, lower: Array, upper: Array) -> Array:
    """argmin of q x^2 / 2 + c x between bounds; 0, moved into the bounds, where both q and c are 0."""
    flat = np.where(linear > 0, -np.inf, np.where(linear < 0, np.inf, 0.0))
    bend = np.where(curvature > 0, curvature, 1.0)
    x = np.minimum(np.maximum(np.where(curvature > 0, -linear / bend, flat), lower), upper)
    _bounded(x)
    return x


def _bounded(answer: Array) -> None:
    if not np.isfinite(answer).all():
        raise SolverError(UNBOUNDED)


def pooled_box(cost: Pooled, feasible: Box, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Pooled on a box: in units of demand served, y_i = rate_i x_i, with unserved demand u as one more agent.

    minimise over y and u >= 0 with sum y + u >= demand; the kernel takes the negatives, whose sum has a ceiling.
    """
    x = _pooled(cost, feasible.lower, feasible.upper, tilt, rho, anchor)
    _bounded(x)
    return x


def _pooled(cost: Pooled, lower: Array, upper: Array, tilt: Any, rho: Any, anchor: Any) -> Array:
    """The step on a box; not finite where it is unbounded."""
    rate = cost.rate
    bend = (cost.curvature + rho) / (rate * rate)
    slope = (cost.linear + tilt - rho * anchor) / rate
    low, high = rate * lower, rate * upper
    lead = np.broadcast_shapes(slope.shape[:-1], bend.shape[:-1], low.shape[:-1], cost.demand.shape)
    most = np.maximum(cost.demand - reduce.total(low), 0.0)

    def join(y: Array, u: Array) -> Array:
        return np.concatenate([np.broadcast_to(y, (*lead, y.shape[-1])), np.broadcast_to(u, lead)[..., None]], axis=-1)

    zero = np.zeros(())
    x, _ = waterfill(
        join(bend, cost.weight),
        join(-slope, -cost.price),
        join(-high, -most),
        join(-low, zero),
        -cost.demand,
        0.0,
    )
    return np.minimum(np.maximum(-x[..., :-1] / rate, lower), upper)


def pooled_budget(cost: Pooled, feasible: Budget, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Pooled on a budget with equal rates: where the budget binds, unserved demand is a constant."""
    if (cost.rate != cost.rate[..., :1]).any():
        raise ProblemError("Pooled on a Budget needs one rate for all actions; use a Box, or rescale the actions")
    bend = cost.curvature + rho
    slope = cost.linear + tilt - rho * anchor
    lower, upper = feasible.lower, feasible.upper
    tight, price = waterfill(bend, slope, lower, upper, feasible.total, 1.0)
    _bounded(price)
    if feasible.equal:
        return tight
    free = _pooled(cost, lower, upper, tilt, rho, anchor)
    endless = ~np.isfinite(free).all(axis=-1)
    if endless.any():  # upwards the budget is a bound; downwards there is none, however near the upper bounds are
        near = np.where(np.isfinite(upper), upper, np.maximum(lower, 0.0))
        _bounded(_pooled(cost, lower, near, tilt, rho, anchor))
    slack = ~endless & (reduce.total(free) <= feasible.total)
    return np.where(slack[..., None], free, tight)
