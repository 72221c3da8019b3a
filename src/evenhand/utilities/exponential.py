"""Exponential saturation: U(r) = scale · a (1 − e^{−kr}) (`spec/allocation.md §2`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import same
from evenhand.kernels.response import Columns, affine_columns, logit_columns
from evenhand.utilities.base import Array, fair_weight, floats, parameter, pick, scale_of, size

__all__ = ["Exponential"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Exponential:
    """U(r) = scale · a (1 − e^{−kr}). a, k, scale > 0: scalars or (n,); k in 1/resource, scale in units of U."""

    a: Array | float
    k: Array | float
    scale: Array | float = 1.0
    proved_concave: ClassVar[bool] = True

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "a", parameter("Exponential", "a", self.a, lambda v: v > 0, "give a > 0"))
        object.__setattr__(self, "k", parameter("Exponential", "k", self.k, lambda v: v > 0, "give k > 0"))
        object.__setattr__(self, "scale", scale_of("Exponential", self.scale))
        _ = self.n

    @property
    def n(self) -> int | None:
        """Number of agents, None if all parameters are scalars."""
        return size("Exponential", a=floats(self.a), k=floats(self.k), scale=floats(self.scale))

    def value(self, r: Any) -> Array:
        """scale · a (1 − e^{−kr})."""
        return floats(-self.scale * self.a * np.expm1(-self.k * floats(r)))

    def marginal(self, r: Any) -> Array:
        """scale · a k e^{−kr}."""
        return floats(self.scale * self.a * self.k * np.exp(-self.k * floats(r)))

    def demand(self, price: Any) -> Array:
        """max(0, log(scale · ak/p)/k)."""
        a, k = floats(self.a), floats(self.k)
        with np.errstate(divide="ignore", over="ignore"):
            return np.maximum(0.0, np.log(self.scale * a * k / floats(price)) / k)

    def curvature(self, r: Any) -> Array:
        """−scale · a k² e^{−kr}."""
        a, k = floats(self.a), floats(self.k)
        return floats(-self.scale * a * k * k * np.exp(-k * floats(r)))

    def invert(self, level: Any) -> Array:
        """−log(1 − level/(scale · a))/k; inf from the limit scale · a on."""
        share = np.clip(floats(level) / (self.scale * self.a), 0.0, 1.0)
        with np.errstate(divide="ignore"):
            return -np.log1p(-share) / self.k

    def scaled(self, factor: float) -> Exponential:
        """The same utility in other units: factor · U."""
        return replace(self, scale=self.scale * factor)

    def take(self, i: Any) -> Exponential:
        """The agents i."""
        return Exponential(pick(floats(self.a), i), pick(floats(self.k), i), pick(floats(self.scale), i))

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """α = 0: marginal a k e^{−kr}; else a^{1−α} k z (1 − z)^{−α} with z = e^{−kr}; times scale^{1−α}."""
        a, k = floats(self.a), floats(self.k)
        log_weight = fair_weight(log_weight, self.scale, alpha)
        if alpha == 0.0:
            return affine_columns(log_weight + np.log(a) + np.log(k), 1.0 / k)
        return logit_columns(log_weight + (1.0 - alpha) * np.log(a) + np.log(k), 1.0 / k, alpha)
