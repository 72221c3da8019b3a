"""Fairness transform φ_α(U) of any utility (`spec/allocation.md §4`; Mo, Walrand 2000)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.errors import ParameterError, shown
from evenhand.kernels.response import GIVEN, Columns, responses
from evenhand.utilities.base import (
    Array,
    Scalable,
    Utility,
    columns_of,
    expect_utility,
    floats,
    invert_marginal,
    marginal_range,
    rescaled,
    table,
)

__all__ = ["Fair", "log_fair", "transform"]


def transform(level: Any, alpha: float) -> Array:
    """φ_α(U) = U^{1−α}/(1−α), log U at α = 1; −inf outside its domain (U < 0, or U = 0 for α ≥ 1)."""
    u = floats(level)
    inside = np.maximum(u, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        if alpha == 0.0:
            return u
        phi = np.log(inside) if alpha == 1.0 else inside ** (1.0 - alpha) / (1.0 - alpha)
    return np.where(u < 0.0, -np.inf, phi)


def log_fair(value: Array, marginal: Array, alpha: float) -> Array:
    """log(U^{−α} U′) from U and U′: inf where U ≤ 0 (α > 0), −inf where U′ = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.log(marginal)
        if alpha == 0.0:
            return slope
        return np.where(value > 0.0, slope - alpha * np.log(np.where(value > 0.0, value, 1.0)), np.inf)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Fair:
    """φ_α(U). utility: any family with U ≥ 0 where agents are served; alpha: fairness level, finite and ≥ 0.

    Where U < 0 (a scaling law near 0) the transform is −inf and the marginal inf, so every agent is lifted
    to U ≥ 0 first. Demand is closed for Power, AlphaFair and PiecewiseLinear; one Newton iteration in
    compiled code for Saturating, Exponential and Log; a safeguarded search for Custom.
    """

    utility: Utility
    alpha: float

    def __post_init__(self) -> None:
        alpha = table("Fair", "alpha", self.alpha)
        if alpha.ndim or not (np.isfinite(alpha) and alpha >= 0.0):
            raise ParameterError(
                f"Fair: alpha = {shown(self.alpha)} must be one finite number >= 0; for max-min use fairness=inf"
            )
        expect_utility("Fair: utility", self.utility)
        if isinstance(self.utility, Fair):
            raise ParameterError("Fair: the utility is already a fairness transform; apply one level only")
        object.__setattr__(self, "alpha", float(alpha))
        self.columns(np.zeros(1), alpha=0.0)  # a family without this transform says so now

    @property
    def n(self) -> int | None:
        """Number of agents of the utility."""
        return self.utility.n

    def value(self, r: Any) -> Array:
        """φ_α(U(r))."""
        return transform(self.utility.value(r), self.alpha)

    def marginal(self, r: Any) -> Array:
        """U^{−α} U′; inf where U ≤ 0."""
        return self._scaled(r, self.utility.marginal(r))

    def marginal_range(self, r: Any) -> tuple[Array, Array]:
        """Least and largest marginal: they differ at the knots of linear pieces only."""
        right, left = marginal_range(self.utility, r)
        return self._scaled(r, right), self._scaled(r, left)

    def _scaled(self, r: Any, slope: Array) -> Array:
        if self.alpha == 0.0:
            return slope
        u = self.utility.value(r)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            m = np.where(u > 0.0, np.where(slope > 0.0, np.maximum(u, 0.0) ** -self.alpha * slope, 0.0), np.inf)
        return floats(m)

    def demand(self, price: Any) -> Array:
        """The r with U^{−α} U′ = price."""
        with np.errstate(divide="ignore"):
            return self.log_demand(np.log(floats(price)))

    def log_marginal(self, r: Any) -> Array:
        """log U′ − α log U, where U^{−α} itself would leave the range of floats; inf where U ≤ 0."""
        return log_fair(self.utility.value(r), self.utility.marginal(r), self.alpha)

    def log_slope(self, r: Any) -> Array:
        """d(log marginal)/dr = U″/U′ − α U′/U ≤ 0."""
        u, d, c = self.utility.value(r), self.utility.marginal(r), self.utility.curvature(r)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return floats(c / d - (self.alpha * d / u if self.alpha else 0.0))

    def log_demand(self, log_price: Any) -> Array:
        """The r with log marginal = log_price."""
        log_price = floats(log_price)
        columns = self.columns(np.zeros(1), 0.0)
        if np.any(columns.code == GIVEN):
            return invert_marginal(self.log_marginal, log_price, self.n)
        shape = np.broadcast_shapes(log_price.shape, () if self.n is None else (self.n,))
        t = np.array(np.broadcast_to(log_price, shape or (1,)))
        r = np.empty(t.shape)
        responses(*columns, np.zeros((4, 0)), t, r)
        return r.reshape(shape)

    def curvature(self, r: Any) -> Array:
        """U^{−α} U″ − α U^{−α−1} U′²."""
        u, d, c = self.utility.value(r), self.utility.marginal(r), self.utility.curvature(r)
        if self.alpha == 0.0:
            return c
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(u > 0.0, u**-self.alpha * c - self.alpha * u ** (-self.alpha - 1.0) * d**2, -np.inf)

    def invert(self, level: Any) -> Array:
        """The smallest r with φ_α(U(r)) ≥ level."""
        level = floats(level)
        a = self.alpha
        with np.errstate(divide="ignore", over="ignore"):
            u = np.exp(level) if a == 1.0 else np.maximum((1.0 - a) * level, 0.0) ** (1.0 / (1.0 - a))
        return self.utility.invert(u)

    @property
    def proved_concave(self) -> bool:
        """Whether the utility is."""
        return isinstance(self.utility, Scalable) and self.utility.proved_concave

    def scaled(self, factor: float) -> Fair:
        """φ_α(factor · U), which differs from φ_α(U) by the factor to the power 1 − α."""
        return Fair(rescaled(self.utility, factor), self.alpha)

    def take(self, i: Any) -> Fair:
        """The agents i."""
        return Fair(self.utility.take(i), self.alpha)

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """The utility's columns under φ_α."""
        if alpha != 0.0:
            raise ParameterError("Fair: the utility is already a fairness transform; allocate it with fairness 0")
        return columns_of(self.utility, log_weight, self.alpha)
