"""fleet: robots share cloud resources in one shot. Source: spec/allocation.md §2, §4; spec/scenarios.md.

The utility of robot i is the accuracy model of FairSynergy (arXiv 2509.03353): (rho0 + rho)^g1 (alpha0 + alpha)^g2
with model capacity rho and labelled data alpha, or (rho0 + rho)^g with one resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from evenhand.allocation.allocators import (
    Allocator,
    DominantResource,
    MaxMinLevel,
    Optimal,
    Proportional,
    Random,
    SinglePass,
    Uniform,
)
from evenhand.allocation.fleet import Fleet
from evenhand.columns import count, number
from evenhand.errors import ParameterError
from evenhand.scenarios.shipped import columns_of
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.power import Power

__all__ = ["Case", "FleetCases"]

RESOURCES = ("rho", "alpha")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One split to make: the group it is reported in, its number there, the fleet and the capacities (K,)."""

    group: str
    index: int
    fleet: Fleet
    capacity: np.ndarray[tuple[int], np.dtype[np.float64]]


@final
@dataclass(frozen=True, slots=True)
class FleetCases:
    """Three groups of one-shot splits; every random number is seeded.

    * two-agent: the 86 published two-robot, two-resource cases (both robots have the same exponents).
    * random, 2 resources: for each n in sizes, `draws` fleets: exponents ~ U(0, 1), on board ~ U(0, 0.01), each
      capacity the sum of n draws of U(0, 1).
    * random, 1 resource: the same with on board ~ U(0, 0.1).

    sizes: fleet sizes; draws: fleets a size; seed; fairness: level of `Optimal` and `SinglePass`.
    """

    sizes: tuple[int, ...] = (2, 5, 10, 20, 50, 100)
    draws: int = 20
    seed: int = 0
    fairness: float = 0.0

    known_as: ClassVar[str] = "fleet"
    title: ClassVar[str] = "robots share cloud resources in one shot"
    note: ClassVar[str] = (
        "The published uniform and random baselines were evaluated with the two exponents swapped; "
        "`as published` repeats that error to show what it does to the gain, all other columns are right."
    )

    def __post_init__(self) -> None:
        sizes = self.sizes if isinstance(self.sizes, tuple | list) else (self.sizes,)  # pyright: ignore[reportUnnecessaryIsInstance]
        try:
            object.__setattr__(self, "sizes", tuple(count("sizes", n) for n in sizes))
        except ParameterError:
            sizes = ()
        if not sizes:
            raise ParameterError(f"sizes is {self.sizes!r}: give whole numbers of robots, such as (2, 10, 100)")
        object.__setattr__(self, "draws", count("draws", self.draws, low=0))
        object.__setattr__(self, "seed", count("seed", self.seed, low=0))
        object.__setattr__(self, "fairness", number("fairness", self.fairness, low=0.0))

    def fleets(self) -> Iterator[Case]:
        """All cases, group by group."""
        yield from self._two_agent()
        for resources in (2, 1):
            yield from self._random(resources)

    def line_up(self) -> Mapping[str, Allocator]:
        """Ours first, then the rules it is compared with."""
        return {
            "ours": Optimal(self.fairness),
            "single_pass": SinglePass(self.fairness),
            "DRF": DominantResource(),
            "max-min": MaxMinLevel(),
            "uniform": Uniform(),
            "proportional": Proportional(),
            "random": Random(self.seed),
        }

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """Nothing: the published gains rest on baselines that were evaluated wrongly."""
        return {}

    def _two_agent(self) -> Iterator[Case]:
        table = columns_of("fleet_two_agent_configs.csv")
        columns = {name: np.array(cells, dtype=np.float64) for name, cells in table.items()}
        for k in range(len(table["config_id"])):
            onboard = np.array([[columns[f"{r}_init_{i}"][k] for r in RESOURCES] for i in (1, 2)])
            exponents = np.array([[columns[f"gamma_{r}"][k] for r in RESOURCES]] * 2)
            capacity = np.array([columns[f"budget_{r}"][k] for r in RESOURCES])
            yield Case("two-agent", k, Fleet(CobbDouglas(exponents), onboard, resources=RESOURCES), capacity)

    def _random(self, resources: int) -> Iterator[Case]:
        rng = np.random.default_rng([self.seed, resources])
        group = f"random, {resources} resource{'s' * (resources > 1)}"
        for k, n in enumerate(n for n in self.sizes for _ in range(self.draws)):
            capacity = rng.uniform(size=(n, resources)).sum(axis=0)
            onboard = rng.uniform(0.0, 0.01 if resources == 2 else 0.1, size=(n, resources))
            gamma = rng.uniform(np.finfo(np.float64).tiny, 1.0, size=(n, resources))
            if resources == 2:
                fleet = Fleet(CobbDouglas(gamma), onboard, resources=RESOURCES)
            else:
                fleet = Fleet(Power(gamma[:, 0]), onboard[:, 0], resources=RESOURCES[:1])
            yield Case(group, k, fleet, capacity)
