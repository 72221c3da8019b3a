"""fleet-online: robots share one cloud budget over time, fair in what each one misses. Source: spec/online.md §7.3.

It joins the two halves: the hitting cost is made of the utilities of one-shot allocation, everything else is the
online problem. All data are seeded; nothing here was published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import count, number
from evenhand.core import Policy, Problem, Setting
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ParameterError
from evenhand.fairness.norm import Norm
from evenhand.impacts import Dense
from evenhand.policies.dmd import DMD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.greedy import Greedy
from evenhand.policies.hitmin import HitMin
from evenhand.policies.proportional_share import ProportionalShare
from evenhand.policies.robd import ROBD
from evenhand.sets import Budget
from evenhand.utilities.power import Power

__all__ = ["FleetOnline"]

#: resource a robot asks for per unit of work, and the least it ever asks for
ASKS, LEAST = 1.0, 0.05


@final
@dataclass(frozen=True, slots=True)
class FleetOnline:
    """x_{i,t} in [0, d_{i,t}] of the cloud goes to robot i, sum_i x_{i,t} = B_t = min(budget, sum_i d_{i,t}).

    Work a_{i,t} arrives by a seeded mixture: a rate r_i ~ U(0.5, 1.5), a daily wave (24 rounds) with the robot's own
    phase, and bursts that triple it (start with probability 0.04 a round, last 6 rounds on average). A robot asks for
    d_{i,t} = a_{i,t}, at least 0.05. budget: `share` of the fleet's mean demand.

    * hitting: f_t(x) = sum_i a_{i,t} [U_i(o_i + d_{i,t}) - U_i(o_i + x_i)], U_i(r) = r^g_i, g_i ~ U(0.3, 0.8), on
      board o_i ~ U(0.05, 0.2): the accuracy that this round's work misses.
    * switching: (beta/2) ||x_t - x_{t-1}||^2, x_0 = 0.
    * fairness: g(y) = mu max_i y_i / r_i of the mean shortfall y_i = avg_t (d_{i,t} - x_{i,t}) >= 0, relative to the
      robot's known rate r_i: the robot whose requests were refused most, decides. Since sum_j x_j = B_t, the
      shortfall is the linear burden A_t x with A_t = d_t 1' / B_t - I.

    robots: n; rounds: T of all; length: of a window; p: exponent of the norm (inf: the worst decides).
    """

    robots: int = 8
    share: float = 0.6
    mu: float = 2.0
    p: float = np.inf
    beta: float = 1.0
    rounds: int = 96
    length: int = 72
    seed: int = 0

    title: ClassVar[str] = "robots share one cloud budget over time, fair in what each one misses"
    note: ClassVar[str] = "All arrivals and utilities are drawn (seeded); nothing was published for this scenario."

    def __post_init__(self) -> None:
        for name in ("robots", "rounds", "length", "seed"):
            object.__setattr__(self, name, count(name, getattr(self, name), low=0 if name == "seed" else 1))
        if self.length > self.rounds:
            raise ParameterError(f"length is {self.length}: a window cannot be longer than the {self.rounds} rounds")
        number("share", self.share, low=0.0, open_low=True)
        number("beta", self.beta, low=0.0)
        Norm(self.mu, self.p)  # refuses mu and p here rather than later

    def problem(self) -> Problem:
        """All rounds."""
        rng = np.random.default_rng(self.seed)
        n, horizon = self.robots, self.rounds
        rate = rng.uniform(0.5, 1.5, n)
        exponent = rng.uniform(0.3, 0.8, n)
        onboard = rng.uniform(0.05, 0.2, n)
        phase = rng.uniform(0.0, 2.0 * np.pi, n)
        wave = 1.0 + 0.5 * np.sin(2.0 * np.pi * np.arange(horizon)[:, None] / 24.0 + phase)
        busy = np.empty((horizon, n))
        state = np.zeros(n, dtype=bool)
        for t in range(horizon):
            state = np.where(state, rng.uniform(size=n) > 1.0 / 6.0, rng.uniform(size=n) < 0.04)
            busy[t] = np.where(state, 3.0, 1.0)
        work = rate * wave * busy * rng.gamma(8.0, 1.0 / 8.0, size=(horizon, n))
        demand = np.maximum(ASKS * work, LEAST)
        budget = self.share * float(demand.sum(axis=1).mean())
        total = np.minimum(budget, demand.sum(axis=1))
        names = tuple(f"robot-{i + 1}" for i in range(n))
        setting = Setting(
            horizon=horizon,
            beta=self.beta,
            fairness=Norm(self.mu, self.p, 1.0 / rate),
            initial=np.zeros(n),
            burden_lower=np.zeros(n),
            burden_upper=demand.max(axis=0),
            actions=names,
            entities=names,
        )
        return Problem(
            setting,
            UtilityCost(Power(exponent), work, onboard, onboard + demand),
            Dense(demand[:, :, None] / total[:, None, None] - np.eye(n)),
            Budget(total, demand),
        )

    def line_up(self) -> Mapping[str, Policy[Any]]:
        """The online policies, with learning rates of the right order for this scenario, and the equal split."""
        return {
            "HITMIN": HitMin(),
            "Greedy": Greedy(),
            "ROBD": ROBD(),
            "DMD": DMD(eta=0.03),
            "FairOBD(eta=0.1)": FairOBD(eta=0.1),
            "FairOBD(eta=0.03)": FairOBD(eta=0.03),
            "FairOBD(eta=0.03, ball)": FairOBD(eta=0.03, domain="ball"),
            "ProportionalShare": ProportionalShare(),
        }

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """Nothing was published for this scenario."""
        return {}
