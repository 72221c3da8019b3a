"""clients: an LLM service shared by its real clients, fair in the long-term share against quota.

**Real**: what every client asked for, request rates of ten minutes over 14 days in two services of ServeGen (Alibaba;
arXiv 2505.09999, Apache-2.0): `mmid`, 24 clients by name, and `msmall`, 12, and in both all the rest as one, `others`.
Their bursts, pauses and daily patterns, that one client of `mmid` asks for half of everything, zeros and all.
**Fitted, by us**: the size of the cluster (``capacity`` times the mean demand of the trace), the quotas (the trace
knows no contracts: `equal`, or `contract`, in proportion to what each asked for on the mean, which is known only
afterwards), every price, and that a request costs the same whoever sends it.

The model is that of `tenants` (`scenarios/shares.py`): shares x in percent of the cluster, a convex price on demand
that is not served, long-term shares against quota. Costs have no unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import Array, count, number, offers
from evenhand.core import Policy, Problem, Switching
from evenhand.errors import ParameterError
from evenhand.policies.adaptive import AdaptiveFairOBD
from evenhand.policies.adaptive_resolving import AdaptiveResolving
from evenhand.policies.dmd import DMD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.hitmin import HitMin
from evenhand.policies.practice import practice
from evenhand.policies.robd import ROBD
from evenhand.scenarios.shares import CLUSTER, check, cluster
from evenhand.scenarios.shipped import columns_of
from evenhand.switching.linear import Linear
from evenhand.switching.ramp import RampUp
from evenhand.switching.squared import Squared

__all__ = ["Clients"]

#: clients by name in each trace
NAMED: Mapping[str, int] = {"mmid": 24, "msmall": 12}
#: times ten minutes in a round, and rounds in a day
EVERY: Mapping[str, tuple[int, int]] = {"hour": (6, 24), "10min": (1, 144)}
_TENS = 2016


@final
@dataclass(frozen=True, slots=True)
class Clients:
    """The named clients of a service and all others on one cluster (`Unserved` cost on a `Budget`).

    trace: mmid or msmall; every: rounds of an hour or of 10min (mean rates). clients: how many by name, the largest
    first, the rest joins the others; None for all of them. capacity: of the cluster, as a share of the mean demand.
    quotas: equal or contract; most: quotas that a client holds at most at once. form: `shortfall`, g = mu max_i max(0,
    10 - r_i), r_i the mean share received in tenths of the quota, or `target`, g = mu max_i |r_i - 10|; p replaces the
    maximum. switching: squared (beta, per percent^2), linear or ramp_up (move, per percent of the cluster moved or
    gained), or a cost such as Limits(rise=5.0). penalty: cost of unserved demand; strain: curvature of x itself, per
    percent^2. length: rounds in a window, None for the whole trace. Fairness of a half-life: memory=HalfLife(24).
    """

    trace: str = "mmid"
    every: str = "hour"
    clients: int | None = None
    capacity: float = 0.7
    quotas: str = "equal"
    most: float = 6.0
    form: str = "shortfall"
    mu: float = 5.0
    p: float = np.inf
    switching: Any = "squared"
    beta: float = 0.05
    move: float = 0.25
    penalty: float = 1.0
    strain: float = 0.01
    length: int | None = None

    units: ClassVar[Mapping[str, str]] = {"burden": "tenths of the quota"}
    title: ClassVar[str] = "an LLM service shared by its real clients, fair in the long-term share against quota"
    note: ClassVar[str] = (
        "Demand is real (ServeGen, 14 days); capacity, quotas and prices are ours, see docs/scenarios.md."
    )

    def __post_init__(self) -> None:
        for name, known in (("trace", NAMED), ("every", EVERY), ("quotas", ("equal", "contract"))):
            if getattr(self, name) not in known:
                raise ParameterError(f"{name} is {getattr(self, name)!r}: it must be {' or '.join(known)}")
        named = NAMED[self.trace]
        chosen = named if self.clients is None else count("clients", self.clients, high=named)
        rounds = _TENS // EVERY[self.every][0]
        length = rounds if self.length is None else count("length", self.length, high=rounds)
        object.__setattr__(self, "clients", chosen)
        object.__setattr__(self, "length", length)
        number("capacity", self.capacity, low=0.0, open_low=True)
        number("most", self.most, low=1.0)
        check(self)
        self.moving()

    def moving(self) -> Switching:
        """The switching cost. Raises ParameterError for a name that is none."""
        if self.switching == "squared":
            return Squared(self.beta)
        if self.switching in ("linear", "ramp_up"):
            price = number("move", self.move, low=0.0)
            return Linear(price) if self.switching == "linear" else RampUp(price)
        if not offers(type(self.switching), Switching):
            raise ParameterError(
                f"switching is {self.switching!r:.60}: give squared, linear, ramp_up or a cost like Limits(rise=5.0)"
            )
        return self.switching

    def rates(self) -> tuple[tuple[str, ...], Array]:
        """Names (n,) and mean request rates (T, n) in 1/s: the largest clients, then all others as one."""
        table = columns_of(f"servegen_{self.trace}_10min.csv")
        names = tuple(table)[1:-1]
        tens = np.array([table[name] for name in (*names, "others")], dtype=np.float64).T
        chosen = self.clients or len(names)
        rest = tens[:, chosen:].sum(axis=1, keepdims=True)
        rates = np.concatenate([tens[:, :chosen], rest], axis=1)
        together = EVERY[self.every][0]
        return (*names[:chosen], "others"), rates.reshape(-1, together, chosen + 1).mean(axis=1)

    def shares(self) -> tuple[Array, Array]:
        """Quotas (n,) and demand (T, n), in percent of the cluster."""
        _, rates = self.rates()
        mean = rates.mean(axis=0)
        each = mean / mean.sum() if self.quotas == "contract" else np.full(mean.shape, 1.0 / mean.shape[0])
        return CLUSTER * each, CLUSTER * rates / (self.capacity * mean.sum())

    def problem(self) -> Problem:
        """The whole trace: 336 hours, or 2,016 times ten minutes."""
        quota, asks = self.shares()
        return cluster(self, quota, asks, self.rates()[0], self.moving(), self.most)

    def line_up(self) -> Mapping[str, Policy[Any]]:
        """HITMIN, ROBD, DMD, FairOBD, AdaptiveFairOBD, re-solving, and what schedulers do, a day's half-life."""
        quota, _ = self.shares()
        day = EVERY[self.every][1]
        return {
            "HITMIN": HitMin(),
            "ROBD": ROBD(),
            "DMD(eta=0.01, ball)": DMD(eta=1e-2, domain="ball"),
            "FairOBD(eta=0.01, ball)": FairOBD(eta=1e-2, domain="ball"),
            "AdaptiveFairOBD": AdaptiveFairOBD(),
            "AdaptiveResolving": AdaptiveResolving(),
            **practice(quota, float(day)),
        }

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """Nothing was published."""
        return {}
