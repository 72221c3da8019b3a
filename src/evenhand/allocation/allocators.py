"""Ways to split, as frozen records with one method, so that they can be named, listed and set side by side.

Ours (`Optimal`), the one sweep of the published code (`SinglePass`) and the rules of `spec/allocation.md §6`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, final

from evenhand.allocation import baselines, solve
from evenhand.allocation.answer import Allocation
from evenhand.allocation.certificate import fitting_prices
from evenhand.allocation.fleet import Fleet
from evenhand.utilities.cobb_douglas import CobbDouglas

__all__ = [
    "Allocator",
    "DominantResource",
    "MaxMinLevel",
    "Optimal",
    "Proportional",
    "Random",
    "SinglePass",
    "Uniform",
]


class Allocator(Protocol):
    """A frozen configuration of a rule that splits capacities."""

    def split(self, fleet: Fleet, capacity: Any, /) -> Allocation:
        """The shares of a fleet; capacity as in `allocate`."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Optimal:
    """Ours: the largest sum of weighted utilities at the fairness level; certified where the problem is concave.

    Exact water-filling (one resource), joint dual solver (several, concave), else alternate search and a bound.
    """

    fairness: float = 0.0

    def split(self, fleet: Fleet, capacity: Any) -> Allocation:
        """`allocate`."""
        return solve.allocate(fleet, capacity, self.fairness)


@final
@dataclass(frozen=True, slots=True)
class SinglePass:
    """The published rule: one sweep of alternate convex search from zero (several resources), then stop.

    For one resource a sweep is the exact answer. No guarantee: it may be worse than the equal split.
    """

    fairness: float = 0.0

    def split(self, fleet: Fleet, capacity: Any) -> Allocation:
        """One sweep."""
        u = fleet.utility
        if not isinstance(u, CobbDouglas):
            return solve.allocate(fleet, capacity, self.fairness)
        from evenhand.allocation.several import acs

        c = fleet.capacities(capacity)
        arguments = (fleet.weight, fleet.onboard, u.exponents, fleet.lower, fleet.upper, c, self.fairness)
        found = acs.single_pass(*arguments, scale=u.scale)
        prices, unit = fitting_prices(fleet, found.x, self.fairness)
        return Allocation(fleet, c, found.x, prices, self.fairness, "single pass", 1, unit)


@final
@dataclass(frozen=True, slots=True)
class Uniform:
    """The same share for everyone."""

    def split(self, fleet: Fleet, capacity: Any) -> Allocation:
        """`baselines.uniform`."""
        return baselines.uniform(fleet, capacity)


@final
@dataclass(frozen=True, slots=True)
class Random:
    """Shares drawn uniformly from the simplex, each resource on its own."""

    seed: int = 0

    def split(self, fleet: Fleet, capacity: Any) -> Allocation:
        """`baselines.random`."""
        return baselines.random(fleet, capacity, seed=self.seed)


@final
@dataclass(frozen=True, slots=True)
class Proportional:
    """Shares in proportion to "weight", "onboard" (what an agent has) or "need" (what it lacks to the best one)."""

    to: Literal["weight", "onboard", "need"] = "onboard"

    def split(self, fleet: Fleet, capacity: Any) -> Allocation:
        """`baselines.proportional`."""
        return baselines.proportional(fleet, capacity, to=self.to)


@final
@dataclass(frozen=True, slots=True)
class MaxMinLevel:
    """Everyone is filled up to one level of what it ends with (on board and share), each resource on its own."""

    def split(self, fleet: Fleet, capacity: Any) -> Allocation:
        """`baselines.max_min_level`."""
        return baselines.max_min_level(fleet, capacity)


@final
@dataclass(frozen=True, slots=True)
class DominantResource:
    """DRF (Ghodsi et al., NSDI 2011): equal dominant shares; demands are exponent times capacity."""

    def split(self, fleet: Fleet, capacity: Any) -> Allocation:
        """`baselines.dominant_resource`."""
        return baselines.dominant_resource(fleet, capacity)
