"""Prices of a set of jobs by an interior point, with the other jobs as a linear model (`spec/allocation.md §11`).

The kernels eliminate every job; here are the start, the K × K system, the steps and the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.several.agents import chunks, over_chunks
from evenhand.columns import same
from evenhand.kernels.jobs import Table
from evenhand.kernels.jobs_interior import State, System, advance, condense, factor, gauge, move
from evenhand.kernels.response import PIECES

__all__ = ["Met", "Others", "follow"]

Array = NDArray[np.float64]
#: iterations; twenty suffice, and where sixty do not, what was reached is proved or not by its gap
_STEPS = 60
_TO_BOUNDARY = 0.995
#: the end: mean pair over the mean bill, and capacities met, both relative
_PAIRS, _USE = 1e-13, 1e-12
#: steps that make nothing better before the end
_PATIENCE = 6
#: where prices are not unique (everybody's time used up) steps along the free direction would be rounding only
_STEADY = 1e-13


@dataclass(frozen=True, slots=True)
class Others:
    """Jobs that answer by formula: use (K,) at prices (K,), −its derivative (K, K) there."""

    price: Array
    use: Array
    bend: Array

    __eq__ = same

    @classmethod
    def none(cls, kinds: int) -> Others:
        """No other jobs."""
        return cls(np.zeros(kinds), np.zeros(kinds), np.zeros((kinds, kinds)))

    def at(self, price: Array) -> Array:
        """Their use at other prices, (K,)."""
        return self.use - self.bend @ (price - self.price)


@dataclass(frozen=True, slots=True)
class Met:
    """Prices (K,), the jobs' times (n, K), their price of speed (n,), steps; capacities over those given."""

    price: Array
    x: Array
    worth: Array
    steps: int
    room: float

    __eq__ = same


def follow(
    table: Table, marginal: Array, x: Array, capacity: Array, others: Others, copies: float, typical: Array | None,
    loose: bool = False,
) -> Met:  # fmt: skip
    """Solve for the jobs of the table, each counted `copies` times, beside the others.

    x (n, K): a start inside the bounds, Σ x < 1; marginal (n,): the price of speed there. typical (K,): the size of
    prices; None where there are no others to tell. loose: all capacities grow together as
    little as the speeds wanted (`FIXED` tables) ask for; prices are then such that the capacities are worth 1.
    """
    n, kinds = table.rate.shape
    at, beta = _start(table, marginal, x)
    p = _first_prices(table, at, capacity, others, copies, typical)
    at.z[:] = np.where(table.rate > 0.0, np.maximum(at.z + _over(table, at, p), at.z), 0.0)
    scale, slack, count = p * capacity, 0.1 * capacity, chunks(n)
    none = [np.zeros_like(a) for a in at[:-1]]
    step = State(none[0], none[1], none[2], none[3], none[4], none[5], none[6], at.first)
    system = System(np.empty((n, kinds, kinds)), np.empty((n, kinds)), np.empty((n, 3)))
    square, line, sums = np.zeros((count, kinds * kinds)), np.zeros((count, kinds)), np.zeros((count, 2 + kinds))
    kept, best, stale, room = Met(p, x, marginal, 0, 1.0), np.inf, 0, 1.0
    with over_chunks(n) as run:

        def over(kernel: Callable[..., None], *arguments: Any) -> None:
            run(lambda a, b: kernel(a, b, table, at, *arguments))

        def measure(length: float, pairs: Array) -> tuple[float, Array]:
            over(gauge, step, length, beta, sums)
            seen = sums.sum(axis=0)
            return float((seen[0] + np.sum(pairs / scale)) / (seen[1] + kinds)), seen[2:]

        mu, used = measure(0.0, p * slack)
        for steps in range(1, _STEPS + 1):
            short = room * capacity - slack - copies * used - others.at(p)
            over(factor, system, square)
            matrix = copies * square.sum(axis=0).reshape(kinds, kinds) + others.bend + np.diag(slack / p)
            alike = _solved(matrix, capacity)
            dp, ds, wider, length, aim, second = np.zeros(kinds), np.zeros(kinds), 0.0, 1.0, 0.0, 0.0
            for corrected in (False, True):
                pair = aim * scale - p * slack - second * dp * ds
                over(condense, system, aim, second, step, p, beta, line)
                dp = _solved(matrix, copies * line.sum(axis=0) + pair / p - short)
                if loose:
                    wider = float(capacity @ (p + dp) - 1.0) / float(capacity @ alike)
                    dp = dp - wider * alike
                ds = (pair - slack * dp) / p
                over(move, system, aim, second, step, p, dp, beta, line)
                length = min(1.0, (_TO_BOUNDARY if corrected else 1.0) * _longest(line, p, dp, slack, ds))
                if not corrected:
                    ahead, _ = measure(length, (p + length * dp) * (slack + length * ds))
                    aim, second = mu * min(max(ahead / mu, 0.0) ** 3, 1.0), length * length
            over(advance, step, length)
            p, slack, room = p + length * dp, slack + length * ds, room + length * wider
            mu, used = measure(0.0, p * slack)
            missed = float(np.max(np.abs(room * capacity - slack - copies * used - others.at(p)) / capacity))
            if not np.isfinite(mu):
                break
            stale = 0 if max(mu, missed) < best else stale + 1
            if stale == 0:
                best, kept = max(mu, missed), Met(p, np.array(at.x), np.array(at.worth), steps, room)
            if (mu <= _PAIRS and missed <= _USE) or stale >= _PATIENCE:
                break
    return kept


def _start(table: Table, marginal: Array, x: Array) -> tuple[State, Array]:
    """The jobs' own start at a tenth of their bills for every pair, and the bills (n,)."""
    n, usable = table.rate.shape[0], table.rate > 0.0
    x = np.where(usable, x, 0.0)
    beta = marginal * np.einsum("ik,ik->i", table.rate, x)
    tenth = 0.1 * beta[:, None]
    spare = 1.0 - x.sum(axis=1)
    z = np.where(usable, tenth / np.where(usable, x, 1.0), 0.0)
    bound = usable & (table.limit < 1.0)
    v = np.where(bound, tenth / np.where(bound, table.limit - x, 1.0), 0.0)
    piece, first = _pieces(table, marginal, beta, n)
    return State(x, z, v, spare, 0.1 * beta / spare, np.array(marginal), piece, first), beta


def _pieces(table: Table, marginal: Array, beta: Array, n: int) -> tuple[Array, NDArray[np.int64]]:
    """Half of every linear piece, with the prices of its bounds: (3, …), and where a job's pieces begin (n + 1,)."""
    c = table.columns
    linear = np.broadcast_to(c.code == PIECES, (n,))
    count = np.where(linear, np.broadcast_to(c.p1 - c.p0, (n,)), 0.0).astype(np.int64)
    first = np.concatenate(([0], np.cumsum(count)))
    job = np.repeat(np.arange(n), count)
    at = np.broadcast_to(c.p0, (n,))[job].astype(np.int64) + np.arange(job.size) - first[job]
    half = 0.5 * (c.table[1, at] - c.table[0, at])
    with np.errstate(over="ignore"):
        off = marginal[job] - np.exp(c.table[3, at] + np.broadcast_to(c.p2, (n,))[job])
    tenth = 0.1 * beta[job] / half
    return np.stack([half, np.maximum(off, tenth), np.maximum(-off, tenth)]), first


def _over(table: Table, at: State, price: Array) -> Array:
    """What an hour costs beyond what it is worth and its lower price pays, (n, K)."""
    workers = np.broadcast_to(table.workers, at.spare.shape)[:, None]
    return workers * price + at.hour[:, None] - at.worth[:, None] * table.rate - at.z


def _first_prices(
    table: Table, at: State, capacity: Array, others: Others, copies: float, typical: Array | None
) -> Array:
    """Those of the others; without others what the time at the start is worth."""
    if typical is not None:
        return np.maximum(others.price, 1e-3 * typical)
    used = copies * (np.broadcast_to(table.workers, at.spare.shape) @ at.x)
    earned = copies * np.sum(at.worth[:, None] * table.rate * at.x, axis=0)
    p = earned / np.where(used > 0.0, used, 1.0)
    return np.maximum(p, 1e-3 * float(p @ capacity) / (capacity.size * capacity))


def _longest(line: Array, p: Array, dp: Array, slack: Array, ds: Array) -> float:
    """The longest step inside all bounds."""
    length = float(np.min(line[:, 0], initial=1e300))
    for value, change in ((p, dp), (slack, ds)):
        falling = change < 0.0
        length = min(length, float(np.min(-value[falling] / change[falling], initial=1e300)))
    return length


def _solved(matrix: Array, right: Array) -> Array:
    """matrix⁻¹ right for a positive definite matrix, equilibrated."""
    scale = 1.0 / np.sqrt(np.diag(matrix))
    even = matrix * scale * scale[:, None]
    return scale * np.linalg.solve(even + _STEADY * np.eye(scale.size), scale * right)
