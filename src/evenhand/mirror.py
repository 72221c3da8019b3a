"""Reference functions h of the dual step (5): Euclidean, weighted Euclidean and negative entropy.

Each brings its pair of norms and its modulus sigma, so that bounds, frames and guarantees hold for it. Source:
spec/online.md §1, §2, §5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, same
from evenhand.core import Fairness
from evenhand.errors import ParameterError
from evenhand.kernels import reduce
from evenhand.units import Units, in_units

__all__ = ["Entropy", "Euclidean", "WeightedEuclidean"]


@final
@dataclass(frozen=True, slots=True)
class Euclidean:
    """h = ||.||^2 / 2: kappa - eta d, projected on the dual ball in the `ball` domain."""

    @property
    def order(self) -> float:
        """2: the Euclidean norm."""
        return 2.0

    @property
    def burden_weights(self) -> float:
        """1: none."""
        return 1.0

    @property
    def positive(self) -> bool:
        """Prices may have any sign."""
        return False

    def modulus(self, largest: Array) -> Array:
        """1, whatever the prices."""
        return np.ones_like(largest)

    def step(self, kappa: Array, direction: Array, eta: Array, fairness: Fairness, ball: bool) -> Array:
        """The dual step (5): (..., m)."""
        moved = kappa - eta * direction
        return fairness.project(moved) if ball else moved

    def divergence(self, kappa: Array, start: Array) -> Array:
        """||kappa - start||^2 / 2."""
        return 0.5 * reduce.squared_distance(kappa, start)


@final
@dataclass(frozen=True, slots=True)
class WeightedEuclidean:
    """h = sum_i a_i kappa_i^2 / 2: entity i learns at its own rate eta / a_i, for burdens of very different size.

    weights a > 0, one number for each entity (m,), or one for all. Prices are measured by sqrt(sum a_i kappa_i^2),
    burdens by sqrt(sum y_i^2 / a_i), and sigma = 1. In the `ball` domain it projects in that metric, which is the
    Euclidean projection for the fairness cost with entity i counted in units of sqrt(a_i). Raises ParameterError for
    a weight that is not above 0.
    """

    weights: Any

    __eq__ = same

    def __post_init__(self) -> None:
        weights = as_array("weights", self.weights)
        if weights.ndim > 1 or not weights.size or not (weights > 0.0).all():
            raise ParameterError(f"weights is {self.weights!r:.80}: give numbers above 0, one for each entity (m,)")
        object.__setattr__(self, "weights", weights)

    @property
    def order(self) -> float:
        """2: a Euclidean norm."""
        return 2.0

    @property
    def positive(self) -> bool:
        """Prices may have any sign."""
        return False

    @property
    def burden_weights(self) -> Array:
        """1/sqrt(a)."""
        return 1.0 / np.sqrt(self.weights)

    def modulus(self, largest: Array) -> Array:
        """1 in its own norm."""
        return np.ones_like(largest)

    def step(self, kappa: Array, direction: Array, eta: Array, fairness: Fairness, ball: bool) -> Array:
        """The dual step (5): (..., m). Raises ParameterError for another number of entities."""
        m = kappa.shape[-1]
        if self.weights.ndim and self.weights.shape[0] != m:
            raise ParameterError(f"weights has {self.weights.shape[0]} numbers for {m} entities: give one for each")
        moved = kappa - eta * direction / self.weights
        if not ball:
            return moved
        root = np.broadcast_to(np.sqrt(self.weights), (m,))
        return in_units(fairness, Units(1.0, 1.0, root)).project(moved * root) / root

    def divergence(self, kappa: Array, start: Array) -> Array:
        """Sum a_i (kappa_i - start_i)^2 / 2."""
        return 0.5 * reduce.total(self.weights * (kappa - start) ** 2)


@final
@dataclass(frozen=True, slots=True)
class Entropy:
    """h = sum kappa log kappa: the multiplicative update, for burdens that are never negative (kappa > 0).

    Prices are measured by l_1, burdens by l_inf; on {||kappa||_1 <= s} sigma = 1/s.
    """

    @property
    def order(self) -> float:
        """inf: the largest burden."""
        return np.inf

    @property
    def burden_weights(self) -> float:
        """1: none."""
        return 1.0

    @property
    def positive(self) -> bool:
        """Prices stay above 0."""
        return True

    def modulus(self, largest: Array) -> Array:
        """1 / largest: Pinsker's inequality on a simplex of that size."""
        return 1.0 / largest

    def step(self, kappa: Array, direction: Array, eta: Array, fairness: Fairness, ball: bool) -> Array:
        """The dual step (5): (..., m)."""
        kappa = np.broadcast_to(kappa, np.broadcast_shapes(kappa.shape, direction.shape, np.shape(eta)))
        return fairness.project_entropic(kappa, direction, np.broadcast_to(eta, kappa.shape), ball)

    def divergence(self, kappa: Array, start: Array) -> Array:
        """Sum kappa log(kappa / start) - kappa + start, with 0 log 0 = 0."""
        safe = np.where(kappa > 0, kappa, 1.0)
        return reduce.total(np.where(kappa > 0, kappa * np.log(safe / start), 0.0) - kappa + start)
