"""Any convex cost, written in CVXPY."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.costs.convex import Convex, cvxpy
from evenhand.errors import SolverError
from evenhand.sets import Polytope

__all__ = ["convex"]


def convex(cost: Convex, feasible: Any, tilt: Any, rho: Any, anchor: Any) -> Array:
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
    rhos = np.broadcast_to(rho, (*lead, n))
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
            goal = goal + 0.5 * (rhos[index] @ cp.square(x - anchors[index]))
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
