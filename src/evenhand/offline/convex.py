"""OPT for a user's own convex cost: the whole horizon in CVXPY (extra `convex`). General and slow.

The same program as `offline/horizon.py`, with f_t as CVXPY expressions and the same epigraph of g.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array
from evenhand.conic import Entries, Epigraph, width
from evenhand.core import Problem
from evenhand.errors import SolverError
from evenhand.offline.horizon import action_rows, burden_entries
from evenhand.offline.moves import MoveRows, move_rows
from evenhand.offline.remembered import link_of
from evenhand.solvers import cvxpy

__all__ = ["by_cvxpy"]


def by_cvxpy(problem: Problem, cost_of_y: Epigraph | None = None) -> tuple[Array, Array, Array, int]:
    """Actions (T, n), multipliers of the burdens (m,) or (T, m) and of the rows of moves, and the solver's iterations
    of one episode with a Convex cost; another cost of y than the problem's g where one is given.

    Raises SolverError with CVXPY's status, MissingExtraError without CVXPY.
    """
    cp = cvxpy()
    setting, cost = problem.setting, problem.cost
    horizon, n = problem.horizon, setting.initial.shape[0]
    link = link_of(problem, burden_entries(problem), cost_of_y)
    x, y = cp.Variable((horizon, n)), cp.Variable(link.width)
    flat = cp.vec(x, order="C")
    goal = sum(cost.build(x[t], cost.data[t]) for t in range(horizon))  # pyright: ignore[reportAttributeAccessIssue]
    moves = move_rows(setting, horizon)
    rises = cp.Variable(max(moves.cost.shape[0], 1))
    goal = goal + moves.slope @ flat
    if moves.bends:
        goal = goal + 0.5 * cp.quad_form(flat, cp.psd_wrap(_hessian(moves, horizon * n)))
    (row, col, value), low, high = action_rows(problem)
    on_x, on_y = (
        _table(part, (link.width, part_of)) for part, part_of in ((link.on_x, horizon * n), (link.on_y, link.width))
    )
    linked = on_x @ flat + on_y @ y == link.bound
    rule: list[Any] = [linked]
    bound = None
    if moves.bound.size:
        i, j, entry = moves.rows
        changes = sp.csr_array((entry, (i, j)), shape=(moves.bound.shape[0], horizon * n + moves.cost.shape[0]))
        bound = changes @ (cp.hstack([flat, rises]) if moves.cost.size else flat) <= moves.bound
        rule.append(bound)
    if moves.cost.size:
        goal = goal + moves.cost @ rises
    else:
        rule.append(rises == 0)
    if low.size:
        rows = sp.csr_array((value, (row, col)), shape=(low.shape[0], horizon * n)) @ flat
        rule += _between(rows, low, high)
    lower, upper = (np.ascontiguousarray(end).reshape(-1) for end in problem.feasible.bounds)
    rule += _between(flat, lower, upper)
    g = link.epigraph
    extra = cp.Variable(g.cost.shape[0])
    inside = g.offset - sp.csr_array(g.on_y) @ y - sp.csr_array(g.on_a) @ extra
    at = 0
    for cone in g.cones:
        size = width(cone)
        rule.append(_in_cone(cone, inside[at : at + size]))
        at += size
    whole = cp.Problem(cp.Minimize(goal + g.cost @ extra), rule)
    tight = {"tol_gap_abs": 1e-9, "tol_gap_rel": 1e-9, "tol_feas": 1e-9}
    try:
        whole.solve(solver="CLARABEL", **tight)
    except cp.SolverError as error:
        raise SolverError(f"CVXPY found no optimum: {error}") from None
    if whole.status not in ("optimal", "optimal_inaccurate") or x.value is None:
        raise SolverError(f"CVXPY ended with status {whole.status}: no optimum found")
    z = np.zeros(0) if bound is None else np.asarray(bound.dual_value)
    return np.asarray(x.value), link.prices(np.asarray(linked.dual_value)), z, int(whole.solver_stats.num_iters or 0)


def _table(entries: Entries, shape: tuple[int, int]) -> Any:
    return sp.csr_array((entries.value, (entries.row, entries.column)), shape=shape)


def _hessian(moves: MoveRows, size: int) -> Any:
    """Both triangles."""
    upper = sum(sp.csr_array((v, (i, j)), shape=(size, size)) for i, j, v in moves.bends)
    return upper + sp.triu(upper, 1).T


def _between(rows: Any, low: Array, high: Array) -> list[Any]:
    same = low == high
    return [
        make
        for pick, make in (
            (same, lambda i: rows[i] == low[i]),
            (~same & np.isfinite(low), lambda i: rows[i] >= low[i]),
            (~same & np.isfinite(high), lambda i: rows[i] <= high[i]),
        )
        if pick.any()
        for make in [make(np.flatnonzero(pick))]
    ]


def _in_cone(cone: Any, part: Any) -> Any:
    cp = cvxpy()
    kind = type(cone).__name__
    if kind == "ZeroConeT":
        return part == 0
    if kind == "NonnegativeConeT":
        return part >= 0
    if kind == "SecondOrderConeT":
        return cp.SOC(part[0], part[1:])
    return cp.PowCone3D(part[0], part[1], part[2], cone.α)
