"""FairSynergy's comparisons: two-agent cases and random fleets, baselines as published and corrected.

Source: spec/scenarios.md, fleet; spec/allocation.md §4. The published code evaluates its uniform and random baselines
with the two exponents swapped; "as published" repeats that mistake. Its solver is one sweep from zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from evenhand.allocation.allocators import Allocator
from evenhand.one_shot import AllocatorRow, SplitComparison, compare_allocators
from evenhand.scenarios.fleet import Case, FleetCases

__all__ = ["RULES", "SIZES", "Mean", "Sized", "splits", "summary"]

SIZES = (2, 5, 10, 20, 50, 100)
#: rule -> what it is
RULES = {
    "ours": "evenhand: certified where concave, else bounded: the best of alternate convex search",
    "single pass": "the published solver: one sweep from zero",
    "uniform": "equal shares",
    "random": "shares drawn from the simplex, one draw for each number of agents",
    "uniform, as published": "equal shares, valued with the exponents swapped",
    "random, as published": "drawn shares, valued with the exponents swapped",
}


@final
@dataclass(frozen=True, slots=True)
class Sized:
    """The cases of the scenario `fleet`, a group for every size, under the published rules and ours."""

    cases: FleetCases

    def fleets(self) -> Iterator[Case]:
        """All cases, the two-agent ones first, then one resource, then two."""
        for case in sorted(self.cases.fleets(), key=lambda c: (c.group != "two-agent", c.fleet.k, c.fleet.n)):
            if case.group == "two-agent":
                group = "two agents, two resources"
            else:
                resources = "one resource" if case.fleet.k == 1 else "two resources"
                group = f"random fleets, {resources}, n = {case.fleet.n}"
            yield Case(group, case.index, case.fleet, case.capacity)

    def line_up(self) -> Mapping[str, Allocator]:
        """Ours, the published solver and the published baselines."""
        known = self.cases.line_up()
        return {
            "ours": known["ours"],
            "single pass": known["single_pass"],
            "uniform": known["uniform"],
            "random": known["random"],
        }


@final
@dataclass(frozen=True, slots=True)
class Mean:
    """A rule on a group of cases: mean sum of utilities and of the least, what ours gains on it, in how many cases ours
    is at least as good, how many answers are certified; nan for what a baseline valued wrongly does not have.
    """

    group: str
    rule: str
    cases: int
    utility: float
    least: float
    gain: float
    wins: float
    certified: float


def splits(draws: int = 20, progress: Callable[[str, int], None] | None = None) -> SplitComparison:
    """Every case under every rule; ``progress`` as in `compare_allocators`."""
    return compare_allocators("fleet", Sized(FleetCases(sizes=SIZES, draws=draws)), progress=progress)


def summary(found: SplitComparison) -> tuple[Mean, ...]:
    """Means by group and rule, in the order of `RULES`; the gain is of means."""
    groups: dict[str, list[AllocatorRow]] = {}
    for row in found.rows:
        groups.setdefault(row.group, []).append(row)
    means: list[Mean] = []
    for group, rows in groups.items():
        ours = rows[0].utility
        for row in rows:
            gain = ours / row.utility - 1.0
            means.append(
                Mean(
                    group,
                    row.allocator,
                    row.cases,
                    row.utility,
                    row.least,
                    gain,
                    row.reference_wins,
                    row.certified,
                )
            )
        for row in rows:
            if not np.isnan(row.swapped):
                rule, gain = f"{row.allocator}, as published", ours / row.swapped - 1.0
                means.append(Mean(group, rule, row.cases, row.swapped, np.nan, gain, np.nan, np.nan))
    return tuple(means)
