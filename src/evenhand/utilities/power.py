"""Power law: U(r) = r^γ, 0 < γ < 1 (accuracy against model size or data; `spec/allocation.md §2`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.kernels.response import Columns, exponential_columns
from evenhand.utilities.base import Array, floats, parameter, pick, size

__all__ = ["Power"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Power:
    """U(r) = r^γ. gamma: scalar or (n,), inside (0, 1)."""

    gamma: Array | float

    def __post_init__(self) -> None:
        rule = "give 0 < gamma < 1 (concave and increasing)"
        g = parameter("Power", "gamma", self.gamma, lambda a: (a > 0) & (a < 1), rule)
        object.__setattr__(self, "gamma", g)

    @property
    def n(self) -> int | None:
        """Number of agents, None for one exponent for all."""
        return size("Power", gamma=floats(self.gamma))

    def value(self, r: Any) -> Array:
        """r^γ."""
        return floats(r) ** self.gamma

    def marginal(self, r: Any) -> Array:
        """γ r^{γ−1}; inf at 0."""
        with np.errstate(divide="ignore", over="ignore"):
            return floats(self.gamma * floats(r) ** (floats(self.gamma) - 1.0))

    def demand(self, price: Any) -> Array:
        """(γ/p)^{1/(1−γ)}."""
        with np.errstate(divide="ignore", over="ignore"):
            return floats((self.gamma / floats(price)) ** (1.0 / (1.0 - floats(self.gamma))))

    def curvature(self, r: Any) -> Array:
        """γ(γ−1) r^{γ−2}; −inf at 0."""
        g = floats(self.gamma)
        with np.errstate(divide="ignore", over="ignore"):
            return floats(g * (g - 1.0) * floats(r) ** (g - 2.0))

    def invert(self, level: Any) -> Array:
        """level^{1/γ}, 0 for level ≤ 0."""
        with np.errstate(over="ignore"):
            return floats(np.maximum(floats(level), 0.0) ** (1.0 / floats(self.gamma)))

    def take(self, i: Any) -> Power:
        """The agents i."""
        return Power(pick(floats(self.gamma), i))

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """φ_α(r^γ) has the marginal γ r^{γ(1−α)−1}."""
        g = floats(self.gamma)
        log_marginal = np.atleast_1d(np.log(g))
        elasticity = np.atleast_1d(g * (alpha - 1.0))
        elasticity += 1.0
        np.reciprocal(elasticity, out=elasticity)
        if np.any(log_weight):
            log_marginal = log_marginal + log_weight
        return exponential_columns(log_marginal, elasticity)
