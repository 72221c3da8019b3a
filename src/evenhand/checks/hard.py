"""Problems made of another one to try a policy: another future, and rounds that nobody would send on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evenhand.columns import Array, layout, rebuild
from evenhand.core import Problem
from evenhand.costs.quadratic import Quadratic
from evenhand.impacts import Dense, Diagonal, Stacked
from evenhand.sets import Budget

__all__ = ["adversarial", "later"]

#: what burdens and prices of the rounds are multiplied by, over and over: nothing, everything, and back
SIZES = (1.0, 0.0, 1e9, 1e-9, 1.0, 1e9, 0.0)
#: shares of what can be placed at all
FULL = (0.5, 1.0, 0.0, 1.0, 0.25)


def later(problem: Problem, cut: int) -> Problem:
    """The same rounds up to ``cut``, the others in the reverse order and with other costs."""
    order = np.r_[np.arange(cut), np.arange(problem.horizon - 1, cut - 1, -1)]

    def turned(part: Any) -> Any:
        change = {
            name: np.take(getattr(part, name), order, axis=getattr(part, name).ndim - rank - 1)
            for name, rank in layout(type(part))
            if rank is not None
        }
        return rebuild(part, change)

    cost, impact, feasible = turned(problem.cost), turned(problem.impact), turned(problem.feasible)
    if isinstance(cost, Quadratic):
        linear = cost.linear.copy()
        linear[..., cut:, :] = 1.0 + linear[..., cut:, ::-1]
        cost = rebuild(cost, {"linear": linear})
    return rebuild(problem, {"cost": cost, "impact": impact, "feasible": feasible})


def adversarial(problem: Problem) -> Problem | None:
    """Burdens of nothing and of 1e9 in turn, ties, prices that go from site to site, an empty and a full budget.

    None for a problem whose parts are none of the library's simple ones.
    """
    cost, impact, feasible, horizon = problem.cost, problem.impact, problem.feasible, problem.horizon
    size = np.resize(SIZES, horizon)
    if isinstance(impact, Diagonal):
        impact = Diagonal(impact.weight * size[:, None])
    elif isinstance(impact, Stacked):
        impact = Stacked(impact.weight * size[:, None, None])
    elif isinstance(impact, Dense):
        impact = Dense(impact.matrix * size[:, None, None])
    else:
        return None
    if isinstance(cost, Quadratic):
        n = cost.actions
        turn = np.eye(n)[np.arange(horizon) % n] * (np.arange(horizon) % 3 > 0)[:, None]  # every third round is a tie
        cost = Quadratic(cost.linear * 0.0 + 1e3 * turn, cost.curvature, cost.constant)
    if isinstance(feasible, Budget) and not problem.setting.switching.moves.limited:
        feasible = _filled(feasible, np.resize(FULL, horizon))
    setting = replace(problem.setting, burden_lower=None, burden_upper=None)
    return Problem(setting, cost, impact, feasible, problem.times)


def _filled(budget: Budget, share: Array) -> Budget:
    """The budget with totals from the least to the most that its bounds allow."""
    lower, upper = budget.lower, budget.upper
    if not np.isfinite(upper).all():
        return budget
    low, high = lower.sum(axis=-1), upper.sum(axis=-1)
    return Budget(low + share * (high - low), upper, lower, equal=budget.equal)
