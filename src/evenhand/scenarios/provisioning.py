"""provisioning: how many servers to keep on for five regions, so that no region is always the one left waiting.

Source: spec/online.md §7.2, spec/scenarios.md.

Demand (requests per hour, in thousands): region j has a mix of the two services of the Azure LLM inference trace 2024
(CC BY 4.0), each scaled to mean 1 over its week and moved in time, times the region's size; all cyclic over 168 hours.

| region | size (thousand requests/h, mean) | share of `code` | moved by (h) |
|---|---|---|---|
| Americas-East | 30 | 0.60 | 0 |
| Americas-West | 20 | 0.50 | 3 |
| Europe | 25 | 0.40 | -6 |
| Asia-Pacific | 15 | 0.20 | -13 |
| Africa | 10 | 0.05 | -7 |

Action: x = (efficient, fast, unserved), thousand requests an hour that each server type is provided for, and what is
left: 0 <= x_i <= fleet_i, efficient + fast + unserved = W_t = sum_j w_j, all demand (`Budget`). The servers are shared
in proportion to demand, so region j receives (w_j / W)(efficient + fast) and its shortfall, asked minus received, is
(w_j / W) unserved: that is column 3 of A_t, in percent of the region's contracted demand (its size above); columns 1
and 2 are zero. The exact g is mu max_j avg_t 100 (w_{j,t} / W_t) unserved_t / size_j: the region that received least
of what it asked for decides. Switching: starting servers costs ``start`` a thousand requests, stopping them is free;
or, with ``switching="squared"``, (beta/2) ||x - x_prev||^2, paid on unserved demand too: users feel jumps of it.
Hitting cost: electricity and wear, cost_i x_i + alpha_i x_i^2 / 2, and price u + penalty u^2 / 2 on unserved u.

| server type | fleet (thousand requests/h) | cost ($ per thousand requests) | alpha ($ per (thousand requests)^2) |
|---|---|---|---|
| efficient | 80 | 4.0 | 0.04 |
| fast | 45 | 5.5 | 0.08 |

All constants but the trace are ours, chosen for a readable trade-off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import Array, count, number
from evenhand.core import Policy, Problem, Setting, Switching
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import ParameterError
from evenhand.fairness.norm import Norm
from evenhand.impacts import Dense
from evenhand.policies.dmd import DMD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.hitmin import HitMin
from evenhand.policies.robd import ROBD
from evenhand.scenarios.shipped import columns_of
from evenhand.sets import Budget
from evenhand.switching.ramp import RampUp
from evenhand.switching.squared import Squared

__all__ = ["Provisioning"]

HOURS = 168
REGIONS = ("Americas-East", "Americas-West", "Europe", "Asia-Pacific", "Africa")
SIZE = np.array([30.0, 20.0, 25.0, 15.0, 10.0])
CODE_SHARE = np.array([0.60, 0.50, 0.40, 0.20, 0.05])
MOVED = (0, 3, -6, -13, -7)
ACTIONS = ("efficient", "fast", "unserved")
FLEET = (80.0, 45.0)
COST = (4.0, 5.5)
STRAIN = (0.04, 0.08)


@final
@dataclass(frozen=True, slots=True)
class Provisioning:
    """Two server types for five regions: min-max `Norm` on the shortfall.

    `Quadratic` cost on a `Budget`, dense 5 x 3 impact. mu ($ per round and percent of contracted demand): weight of
    fairness; p its exponent. switching: "ramp_up", start ($ per thousand requests) for servers started; "squared", beta
    ($ per (thousand requests)^2) on all moves; or a cost such as Linear(2.0). price ($ per thousand requests),
    penalty ($ per (thousand requests)^2): unserved demand. length: rounds in a window. Costs in $ per hour.
    """

    mu: float = 12.0
    p: float = np.inf
    switching: Any = "ramp_up"
    start: float = 6.0
    beta: float = 1.0
    price: float = 8.0
    penalty: float = 0.08
    length: int = 72

    units: ClassVar[Mapping[str, str]] = {"cost": "$", "burden": "% of what is contracted"}
    title: ClassVar[str] = (
        "two types of servers for five regions that peak at different hours, fair in what each receives"
    )
    note: ClassVar[str] = (
        "Demand is the shipped trace, mixed and moved in time; "
        "sizes, costs and speeds of servers are chosen constants, see docs/scenarios.md."
    )

    def __post_init__(self) -> None:
        number("price", self.price, low=0.0)
        number("penalty", self.penalty, low=0.0)
        object.__setattr__(self, "length", count("length", self.length, high=HOURS))
        Norm(self.mu, self.p)  # refuses mu and p here rather than later
        self.moving()  # refuses switching, start and beta

    def moving(self) -> Switching:
        """The switching cost. Raises ParameterError for a name that is none."""
        if self.switching == "squared":
            return Squared(self.beta)
        if isinstance(self.switching, str):
            if self.switching != "ramp_up":
                raise ParameterError(
                    f"switching is {self.switching!r}: give ramp_up, squared or a cost like Linear(2.0)"
                )
            start = number("start", self.start, low=0.0)
            return RampUp([start, start, 0.0])
        return self.switching

    def demand(self) -> Array:
        """Thousand requests an hour of each region: (168, 5)."""
        trace = columns_of("azure_llm_2024_requests.csv")
        of = {
            service: np.array(
                [float(r) for r, s in zip(trace["requests"], trace["service"], strict=True) if s == service]
            )
            for service in ("code", "conversation")
        }
        code, talk = (of[s] / of[s].mean() for s in ("code", "conversation"))
        mixed = [
            size * (share * np.roll(code, move) + (1.0 - share) * np.roll(talk, move))
            for size, share, move in zip(SIZE, CODE_SHARE, MOVED, strict=True)
        ]
        return np.column_stack(mixed)

    def problem(self) -> Problem:
        """The whole week: 168 rounds."""
        demand = self.demand()
        total = demand.sum(axis=1)
        impact = np.zeros((HOURS, len(REGIONS), len(ACTIONS)))
        impact[:, :, 2] = 100.0 * demand / total[:, None] / SIZE
        upper = np.column_stack([np.broadcast_to(FLEET, (HOURS, 2)), total])
        setting = Setting(
            horizon=HOURS,
            switching=self.moving(),
            fairness=Norm(self.mu, self.p),
            initial=np.zeros(len(ACTIONS)),
            actions=ACTIONS,
            entities=REGIONS,
        )
        return Problem(
            setting,
            Quadratic([*COST, self.price], [*STRAIN, self.penalty]),
            Dense(impact),
            Budget(total, upper),
        )

    def line_up(self) -> Mapping[str, Policy[Any]]:
        """HITMIN, ROBD, DMD, and FairOBD in both domains."""
        return {
            "HITMIN": HitMin(),
            "ROBD": ROBD(),
            "DMD": DMD(eta=1e-2),
            "FairOBD(eta=0.01)": FairOBD(eta=1e-2),
            "FairOBD(eta=0.01, ball)": FairOBD(eta=1e-2, domain="ball"),
        }

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """Nothing: the paper describes this application without numbers."""
        return {}
