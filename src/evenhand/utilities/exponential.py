"""Exponential saturation: U(r) = a (1 − e^{−kr}) (`spec/allocation.md §2`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.kernels.response import Columns, affine_columns, logit_columns
from evenhand.utilities.base import Array, floats, parameter, pick, size

__all__ = ["Exponential"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Exponential:
    """U(r) = a (1 − e^{−kr}). a, k > 0: scalars or (n,); k in 1/resource."""

    a: Array | float
    k: Array | float

    def __post_init__(self) -> None:
        object.__setattr__(self, "a", parameter("Exponential", "a", self.a, lambda v: v > 0, "give a > 0"))
        object.__setattr__(self, "k", parameter("Exponential", "k", self.k, lambda v: v > 0, "give k > 0"))
        _ = self.n

    @property
    def n(self) -> int | None:
        """Number of agents, None if all parameters are scalars."""
        return size("Exponential", a=floats(self.a), k=floats(self.k))

    def value(self, r: Any) -> Array:
        """a (1 − e^{−kr})."""
        return floats(-self.a * np.expm1(-self.k * floats(r)))

    def marginal(self, r: Any) -> Array:
        """a k e^{−kr}."""
        return floats(self.a * self.k * np.exp(-self.k * floats(r)))

    def demand(self, price: Any) -> Array:
        """max(0, log(ak/p)/k)."""
        a, k = floats(self.a), floats(self.k)
        with np.errstate(divide="ignore", over="ignore"):
            return np.maximum(0.0, np.log(a * k / floats(price)) / k)

    def curvature(self, r: Any) -> Array:
        """−a k² e^{−kr}."""
        a, k = floats(self.a), floats(self.k)
        return floats(-a * k * k * np.exp(-k * floats(r)))

    def invert(self, level: Any) -> Array:
        """−log(1 − level/a)/k; inf from the limit a on."""
        share = np.clip(floats(level) / self.a, 0.0, 1.0)
        with np.errstate(divide="ignore"):
            return -np.log1p(-share) / self.k

    def take(self, i: Any) -> Exponential:
        """The agents i."""
        return Exponential(pick(floats(self.a), i), pick(floats(self.k), i))

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """α = 0: marginal a k e^{−kr}; else a^{1−α} k z (1 − z)^{−α} with z = e^{−kr}."""
        a, k = floats(self.a), floats(self.k)
        if alpha == 0.0:
            return affine_columns(log_weight + np.log(a) + np.log(k), 1.0 / k)
        return logit_columns(log_weight + (1.0 - alpha) * np.log(a) + np.log(k), 1.0 / k, alpha)
