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
from evenhand.proximal import proximal
from evenhand.sets import Box, Budget, Polytope
from evenhand.trajectory import evaluate
from evenhand.units import Units, power_of_two

__all__ = ["Sizes", "measure"]

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
    cost = _without_constant(problem.cost)
    bare = rebuild(problem, {"cost": cost})
    lower, upper = problem.feasible.bounds
    here = _cheap(problem) if actions is None else actions
    start = np.abs(problem.setting.initial).max(initial=0.0)
    action = power_of_two(np.abs(here).max(axis=-1, initial=0.0).mean(), _extent(problem.feasible), start)
    n = here.shape[-1]
    _, ends = problem.impact.range(np.full(n, -action), np.full(n, action))
    burden = ends.reshape(-1, ends.shape[-1]).mean(axis=0)
    largest = burden.max(initial=0.0)
    each = np.full(burden.shape, largest) if alike else np.where(burden > 0.0, burden, largest)
    burden = np.array([power_of_two(size) for size in each])
    with np.errstate(all="ignore"):
        run = evaluate(bare, here)
        base = run.hitting
        moved = [np.abs(cost.value(np.clip(here + step, lower, upper)) - base) for step in (action, -action)]
        swing = _finite(np.maximum(*(np.where(np.isfinite(m), m, 0.0) for m in moved)).mean())
        far = problem.setting.switching.moves.value(np.full(n, action), np.zeros(n))
        swing += _finite(far) + _finite(problem.setting.fairness.value(burden))
        effort = _finite(np.abs(base).mean()) + _finite(run.switching.mean())
        unfairness = _finite(np.abs(run.cost.fairness))
    money = power_of_two(max(effort + unfairness, NOTHING * swing))
    return Sizes(Units(action, money, burden), effort, unfairness, NOTHING * swing)


def _finite(size: Any) -> float:
    return float(size) if np.isfinite(size) else 0.0


def _without_constant(cost: Any) -> Any:
    constant = getattr(cost, "constant", None)
    return cost if constant is None else rebuild(cost, {"constant": np.zeros_like(constant)})


def _cheap(problem: Problem) -> Array:
    """Actions of a size that the problem suggests: (T, n)."""
    feasible, cost, initial = problem.feasible, problem.cost, problem.setting.initial
    kernel = isinstance(feasible, Box | Budget) and isinstance(cost, Quadratic | Unserved | Pooled | UtilityCost)
    shape = (problem.horizon, initial.shape[0])
    if kernel:
        try:
            return np.broadcast_to(proximal(Round(0, cost, problem.impact, feasible)), shape)
        except EvenhandError:
            pass  # unbounded without the other costs
    if isinstance(feasible, Box | Budget):
        nearest = Quadratic(np.zeros(shape[-1]))
        return np.broadcast_to(proximal(Round(0, nearest, problem.impact, feasible), 0.0, 1.0, initial), shape)
    return np.broadcast_to(np.clip(initial, *feasible.bounds), shape)


def _extent(feasible: Any) -> float:
    """A size of the set's actions, 0 where it has none."""
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
    return float(size.mean())
