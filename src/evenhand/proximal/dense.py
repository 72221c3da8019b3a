"""Piecewise quadratics with anything dense about them, a matrix or a polytope: DAQP, one round at a time.

A hinge price u + weight u^2 / 2 with u = max(bound - r . x, 0) is one more variable u >= bound - r . x, u >= 0:
unserved demand, and the kink of a price on moves, up (x - a) + (up + down) max(a - x, 0).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from evenhand.columns import Array
from evenhand.costs.quadratic import DenseQuadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.errors import InfeasibleError, SolverError
from evenhand.kernels import reduce
from evenhand.proximal.kink import Kink
from evenhand.sets import Polytope
from evenhand.units import power_of_two

__all__ = ["dense"]

_FAR = 1e30  # what DAQP takes for no bound


class _Hinges(NamedTuple):
    """rows (..., k, n); bound, price, weight (..., k)."""

    rows: Array
    bound: Array
    price: Array
    weight: Array


def _hinges(cost: Any, kink: Kink | None, n: int) -> list[_Hinges]:
    found: list[_Hinges] = []
    if isinstance(cost, Unserved):
        found.append(_Hinges(np.eye(n), cost.demand, cost.price, cost.weight))
    if isinstance(cost, Pooled):
        one = (cost.rate[..., None, :], cost.demand[..., None], cost.price[..., None], cost.weight[..., None])
        found.append(_Hinges(*one))
    if kink is not None:
        found.append(_Hinges(np.eye(n), kink.at, np.broadcast_to(kink.up + kink.down, (n,)), np.zeros(n)))
    return found


def dense(
    cost: Any,
    feasible: Any,
    tilt: Any,
    rho: Any,
    anchor: Any,
    kink: Kink | None = None,
    matrix: Array | None = None,
) -> Array:
    """Quadratics, plain, dense or with unserved demand, over any of our sets; matrix: more curvature around anchor."""
    linear = cost.linear + tilt - rho * anchor
    if matrix is not None:
        linear = linear - reduce.apply(matrix, anchor)
    n = linear.shape[-1]
    square = cost.matrix if isinstance(cost, DenseQuadratic) else cost.curvature[..., None] * np.eye(n)
    square = square + (np.asarray(rho)[..., None] if np.ndim(rho) else rho) * np.eye(n)
    if matrix is not None:
        square = square + matrix
    if kink is not None:
        linear = linear + kink.up
    box = Polytope.around(feasible)
    hinges = _hinges(cost, kink, n)
    shapes = [linear.shape[:-1], square.shape[:-2], box.rows.shape[:-2], box.low.shape[:-1], box.lower.shape[:-1]]
    lead = np.broadcast_shapes(*shapes, *(h.rows.shape[:-2] for h in hinges), *(h.bound.shape[:-1] for h in hinges))

    def spread(value: Array, rank: int) -> Array:
        return np.broadcast_to(value, (*lead, *value.shape[value.ndim - rank :]))

    def join(parts: list[Array]) -> Array:
        return np.concatenate([spread(part, 1) for part in parts], axis=-1)

    k = sum(h.bound.shape[-1] for h in hinges)
    none = np.full(k, _FAR)
    slopes = join([linear, *(h.price for h in hinges)])
    bends = join([np.zeros(n), *(h.weight for h in hinges)])
    below = join([box.lower, np.zeros(k), box.low, *(h.bound for h in hinges)])
    above = join([box.upper, none, box.high, none])
    squares, rows = spread(square, 2), np.concatenate([spread(r, 2) for r in (box.rows, *(h.rows for h in hinges))], -2)
    out = np.empty((*lead, n))
    for index in np.ndindex(*lead):
        whole = np.diag(bends[index])
        whole[:n, :n] += squares[index]
        wide = np.zeros((rows.shape[-2], n + k))
        wide[:, :n] = rows[index]
        wide[rows.shape[-2] - k :, n:] = np.eye(k)
        out[index] = _scaled(n, whole, slopes[index], wide, above[index], below[index])
    return np.minimum(np.maximum(out, box.lower), box.upper)


def _scaled(n: int, square: Array, slope: Array, rows: Array, above: Array, below: Array) -> Array:
    """Its x (n,), solved in units of its own: DAQP's tolerances are absolute.

    The unit of action is what bounds and rows force x to, or how far the costs would drive it within them; that of a
    hinge is its row's; money is such that costs are of about one. All are powers of two, which change no digit.
    """
    width = np.abs(rows[:, :n]).max(axis=1, initial=0.0)
    width[width == 0.0] = 1.0
    size = np.concatenate([np.ones(n), np.ones(slope.size - n), width])
    low, high = (np.where(np.abs(end) < _FAR, end, 0.0) / size for end in (below, above))
    forced = max(np.maximum(low, 0.0).max(), np.maximum(-high, 0.0).max())
    steep, bend = np.abs(slope).max(), np.abs(square).max()
    driven = min(steep / bend if bend > 0.0 else np.inf, max(np.abs(low).max(), np.abs(high).max()) or np.inf)
    action = power_of_two(max(forced, driven if driven < np.inf else 0.0), 1.0)
    unit = np.full(slope.size, action)
    count = slope.size - n
    unit[n:] *= [power_of_two(w) for w in width[width.size - count :]]
    across = np.array([power_of_two(w) for w in width]) * action
    costs, lines = square * unit[:, None] * unit, slope * unit
    money = power_of_two(np.abs(costs).max(), np.abs(lines).max()) if bend > 0.0 else power_of_two(np.abs(lines).max())
    ends = np.concatenate([unit, across])
    inner = [np.where(np.abs(end) < _FAR, end / ends, end) for end in (above, below)]
    found = _solved(costs / money, lines / money, rows * unit / across[:, None], *inner)
    return found[:n] * action


def _solved(square: Array, slope: Array, rows: Array, above: Array, below: Array) -> Array:
    import daqp

    low, high = np.clip(below, -_FAR, _FAR), np.clip(above, -_FAR, _FAR)
    x, _, flag, info = daqp.solve(
        square,
        np.array(slope),  # a copy: DAQP refuses read-only views
        rows,
        high,
        low,
        np.where(low == high, 5, 0).astype(np.intc),
        primal_tol=1e-11,
        eps_prox=-1.0,
    )
    if flag == -1:
        raise InfeasibleError("no action satisfies the set and the limits of the moves")
    if flag < 1:
        raise SolverError(f"DAQP stopped with status {flag} after {info['iterations']} iterations: no action found")
    return x
