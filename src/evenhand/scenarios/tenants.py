"""tenants: a cluster shared by tenants over time, with a memory for who was short-changed. Source: spec/scenarios.md.

Each round tenant i asks for d_i (percent of the cluster). The cluster is divided completely, 0 <= x_i <= 4 quota_i,
sum x = 100. Demand is seeded. A tenant's quota is its entitlement, drawn in proportion to a U(1, 4) and summing to
100. It is quiet (asks a U(0.2, 0.6) of its quota) or bursting (asks a U(1.5, 3.5) of it), with an appetite a drawn
once from U(0.5, 1.5); it changes between the two with probability 0.25 per round, so that together they ask for about
1.5 times the cluster. Hitting cost: sum_i (penalty / quota_i) max(d_i - x_i, 0)^2 / 2 + strain x_i^2 / 2, so that the
same relative lack costs in proportion to the quota. What tenant i receives is measured in tenths of its quota, r_i =
avg_t 10 x_{i,t} / quota_i, and fairness is on r. Costs have no unit. All constants are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import Array, count
from evenhand.core import Policy, Problem
from evenhand.errors import ParameterError
from evenhand.policies.adaptive_resolving import AdaptiveResolving
from evenhand.policies.dmd import DMD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.hitmin import HitMin
from evenhand.policies.practice import practice
from evenhand.policies.robd import ROBD
from evenhand.scenarios.shares import CLUSTER, check, cluster
from evenhand.switching.squared import Squared

__all__ = ["Tenants"]

#: a tenant holds at most so many quotas at once
MOST = 4.0


@final
@dataclass(frozen=True, slots=True)
class Tenants:
    """5 to 50 tenants on one cluster (`Unserved` cost on a `Budget`), fair in the long-term share against quota.

    form: `shortfall`, g = mu max_i max(0, 10 - r_i) (the tenant furthest below its quota decides; its burden is -r), or
    `target`, g = mu max_i |r_i - 10|; p replaces the maximum. mu: cost per tenth of a quota. beta: cost of moving
    capacity per (percent of the cluster)^2. penalty: cost of unserved demand. strain: curvature of x itself, per
    (percent)^2. rounds, seed: of the demand; length: rounds in a window.
    """

    tenants: int = 8
    seed: int = 0
    form: str = "shortfall"
    mu: float = 5.0
    p: float = np.inf
    beta: float = 0.05
    penalty: float = 1.0
    strain: float = 0.01
    rounds: int = 240
    length: int = 120

    units: ClassVar[Mapping[str, str]] = {"burden": "tenths of the quota"}
    title: ClassVar[str] = "a cluster shared by bursty tenants, fair in the long-term share against quota"
    note: ClassVar[str] = "Demand is drawn (seeded); see docs/scenarios.md for its law."

    def __post_init__(self) -> None:
        for name, low, high in (("tenants", 5, 50), ("rounds", 1, 10**7), ("length", 1, 10**7)):
            object.__setattr__(self, name, count(name, getattr(self, name), low=low, high=high))
        object.__setattr__(self, "seed", count("seed", self.seed, low=0))
        if self.length > self.rounds:
            raise ParameterError(f"length is {self.length}: a window cannot be longer than the {self.rounds} rounds")
        check(self)

    def draw(self) -> tuple[Array, Array]:
        """Quotas (n,) and demand (rounds, n), in percent of the cluster."""
        rng = np.random.default_rng(self.seed)
        quota = rng.uniform(1.0, 4.0, self.tenants)
        quota *= CLUSTER / quota.sum()
        appetite = rng.uniform(0.5, 1.5, self.tenants)
        bursting = rng.random(self.tenants) < 0.5
        asks = np.empty((self.rounds, self.tenants))
        for t in range(self.rounds):
            bursting ^= rng.random(self.tenants) < 0.25
            quiet, burst = rng.uniform(0.2, 0.6, self.tenants), rng.uniform(1.5, 3.5, self.tenants)
            asks[t] = appetite * quota * np.where(bursting, burst, quiet)
        return quota, asks

    def problem(self) -> Problem:
        """All rounds."""
        quota, asks = self.draw()
        names = tuple(f"tenant-{i + 1}" for i in range(self.tenants))
        return cluster(self, quota, asks, names, Squared(self.beta), MOST)

    def line_up(self) -> Mapping[str, Policy[Any]]:
        """HITMIN, ROBD, DMD, FairOBD in both domains (kappa starts inside the dual ball, at mu / n each), adaptive
        re-solving, and what schedulers do with these quotas.
        """
        start = self.mu / self.tenants
        quota, _ = self.draw()
        return {
            "HITMIN": HitMin(),
            "ROBD": ROBD.balanced(self.strain, self.beta),
            "DMD": DMD(eta=1e-2, kappa1=start),
            "FairOBD(eta=0.01)": FairOBD(eta=1e-2, kappa1=start),
            "FairOBD(eta=0.01, ball)": FairOBD(eta=1e-2, domain="ball"),
            "AdaptiveResolving": AdaptiveResolving(),
            **practice(quota),
        }

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """Nothing was published."""
        return {}
