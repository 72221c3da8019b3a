"""Proved minima of any convex costs: tangents lie below a convex function, wherever and however they were found.

For weights theta >= 0 that sum to one, f(x) >= sum_j theta_j [f(x_j) + s_j . (x - x_j)] with s_j a subgradient at x_j,
and the right side is minimised over the set by its support function. The first cut is the tangent at the answer, tight
where f is smooth; beside a kink come those on either side of it, then Kelley's cutting planes. A linear program gives
the weights, never the value. Source: spec/online.md (11).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evenhand.columns import Array, take_lead
from evenhand.conic import CostForm, cone, set_form
from evenhand.core import HittingCost
from evenhand.errors import EvenhandError
from evenhand.proximal.modelled import solve_round
from evenhand.sets import Box, Polytope

__all__ = ["least_by_cuts"]

#: relative tightness that is good enough, the distance of the cuts beside a kink, and how many more may follow
TIGHT, BESIDE, MORE = 1e-9, 1e-5, 40


def least_by_cuts(cost: HittingCost, feasible: Any, slope: Array, near: Array, value: Array) -> Array:
    """A lower bound on min over X_t of f_t(x) + slope . x: (..., n) -> (...), tight where ``near`` is the minimiser.

    value (...): f_t(near). Works round by round: a CVXPY expression has no leading axes.
    """
    out = np.empty(slope.shape[:-1])
    steep = _slope(cost, near)
    with np.errstate(invalid="ignore"):
        first = value - (steep * near).sum(axis=-1) + feasible.support(np.where(np.isfinite(steep), steep, 0.0) + slope)
    reached = value + (slope * near).sum(axis=-1)
    size = np.abs(value) + np.abs(slope * near).sum(axis=-1)
    ends = [np.where(np.isfinite(end), np.abs(end), 0.0).max(initial=0.0) for end in feasible.bounds]
    step = BESIDE * float(np.abs(near).max(initial=0.0) or max(ends) or 1.0)
    for index in np.ndindex(out.shape):
        out[index] = first[index]
        if not first[index] >= reached[index] - TIGHT * size[index]:
            one, within = take_lead(cost, index), take_lead(feasible, index)
            goal = float(reached[index] - TIGHT * size[index])
            out[index] = _kelley(one, within, slope[index], near[index], step, goal, float(first[index]))
    return out


def _slope(cost: HittingCost, x: Array) -> Array:
    """A subgradient, nan where CVXPY has none."""
    try:
        return cost.gradient(x)
    except (TypeError, ValueError, AttributeError):
        return np.full(x.shape, np.nan)


def _kelley(
    cost: HittingCost, feasible: Any, slope: Array, near: Array, step: float, goal: float, bound: float
) -> float:
    """The bound, raised until it is the goal or nothing helps."""
    known = hasattr(feasible, "conic")
    rows = Polytope.around(feasible if known else Box(*feasible.bounds))
    curved = known and set_form(feasible).curved is not None
    level: list[float] = []
    steep: list[Array] = []

    def cut(x: Array) -> None:
        with np.errstate(all="ignore"):
            s, f = _slope(cost, x), float(cost.value(x))
            if np.isfinite(s).all() and np.isfinite(f):
                level.append(f - float(s @ x))
                steep.append(s + slope)

    for x in (near, *(near + sign * step * way for way in np.eye(near.size) for sign in (1.0, -1.0))):
        cut(x)
    bound = -np.inf if np.isnan(bound) else bound
    loose = ~(np.isfinite(rows.lower) & np.isfinite(rows.upper)) & (near != rows.lower) & (near != rows.upper)
    if loose.any() and level:
        theta = _level(np.stack(steep)[:, loose])
        bound = max(bound, _proved(feasible, theta, np.array(level), np.stack(steep), slope))
    for _ in range(MORE):
        if not level or bound >= goal:
            break
        lowest = _curved_master if curved else _master
        x, theta = lowest(feasible if curved else rows, np.array(level), np.stack(steep))
        if theta is not None:
            bound = max(bound, _proved(feasible, theta, np.array(level), np.stack(steep), slope))
        if x is None or bound >= goal:
            break
        cut(x)
    return bound


def _proved(feasible: Any, theta: Array, level: Array, steep: Array, slope: Array) -> float:
    """What the weighted cuts prove; a slope that only rounds to zero is zero where the set has no end."""
    way = theta @ steep
    lower, upper = feasible.bounds
    open_ = ~np.isfinite(np.where(way > 0.0, lower, upper))
    noise = 1e-13 * (theta @ np.abs(steep - slope) + np.abs(slope))
    way = np.where(open_ & (np.abs(way) <= noise), 0.0, way)
    return float(theta @ level + feasible.support(way))


def _level(steep: Array) -> Array:
    """Weights that make the slope zero where the set has no end, which a linear program does only to its tolerance."""
    from scipy.optimize import nnls

    size = float(np.abs(steep).max()) or 1.0
    theta, _ = nnls(np.vstack([steep.T / size, np.ones(steep.shape[0])]), np.append(np.zeros(steep.shape[1]), 1.0))
    return theta / (float(theta.sum()) or 1.0)


def _master(rows: Polytope, level: Array, steep: Array) -> tuple[Array | None, Array | None]:
    """The minimiser of the largest cut over the set, and the cuts' weights, both as HiGHS finds them."""
    from scipy.optimize import linprog

    n, k = steep.shape[1], level.size
    unit = np.maximum(*(np.where(np.isfinite(end), np.abs(end), 0.0) for end in (rows.lower, rows.upper)))
    unit = np.where(unit > 0.0, unit, float(unit.max(initial=0.0)) or 1.0)
    scale = float(np.abs(level).max() or np.abs(steep * unit).max() or 1.0)
    same = rows.low == rows.high
    high, low = ~same & np.isfinite(rows.high), ~same & np.isfinite(rows.low)
    matrix = rows.rows * unit
    length = np.abs(matrix).max(axis=-1, initial=0.0)
    length = np.where(length > 0.0, length, 1.0)
    matrix = matrix / length[:, None]
    side = np.vstack([matrix[high], -matrix[low]])
    found = linprog(
        np.append(np.zeros(n), 1.0),
        np.block([[steep * unit / scale, -np.ones((k, 1))], [side, np.zeros((side.shape[0], 1))]]),
        np.concatenate([-level / scale, (rows.high / length)[high], -(rows.low / length)[low]]),
        np.append(matrix[same], np.zeros((int(same.sum()), 1)), axis=1) if same.any() else None,
        (rows.low / length)[same] if same.any() else None,
        [*zip(rows.lower / unit, rows.upper / unit, strict=True), (None, None)],
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.status != 0:
        return None, None
    theta = np.maximum(-np.asarray(found.ineqlin.marginals)[:k], 0.0)
    total = float(theta.sum())
    return np.asarray(found.x)[:n] * unit, theta / total if total > 0.0 else None


def _curved_master(feasible: Any, level: Array, steep: Array) -> tuple[Array | None, Array | None]:
    """As `_master`, over a set that is curved: by the conic solver."""
    n, k = steep.shape[1], level.size
    lower, upper = feasible.bounds
    unit = float(max((np.abs(end[np.isfinite(end)]).max(initial=0.0) for end in (lower, upper)), default=0.0)) or 1.0
    scale = float(np.abs(level).max() or np.abs(steep * unit).max() or 1.0)
    form = set_form(feasible)
    curved = form.curved
    within = replace(form, rows=form.rows * unit, curved=curved and replace(curved, on_x=curved.on_x * unit))
    table = np.hstack([steep * unit / scale, np.full((k, 1), -1.0)])
    top = CostForm.of_rounds(
        np.append(np.zeros(n), 1.0)[None], np.zeros((1, n + 1)), table[None], -level[None] / scale,
        [cone("nonnegative", k)], n,
    )  # fmt: skip
    try:
        x, z = solve_round(top, within, lower / unit, upper / unit, np.zeros(n), np.zeros(n))
    except EvenhandError:
        return None, None
    theta = np.maximum(z, 0.0)
    total = float(theta.sum())
    return x * unit, theta / total if total > 0.0 else None
