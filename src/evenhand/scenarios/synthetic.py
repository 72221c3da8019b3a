"""synthetic: small seeded families whose hindsight optimum is known in closed form. Source: spec/scenarios.md.

constant    f = q ||x||^2 / 2 on sum x = n, A = diag(a), g = mu ||y||_1, the same every round, x_0 = OPT's action.
            OPT: x_i = 1 - mu (a_i - mean a) / q.
one-round   The same with T = 1 and x_0 = 0. OPT: x_i = 1 - mu (a_i - mean a) / (q + beta).
one-action  n = 1, f_t = q (x - theta_t)^2 / 2, g = mu |y|, beta = 0.
            OPT: x_t = theta_t - kappa / q with kappa = min(q mean theta, mu).
free-moves  f_t = q ||x - theta_t||^2 / 2, g = mu ||y||_2, beta = 0.
            OPT: x_t = theta_t - kappa / q with kappa = v min(1, mu / ||v||), v = q mean theta.
toggle      Two sites, one unit of demand, prices (1, 0), (0, 1), ..., g = mu ||y||_inf, beta <= 1/4, T even.
            OPT follows the free site: cost beta + mu / 2 (leaving one unit behind saves 4 beta <= 1 and costs 1).
drift       f_t = c . x + q ||x||^2 / 2 on sum x = n, A_t = diag(a_t), g = mu ||y||_inf, x_0 = (1, ..., 1); the heavy
            burden passes once from site to site: a_t = 1 + 3 max(0, 1 - cyclic distance of the site to n t / T)
            + U(0, 1/2). No closed form.

a_i ~ U(0, 1), theta ~ U(2, 4), c ~ U(0, 1) from the seed. No units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import Array, count, number
from evenhand.core import Policy, Problem, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import ParameterError, UnknownNameError
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.policies.dmd import DMD
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.hitmin import HitMin
from evenhand.policies.robd import ROBD
from evenhand.sets import Box, Budget

__all__ = ["Synthetic"]

FAMILIES = ("constant", "one-round", "one-action", "free-moves", "toggle", "drift")
#: the largest action of the families with a box; far from any optimum
ROOM = 10.0


@final
@dataclass(frozen=True, slots=True)
class Synthetic:
    """Families `constant`, `one-round`, `one-action`, `free-moves`, `toggle`, `drift`; see the module for formulas.

    n: actions (1 for one-action, 2 for toggle); rounds: T (1 for one-round); q: curvature; mu: weight of fairness;
    beta: switching weight (0 for one-action and free-moves); length: rounds in a window, 0 for all.
    """

    family: str = "drift"
    n: int = 4
    rounds: int = 96
    seed: int = 0
    q: float = 1.0
    mu: float = 1.0
    beta: float = 0.25
    length: int = 0

    title: ClassVar[str] = "seeded families with closed-form answers, for tests"
    note: ClassVar[str] = "Numbers without units; the closed form is in the docstring of the family."

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise UnknownNameError("family", str(self.family), FAMILIES)
        for name, low in (("n", 1), ("rounds", 1), ("length", 0)):
            object.__setattr__(self, name, count(name, getattr(self, name), low=low))
        object.__setattr__(self, "seed", count("seed", self.seed, low=0))
        for name in ("q", "mu", "beta"):
            object.__setattr__(self, name, number(name, getattr(self, name), low=0.0, open_low=name == "q"))
        change: dict[str, dict[str, Any]] = {
            "one-round": {"rounds": 1, "length": 1},
            "one-action": {"n": 1, "beta": 0.0},
            "free-moves": {"beta": 0.0},
            "toggle": {"n": 2, "rounds": self.rounds + self.rounds % 2},
        }
        for name, value in change.get(self.family, {}).items():
            object.__setattr__(self, name, value)
        length = self.length or self.rounds
        if length > self.rounds:
            raise ParameterError(f"length is {length}: it must be at most rounds, {self.rounds}")
        object.__setattr__(self, "length", length)

    def _weights(self) -> Array:
        return np.random.default_rng(self.seed).uniform(0.0, 1.0, self.n)

    def _goals(self) -> Array:
        rng = np.random.default_rng(self.seed)
        goals = rng.uniform(2.0, 4.0, (self.rounds, self.n))
        if self.family == "drift":  # the heavy burden moves once through all sites
            at = np.linspace(0.0, self.n, self.rounds, endpoint=False)[:, None] - np.arange(self.n)
            near = np.maximum(0.0, 1.0 - np.abs((at + self.n / 2) % self.n - self.n / 2))
            goals = 1.0 + 3.0 * near + 0.25 * (goals - 2.0)
        return goals

    def problem(self) -> Problem:
        """All rounds."""
        n, rounds, ones = self.n, self.rounds, np.ones(self.n)
        if self.family in ("constant", "one-round"):
            start = np.zeros(n) if self.family == "one-round" else self._steady(self.q)
            setting = Setting(rounds, self.beta, Norm(self.mu, 1.0), start)
            return Problem(
                setting, Quadratic(np.zeros(n), self.q), Diagonal(self._weights()), Budget(float(n), n * ones)
            )
        if self.family == "toggle":
            price = np.eye(2)[np.arange(rounds) % 2]
            setting = Setting(rounds, self.beta, Norm(self.mu), np.array([1.0, 0.0]))
            return Problem(setting, Quadratic(price), Diagonal(ones), Budget(1.0, ones))
        goals = self._goals()
        if self.family == "drift":
            setting = Setting(rounds, self.beta, Norm(self.mu), ones)
            return Problem(setting, Quadratic(self._weights(), self.q), Diagonal(goals), Budget(float(n), n * ones))
        p = 1.0 if self.family == "one-action" else 2.0
        setting = Setting(rounds, self.beta, Norm(self.mu, p), np.zeros(n))
        cost = Quadratic(-self.q * goals, self.q, 0.5 * self.q * (goals * goals).sum(axis=1))
        return Problem(setting, cost, Diagonal(ones), Box(np.zeros(n), ROOM * ones))

    def _steady(self, curvature: float) -> Array:
        weights = self._weights()
        x = 1.0 - self.mu * (weights - weights.mean()) / curvature
        if (x < 0.0).any() or (x > self.n).any():
            raise ParameterError(f"mu is {self.mu!r}: too large for the closed form, actions would leave [0, {self.n}]")
        return x

    def answer(self) -> float | None:
        """OPT's total cost over all rounds in closed form; None for `drift` and for toggle with beta > 1/4.

        Raises ParameterError where mu or q push the closed form out of the action set.
        """
        if self.family in ("constant", "one-round"):
            once = self.family == "one-round"
            x = self._steady(self.q + self.beta if once else self.q)
            moving = 0.5 * self.beta * float(x @ x) if once else 0.0
            return 0.5 * self.q * float(x @ x) + self.mu * float(self._weights() @ x) + moving
        if self.family == "toggle":
            return self.beta + 0.5 * self.mu if self.beta <= 0.25 else None
        if self.family == "drift":
            return None
        goals = self._goals()
        mean = goals.mean(axis=0)
        size = self.q * float(np.linalg.norm(mean))
        kappa = self.q * mean * min(1.0, self.mu / size)
        if (goals - kappa / self.q < 0.0).any():
            raise ParameterError(f"mu is {self.mu!r}: too large for the closed form, actions would fall below 0")
        return float(kappa @ kappa) / (2 * self.q) + self.mu * float(np.linalg.norm(mean - kappa / self.q))

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
        """Nothing was published."""
        return {}
