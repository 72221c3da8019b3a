"""The horizon program where its structure is known: one kernel, `kernels/hindsight.py`, in place of a general solver.

It takes quadratic costs without cross terms, boxes and budgets, every switching cost without a matrix, any impact, and
fairness costs whose conic form is linear, without a memory. Whatever else, and what it does not finish, the general
conic program solves; a proof of the answer is asked of both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array
from evenhand.conic import Epigraph, cone, epigraph
from evenhand.core import Problem
from evenhand.costs.quadratic import Quadratic
from evenhand.impacts import Dense, Diagonal
from evenhand.kernels.blocks import EQUAL, LIMIT, NONE
from evenhand.kernels.hindsight import hindsight
from evenhand.sets import Box, Budget

__all__ = ["Chained", "chained"]

#: gap per round and share of the equations left, in units in which the data are of about one: aimed at, and taken
TOLERANCE, ENOUGH = 1e-11, 1e-9
STEPS = 80
#: a row that leaves its actions less than this share of their room leaves them none
ROOM = 1e-13

#: actions (T, n), kappa (m,), what moves are pushed with, the limits' part of it (T, n), steps
Chained = tuple[Array, Array, Array, Array, int]


def chained(view: Problem, cost_of_y: Epigraph | None = None) -> Chained | None:
    """The minimiser of (1), data of about one; None where the kernel does not speak of the problem, or stops short."""
    setting, feasible = view.setting, view.feasible
    moves = setting.switching.moves
    if type(view.cost) is not Quadratic or type(feasible) not in (Box, Budget):
        return None
    if moves.matrix is not None or setting.memory is not None:
        return None
    g = epigraph(setting.fairness, view.impact.entities) if cost_of_y is None else cost_of_y
    if not _linear(g):
        return None
    rounds, n = view.horizon, setting.initial.shape[0]

    def each(part: Any) -> Array:
        return np.array(np.broadcast_to(part, (rounds, n)), dtype=np.float64, order="C")

    lower, upper = (each(end) for end in feasible.bounds)
    row, low, high, kind = _row(feasible, rounds, n)
    start = _inside(lower, upper, low, high, kind)
    if start is None:
        return None
    x, pinned = start
    rise, fall = each(moves.rise), each(moves.fall)
    if moves.waived:
        rise[0] = fall[0] = np.inf
    rho, up, down = (
        np.array(np.broadcast_to(part, (n,)), dtype=np.float64) for part in (moves.rho, moves.up, moves.down)
    )
    diagonal = type(view.impact) is Diagonal
    if isinstance(view.impact, Diagonal):
        impact = each(view.impact.weight)[:, None, :]
    else:
        matrix = Dense.of(view.impact).matrix
        impact = np.array(np.broadcast_to(matrix, (rounds, *matrix.shape[-2:])), dtype=np.float64, order="C")
    on_y, on_a = _dense(g.on_y), _dense(g.on_a)
    own, offset = np.array(g.cost, dtype=np.float64), np.array(g.offset, dtype=np.float64)
    initial = setting.initial.astype(np.float64)
    bend, slope = each(view.cost.curvature), each(view.cost.linear)
    try:
        x, kappa, push, held, steps, gap, left = hindsight(
            bend, slope, rho, up, down, rise, fall, initial, lower, upper, row, low, high, kind, pinned, x,
            impact, diagonal, own, on_y, on_a, offset, TOLERANCE, STEPS,
        )  # fmt: skip
    except (np.linalg.LinAlgError, ZeroDivisionError):  # nothing holds some direction, or a number left its range
        return None
    if not (gap <= ENOUGH * rounds and left <= ENOUGH):
        return None
    return x, kappa, push + held, held, int(steps)


def _linear(g: Epigraph) -> bool:
    return all(type(part) is type(cone("nonnegative", 1)) for part in g.cones)


def _dense(matrix: Any) -> Array:
    return np.array(sp.coo_array(matrix).toarray(), dtype=np.float64, order="C")


def _row(feasible: Any, rounds: int, n: int) -> tuple[Array, Array, Array, Any]:
    """The row of each round, its ends, and which kind it is."""
    ends = np.full(rounds, -np.inf), np.full(rounds, np.inf)
    if type(feasible) is Box:
        return np.zeros((rounds, n)), *ends, np.full(rounds, NONE)
    total = np.array(np.broadcast_to(feasible.total, (rounds,)), dtype=np.float64)
    if feasible.equal:
        return np.ones((rounds, n)), total, total, np.full(rounds, EQUAL)
    return np.ones((rounds, n)), ends[0], total, np.where(np.isfinite(total), LIMIT, NONE)


def _inside(lower: Array, upper: Array, low: Array, high: Array, kind: Any) -> tuple[Array, Any] | None:
    """A start within bounds and rows, and the actions that have no room to move; None where there is none."""
    pinned = lower == upper
    below = np.where(np.isfinite(lower), lower, np.where(np.isfinite(upper), upper - 2.0, -1.0))
    above = np.where(np.isfinite(upper), upper, below + 2.0)
    least, most = below.sum(axis=-1), above.sum(axis=-1)
    open_ = (~np.isfinite(upper)).sum(axis=-1)
    bound = np.where(kind == NONE, least, high)
    short = (kind == EQUAL) & (bound >= most) & (open_ > 0)  # an open end reaches as far as it must
    above = np.where(short[:, None] & ~np.isfinite(upper), above + (2.0 * (bound - most) + 1.0)[:, None], above)
    deep = (kind != NONE) & (bound <= least)
    if (deep & ~np.isfinite(lower).all(axis=-1)).any():
        return None
    most = above.sum(axis=-1)
    room = most - least
    aim = np.where(kind == EQUAL, bound, 0.5 * (least + np.minimum(np.where(kind == NONE, most, bound), most)))
    share = np.divide(aim - least, room, out=np.zeros_like(aim), where=room > 0.0)
    if (share < -ROOM).any() or (share > 1.0 + ROOM).any():
        return None
    full = (kind != NONE) & ((share <= ROOM) | (share >= 1.0 - ROOM))
    share = np.where(full, np.round(share), share)
    return below + share[:, None] * (above - below), pinned | full[:, None]
