"""The one oracle: the tilted proximal step (12), dispatched on structure here and nowhere else.

    argmin over x in X_t of  f_t(x) + tilt . x + (rho / 2) ||x - anchor||^2

HITMIN asks it with tilt = 0, rho = 0; ROBD and FairOBD with rho = (lambda1 + lambda2) beta; DMD with rho = 0.
Separable quadratics and utilities with one budget go to the water-filling kernels, polytopes and dense quadratics to
DAQP, other costs to CVXPY.
Where the minimiser is not unique (no curvature, ties) it is one of them, the same on every call. Source:
spec/online.md §8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.core import Round
from evenhand.costs.convex import Convex, cvxpy
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ProblemError, SolverError
from evenhand.kernels.waterfill import waterfill
from evenhand.pieces import pooled_box, pooled_budget, unserved_box, unserved_budget
from evenhand.sets import Box, Budget, Polytope

__all__ = ["proximal", "register"]

Step = Callable[[Any, Any, Array | float, Array | float, Array | float], Array]
UNBOUNDED = "the round is unbounded below: a cost without curvature falls towards an infinite bound; bound it"
_ROUTES: dict[tuple[type, type], Step] = {}


def proximal(round: Round, tilt: Array | float = 0.0, rho: Array | float = 0.0, anchor: Array | float = 0.0) -> Array:
    """Minimise f_t(x) + tilt . x + (rho/2) ||x - anchor||^2 over X_t: (..., n).

    tilt, anchor (..., n) or 0; rho a number or (..., 1). Raises ProblemError for a pair of cost and set no route
    knows, SolverError when a solver fails.
    """
    route = _ROUTES.get((type(round.cost), type(round.feasible)))
    if route is None:
        known = ", ".join(f"{c.__name__} on {s.__name__}" for c, s in _ROUTES)
        raise ProblemError(
            f"no proximal step for {type(round.cost).__name__} on {type(round.feasible).__name__}; known: {known}"
        )
    return route(round.cost, round.feasible, tilt, rho, anchor)


def register(cost: type, feasible: type, step: Step) -> None:
    """Teach the oracle a pair of cost family and action set: step(cost, set, tilt, rho, anchor) -> (..., n)."""
    _ROUTES[cost, feasible] = step


def _budget(cost: Quadratic, feasible: Budget, tilt: Any, rho: Any, anchor: Any) -> Array:
    curvature = cost.curvature + rho
    linear = cost.linear + tilt - rho * anchor
    x, price = waterfill(curvature, linear, feasible.lower, feasible.upper, feasible.total, float(feasible.equal))
    if np.isnan(price).any():
        raise SolverError(UNBOUNDED)
    return x


def _box(cost: Quadratic, feasible: Box, tilt: Any, rho: Any, anchor: Any) -> Array:
    curvature = cost.curvature + rho
    linear = cost.linear + tilt - rho * anchor
    flat = np.where(linear > 0, -np.inf, np.where(linear < 0, np.inf, 0.0))
    free = np.divide(-linear, curvature, out=flat, where=curvature > 0)
    x = np.minimum(np.maximum(free, feasible.lower), feasible.upper)
    if not np.isfinite(x).all():
        raise SolverError(UNBOUNDED)
    return x


def _utility(cost: UtilityCost, feasible: Any, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Utilities over a box or a budget: the compiled water-filling of `kernels.separable`."""
    from evenhand.kernels.separable import BOX, CEILING, EQUAL, separable

    n = cost.weight.shape[-1]
    with np.errstate(divide="ignore"):
        log_weight = np.log(cost.weight)
    c = cost.columns
    tilt, anchor = (np.broadcast_to(v, np.broadcast_shapes(np.shape(v), (n,))) for v in (tilt, anchor))
    total, kind = 0.0, BOX
    if isinstance(feasible, Budget):
        total, kind = feasible.total, EQUAL if feasible.equal else CEILING
    table = c.table if c.table.shape[1] else np.zeros((4, 1))
    with np.errstate(all="ignore"):  # the search probes prices at which a response is 0 or infinite
        x, _ = separable(
            c.code.astype(np.float64), *c[1:5], table, log_weight, cost.onboard, feasible.lower, feasible.upper,
            tilt, np.asarray(rho)[..., 0] if np.ndim(rho) else rho, anchor, total, kind,
        )  # fmt: skip
    if not np.isfinite(x).all():
        raise SolverError("the round is unbounded: a utility without limit meets an infinite bound; bound it")
    return x


def _dense(cost: Any, feasible: Any, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Dense quadratic or polytope: DAQP, one round at a time; it needs curvature, which rho or the cost must give."""
    import daqp

    linear = cost.linear + tilt - rho * anchor
    n = linear.shape[-1]
    square = cost.curvature[..., None] * np.eye(n) if isinstance(cost, Quadratic) else cost.matrix
    square = square + (np.asarray(rho)[..., None] if np.ndim(rho) else rho) * np.eye(n)
    box = Polytope.around(feasible)
    lead = np.broadcast_shapes(
        linear.shape[:-1], square.shape[:-2], box.rows.shape[:-2], box.low.shape[:-1], box.lower.shape[:-1]
    )
    slopes = np.broadcast_to(linear, (*lead, n))
    squares = np.broadcast_to(square, (*lead, n, n))
    k = box.rows.shape[-2]
    rows = np.broadcast_to(box.rows, (*lead, k, n))
    below = np.concatenate([np.broadcast_to(box.lower, (*lead, n)), np.broadcast_to(box.low, (*lead, k))], axis=-1)
    above = np.concatenate([np.broadcast_to(box.upper, (*lead, n)), np.broadcast_to(box.high, (*lead, k))], axis=-1)
    out = np.empty((*lead, n))
    for index in np.ndindex(*lead):
        low, high = np.clip(below[index], -1e30, 1e30), np.clip(above[index], -1e30, 1e30)
        x, _, flag, info = daqp.solve(
            np.array(squares[index]),  # copies: DAQP refuses read-only views
            np.array(slopes[index]),
            np.array(rows[index]),
            high,
            low,
            np.where(low == high, 5, 0).astype(np.intc),
            primal_tol=1e-11,
            eps_prox=-1.0,
        )
        if flag < 1:
            raise SolverError(f"DAQP stopped with status {flag} after {info['iterations']} iterations: no action found")
        out[index] = x
    return np.minimum(np.maximum(out, box.lower), box.upper)


def _convex(cost: Convex, feasible: Any, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Any convex cost: CVXPY with Clarabel, one round at a time."""
    cp = cvxpy()
    box = Polytope.around(feasible)
    lead = np.broadcast_shapes(
        cost.data.shape[:-1],
        np.shape(tilt)[:-1],
        np.shape(anchor)[:-1],
        box.rows.shape[:-2],
        box.low.shape[:-1],
        box.lower.shape[:-1],
    )
    n, k, d = cost.n, box.rows.shape[-2], cost.data.shape[-1]
    data = np.broadcast_to(cost.data, (*lead, d))
    tilts = np.broadcast_to(tilt, (*lead, n))
    anchors = np.broadcast_to(anchor, (*lead, n))
    rhos = np.broadcast_to(rho, (*lead, 1))
    rows = np.broadcast_to(box.rows, (*lead, k, n))
    ends = [np.broadcast_to(a, (*lead, a.shape[-1])) for a in (box.low, box.high, box.lower, box.upper)]
    out = np.empty((*lead, n))
    for index in np.ndindex(*lead):
        x = cp.Variable(n)
        low, high, lower, upper = (a[index] for a in ends)
        rule: list[Any] = []
        for expression, floor, ceiling in ((rows[index] @ x, low, high), (x, lower, upper)):
            same = floor == ceiling
            for pick, make in (
                (same, lambda e, i, f=floor: e[i] == f[i]),
                (~same & np.isfinite(floor), lambda e, i, f=floor: e[i] >= f[i]),
                (~same & np.isfinite(ceiling), lambda e, i, c=ceiling: e[i] <= c[i]),
            ):
                if pick.any():
                    rule.append(make(expression, np.flatnonzero(pick)))
        goal = cost.build(x, data[index]) + tilts[index] @ x
        if rhos[index][0] > 0:
            goal = goal + 0.5 * rhos[index][0] * cp.sum_squares(x - anchors[index])
        problem = cp.Problem(cp.Minimize(goal), rule)
        tight = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}
        try:
            problem.solve(solver="CLARABEL", **tight)
        except cp.SolverError as error:
            raise SolverError(f"CVXPY found no action: {error}") from None
        if problem.status != "optimal" or x.value is None:
            raise SolverError(f"CVXPY ended with status {problem.status}: no action found")
        out[index] = np.clip(x.value, lower, upper)
    return out


register(Quadratic, Budget, _budget)
register(Quadratic, Box, _box)
register(UtilityCost, Budget, _utility)
register(UtilityCost, Box, _utility)
register(Unserved, Budget, unserved_budget)
register(Unserved, Box, unserved_box)
register(Pooled, Budget, pooled_budget)
register(Pooled, Box, pooled_box)
for _set in (Box, Budget, Polytope):
    register(DenseQuadratic, _set, _dense)
    register(Convex, _set, _convex)
register(Quadratic, Polytope, _dense)
