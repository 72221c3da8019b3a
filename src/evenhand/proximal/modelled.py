"""Any cost and any set that bring their conic forms (`evenhand.conic`): one call of the conic solver a round.

General and slow: for what has no route of its own, such as a user's own cost or set. A quadratic on a set without
anything curved is DAQP's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, layout, rebuild, stretch, take_lead
from evenhand.conic import CostForm, SetForm, cost_form, set_form
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.errors import SolverError
from evenhand.proximal.dense import dense
from evenhand.solvers import clarabel, conic

__all__ = ["as_episode", "modelled", "solve_round"]


def modelled(cost: Any, feasible: Any, tilt: Any, rho: Any, anchor: Any) -> Array:
    """argmin over the set of f(x) + tilt . x + (rho/2) ||x - anchor||^2: (..., n). Raises SolverError, ProblemError."""
    if isinstance(cost, Quadratic | DenseQuadratic) and set_form(feasible).curved is None:
        return dense(cost, feasible, tilt, rho, anchor)
    n = feasible.actions
    lead = np.broadcast_shapes(*(np.shape(part)[:-1] for part in (tilt, rho, anchor)), _lead(cost), _lead(feasible))
    costs, sets = stretch(cost, lead, cost.core), stretch(feasible, lead, feasible.core)
    tilts, anchors, rhos = (np.broadcast_to(part, (*lead, n)) for part in (tilt, anchor, rho))
    out = np.empty((*lead, n))
    for index in np.ndindex(*lead):
        form, within = cost_form(as_episode(take_lead(costs, index))), set_form(take_lead(sets, index))
        lower, upper = (np.broadcast_to(end, (n,)) for end in take_lead(sets, index).bounds)
        p, r, a = tilts[index], rhos[index], anchors[index]
        x, _ = solve_round(form, within, lower, upper, p - r * a, r)
        out[index] = np.clip(x, lower, upper)
    return out


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
    try:
        answer = conic(*problem, tolerance=1e-12)
    except SolverError:
        answer = conic(*problem)
    return answer.x[:n], answer.z[first : first + form.offset.shape[0]]


def _right(table: Array, size: int) -> Any:
    """Further columns of zeros."""
    return sp.csr_array(np.hstack([table, np.zeros((table.shape[0], size - table.shape[1]))]))
