"""What a switching cost adds to the program of a whole horizon, and the prices of moves that prove its answer.

With d_t = x_t - x_{t-1}, B = diag(rho) + matrix, and s of `switching/moves.py`,

    sum_t s(x_t, x_{t-1}) = sum_t d_t' B d_t / 2  -  down . (x_T - x_0)  +  sum_t (up + down) . p_t,    p_t >= d_t, 0

since max(-d, 0) = max(d, 0) - d: one auxiliary for each move with a price, and the limits as rows on d_t.

For the bound (11): any v_t gives  s(d) >= (B d^_t + v_t) . d - d^_t' B d^_t / 2 - s*(v_t)  for every d within the
limits, where s*(v) = rise . max(v - up, 0) + fall . max(-down - v, 0) is the conjugate of prices and limits. So the
moves become linear in x, whatever their family; at the program's multipliers v the bound is tight. Source:
spec/online.md §5, §9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array, same
from evenhand.core import Problem, Setting
from evenhand.kernels import reduce
from evenhand.proximal.limits import cut, cuttable
from evenhand.switching.moves import Moves

__all__ = [
    "MoveRows",
    "Triplets",
    "least_within",
    "move_floor",
    "move_rows",
    "pushes_at",
    "refuse_unreachable",
    "telescoped",
]

#: row indices, column indices, values
Triplets = tuple[NDArray[np.intp], NDArray[np.intp], Array]


@final
@dataclass(frozen=True, slots=True)
class MoveRows:
    """Moves over T rounds of n actions, x numbered t n + i.

    bends: entries of the upper triangle of the Hessian; slope (T n,): linear cost of x. cost (k,): that of the
    auxiliaries p, whose moves are ``priced``. rows: entries (row, column, value) of rows <= bound, with x in columns
    0..T n - 1 and p behind them: d - p and -p for each priced move, then d for each that is limited upwards (``up``),
    -d downwards (``down``). floor (T n,): the least price of a move, -down.
    """

    bends: list[Triplets]
    slope: Array
    cost: Array
    priced: NDArray[np.intp]
    up: NDArray[np.intp]
    down: NDArray[np.intp]
    rows: Triplets
    bound: Array
    floor: Array

    __eq__ = same

    def pushes(self, z: Array) -> tuple[Array, Array]:
        """From the multipliers z of the rows: what each move is pushed with, v (T n,), and the limits' part of it."""
        k, r = self.priced.shape[0], self.up.shape[0]
        held = np.zeros(self.floor.shape)
        held[self.up] += z[2 * k : 2 * k + r]
        held[self.down] -= z[2 * k + r :]
        push = self.floor + held
        push[self.priced] += z[:k]
        return push, held


def move_rows(setting: Setting, rounds: int) -> MoveRows:
    """The switching cost of T rounds, and its limits."""
    moves, x_0 = setting.switching.moves, setting.initial
    n = x_0.shape[0]
    size = rounds * n
    first = np.arange(n)

    def each(part: Array, start: int = 0) -> Array:
        """One number for every move; 0 in the rounds before ``start``."""
        return np.where(np.arange(size) < start * n, np.inf, np.tile(np.broadcast_to(part, (n,)), rounds))

    bends, slope = _quadratic(moves, x_0, rounds)
    above, below = each(moves.up), each(moves.down)
    if moves.kinked:
        slope[size - n :] -= below[size - n :]
    priced = np.flatnonzero(above + below > 0.0)
    start = 1 if moves.waived else 0
    rise, fall = each(moves.rise, start), each(moves.fall, start)
    up, down = np.flatnonzero(np.isfinite(rise)), np.flatnonzero(np.isfinite(fall))
    k = priced.shape[0]
    origin = np.zeros(size)
    origin[first] = x_0

    def change(at: NDArray[np.intp], sign: float, row: int) -> Triplets:
        """sign d, one row for each move in ``at``."""
        rows = row + np.arange(at.shape[0])
        later = at >= n
        return (
            np.concatenate([rows, rows[later]]),
            np.concatenate([at, at[later] - n]),
            np.concatenate([np.full(rows.shape[0], sign), np.full(int(later.sum()), -sign)]),
        )

    helper = np.arange(k)
    parts = [
        change(priced, 1.0, 0),
        (helper, size + helper, np.full(k, -1.0)),
        (k + helper, size + helper, np.full(k, -1.0)),
        change(up, 1.0, 2 * k),
        change(down, -1.0, 2 * k + up.shape[0]),
    ]
    rows_of: Any = tuple(np.concatenate([part[j] for part in parts]) for j in range(3))
    bound = np.concatenate([origin[priced], np.zeros(k), rise[up] + origin[up], fall[down] - origin[down]])
    return MoveRows(bends, slope, (above + below)[priced], priced, up, down, rows_of, bound, -below)


def _quadratic(moves: Moves, x_0: Array, rounds: int) -> tuple[list[Triplets], Array]:
    """sum_t d_t' B d_t / 2: upper triangle of its Hessian, and its linear part."""
    n = x_0.shape[0]
    size = rounds * n
    slope = np.zeros(size)
    rho = np.broadcast_to(moves.rho, (n,))
    every = np.arange(size)
    bend = np.tile(2.0 * rho, rounds)
    bend[size - n :] = rho
    bends: list[Triplets] = []
    if rho.any():
        off = np.tile(-rho, rounds - 1)
        bends += [(every, every, bend), (every[: size - n], every[n:], off)]
        slope[:n] -= rho * x_0
    if moves.matrix is not None:
        i, j = np.triu_indices(n)
        start = n * np.arange(rounds)[:, None]
        twice = np.full((rounds, 1), 2.0)
        twice[-1] = 1.0
        bends.append(((start + i).reshape(-1), (start + j).reshape(-1), (twice * moves.matrix[i, j]).reshape(-1)))
        i, j = (index.reshape(-1) for index in np.indices((n, n)))
        before = start[:-1]
        bends.append(
            (
                (before + i).reshape(-1),
                (before + n + j).reshape(-1),
                np.tile(-moves.matrix[i, j], rounds - 1),
            )
        )
        slope[:n] -= moves.matrix @ x_0
    return bends, slope


def telescoped(force: Array, initial: Array) -> tuple[Array, Array]:
    """sum_t w_t . (x_t - x_{t-1}) as sum_t slope_t . x_t + start: w (..., T, n) -> (..., T, n), (...)."""
    slope = force.copy()
    slope[..., :-1, :] -= force[..., 1:, :]
    return slope, -reduce.total(force[..., 0, :] * initial)


def pushes_at(moves: Moves, actions: Array, before: Array) -> Array:
    """v from a sequence alone: the price of each move that was made, 0 where none was: (..., T, n)."""
    step = actions - before
    return np.where(step > 0.0, moves.terms[1], np.where(step < 0.0, -moves.terms[2], 0.0))


def move_floor(moves: Moves, actions: Array, before: Array, pushes: Array | None) -> tuple[Array, Array]:
    """w_t (..., T, n) and c_t (..., T) with s(d_t) >= w_t . d_t - c_t for all moves within the limits.

    pushes: any v (..., T, n), `pushes_at` where there is none. Tight at the moves of ``actions`` where v is the
    solver's. Quadratic parts by their tangent, prices and limits by their conjugate.
    """
    step = actions - before
    pull = moves.terms[0] * step
    half = 0.5 * reduce.total(pull * step)
    if moves.matrix is not None:
        more = reduce.apply(moves.matrix, step)
        pull, half = pull + more, half + 0.5 * reduce.total(more * step)
    if not moves.kinked and not moves.limited:
        return pull, half
    v = pushes_at(moves, actions, before) if pushes is None else pushes
    up, down, rise, fall = moves.terms[1:]
    v = np.clip(v, np.where(np.isfinite(fall), -np.inf, -down), np.where(np.isfinite(rise), np.inf, up))
    if moves.waived:
        v = np.concatenate([np.clip(v[..., :1, :], -down, up), v[..., 1:, :]], axis=-2)
    above, below = np.maximum(v - up, 0.0), np.maximum(-down - v, 0.0)
    with np.errstate(invalid="ignore"):
        charge = np.where(above > 0.0, above * rise, 0.0) + np.where(below > 0.0, below * fall, 0.0)
    return pull + v, half + reduce.total(charge)


def least_within(view: Problem, tilt: Array, held: Array | None) -> float:
    """A proved lower bound on sum_t tilt_t . x_t over one episode's sets and limits, tight at the limits' multipliers.

    tilt (T, n); held: what limits push moves with, (T, n), None for no limits.
    """
    moves = view.setting.switching.moves
    if held is None or not moves.limited:
        return float(reduce.total(view.feasible.support(tilt)))
    force, charge = move_floor(moves.alone(), held, held, held)
    slope, start = telescoped(force, view.setting.initial)
    return float(reduce.total(view.feasible.support(tilt + slope)) + start - reduce.total(charge))


def refuse_unreachable(problem: Problem) -> None:
    """Raise InfeasibleError, naming round, site and limit, where limits keep a round out of reach whatever is done.

    Bounds of what can be reached go forward from x_0, each site alone; totals are asked round by round. One episode;
    what passes may still be infeasible, which the solver then proves.
    """
    setting = problem.setting
    if not setting.switching.moves.limited or not cuttable(problem.feasible):
        return
    low = high = setting.initial
    for round in problem.rounds:
        low, high = cut(setting, round, low, high, setting.switching.moves.at(round.index)).bounds
