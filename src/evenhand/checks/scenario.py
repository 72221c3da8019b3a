"""Checks of scenarios and allocators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evenhand.allocation.fleet import Fleet
from evenhand.checks.policy import check_policy
from evenhand.checks.promises import ROUNDING, frozen, guarded, require, same
from evenhand.columns import Array
from evenhand.core import Policy, Problem
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.power import Power

__all__ = ["check_allocator", "check_scenario"]


def check_allocator(allocator: Any) -> None:
    """Splits one and two resources within capacities and bounds, the same way twice."""
    frozen(allocator)
    lower, upper = np.array([0.0, 0.5, 0.0]), np.array([np.inf, np.inf, 0.7])
    one = Fleet(Power(np.array([0.3, 0.5, 0.7])), [0.1, 0.0, 1.0], [1.0, 2.0, 0.5], lower, upper)
    two = Fleet(CobbDouglas(np.array([[0.3, 0.4], [0.6, 0.7], [0.0, 0.2]])), 0.1)
    for fleet, capacity in ((one, np.array([3.0])), (two, np.array([2.0, 5.0]))):
        _check_split(allocator, fleet, capacity)


def _check_split(allocator: Any, fleet: Fleet, capacity: Array) -> None:
    x = guarded(allocator, "split", lambda: allocator.split(fleet, capacity)).x
    inside = (x >= fleet.lower - ROUNDING).all() and (x <= fleet.upper + ROUNDING).all()
    used = x.reshape(fleet.n, fleet.k).sum(axis=0)
    require(inside and (used <= capacity * (1 + ROUNDING)).all(), allocator, "a split keeps capacities and bounds")
    require((x == allocator.split(fleet, capacity).x).all(), allocator, "the same fleet is split the same way")


def check_scenario(scenario: Any) -> None:
    """Loads twice to the same problem, has windows, a line-up whose policies conform, published rows it plays.

    A one-shot scenario (`fleets`) gives the same cases twice, and its allocators split them.
    """
    frozen(scenario)
    if hasattr(scenario, "fleets"):
        cases, again = list(scenario.fleets()), list(scenario.fleets())
        alike = all((a.capacity == b.capacity).all() for a, b in zip(cases, again, strict=True))
        require(len(cases) > 0 and alike, scenario, "the same settings give the same cases")
        for allocator in scenario.line_up().values():
            check_allocator(allocator)
            _check_split(allocator, cases[-1].fleet, cases[-1].capacity)
        return
    problem = guarded(scenario, "problem", scenario.problem)
    again = scenario.problem()
    alike = same((problem.cost, problem.impact, problem.feasible), (again.cost, again.impact, again.feasible))
    require(isinstance(problem, Problem) and alike, scenario, "the same settings give the same problem")
    length = scenario.length
    require(1 <= length <= problem.horizon, scenario, "a window is at most as long as the data")
    line_up: Mapping[str, Policy[Any]] = guarded(scenario, "line_up", scenario.line_up)
    require(len(line_up) > 0, scenario, "its line-up names a policy")
    for policy in line_up.values():
        check_policy(policy, problem.window(0, min(length, 12)))
    for parts in scenario.published().values():
        require(len(parts) == 4 and np.isfinite(parts).all(), scenario, "published rows are four numbers")
