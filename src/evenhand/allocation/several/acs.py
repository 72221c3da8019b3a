"""Alternate convex search: several resources, not jointly concave (`spec/allocation.md §4`).

Each resource in turn is split exactly by water-filling with all others held; the objective never decreases.
It stops at a *partial optimum*: no change of one resource alone helps. That may be a local maximum or a
saddle, so there are several starts, the best is kept, and nothing here is ever called certified. Where the
problem is concave (`evenhand.allocation.several.joint`) the answer agrees with the global optimum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from evenhand.allocation.several.agents import Agents, Array, over_chunks, tabulate
from evenhand.columns import same
from evenhand.errors import ParameterError
from evenhand.kernels.alternate import climb
from evenhand.kernels.workers import workers

__all__ = ["AcsResult", "search", "single_pass", "solve"]

_Tables = tuple[Array, Array, Array, Array, Array, Array]
_POLISH = 3  # times the winner's sweeps, spent on it after its value has converged: prices settle at half the rate


@dataclass(frozen=True, slots=True)
class AcsResult:
    """A partial optimum, the best of several starts; local evidence only."""

    x: Array
    """(n, K), within the bounds and the capacities."""
    objective: float
    prices: Array
    """(K,) marginal value of each resource: mean over those between their bounds, by what they receive."""
    sweeps: int
    """Sweeps of the winning start."""
    start: int
    """The winning start: 0 equal split, 1 zero, 2 proportional to weight × exponent, 3 … random; below 0 one given."""
    objectives: Array
    """(starts,) where each start that was tried ended, given ones first."""
    history: Array
    """(sweeps + 1,) objective of the winning start before and after each sweep; non-decreasing."""
    residual: float
    """Stationarity: the largest relative distance of a marginal value from the price, on the wrong side."""
    converged: bool
    """Whether every start converged to the tolerance."""

    __eq__ = same


def solve(
    weight: ArrayLike,
    onboard: ArrayLike,
    exponents: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    capacity: ArrayLike,
    alpha: float,
    starts: int = 16,
    seed: int = 0,
    tol: float = 1e-10,
    max_sweeps: int = 10_000,
    scale: ArrayLike = 1.0,
) -> AcsResult:
    """Best partial optimum of Σ_i w_i φ_α(scale_i Π_k (o_ik + x_ik)^γ_ik) over the starts; arrays as in `joint`.

    A start has converged when all its further sweeps together would gain less than ``tol``, relative to its
    value. The answer depends on ``seed`` and not on the number of threads; it is never below `single_pass` or
    the equal split.

    Raises ParameterError when one resource alone is not strictly concave ((1 − alpha) γ ≥ 1) or an option is
    out of range, ProblemError and InfeasibleError for bad data.
    """
    if starts < 1 or max_sweeps < 1 or not tol >= 0.0:
        raise ParameterError(f"starts is {starts}, max_sweeps {max_sweeps}, tol {tol}; give at least 1, 1 and 0")
    agents = tabulate(weight, onboard, exponents, lower, upper, capacity, alpha, scale)
    return search(agents, starts, seed, tol, max_sweeps)


def search(
    agents: Agents,
    starts: int = 16,
    seed: int = 0,
    tol: float = 1e-10,
    max_sweeps: int = 10_000,
    first: Sequence[Callable[[], Array]] = (),
    enough: float = np.inf,
) -> AcsResult:
    """`solve` of tabulated agents. first: makers of more starts y (n, K), tried before; enough: an objective to stop
    at, and not to polish.
    """
    tables = _tables(agents)
    makers = [*first, *(partial(_start, agents, j, seed) for j in range(starts))]
    together = 1 if np.isfinite(enough) else len(makers)

    def run(make: Callable[[], Array]) -> tuple[Array, Array, bool]:
        return _climb(agents, tables, make(), tol, max_sweeps)

    objectives: list[float] = []
    best, winner, everyone = -1, (np.empty(0), np.empty(0), False), True
    with ThreadPoolExecutor(min(workers(), together)) as pool:
        for at in range(0, len(makers), together):
            for ended in pool.map(run, makers[at : at + together]):
                everyone &= ended[2]
                if best < 0 or ended[1][-1] > objectives[best]:
                    best, winner = len(objectives), ended
                objectives.append(float(ended[1][-1]))
            if objectives[best] >= enough:
                break
    y, history, _ = winner
    if everyone and enough == np.inf and (left := min(_POLISH * history.size, max_sweeps + 1 - history.size)) > 0:
        y, more, _ = _climb(agents, tables, y, 0.0, left)
        history = np.concatenate((history, more[1:]))
    return _result(agents, y, history, best - len(first), np.array(objectives), everyone)


def single_pass(
    weight: ArrayLike,
    onboard: ArrayLike,
    exponents: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    capacity: ArrayLike,
    alpha: float,
    scale: ArrayLike = 1.0,
) -> AcsResult:
    """The published rule, a baseline: *one* sweep from zero, resource 0 first. Not a partial optimum."""
    agents = tabulate(weight, onboard, exponents, lower, upper, capacity, alpha, scale)
    y, history, done = _climb(agents, _tables(agents), _start(agents, 1, 0), 0.0, 1)
    return _result(agents, y, history, 1, history[-1:], done)


def _tables(agents: Agents) -> _Tables:
    power = agents.s * np.where(agents.weight[:, None] > 0.0, agents.gain, 0.0)
    i, k = np.unravel_index(int(np.argmax(power)), power.shape)
    if power[i, k] >= 1.0:
        raise ParameterError(
            f"(1 − alpha) · exponents[{i}, {k}] = {power[i, k]:.6g}: not strictly concave in one"
            " resource alone; give exponents below 1 or a larger alpha"
        )
    want, floor, ceil, gain, base, span = (
        np.ascontiguousarray(a.T)
        for a in (agents.want, agents.floor, agents.ceil, agents.gain, agents.base, agents.span)
    )
    return want, floor, ceil, gain, base, span


def _climb(agents: Agents, tables: _Tables, start: Array, tol: float, sweeps: int) -> tuple[Array, Array, bool]:
    y = np.array(start.T, order="C")
    history = np.empty(sweeps + 1)
    done, converged = climb(agents.s, agents.bias, *tables, agents.room, tol, sweeps, y, history)
    return y.T, history[: done + 1], converged


def _start(agents: Agents, j: int, seed: int) -> Array:
    """Start j as y (n, K): every resource handed out in full (except from zero), within the bounds."""
    y = np.zeros(agents.span.shape)
    if j == 1:
        return y
    n = len(y)
    for k in np.flatnonzero(agents.room > 0.0):
        if j == 0:
            target, low = np.ones(n), agents.given[:, k]
        elif j == 2:
            target, low = agents.weight * agents.gain[:, k], np.zeros(n)
        else:
            rng = np.random.default_rng([seed, j, int(k)])
            # Every second one uneven: where a few take all (Σ γ > 1), the best optima are near corners.
            target, low = rng.gamma(np.full(n, 1.0 if j % 2 else 0.1)), np.zeros(n)
        y[:, k] = _level(target, low, agents.span[:, k], float(agents.room[k]))
    return y


def _level(target: Array, low: Array, span: Array, room: float) -> Array:
    """y = clip(t · target − low, 0, span) with t such that Σ y = room (or as much as the spans allow)."""
    y = np.zeros_like(target)
    m = (span > 0.0) & (target > 1e-300)
    slope, low, span = target[m], low[m], span[m]
    if span.sum() <= room:
        y[m] = span
        return y
    turn = np.concatenate((low / slope, (low + span) / slope))
    order = np.argsort(turn, kind="stable")
    turn, rate = turn[order], np.cumsum(np.concatenate((slope, -slope))[order])
    filled = np.concatenate(([0.0], np.cumsum(rate[:-1] * np.diff(turn))))
    j = max(int(np.searchsorted(filled, room)) - 1, 0)
    part = np.clip((turn[j] + (room - filled[j]) / rate[j]) * slope - low, 0.0, span)
    y[m] = part * min(1.0, room / part.sum())
    return y


def _result(agents: Agents, y: Array, history: Array, start: int, objectives: Array, converged: bool) -> AcsResult:
    y = np.ascontiguousarray(y)
    with over_chunks(y.shape[0]) as run:
        objective = agents.total(y, run)
    # A sweep is exact to rounding, so may lose a unit in the last place: the record is of the best.
    history = np.maximum.accumulate(history)
    log_m = agents.log_marginal(y)
    prices = np.zeros(y.shape[1])
    residual = 0.0
    for k in np.flatnonzero(agents.room > 0.0):
        part, full = y[:, k], y[:, k] >= agents.span[:, k] * (1.0 - 1e-12)
        free = (part > 0.0) & ~full
        if not np.any(free):  # everybody at a bound: any price between those who hold and those who lack
            free = (part > 0.0) & (log_m[:, k] == log_m[part > 0.0, k].min(initial=np.inf))
        if not np.any(free):
            continue
        top = float(log_m[free, k].max())
        price = top + np.log(np.sum(part[free] * np.exp(log_m[free, k] - top)) / part[free].sum())
        prices[k] = np.exp(price)
        apart = np.expm1(np.minimum(log_m[:, k] - price, 700.0))
        # Too cheap for who could take more; too dear for who holds some, by the part that could go back.
        missing = np.where(full, 0.0, apart)
        back = np.divide(part, agents.base[:, k] + part, out=np.zeros_like(part), where=part > 0.0)
        excess = -apart * back
        residual = max(residual, float(missing.max()), float(excess.max()))
    return AcsResult(
        y + agents.given, objective, prices, history.size - 1, start, objectives, history, residual, converged
    )
