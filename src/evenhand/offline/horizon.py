"""The whole horizon as one conic program in (x_1..x_T, y, fairness auxiliaries). Source: spec/online.md §1, §3.

    minimise    sum_t f_t(x_t) + s(x_t, x_{t-1})  +  T g(y)
    subject to  x_t in X_t,   T y = sum_t A_t x_t,   moves within their limits

or, with a memory, sum_t g(y_t) with y_t what is remembered in round t (`offline/remembered.py`).

Everything is (1) times T, so that the data keep their size. Costs, sets and g say themselves how they enter
(`evenhand.conic`), built-in or a user's own; the moves are as `offline/moves.py` writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from evenhand.columns import Array, same
from evenhand.conic import Entries, Epigraph, cost_form, set_form
from evenhand.core import Problem
from evenhand.impacts import Dense
from evenhand.offline.moves import MoveRows, Triplets, move_rows
from evenhand.offline.remembered import Link, link_of
from evenhand.solvers import clarabel

__all__ = ["Horizon", "action_rows", "build", "burden_entries"]


@final
@dataclass(frozen=True, slots=True)
class Horizon:
    """A conic program: min v'Pv/2 + q v, b - A v in cones; v = (x, y, a, auxiliaries of costs, of sets, rises of
    priced moves).

    ``burden_rows`` are those of ``link``, T y = sum A_t x_t or a memory's; m numbers are in y; ``moved_rows`` are those
    of ``moves``; the rows of (6), if any, come last, below ``above_frames``.
    """

    P: Any
    q: Array
    A: Any
    b: Array
    cones: list[Any]
    burden_rows: slice
    n_x: int
    m: int
    link: Link
    moves: MoveRows
    moved_rows: slice
    above_frames: int = 0

    __eq__ = same


def build(problem: Problem, cost_of_y: Epigraph | None = None) -> Horizon:
    """Assemble one episode (no leading axes), with another cost of y than the problem's g where one is given.

    Raises ProblemError for a family without a conic form.
    """
    c = clarabel()
    setting = problem.setting
    T, n = problem.horizon, setting.initial.shape[0]
    N = T * n
    link = link_of(problem, burden_entries(problem), cost_of_y)
    g, m = link.epigraph, link.width
    form = cost_form(problem.cost)
    set_x, set_v, set_offset, set_cones = _curved(problem)
    aside = N + m + g.cost.shape[0]  # where the auxiliaries of costs begin, then those of sets, then those of moves
    further = aside + form.slope.shape[0] - N
    moves = move_rows(setting, T)
    rises = further + (int(set_v.column.max()) + 1 if set_v.column.size else 0)
    size = rises + moves.cost.shape[0]

    def placed(column: Any) -> Any:
        return np.where(column < N, column, column - N + aside)

    bend = form.hessian
    bends: list[Triplets] = [(placed(bend.row), placed(bend.column), bend.value), *moves.bends]
    worth = form.slope[:N] + moves.slope, np.zeros(m), g.cost, form.slope[N:], np.zeros(rises - further), moves.cost
    q = np.concatenate(worth)
    P = _assemble(bends, (size, size))

    parts: list[Triplets] = []
    rhs: list[Array] = []
    height = 0

    def add(triplets: Any, bound: Array, shift: int = 0) -> None:
        nonlocal height
        parts.append((triplets[0] + height, triplets[1] + shift, triplets[2]))
        rhs.append(bound)
        height += bound.shape[0]

    rows, low, high = action_rows(problem)
    equal = low == high
    add(_pick(rows, equal), low[equal])
    burden = slice(height, height + m)
    on_y = link.on_y
    add(Entries.join(link.on_x, Entries(on_y.row, on_y.column + N, on_y.value)), link.bound)
    cones: list[Any] = [c.ZeroConeT(height)]
    start = height
    lower, upper = (np.ascontiguousarray(v).reshape(-1) for v in problem.feasible.bounds)
    for sign, end, bound in ((1.0, high, upper), (-1.0, low, lower)):
        open_ = ~equal & np.isfinite(end)
        if open_.any():
            i, j, v = _pick(rows, open_)
            add((i, j, sign * v), sign * end[open_])
        there = np.flatnonzero(np.isfinite(bound))
        add((np.arange(there.shape[0]), there, np.full(there.shape[0], sign)), sign * bound[there])
    moved = slice(height, height + moves.bound.shape[0])
    i, j, v = moves.rows
    add((i, np.where(j < N, j, j - N + rises), v), moves.bound)
    if height > start:
        cones.append(c.NonnegativeConeT(height - start))
    of_y: Any = sp.coo_array(g.on_y)
    of_a: Any = sp.coo_array(g.on_a)
    add(
        (
            np.concatenate([of_y.row, of_a.row]),
            np.concatenate([of_y.col, of_a.col + m]),
            np.concatenate([of_y.data, of_a.data]).astype(np.float64),
        ),
        g.offset,
        N,
    )
    add((form.rows.row, placed(form.rows.column), form.rows.value), form.offset)
    rows = Entries.join(set_x, Entries(set_v.row, set_v.column + further, set_v.value))
    add(rows, set_offset)
    cones += [*g.cones, *form.cones, *set_cones]
    return Horizon(P, q, _assemble(parts, (height, size)), np.concatenate(rhs), cones, burden, N, m, link, moves, moved)


def _assemble(parts: list[Triplets], shape: tuple[int, int]) -> Any:
    row, col, value = (np.concatenate([p[k] for p in parts]) for k in range(3))
    matrix = sp.csc_matrix((value, (row, col)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _pick(rows: Entries, keep: NDArray[np.bool_]) -> Any:
    """The rows that ``keep`` marks, renumbered."""
    at = keep[rows[0]]
    return (np.cumsum(keep) - 1)[rows[0][at]], rows[1][at], rows[2][at]


def burden_entries(problem: Problem) -> Entries:
    """(A_1 ... A_T), m x T n."""
    own = getattr(problem.impact, "entries", None)
    return Dense.of(problem.impact).entries() if own is None else own()


def action_rows(problem: Problem) -> tuple[Entries, Array, Array]:
    """Linear rows of the action sets over all rounds: their entries, low, high."""
    form = set_form(problem.feasible)
    lead = problem.horizon, *form.rows.shape[-2:]
    low, high = (np.broadcast_to(end, lead[:2]).reshape(-1) for end in (form.low, form.high))
    return Entries.blocks(np.broadcast_to(form.rows, lead)), low, high


def _curved(problem: Problem) -> tuple[Entries, Entries, Array, list[Any]]:
    """What is curved in the action sets over all rounds: entries on x and on auxiliaries v, offset, cones."""
    curved = set_form(problem.feasible).curved
    if curved is None:
        return Entries.none(), Entries.none(), np.zeros(0), []
    rounds, h = problem.horizon, curved.offset.shape[-1]
    on_x, on_v = (np.broadcast_to(part, (rounds, *part.shape[-2:])) for part in (curved.on_x, curved.on_v))
    offset = np.broadcast_to(curved.offset, (rounds, h)).reshape(-1)
    return Entries.blocks(on_x), Entries.blocks(on_v), offset, [*curved.cones] * rounds
