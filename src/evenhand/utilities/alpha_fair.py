"""α-fair utility of the resource itself: U(r) = scale · r^{1−α}/(1−α), log r at α = 1 (Mo, Walrand 2000)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import same
from evenhand.errors import ParameterError
from evenhand.kernels.response import Columns, exponential_columns
from evenhand.utilities.base import Array, fair_weight, floats, parameter, pick, scale_of, size

__all__ = ["AlphaFair"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class AlphaFair:
    """U(r) = scale · r^{1−α}/(1−α), scale · log r at α = 1. alpha, scale > 0 (units of U): scalars or (n,).

    alpha = 0 would be linear: use PiecewiseLinear.

    For α ≥ 1 the utility is not positive, so the fairness transform is offered for α < 1 only.
    """

    alpha: Array | float
    scale: Array | float = 1.0
    proved_concave: ClassVar[bool] = True

    __eq__ = same

    def __post_init__(self) -> None:
        rule = "give alpha > 0 (for the linear alpha = 0 use PiecewiseLinear)"
        object.__setattr__(self, "alpha", parameter("AlphaFair", "alpha", self.alpha, lambda a: a > 0, rule))
        object.__setattr__(self, "scale", scale_of("AlphaFair", self.scale))
        _ = self.n

    @property
    def n(self) -> int | None:
        """Number of agents, None if all parameters are scalars."""
        return size("AlphaFair", alpha=floats(self.alpha), scale=floats(self.scale))

    def value(self, r: Any) -> Array:
        """scale · r^{1−α}/(1−α) or scale · log r; −inf at 0 for α ≥ 1."""
        s = 1.0 - floats(self.alpha)
        r = floats(r)
        with np.errstate(divide="ignore", over="ignore"):
            return self.scale * np.where(s == 0.0, np.log(r), r**s / np.where(s == 0.0, 1.0, s))

    def marginal(self, r: Any) -> Array:
        """scale · r^{−α}; inf at 0."""
        with np.errstate(divide="ignore", over="ignore"):
            return floats(self.scale * floats(r) ** -floats(self.alpha))

    def demand(self, price: Any) -> Array:
        """(p/scale)^{−1/α}."""
        with np.errstate(divide="ignore", over="ignore"):
            return (floats(price) / self.scale) ** (-1.0 / floats(self.alpha))

    def curvature(self, r: Any) -> Array:
        """−scale · α r^{−α−1}."""
        a = floats(self.alpha)
        with np.errstate(divide="ignore", over="ignore"):
            return floats(-self.scale * a * floats(r) ** (-a - 1.0))

    def invert(self, level: Any) -> Array:
        """((1−α) level/scale)^{1/(1−α)} or e^{level/scale}; inf for levels ≥ 0 at α > 1, which are never reached."""
        s = 1.0 - floats(self.alpha)
        level = floats(level) / self.scale
        base = np.maximum(s * level, 0.0)
        with np.errstate(divide="ignore", over="ignore"):
            return np.where(s == 0.0, np.exp(level), base ** (1.0 / np.where(s == 0.0, 1.0, s)))

    def scaled(self, factor: float) -> AlphaFair:
        """The same utility in other units: factor · U."""
        return replace(self, scale=self.scale * factor)

    def take(self, i: Any) -> AlphaFair:
        """The agents i."""
        return AlphaFair(pick(floats(self.alpha), i), pick(floats(self.scale), i))

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """φ_β(scale · r^s/s), s = 1 − α > 0, has the marginal scale^{1−β} s^β r^{s(1−β)−1}."""
        s = 1.0 - floats(self.alpha)
        log_weight = fair_weight(log_weight, self.scale, alpha)
        if alpha == 0.0:
            return exponential_columns(log_weight, 1.0 / floats(self.alpha))
        if np.any(s <= 0):
            i = int(np.argmax(np.atleast_1d(s <= 0)))
            raise ParameterError(
                f"AlphaFair: fairness {alpha:g} needs positive utilities, but alpha[{i}] = "
                f"{float(np.atleast_1d(self.alpha)[i])!r} >= 1 makes them negative; use fairness 0 (the "
                "family is already alpha-fair) or Power"
            )
        return exponential_columns(log_weight + alpha * np.log(s), 1.0 / (1.0 - s * (1.0 - alpha)))
