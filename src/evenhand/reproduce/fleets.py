"""FairSynergy's comparisons: two-agent cases and random fleets, baselines as published and corrected.

Source: spec/scenarios.md, fleet; spec/allocation.md §4. The published code evaluates its uniform and random baselines
with the two exponents swapped; "as published" repeats that mistake. Its solver is one sweep from zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from evenhand.allocation.acs import single_pass
from evenhand.allocation.answer import Allocation
from evenhand.allocation.baselines import random, uniform
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.columns import Array
from evenhand.scenarios.shipped import columns_of
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.power import Power

__all__ = ["RULES", "Case", "Split", "splits", "summary"]

SIZES = (2, 5, 10, 20, 50, 100)
#: rule -> what it is
RULES = {
    "ours": "evenhand: certified where concave, else the best of 16 starts of alternate convex search",
    "single pass": "the published solver: one sweep from zero",
    "uniform": "equal shares",
    "random": "shares drawn from the simplex",
    "uniform, as published": "equal shares, valued with the exponents swapped",
    "random, as published": "drawn shares, valued with the exponents swapped",
}


@final
@dataclass(frozen=True, slots=True)
class Case:
    """One split to make: group it is reported in, its name, the fleet and the capacity (K,)."""

    group: str
    name: str
    fleet: Fleet
    capacity: Array


@final
@dataclass(frozen=True, slots=True)
class Split:
    """One case under one rule: the sum of utilities, the least advantaged agent's, and whether it is proved optimal."""

    group: str
    case: str
    agents: int
    rule: str
    utility: float
    least: float
    certified: bool


def two_agent_cases() -> Iterator[Case]:
    """The 86 two-agent, two-resource configurations of the paper; both agents have the same exponents."""
    columns = {k: np.array(v, dtype=np.float64) for k, v in columns_of("fleet_two_agent_configs.csv").items()}
    for i in range(len(columns["config_id"])):
        onboard = [[columns[f"{r}_init_{a}"][i] for r in ("rho", "alpha")] for a in (1, 2)]
        exponents = np.tile([columns["gamma_rho"][i], columns["gamma_alpha"][i]], (2, 1))
        capacity = np.array([columns["budget_rho"][i], columns["budget_alpha"][i]])
        fleet = Fleet(CobbDouglas(exponents), np.array(onboard), resources=("model", "data"))
        yield Case("two agents, two resources", f"config {i}", fleet, capacity)


def random_cases(draws: int) -> Iterator[Case]:
    """Random fleets of the paper: budgets += U(0,1) per agent, on-board U(0,0.1) (one resource) or U(0,0.01) (two),
    exponents U(0,1).
    """
    for kinds, high in ((1, 0.1), (2, 0.01)):
        for n in SIZES:
            for draw in range(draws):
                rng = np.random.default_rng([kinds, n, draw])
                capacity = rng.uniform(0.0, 1.0, (n, kinds)).sum(axis=0)
                onboard = rng.uniform(0.0, high, (n, kinds))
                exponents = rng.uniform(0.0, 1.0, (n, kinds))
                utility = Power(exponents[:, 0]) if kinds == 1 else CobbDouglas(exponents)
                fleet = Fleet(utility, onboard[:, 0] if kinds == 1 else onboard)
                group = f"random fleets, {'one resource' if kinds == 1 else 'two resources'}, n = {n}"
                yield Case(group, f"draw {draw}", fleet, capacity)


def splits(draws: int = 20, progress: Callable[[], None] | None = None) -> tuple[Split, ...]:
    """Every case under every rule that applies; ``progress`` is called after each case."""
    found: list[Split] = []
    for source in (two_agent_cases(), random_cases(draws)):
        for index, case in enumerate(source):
            found.extend(_case(case, index))
            if progress is not None:
                progress()
    return tuple(found)


def _case(case: Case, seed: int) -> Iterator[Split]:
    fleet, capacity = case.fleet, case.capacity
    answer = allocate(fleet, capacity)
    yield _split(case, "ours", answer, answer.status == "certified")
    equal, drawn = uniform(fleet, capacity), random(fleet, capacity, seed=seed)
    utility = fleet.utility
    if isinstance(utility, CobbDouglas):
        once = single_pass(fleet.weight, fleet.onboard, utility.exponents, fleet.lower, fleet.upper, capacity, 0.0)
        yield _split(
            case, "single pass", Allocation(fleet, answer.capacity, once.x, once.prices, 0.0, "single pass", 1)
        )
    yield _split(case, "uniform", equal)
    yield _split(case, "random", drawn)
    if isinstance(utility, CobbDouglas):
        wrong = CobbDouglas(utility.exponents[:, ::-1])
        for rule, found in (("uniform, as published", equal), ("random, as published", drawn)):
            value = wrong.value(fleet.onboard + found.x)
            yield Split(case.group, case.name, fleet.n, rule, float(value.sum()), float(value.min()), False)


def _split(case: Case, rule: str, answer: Allocation, certified: bool = False) -> Split:
    value = answer.utility
    return Split(case.group, case.name, case.fleet.n, rule, float(value.sum()), float(value.min()), certified)


@final
@dataclass(frozen=True, slots=True)
class Mean:
    """A rule on a group of cases: mean sum of utilities and of the least, what ours gains on it, in how many cases ours
    is at least as good (to 1e-9), how many answers are certified.
    """

    group: str
    rule: str
    cases: int
    utility: float
    least: float
    gain: float
    wins: float
    certified: float


def summary(found: tuple[Split, ...]) -> tuple[Mean, ...]:
    """Means by group and rule, in order of appearance; the gain is of means."""
    groups: dict[tuple[str, str], list[Split]] = {}
    for split in found:
        groups.setdefault((split.group, split.rule), []).append(split)
    means: list[Mean] = []
    for (group, rule), members in groups.items():
        ours = np.array([s.utility for s in groups[group, "ours"]])
        theirs = np.array([s.utility for s in members])
        means.append(
            Mean(
                group,
                rule,
                len(members),
                float(theirs.mean()),
                float(np.mean([s.least for s in members])),
                float(ours.mean() / theirs.mean() - 1.0),
                float(np.mean(ours >= theirs * (1.0 - 1e-9))),
                float(np.mean([s.certified for s in members])),
            )
        )
    return tuple(means)
