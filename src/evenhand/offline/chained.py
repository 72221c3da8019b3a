"""The horizon program where its structure is known: an interior point method of our own in place of a general solver.

It takes quadratic costs without cross terms, those of unserved demand, boxes and budgets, every switching cost without
a matrix, any impact, and fairness costs whose conic form is linear or of second order, without a memory. Whatever else,
and what it does not finish, the general conic program solves; a proof of the answer is asked of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from evenhand.columns import Array, same
from evenhand.conic import Epigraph, cone, epigraph
from evenhand.core import Problem
from evenhand.costs.quadratic import Quadratic
from evenhand.costs.unserved import Unserved
from evenhand.impacts import Dense, Diagonal
from evenhand.kernels import reduce
from evenhand.kernels.blocks import EQUAL, LIMIT, NONE
from evenhand.offline.interior import Horizons, minimised
from evenhand.sets import Box, Budget
from evenhand.units import Units, in_units

__all__ = ["Chained", "chained", "speaks_of"]

#: gap per round and share of the equations left, in units in which the data are of about one: aimed at, and taken
TOLERANCE, ENOUGH = 1e-11, 1e-9
STEPS = 80
#: a row that leaves its actions less than this share of their room leaves them none
ROOM = 1e-13


@final
@dataclass(frozen=True, slots=True)
class Chained:
    """Of B episodes: whether each is answered (B,), actions (B, T, n), kappa (B, m), what moves are pushed with and the
    limits' part of it (B, T, n), steps (B,); in the problem's own units.
    """

    fine: NDArray[np.bool_]
    actions: Array
    kappa: Array
    push: Array
    held: Array
    steps: NDArray[np.int64]

    __eq__ = same


def speaks_of(problem: Problem) -> bool:
    """Whether the method takes this problem, its fairness cost aside."""
    setting = problem.setting
    kinds = type(problem.cost) in (Quadratic, Unserved) and type(problem.feasible) in (Box, Budget)
    return kinds and setting.switching.moves.matrix is None and setting.memory is None


def chained(problem: Problem, units: list[Units], cost_of_y: Epigraph | None = None) -> Chained | None:
    """The minimisers of (1), each episode solved in units of its own; None where the method does not speak of them.

    problem: no leading axis, or one; units: of each episode, in which the data are of about one.
    """
    cost: Any = problem.cost
    if not speaks_of(problem):
        return None
    known: dict[tuple[float, bytes], Any] = {}
    for one in units:
        key = one.money, one.burden.tobytes()
        known[key] = known[key] if key in known else _form(problem, one, cost_of_y)
    forms = [known[one.money, one.burden.tobytes()] for one in units]
    if None in known.values():
        return None
    own, on_y, on_a, offset = (np.stack([form[k] for form in forms]) for k in range(4))
    head = forms[0][4]
    setting, feasible, moves = problem.setting, problem.feasible, problem.setting.switching.moves
    B, rounds, n = len(units), problem.horizon, setting.initial.shape[0]
    action, money = (np.array([getattr(one, name) for one in units]) for name in ("action", "money"))
    burden = np.stack([one.burden for one in units])
    slope = action / money

    def each(part: Any, factor: Array, *core: int) -> Array:
        """One number for every episode and round, times the factor (B, ...)."""
        whole = np.broadcast_to(part, (B, rounds, *core))
        return np.multiply(
            whole, factor.reshape(B, 1, *factor.shape[1:], *[1] * (whole.ndim - 1 - factor.ndim)), order="C"
        )

    lower, upper = (each(end, 1.0 / action, n) for end in feasible.bounds)
    total = each(feasible.total, 1.0 / action) if isinstance(feasible, Budget) else np.full((B, rounds), np.inf)
    high, kind = _row(feasible, total)
    start, pinned, fine = _inside(lower, upper, high, kind)
    kind = np.where(pinned.all(axis=-1), NONE, kind)  # nothing moves there, so a row would say nothing
    rise = fall = None
    if moves.limited:
        rise, fall = (each(part, 1.0 / action, n) for part in (moves.rise, moves.fall))
        if moves.waived:
            rise[:, 0] = fall[:, 0] = np.inf
    rho, up, down = (
        np.broadcast_to(part, (n,)) * unit[:, None]
        for part, unit in ((moves.rho, slope * action), (moves.up, slope), (moves.down, slope))
    )
    diagonal = isinstance(problem.impact, Diagonal)
    weight = (
        problem.impact.weight[..., None, :] if isinstance(problem.impact, Diagonal) else Dense.of(problem.impact).matrix
    )
    share = action[:, None] / burden
    impact = each(weight, share[:, None, :] if diagonal else share[:, :, None], *weight.shape[-2:])
    lacks: list[Array | None] = [None, None, None]
    if isinstance(cost, Unserved):
        scales = ((cost.demand, 1.0 / action), (cost.price, slope), (cost.weight, slope * action))
        lacks = [each(part, factor, n) for part, factor in scales]
    data = Horizons(
        each(cost.curvature, slope * action, n), each(cost.linear, slope, n), rho, up, down,
        rise, fall, setting.initial / action[:, None], lower, upper, high, kind, pinned, start, impact, diagonal,
        own, on_y, on_a, offset, head, *lacks,
    )  # fmt: skip
    try:
        found = minimised(data, TOLERANCE, STEPS)
    except np.linalg.LinAlgError:  # nothing holds some direction
        return None
    fine &= (found.gap <= ENOUGH) & (found.left <= ENOUGH)
    force = (money / action)[:, None, None]
    return Chained(
        fine,
        found.x * action[:, None, None],
        found.kappa * (money[:, None] / burden),
        (found.push + found.held) * force,
        found.held * force,
        found.steps,
    )


def _form(problem: Problem, units: Units, cost_of_y: Epigraph | None) -> tuple[Array, Array, Array, Array, Any] | None:
    """The fairness cost's conic form in those units."""
    if cost_of_y is None:
        cost_of_y = epigraph(in_units(problem.setting.fairness, units), problem.impact.entities)
    head = _heads(cost_of_y)
    if head is None:
        return None
    own, offset = np.array(cost_of_y.cost, dtype=np.float64), np.array(cost_of_y.offset, dtype=np.float64)
    return own, _dense(cost_of_y.on_y), _dense(cost_of_y.on_a), offset, head


def _heads(g: Epigraph) -> tuple[int, ...] | None:
    """What each row of g's conic form is, as `kernels/cones.py` writes it; None for other cones than it speaks of."""
    flat, curved = type(cone("nonnegative", 1)), type(cone("second-order", 1))
    parts: list[int] = []
    for part in g.cones:
        if type(part) is flat:
            parts += [0] * part.dim
        elif type(part) is curved:
            parts += [part.dim, *[-1] * (part.dim - 1)]
        else:
            return None
    return tuple(parts)


def _dense(matrix: Any) -> Array:
    return np.array(sp.coo_array(matrix).toarray(), dtype=np.float64, order="C")


def _row(feasible: Any, total: Array) -> tuple[Array, NDArray[np.int64]]:
    """The end of each row of ones, (B, T), and which kind it is."""
    if type(feasible) is Box:
        return total, np.full(total.shape, NONE)
    if feasible.equal:
        return total, np.full(total.shape, EQUAL)
    return total, np.where(np.isfinite(total), LIMIT, NONE)


def _inside(lower: Array, upper: Array, high: Array, kind: Any) -> tuple[Array, Any, Any]:
    """A start within bounds and rows (B, T, n), the actions that have no room to move, and where there is a start."""
    pinned = lower == upper
    below = np.where(np.isfinite(lower), lower, np.where(np.isfinite(upper), upper - 2.0, -1.0))
    above = np.where(np.isfinite(upper), upper, below + 2.0)
    least, most = reduce.total(below), reduce.total(above)
    open_ = ~np.isfinite(upper)
    bound = np.where(kind == NONE, least, high)
    short = (kind == EQUAL) & (bound >= most)  # an open end reaches as far as it must
    above = np.where(short[..., None] & open_, above + (2.0 * (bound - most) + 1.0)[..., None], above)
    deep = (kind != NONE) & (bound <= least) & ~np.isfinite(lower).all(axis=-1)
    most = reduce.total(above)
    room = most - least
    aim = np.where(kind == EQUAL, bound, 0.5 * (least + np.minimum(np.where(kind == NONE, most, bound), most)))
    share = np.divide(aim - least, room, out=np.zeros_like(aim), where=room > 0.0)
    fine = ~((share < -ROOM) | (share > 1.0 + ROOM) | deep).any(axis=-1)
    full = (kind != NONE) & ((share <= ROOM) | (share >= 1.0 - ROOM))
    share = np.where(full, np.round(share), share)
    pinned |= full[..., None] | ~fine[:, None, None]
    return below + share[..., None] * (above - below), pinned, fine
