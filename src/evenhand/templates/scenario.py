"""Template: sites on a ring through which the expensive hours travel once a day.

Check it:    evenhand check template.py
Compare it:  evenhand --plugin template.py compare Template --windows 0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand import Budget, Diagonal, FairOBD, HitMin, Norm, Problem, Quadratic, Setting
from evenhand.columns import count, number
from evenhand.core import Policy
from evenhand.errors import ParameterError


@final
@dataclass(frozen=True, slots=True)
class Template:
    """Every field is a setting: `--set mu=2.0`. sites: how many; rounds: hours of data; length: hours in a window.

    beta: cost of moving load, per unit squared; mu: weight of the site that bears most; seed: of the demand.
    """

    sites: int = 4
    rounds: int = 96
    length: int = 48
    beta: float = 2.0
    mu: float = 1.5
    seed: int = 0

    title: ClassVar[str] = "sites on a ring, expensive in turn"
    note: ClassVar[str] = "Prices and demand are made up."
    units: ClassVar[Mapping[str, str]] = {"cost": "$", "burden": "kg"}

    def __post_init__(self) -> None:
        for name, low in (("sites", 2), ("rounds", 1), ("length", 1), ("seed", 0)):
            object.__setattr__(self, name, count(name, getattr(self, name), low=low))
        for name in ("beta", "mu"):
            object.__setattr__(self, name, number(name, getattr(self, name), low=0.0))
        if self.length > self.rounds:
            raise ParameterError(f"length is {self.length}: a window cannot be longer than the {self.rounds} rounds")

    def problem(self) -> Problem:
        """All rounds, as arrays whose first axis is time; the same settings give the same numbers."""
        rng = np.random.default_rng(self.seed)
        hour = np.arange(self.rounds)[:, None] / 24.0 - np.arange(self.sites) / self.sites
        price = 1.0 + 0.5 * np.cos(2.0 * np.pi * hour)  # (T, n)
        carbon = 1.0 + 0.4 * np.sin(2.0 * np.pi * hour)
        demand = self.sites * rng.uniform(0.3, 0.7, self.rounds)  # (T,), to be shared among the sites
        setting = Setting(
            horizon=self.rounds,
            beta=self.beta,
            fairness=Norm(self.mu),
            initial=np.full(self.sites, demand[0] / self.sites),
            actions=[f"site-{i + 1}" for i in range(self.sites)],
            entities=[f"site-{i + 1}" for i in range(self.sites)],
        )
        return Problem(setting, Quadratic(price, 1.0), Diagonal(carbon), Budget(demand, np.ones(self.sites)))

    def line_up(self) -> Mapping[str, Policy[Any]]:
        """The policies that are compared when none are named, by label."""
        return {"HITMIN": HitMin(), "FairOBD": FairOBD()}

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """What a paper says (hitting, switching, fairness, total), by the labels of the line-up; nothing here."""
        return {}
