"""Any cost and any set that bring their conic forms (`evenhand.conic`): one call of the conic solver a round.

General and slow: for what has no route of its own, such as a user's own cost or set. A quadratic on a set without
anything curved is DAQP's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, layout, rebuild, stretch, take_lead
from evenhand.conic import CostForm, Entries, SetForm, cone, cost_form, set_form
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.errors import SolverError
from evenhand.proximal.dense import dense
from evenhand.proximal.kink import Kink
from evenhand.solvers import ConicAnswer, clarabel, conic

__all__ = ["as_episode", "modelled", "solve_round"]


def modelled(
    cost: Any,
    feasible: Any,
    tilt: Any,
    rho: Any,
    anchor: Any,
    kink: Kink | None = None,
    matrix: Array | None = None,
) -> Array:
    """argmin over the set of f(x) + tilt . x + (rho/2) ||x - anchor||^2, with prices per unit of move and more
    curvature around anchor, as one problem: (..., n). Raises SolverError, ProblemError.
    """
    if isinstance(cost, Quadratic | DenseQuadratic) and set_form(feasible).curved is None:
        return dense(cost, feasible, tilt, rho, anchor, kink, matrix)
    n = feasible.actions
    moved = (np.zeros(n) if kink is None else kink.at), np.zeros((n, n)) if matrix is None else matrix
    shapes = (np.shape(part)[:-1] for part in (tilt, rho, anchor, moved[0]))
    lead = np.broadcast_shapes(*shapes, moved[1].shape[:-2], _lead(cost), _lead(feasible))
    ats, squares = np.broadcast_to(moved[0], (*lead, n)), np.broadcast_to(moved[1], (*lead, n, n))
    costs, sets = stretch(cost, lead, cost.core), stretch(feasible, lead, feasible.core)
    tilts, anchors, rhos = (np.broadcast_to(part, (*lead, n)) for part in (tilt, anchor, rho))
    out = np.empty((*lead, n))
    for index in np.ndindex(*lead):
        form, within = cost_form(as_episode(take_lead(costs, index))), set_form(take_lead(sets, index))
        lower, upper = (np.broadcast_to(end, (n,)) for end in take_lead(sets, index).bounds)
        p, r, a = tilts[index], rhos[index], anchors[index]
        if kink is not None:
            form = _hinged(form, Kink(ats[index], kink.up, kink.down))
        if matrix is not None:
            form = replace(form, hessian=Entries.join(form.hessian, Entries.blocks(np.triu(squares[index])[None])))
            p = p - squares[index] @ a
        x, _ = solve_round(form, within, lower, upper, p - r * a, r)
        out[index] = np.clip(x, lower, upper)
    return out


def _hinged(form: CostForm, kink: Kink) -> CostForm:
    """With sum up (x - at) + (up + down) u, u >= at - x, u >= 0: one more auxiliary each, but for a constant."""
    n, k, h = kink.at.shape[0], form.slope.shape[0], form.offset.shape[0]
    up, down = (np.broadcast_to(price, (n,)) for price in (kink.up, kink.down))
    slope = np.concatenate([form.slope, up + down])
    slope[:n] += up
    at, less = np.arange(n), np.full(n, -1.0)
    rows = Entries.join(
        form.rows, Entries(h + at, at, less), Entries(h + at, k + at, less), Entries(h + n + at, k + at, less)
    )
    offset = np.concatenate([form.offset, -kink.at, np.zeros(n)])
    return CostForm(form.hessian, slope, rows, offset, [*form.cones, cone("nonnegative", 2 * n)])


def _lead(part: Any) -> tuple[int, ...]:
    """The leading axes of a part of a round."""
    shapes = [np.shape(getattr(part, name)) for name, rank in layout(type(part)) if rank is not None]
    ranks = [rank for _, rank in layout(type(part)) if rank is not None]
    return np.broadcast_shapes(*(shape[: len(shape) - rank] for shape, rank in zip(shapes, ranks, strict=True)))


def as_episode(part: Any) -> Any:
    """One round as an episode of one round."""
    ranks = [name for name, rank in layout(type(part)) if rank is not None]
    return rebuild(part, {name: np.asarray(getattr(part, name))[None] for name in ranks})


def solve_round(
    form: CostForm, within: SetForm, lower: Array, upper: Array, tilt: Array, rho: Array
) -> tuple[Array, Array]:
    """The minimiser of f(x) + tilt . x + rho . x^2 / 2 over one set (n,), and the multipliers of the form's rows."""
    n, k = lower.shape[0], form.slope.shape[0] - lower.shape[0]
    curved = within.curved
    more = 0 if curved is None else curved.on_v.shape[-1]
    size = n + k + more
    bend = sp.csc_array((form.hessian.value, (form.hessian.row, form.hessian.column)), shape=(size, size))
    bend = bend + sp.diags_array(np.append(rho, np.zeros(size - n)))
    slope = np.concatenate([form.slope, np.zeros(more)])
    slope[:n] += tilt
    rows, low, high = within.rows, within.low, within.high
    same = low == high
    eye = np.eye(n)
    parts: list[tuple[Any, Array]] = [(rows[same], low[same])]
    cones = [clarabel().ZeroConeT(int(same.sum()))]
    ends = [(rows, high, ~same), (-rows, -low, ~same), (eye, upper, True), (-eye, -lower, True)]
    open_ = [(table[keep], end[keep]) for table, end, there in ends for keep in [there & np.isfinite(end)]]
    parts += open_
    cones.append(clarabel().NonnegativeConeT(sum(end.shape[0] for _, end in open_)))
    wide = [_right(table, size) for table, _ in parts]
    offsets = [end for _, end in parts]
    own = form.rows
    wide.append(sp.csr_array((own.value, (own.row, own.column)), shape=(form.offset.shape[0], size)))
    offsets.append(form.offset)
    cones += form.cones
    if curved is not None:
        zero = np.zeros((curved.offset.shape[-1], k))
        wide.append(sp.csr_array(np.hstack([curved.on_x, zero, curved.on_v])))
        offsets.append(curved.offset)
        cones += curved.cones
    problem = sp.csc_matrix(sp.triu(bend)), slope, sp.csc_matrix(sp.vstack(wide)), np.concatenate(offsets), cones
    first = sum(table.shape[0] for table, _ in parts)
    answer = _answered(problem)
    return answer.x[:n], answer.z[first : first + form.offset.shape[0]]


def _answered(problem: Any) -> ConicAnswer:
    """As exactly as the solver can: where long steps get stuck in a curved cone, short ones may not."""
    for tolerance in (1e-12, 1e-10):
        try:
            return conic(*problem, tolerance=tolerance)
        except SolverError:
            pass
    answer = conic(*problem, careful=True)
    if answer.status not in ("Solved", "AlmostSolved"):
        off = f"residuals primal {answer.primal_residual:.1e} dual {answer.dual_residual:.1e}"
        raise SolverError(f"the solver stopped with {answer.status} after {answer.iterations} iterations, {off}")
    return answer


def _right(table: Array, size: int) -> Any:
    """Further columns of zeros."""
    return sp.csr_array(np.hstack([table, np.zeros((table.shape[0], size - table.shape[1]))]))
