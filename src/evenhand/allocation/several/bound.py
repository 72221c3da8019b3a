"""Proof without concavity: the dual function over prices, and alternate search from its best responses.

    value of every feasible allocation ≤ D(λ) = Σ_k λ_k C_k + Σ_i max_{l ≤ x_i ≤ min(u, C)} [ w_i φ_α(U_i) − λ·x_i ]

for any prices λ ≥ 0 (`spec/allocation.md §10`): weak duality asks for no concavity, and every agent's maximum is
exact. At the prices where D is least the best responses nearly use the capacities up, so alternate search from there
ends within what about K + 1 agents are not concave: the gap shrinks as 1/n.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from evenhand.allocation.several import acs
from evenhand.allocation.several.agents import Agents, Array, Run, chunks, over_chunks, tabulate
from evenhand.allocation.several.bundle import minimise
from evenhand.allocation.several.dual import log_prices_of_equal_split
from evenhand.columns import same
from evenhand.errors import ParameterError
from evenhand.kernels.cobb_douglas import LOG_ZERO
from evenhand.kernels.peaks import best

__all__ = ["Bounded", "bound", "solve"]

_TOL = 1e-7  # of the bound: far below the gaps that are left without concavity
_PASSES = 300  # 20 for two resources, 40 for four
_ROUNDING = 1e-12  # of all that is summed up: what exponentials and sums may lose, with two digits to spare
_NEAR = (1.0, 0.999, 1.001, 0.99, 1.01, 0.9, 1.1)  # times the prices: agents that are tied choose otherwise nearby
_MANY = 100_000  # shares; up to this many every start is tried, beyond until the gap is
_ENOUGH = 1e-6


@final
@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """The best allocation found, and prices (K,) at which no feasible allocation is worth more than bound."""

    found: acs.AcsResult
    prices: Array
    bound: float

    __eq__ = same


def bound(
    weight: ArrayLike,
    onboard: ArrayLike,
    exponents: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    capacity: ArrayLike,
    alpha: float,
    prices: ArrayLike,
    scale: ArrayLike = 1.0,
) -> float:
    """D(λ) at *any* prices (K,) ≥ 0, concave or not, α < 1; with a margin for rounding. Arrays as in `joint.solve`.

    Raises ParameterError for prices or a level it is not made for, ProblemError and InfeasibleError for bad data.
    """
    agents = _agents(weight, onboard, exponents, lower, upper, capacity, alpha, scale)
    p = np.asarray(prices, dtype=np.float64)
    if p.shape != agents.room.shape or not np.all((p >= 0.0) & (p < np.inf)):
        raise ParameterError(f"prices is {p}: give {agents.room.size} finite numbers of 0 or more")
    with over_chunks(agents.weight.size) as run:
        return _evaluate(agents, np.log(np.maximum(p, np.exp(LOG_ZERO))), run)[0]


def solve(
    weight: ArrayLike,
    onboard: ArrayLike,
    exponents: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    capacity: ArrayLike,
    alpha: float,
    scale: ArrayLike = 1.0,
) -> Bounded:
    """Alternate search from best responses to the least bound's prices and from `acs.solve`'s own starts, α < 1.

    Large fleets stop at the first answer that is within 1e-6 of the bound. Arrays and errors as in `acs.solve`.
    """
    agents = _agents(weight, onboard, exponents, lower, upper, capacity, alpha, scale)
    with over_chunks(agents.weight.size) as run:
        theta, top = _least(agents, run)
        enough, tol = (top * (1.0 - _ENOUGH), 1e-3 * _ENOUGH) if agents.span.size > _MANY else (np.inf, 1e-10)
        first = [partial(_response, agents, theta + np.log(times), run) for times in _NEAR]
        found = acs.search(agents, tol=tol, first=first, enough=enough)
        return Bounded(found, np.where(agents.slack, 0.0, np.exp(theta)), top)


def _agents(*arguments: ArrayLike) -> Agents:
    """The problem with no span above the room: nobody can have more, and the bound is the tighter for it."""
    agents = tabulate(*arguments)  # pyright: ignore[reportArgumentType]
    if not agents.s > 0.0:
        raise ParameterError(f"alpha is {1.0 - agents.s:g}: from level 1 on the problem is concave, see joint.solve")
    return agents.capped(1.0)


def _evaluate(agents: Agents, theta: Array, run: Run) -> tuple[float, Array, Array]:
    """The bound at prices e^θ, its slope in the prices (K,), and the best responses (n, K)."""
    y = np.empty_like(agents.base)
    out = np.empty((chunks(agents.weight.size), 1 + theta.size))
    tables = (agents.bias, agents.want, agents.floor, agents.ceil, agents.gain, agents.base)
    run(lambda a, b: best(a, b, theta, agents.s, *tables, y, out))
    total = out.sum(axis=0)
    price, used = np.exp(theta), total[1:]
    value = float(total[0] + price @ agents.room)
    return value + _ROUNDING * (value + float(price @ (agents.room + used))), agents.room - used, y


def _least(agents: Agents, run: Run) -> tuple[Array, float]:
    """Log-prices (K,) at which the bound is least, and the bound; 0 for a resource without room."""
    live = agents.room > 0.0
    theta = log_prices_of_equal_split(agents)
    if not live.any():
        return theta, _evaluate(agents, theta, run)[0]

    def at(prices: Array) -> Array:
        logs = np.zeros(live.size)
        logs[live] = np.log(np.maximum(prices, np.exp(LOG_ZERO)))
        return logs

    def evaluate(prices: Array) -> tuple[float, Array]:
        value, slope, _ = _evaluate(agents, at(prices), run)
        return value, slope[live]

    nothing = agents.total(np.zeros_like(agents.base), run)
    found = minimise(evaluate, np.exp(theta[live]), nothing, _TOL, _PASSES)
    return at(found.point), found.value


def _response(agents: Agents, theta: Array, run: Run) -> Array:
    """Best responses at prices e^θ, each resource shrunk to its room."""
    _, _, y = _evaluate(agents, theta, run)
    used = y.sum(axis=0)
    return y * np.divide(agents.room, used, out=np.ones_like(used), where=used > agents.room)
