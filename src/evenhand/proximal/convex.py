"""Any convex cost, written in CVXPY."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.costs.convex import Convex
from evenhand.errors import InfeasibleError, SolverError
from evenhand.proximal.kink import Kink
from evenhand.sets import Polytope
from evenhand.solvers import cvxpy

__all__ = ["convex"]


def convex(
    cost: Convex,
    feasible: Any,
    tilt: Any,
    rho: Any,
    anchor: Any,
    kink: Kink | None = None,
    matrix: Array | None = None,
) -> Array:
    """Any convex cost: CVXPY with Clarabel, one round at a time; matrix: more curvature around anchor."""
    cp = cvxpy()
    box = Polytope.around(feasible)
    lead = np.broadcast_shapes(
        cost.data.shape[:-1],
        np.shape(tilt)[:-1],
        np.shape(anchor)[:-1],
        np.shape(rho)[:-1],
        np.shape(() if kink is None else kink.at)[:-1],
        box.rows.shape[:-2],
        box.low.shape[:-1],
        box.lower.shape[:-1],
    )
    n, k, d = cost.n, box.rows.shape[-2], cost.data.shape[-1]
    data = np.broadcast_to(cost.data, (*lead, d))
    tilts = np.broadcast_to(tilt, (*lead, n))
    anchors = np.broadcast_to(anchor, (*lead, n))
    rhos = np.broadcast_to(rho, (*lead, n))
    squares = None if matrix is None else np.broadcast_to(matrix, (*lead, n, n))
    ats = None if kink is None else np.broadcast_to(kink.at, (*lead, n))
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
        if (rhos[index] > 0).any():
            goal = goal + 0.5 * cp.sum_squares(cp.multiply(np.sqrt(rhos[index]), x - anchors[index]))
        if squares is not None:
            goal = goal + 0.5 * cp.quad_form(x - anchors[index], cp.psd_wrap(squares[index]))
        if kink is not None and ats is not None:
            up, down = (np.broadcast_to(price, (n,)) for price in (kink.up, kink.down))
            goal = goal + up @ cp.pos(x - ats[index]) + down @ cp.pos(ats[index] - x)
        problem = cp.Problem(cp.Minimize(goal), rule)
        tight = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}
        try:
            problem.solve(solver="CLARABEL", **tight)
        except cp.SolverError as error:
            raise SolverError(f"CVXPY found no action: {error}") from None
        if problem.status in ("infeasible", "infeasible_inaccurate"):
            raise InfeasibleError("no action satisfies the set and the limits of the moves")
        if problem.status != "optimal" or x.value is None:
            raise SolverError(f"CVXPY ended with status {problem.status}: no action found")
        out[index] = np.clip(x.value, lower, upper)
    return out
