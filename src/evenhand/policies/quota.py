"""What the schedulers' rules share: what everybody asks for and is entitled to, and the max-min fair share of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array, as_array, rebuild
from evenhand.core import Round, Setting, view
from evenhand.costs.quadratic import Quadratic
from evenhand.costs.unserved import Unserved
from evenhand.errors import ParameterError, ProblemError
from evenhand.kernels import reduce
from evenhand.kernels.waterfill import waterfill
from evenhand.proximal import moved
from evenhand.sets import Box, Budget

__all__ = ["asked", "entitled", "fair_share", "nearest", "quotas", "room"]


def quotas(value: Any) -> Array | None:
    """The parameter ``quota``, above 0 each; None stays None. Raises ParameterError."""
    if value is None:
        return None
    quota = as_array("quota", value)
    if quota.ndim != 1 or not (quota > 0.0).all():
        raise ParameterError(f"quota is {value!r:.60}: give one number above 0 for each action (n,)")
    return quota


def entitled(policy: Any, quota: Array | None, round: Round) -> Array:
    """Quotas (..., n): those given, else the upper bounds, else the same for all."""
    upper = round.feasible.bounds[1]
    if quota is None:
        return np.where(np.isfinite(upper) & (upper > 0.0), upper, 1.0)
    if quota.shape != upper.shape[-1:]:
        raise ParameterError(
            f"quota of {type(policy).__name__} has {quota.shape[0]} numbers for {upper.shape[-1]} actions: one for each"
        )
    return quota


def room(policy: Any, round: Round) -> tuple[Array, Array, Array, bool]:
    """Lower and upper bounds (..., n), the total to share (...), and whether all of it must be placed.

    Raises ProblemError for a set that is neither a Budget nor a Box, or that has no end.
    """
    feasible: Any = round.feasible
    if not isinstance(feasible, Budget | Box):
        raise ProblemError(
            f"{type(policy).__name__} shares a Budget, or gives what is asked in a Box: {type(feasible).__name__} is "
            "neither"
        )
    lower, upper = feasible.bounds
    if isinstance(feasible, Budget):
        total, equal = feasible.total, feasible.equal
        free = np.maximum(total - reduce.total(lower), 0.0)[..., None]
        upper = np.minimum(upper, lower + free)
    else:
        total, equal = reduce.total(np.where(np.isfinite(upper), upper, 0.0)), False
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        raise ProblemError(f"{type(policy).__name__} needs finite bounds: give every action a lower and an upper one")
    return lower, upper, total, equal


def asked(round: Round, lower: Array, upper: Array) -> Array:
    """What everybody asks for (..., n), inside the bounds: the demand where each has one of its own, else all."""
    wanted = round.cost.demand if isinstance(round.cost, Unserved) else upper
    return np.minimum(np.maximum(wanted, lower), upper)


def fair_share(
    quota: Array, lower: Array, upper: Array, need: Array, total: Any, equal: bool, used: Array | float = 0.0
) -> Array:
    """min sum x_i^2 / (2 quota_i) + used_i x_i: at least lower_i, at most what is asked: weighted max-min (..., n).

    x_i = (level - used_i) quota_i between these bounds: with ``used`` in quotas, whoever has least of that is raised
    first. Where all that is asked is less than the total, the rest is divided by quota alone, if it must be placed.
    """
    whole = reduce.total(need)
    enough = (whole <= total)[..., None]
    low, high = np.where(enough, need, lower), np.where(enough, upper, need)
    amount = np.asarray(total) if equal else np.minimum(total, whole)
    x, _ = waterfill(1.0 / quota, np.where(enough, 0.0, used) + np.zeros(quota.shape[-1]), low, high, amount, 1.0)
    return x


def nearest(setting: Setting, round: Round, last: Array, goal: Array, low: Array, high: Array) -> Array:
    """The action of the set, between low and high and within limits of moves from ``last``, that is nearest to goal."""
    feasible: Any = round.feasible
    within = rebuild(feasible, {"lower": low, "upper": high})
    near = view(round.index, Quadratic(-goal, np.ones(goal.shape[-1])), round.impact, within)
    return moved(setting, near, last, weight=0.0)
