"""The whole horizon as one conic program in (x_1..x_T, y, fairness auxiliaries). Source: spec/online.md §1, §3.

    minimise    sum_t f_t(x_t) + s(x_t, x_{t-1})  +  T g(y)
    subject to  x_t in X_t,   T y = sum_t A_t x_t,   moves within their limits

Everything is (1) times T, so that the data keep their size. Quadratic costs, with hinges of unserved demand, utilities
by their hypographs in power and exponential cones, and the three set families; g enters by its epigraph, the moves as
`offline/moves.py` writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from evenhand.columns import Array
from evenhand.core import Problem
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ProblemError
from evenhand.fairness.blocks import Blocks
from evenhand.fairness.norm import Norm
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.impacts import Dense, Diagonal, Stacked
from evenhand.offline.hypograph import hypographs
from evenhand.offline.moves import MoveRows, Triplets, move_rows
from evenhand.offline.pieces import Epigraph, blocks_epigraph, hinges, shortfall_epigraph, target_epigraph
from evenhand.sets import Box, Budget, Polytope
from evenhand.solvers import clarabel

__all__ = ["Epigraph", "Horizon", "action_rows", "build", "burden_entries", "epigraph"]


@final
@dataclass(frozen=True, slots=True)
class Horizon:
    """A conic program: min v'Pv/2 + q v, b - A v in cones; v = (x, y, a, unserved demand, rises of priced moves), then
    hypographs' variables.

    ``burden_rows`` are the rows T y = sum A_t x_t, ``moved_rows`` those of ``moves``; those of (6), if any, come
    last, below ``above_frames``.
    """

    P: Any
    q: Array
    A: Any
    b: Array
    cones: list[Any]
    burden_rows: slice
    n_x: int
    m: int
    epigraph: Epigraph
    moves: MoveRows
    moved_rows: slice
    above_frames: int = 0


def epigraph(fairness: Any, m: int) -> Epigraph:
    """The epigraph of a fairness cost over m entities, for the conic solver."""
    maker = _EPIGRAPHS.get(type(fairness))
    if maker is None:
        known = ", ".join(k.__name__ for k in _EPIGRAPHS)
        raise ProblemError(f"no conic form for the fairness cost {type(fairness).__name__}; known: {known}")
    return maker(fairness, m)


def _norm_epigraph(g: Norm, m: int) -> Epigraph:
    c = clarabel()
    w = sp.diags(np.broadcast_to(g.weights, (m,)))
    one = np.ones((m, 1))
    if g.p == np.inf:
        return Epigraph(
            np.array([g.mu]),
            sp.vstack([w, -w]),
            sp.csr_matrix(np.vstack([-one, -one])),
            np.zeros(2 * m),
            [c.NonnegativeConeT(2 * m)],
        )
    if g.p == 1.0:
        minus = -sp.identity(m)
        return Epigraph(
            np.full(m, g.mu),
            sp.vstack([w, -w]),
            sp.vstack([minus, minus]),
            np.zeros(2 * m),
            [c.NonnegativeConeT(2 * m)],
        )
    if g.p == 2.0:
        top = sp.csr_matrix((1, m))
        return Epigraph(
            np.array([g.mu]),
            sp.vstack([top, -w]),
            sp.csr_matrix(np.concatenate([[-1.0], np.zeros(m)])[:, None]),
            np.zeros(m + 1),
            [c.SecondOrderConeT(m + 1)],
        )
    # sum r_i = tau and |w_i y_i| <= r_i^(1/p) tau^(1 - 1/p); auxiliaries (tau, r_1..r_m)
    on_y = sp.lil_matrix((3 * m + 1, m))
    on_a = sp.lil_matrix((3 * m + 1, m + 1))
    on_a[0, 0] = 1.0
    weights = np.broadcast_to(g.weights, (m,))
    for i in range(m):
        on_a[0, 1 + i] = -1.0
        on_a[1 + 3 * i, 1 + i] = -1.0
        on_a[2 + 3 * i, 0] = -1.0
        on_y[3 + 3 * i, i] = -weights[i]
    cost = np.zeros(m + 1)
    cost[0] = g.mu
    return Epigraph(cost, on_y, on_a, np.zeros(3 * m + 1), [c.ZeroConeT(1)] + [c.PowerConeT(1.0 / g.p)] * m)


_EPIGRAPHS: dict[type, Callable[[Any, int], Epigraph]] = {
    Norm: _norm_epigraph,
    Target: lambda g, m: target_epigraph(g, m, epigraph),
    Shortfall: lambda g, m: shortfall_epigraph(g, m, epigraph),
    Blocks: lambda g, m: blocks_epigraph(g, m, epigraph),
}


def build(problem: Problem, cost_of_y: Epigraph | None = None) -> Horizon:
    """Assemble one episode (no leading axes), with another cost of y than the problem's g where one is given.

    Raises ProblemError for a family without a conic form.
    """
    c = clarabel()
    setting = problem.setting
    T, n, m = problem.horizon, setting.initial.shape[0], problem.impact.entities
    N = T * n
    g = epigraph(setting.fairness, m) if cost_of_y is None else cost_of_y
    hinge = hinges(problem.cost)
    k = 0 if hinge is None else hinge.demand.shape[0]
    size = N + m + g.cost.shape[0] + k
    slack = np.arange(size - k, size)
    moves = move_rows(setting, T)
    size += moves.cost.shape[0]

    bend, slope = _cost(problem)
    bends = [bend, *moves.bends]
    q = np.concatenate([slope + moves.slope, np.zeros(m), T * g.cost])
    if hinge is not None:
        bends.append((slack, slack, hinge.weight))
        q = np.concatenate([q, hinge.price])
    q = np.concatenate([q, moves.cost])
    P = _assemble(bends, (size, size))

    parts: list[Triplets] = []
    rhs: list[Array] = []
    height = 0

    def add(triplets: Triplets, bound: Array, shift: int = 0) -> None:
        nonlocal height
        parts.append((triplets[0] + height, triplets[1] + shift, triplets[2]))
        rhs.append(bound)
        height += bound.shape[0]

    rows, low, high = action_rows(problem)
    equal = low == high
    add(_pick(rows, equal), low[equal])
    burden = slice(height, height + m)
    entity, column, weight = burden_entries(problem)
    each = np.arange(m)
    add(
        (
            np.concatenate([entity, each]),
            np.concatenate([column, N + each]),
            np.concatenate([-weight, np.full(m, float(T))]),
        ),
        np.zeros(m),
    )
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
    if hinge is not None:
        i, j, v = hinge.rows
        add((np.concatenate([i, np.arange(k)]), np.concatenate([j, slack]), -np.append(v, np.ones(k))), -hinge.demand)
        add((np.arange(k), slack, -np.ones(k)), np.zeros(k))
    moved = slice(height, height + moves.bound.shape[0])
    i, j, v = moves.rows
    add((i, np.where(j < N, j, j - N + size - moves.cost.shape[0]), v), moves.bound)
    if height > start:
        cones.append(c.NonnegativeConeT(height - start))
    on_y, on_a = sp.coo_array(g.on_y), sp.coo_array(g.on_a)
    add(
        (
            np.concatenate([on_y.row, on_a.row]),
            np.concatenate([on_y.col, on_a.col + m]),
            np.concatenate([on_y.data, on_a.data]).astype(np.float64),
        ),
        g.offset,
        N,
    )
    cones.extend(g.cones)
    program = Horizon(P, q, _assemble(parts, (height, size)), np.concatenate(rhs), cones, burden, N, m, g, moves, moved)
    return _with_utilities(program, problem.cost) if isinstance(problem.cost, UtilityCost) else program


def _with_utilities(program: Horizon, cost: UtilityCost) -> Horizon:
    """The program with one more variable and one more cone for every agent and round that has work."""
    add = hypographs(cost)
    old, (height, size) = program.A, program.A.shape
    count = add.cost.shape[0]
    on_x = sp.csc_matrix((add.on_x, (add.row_x, add.col_x)), shape=(add.offset.shape[0], size))
    on_v = sp.csc_matrix((add.on_v, (add.row_v, add.col_v)), shape=(add.offset.shape[0], count))
    return replace(
        program,
        P=sp.block_diag([program.P, sp.csc_matrix((count, count))], format="csc"),
        q=np.concatenate([program.q, add.cost]),
        A=sp.bmat([[old, sp.csc_matrix((height, count))], [on_x, on_v]], format="csc"),
        b=np.concatenate([program.b, add.offset]),
        cones=[*program.cones, *add.cones],
    )


def _assemble(parts: list[Triplets], shape: tuple[int, int]) -> Any:
    row, col, value = (np.concatenate([p[k] for p in parts]) for k in range(3))
    matrix = sp.csc_matrix((value, (row, col)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _pick(rows: Triplets, keep: NDArray[np.bool_]) -> Triplets:
    """The rows that ``keep`` marks, renumbered."""
    at = keep[rows[0]]
    return (np.cumsum(keep) - 1)[rows[0][at]], rows[1][at], rows[2][at]


def _cost(problem: Problem) -> tuple[Triplets, Array]:
    """Upper triangle of the Hessian of sum f_t, and the linear part."""
    cost = problem.cost
    if isinstance(cost, Quadratic | Unserved | Pooled):
        every = np.arange(cost.linear.size)
        return (every, every, cost.curvature.reshape(-1)), cost.linear.reshape(-1)
    if isinstance(cost, DenseQuadratic):
        T, n, _ = cost.matrix.shape
        i, j = np.triu_indices(n)
        shift = n * np.arange(T)[:, None]
        return (
            (i + shift).reshape(-1),
            (j + shift).reshape(-1),
            cost.matrix[:, i, j].reshape(-1),
        ), cost.linear.reshape(-1)
    if isinstance(cost, UtilityCost):  # all of it in the cones
        none = np.zeros(0, dtype=np.int64)
        return (none, none, np.zeros(0)), np.zeros(cost.weight.size)
    raise ProblemError(
        f"OPT takes Quadratic, DenseQuadratic, Unserved, Pooled and utility hitting costs, not {type(cost).__name__}"
    )


def burden_entries(problem: Problem) -> Triplets:
    """(A_1 ... A_T), m x T n."""
    impact = problem.impact
    if isinstance(impact, Diagonal):
        horizon, n = impact.weight.shape
        return np.tile(np.arange(n), horizon), np.arange(horizon * n), impact.weight.reshape(-1)
    if isinstance(impact, Dense):
        t, j, i = np.indices(impact.matrix.shape)
        n = impact.matrix.shape[-1]
        return j.reshape(-1), (t * n + i).reshape(-1), impact.matrix.reshape(-1)
    if isinstance(impact, Stacked):
        t, b, i = np.indices(impact.weight.shape)
        n = impact.weight.shape[-1]
        return (b * n + i).reshape(-1), (t * n + i).reshape(-1), impact.weight.reshape(-1)
    raise ProblemError(f"OPT takes Diagonal, Dense or Stacked impacts, not {type(impact).__name__}")


def action_rows(problem: Problem) -> tuple[Triplets, Array, Array]:
    """Linear rows of the action sets over all rounds: triplets, low, high."""
    feasible = problem.feasible
    T, n = problem.horizon, problem.setting.initial.shape[0]
    if isinstance(feasible, Box):
        none = np.zeros(0, dtype=np.int64)
        return (none, none, np.zeros(0)), np.zeros(0), np.zeros(0)
    if isinstance(feasible, Budget):
        total = np.ascontiguousarray(feasible.total)
        low = total if feasible.equal else np.full(T, -np.inf)
        return (np.repeat(np.arange(T), n), np.arange(T * n), np.ones(T * n)), low, total
    if isinstance(feasible, Polytope):
        k = feasible.rows.shape[-2]
        t, j, i = np.indices((T, k, n))
        triplets = ((t * k + j).reshape(-1), (t * n + i).reshape(-1), feasible.rows.reshape(-1))
        return triplets, feasible.low.reshape(-1), feasible.high.reshape(-1)
    raise ProblemError(f"OPT takes Box, Budget or Polytope, not {type(feasible).__name__}")
