"""Power law: U(r) = scale · r^γ, 0 < γ < 1 (accuracy against model size or data; `spec/allocation.md §2`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import same
from evenhand.kernels.response import Columns, exponential_columns
from evenhand.utilities.base import Array, fair_weight, floats, parameter, pick, scale_of, size

__all__ = ["Power"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Power:
    """U(r) = scale · r^γ. gamma inside (0, 1), scale > 0 (units of U): scalars or (n,)."""

    gamma: Array | float
    scale: Array | float = 1.0
    proved_concave: ClassVar[bool] = True

    __eq__ = same

    def __post_init__(self) -> None:
        rule = "give 0 < gamma < 1 (concave and increasing)"
        g = parameter("Power", "gamma", self.gamma, lambda a: (a > 0) & (a < 1), rule)
        object.__setattr__(self, "gamma", g)
        object.__setattr__(self, "scale", scale_of("Power", self.scale))
        _ = self.n

    @property
    def n(self) -> int | None:
        """Number of agents, None if all parameters are scalars."""
        return size("Power", gamma=floats(self.gamma), scale=floats(self.scale))

    def value(self, r: Any) -> Array:
        """scale · r^γ."""
        return self.scale * floats(r) ** self.gamma

    def marginal(self, r: Any) -> Array:
        """scale · γ r^{γ−1}; inf at 0."""
        with np.errstate(divide="ignore", over="ignore"):
            return floats(self.scale * self.gamma * floats(r) ** (floats(self.gamma) - 1.0))

    def demand(self, price: Any) -> Array:
        """(scale · γ/p)^{1/(1−γ)}."""
        with np.errstate(divide="ignore", over="ignore"):
            return floats((self.scale * self.gamma / floats(price)) ** (1.0 / (1.0 - floats(self.gamma))))

    def curvature(self, r: Any) -> Array:
        """scale · γ(γ−1) r^{γ−2}; −inf at 0."""
        g = floats(self.gamma)
        with np.errstate(divide="ignore", over="ignore"):
            return floats(self.scale * g * (g - 1.0) * floats(r) ** (g - 2.0))

    def invert(self, level: Any) -> Array:
        """(level/scale)^{1/γ}, 0 for level ≤ 0."""
        with np.errstate(over="ignore"):
            return floats(np.maximum(floats(level) / self.scale, 0.0) ** (1.0 / floats(self.gamma)))

    def scaled(self, factor: float) -> Power:
        """The same utility in other units: factor · U."""
        return replace(self, scale=self.scale * factor)

    def take(self, i: Any) -> Power:
        """The agents i."""
        return Power(pick(floats(self.gamma), i), pick(floats(self.scale), i))

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """φ_α(U) has the marginal scale^{1−α} γ r^{γ(1−α)−1}."""
        g = floats(self.gamma)
        log_marginal = np.atleast_1d(np.log(g))
        elasticity = np.atleast_1d(g * (alpha - 1.0))
        elasticity += 1.0
        np.reciprocal(elasticity, out=elasticity)
        log_weight = fair_weight(log_weight, self.scale, alpha)
        if np.any(log_weight):
            log_marginal = log_marginal + log_weight
        return exponential_columns(log_marginal, elasticity)
