"""Which units an episode is counted in: sizes seen at a sequence that is cheap to get, or at an answer.

All of them follow the data: a problem in other units has the same sizes in those. Source: spec/online.md §1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, rebuild
from evenhand.core import Problem, Round
from evenhand.costs.quadratic import Quadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.errors import EvenhandError
from evenhand.kernels import reduce
from evenhand.proximal import proximal
from evenhand.sets import Box, Budget, Polytope
from evenhand.trajectory import evaluate
from evenhand.units import Units, powers_of_two

__all__ = ["Sizes", "each_measured", "measure"]

#: a cost below this share of what moving every action by its unit costs is rounding
NOTHING = 1e-4


@final
@dataclass(frozen=True, slots=True)
class Sizes:
    """Units, and what was seen when they were measured, in the user's money.

    effort: |hitting| + switching cost of a cheap sequence; unfairness: its fairness cost; least: money below which
    nothing is told apart.
    """

    units: Units
    effort: float
    unfairness: float
    least: float


def measure(problem: Problem, actions: Array | None = None, *, alike: bool = False) -> Sizes:
    """The units of one episode at a sequence (T, n), or at the minimisers of its hitting costs where a kernel has them.

    alike: one unit for all burdens, where a norm over entities must keep its meaning.
    """
    return each_measured(problem, actions, alike=alike)[0]


def each_measured(problem: Problem, actions: Array | None = None, *, alike: bool = False) -> list[Sizes]:
    """`measure` for every episode of a problem without leading axis, or with one: the same numbers for each."""
    cost = _without_constant(problem.cost)
    bare = rebuild(problem, {"cost": cost})
    lower, upper = problem.feasible.bounds
    here = _cheap(problem) if actions is None else actions
    rounds, n = here.shape[-2:]
    start = np.abs(problem.setting.initial).max(initial=0.0)
    largest = _mean(np.abs(here).max(axis=-1, initial=0.0))
    action = powers_of_two(largest, np.broadcast_to(_extent(problem.feasible, rounds), largest.shape), start)
    _, ends = problem.impact.range(np.full(n, -1.0), np.full(n, 1.0))
    ends = np.broadcast_to(ends, (*here.shape[:-1], ends.shape[-1]))
    burden = reduce.mean_rows(ends) * action[..., None]
    most = burden.max(axis=-1, initial=0.0, keepdims=True)
    burden = powers_of_two(np.broadcast_to(most, burden.shape) if alike else np.where(burden > 0.0, burden, most))
    with np.errstate(all="ignore"):
        run = evaluate(bare, here)
        base, step = run.hitting, action[..., None, None]
        moved = [np.abs(cost.value(np.clip(here + way, lower, upper)) - base) for way in (step, -step)]
        swing = _finite(_mean(np.maximum(*(np.where(np.isfinite(m), m, 0.0) for m in moved))))
        far = problem.setting.switching.moves.value(np.broadcast_to(action[..., None], (*action.shape, n)), np.zeros(n))
        swing = swing + _finite(far) + _finite(problem.setting.fairness.value(burden))
        effort = _finite(_mean(np.abs(base))) + _finite(_mean(run.switching))
        unfairness = _finite(np.abs(run.cost.fairness))
    least = NOTHING * swing
    money = powers_of_two(np.maximum(effort + unfairness, least))
    found: list[Sizes] = []
    for index in np.ndindex(action.shape):
        units = Units(float(action[index]), float(money[index]), np.array(burden[index]))
        found.append(Sizes(units, float(effort[index]), float(unfairness[index]), float(least[index])))
    return found


def _mean(sizes: Array) -> Array:
    """Over rounds, always in the same order: (..., T) -> (...)."""
    return np.asarray(reduce.total(sizes) / sizes.shape[-1])


def _finite(size: Any) -> Array:
    return np.where(np.isfinite(size), size, 0.0)


def _without_constant(cost: Any) -> Any:
    constant = getattr(cost, "constant", None)
    return cost if constant is None else rebuild(cost, {"constant": np.zeros_like(constant)})


def _cheap(problem: Problem) -> Array:
    """Actions of a size that the problem suggests: (T, n)."""
    feasible, cost, initial = problem.feasible, problem.cost, problem.setting.initial
    kernel = isinstance(feasible, Box | Budget) and isinstance(cost, Quadratic | Unserved | Pooled | UtilityCost)
    shape = (*problem.lead, problem.horizon, initial.shape[0])
    if kernel:
        try:
            return np.broadcast_to(proximal(Round(0, cost, problem.impact, feasible)), shape)
        except EvenhandError:
            pass  # unbounded without the other costs
    if isinstance(feasible, Box | Budget):
        nearest = Quadratic(np.zeros(shape[-1]))
        return np.broadcast_to(proximal(Round(0, nearest, problem.impact, feasible), 0.0, 1.0, initial), shape)
    return np.broadcast_to(np.clip(initial, *feasible.bounds), shape)


def _extent(feasible: Any, rounds: int) -> Array:
    """A size of each episode's sets, 0 where they have none: (...)."""
    ends = [np.where(np.isfinite(end), np.abs(end), 0.0).max(axis=-1, initial=0.0) for end in feasible.bounds]
    size = np.maximum(*ends)
    if isinstance(feasible, Budget):
        total = np.abs(feasible.total)
        size = np.where((size > 0.0) & (total > 0.0), np.minimum(size, total), np.maximum(size, total))
    elif isinstance(feasible, Polytope):
        aim = [np.where(np.isfinite(end), np.abs(end), 0.0).max(axis=-1, initial=0.0) for end in
               (feasible.low, feasible.high)]  # fmt: skip
        steep = np.abs(feasible.rows).max(axis=(-2, -1), initial=0.0)
        across = np.divide(np.maximum(*aim), steep, out=np.zeros_like(steep), where=steep > 0.0)
        size = np.where(size > 0.0, size, across)
    return _mean(np.broadcast_to(size, (*np.shape(size)[:-1], rounds)))
