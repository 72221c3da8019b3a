"""Checks of scenarios and allocators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evenhand.allocation.fleet import Fleet
from evenhand.checks.policy import check_policy
from evenhand.checks.promises import ROUNDING, Check, frozen, guarded, insist, record, require, same
from evenhand.columns import Array, layout
from evenhand.core import Problem
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.power import Power

__all__ = ["ALLOCATOR", "SCENARIO", "check_allocator", "check_scenario"]


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
    """Loads twice to the same problem, finite, has windows, a line-up whose policies conform, published rows it plays.

    A one-shot scenario (`fleets`) gives the same cases twice, and its allocators split them.
    """
    insist(SCENARIO, scenario)


def _one_shot(scenario: Any) -> bool:
    return hasattr(scenario, "fleets")


def _members(scenario: Any) -> None:
    wanted = ("fleets", "line_up") if _one_shot(scenario) else ("length", "problem", "line_up", "published")
    missing = [name for name in wanted if not hasattr(scenario, name)]
    require(not missing, scenario, f"it has what a scenario is asked for; missing: {', '.join(missing)}")


def _data(scenario: Any) -> None:
    if _one_shot(scenario):
        cases, again = list(scenario.fleets()), list(scenario.fleets())
        alike = all((a.capacity == b.capacity).all() for a, b in zip(cases, again, strict=True))
        require(len(cases) > 0 and alike, scenario, "the same settings give the same cases")
        return
    problem = guarded(scenario, "problem", scenario.problem)
    require(isinstance(problem, Problem), scenario, f"problem() gives a Problem, not a {type(problem).__name__}")
    again = scenario.problem()
    alike = same((problem.cost, problem.impact, problem.feasible), (again.cost, again.impact, again.feasible))
    require(alike, scenario, "the same settings give the same problem")
    require(not problem.lead, scenario, "its problem is one episode: windows are cut from it later")
    for part in (problem.cost, problem.impact):
        for name, rank in layout(type(part)):
            known = rank is None or bool(np.isfinite(getattr(part, name)).all())
            require(known, scenario, f"its data are finite ({type(part).__name__}.{name})")


def _windows(scenario: Any) -> str | None:
    if _one_shot(scenario):
        return "it is one-shot, it has no rounds"
    problem, length = scenario.problem(), scenario.length
    require(1 <= length <= problem.horizon, scenario, "a window is at most as long as the data")
    first, last = problem.window(0, length), problem.window(problem.horizon - length, length)
    both = {one.horizon for one in (first, last)}
    require(both == {length}, scenario, "every window has its length")
    return None


def _line_up(scenario: Any) -> None:
    line_up: Mapping[str, Any] = guarded(scenario, "line_up", scenario.line_up)
    require(len(line_up) > 0, scenario, "its line-up names a policy")
    if _one_shot(scenario):
        case = list(scenario.fleets())[-1]
        for allocator in line_up.values():
            check_allocator(allocator)
            _check_split(allocator, case.fleet, case.capacity)
        return
    window = scenario.problem().window(0, min(scenario.length, 12))
    for policy in line_up.values():
        check_policy(policy, window)


def _published(scenario: Any) -> str | None:
    if _one_shot(scenario):
        return "it is one-shot, nothing is published by policy"
    for parts in scenario.published().values():
        require(len(parts) == 4 and np.isfinite(parts).all(), scenario, "published rows are four numbers")
    return None


SCENARIO = (
    record(),
    Check("members", "length, problem, line_up and published", _members, "add the members that are missing", True),
    Check("data", "finite, the same problem twice", _data, "draw from default_rng(self.seed); fill the gaps", True),
    Check("windows", "as long as it says, within the data", _windows, "1 <= length <= rounds; check at construction"),
    Check("line-up", "its policies keep their promises on it", _line_up, "name policies that suit its sets and costs"),
    Check("published", "four finite numbers a policy", _published, "give (hitting, switching, fairness, total), or {}"),
)
ALLOCATOR = (
    record(),
    Check("split", "within capacities and bounds, the same twice", check_allocator, "split(fleet, capacity) gives x"),
)
