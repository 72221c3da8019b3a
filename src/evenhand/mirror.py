"""Reference functions h of the dual step (5): Euclidean and negative entropy. Source: spec/online.md §2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from evenhand.columns import Array
from evenhand.core import Fairness
from evenhand.kernels import reduce

__all__ = ["Entropy", "Euclidean"]


@final
@dataclass(frozen=True, slots=True)
class Euclidean:
    """h = ||.||^2 / 2: kappa - eta d, projected on the dual ball in the `ball` domain."""

    def step(self, kappa: Array, direction: Array, eta: Array, fairness: Fairness, ball: bool) -> Array:
        """The dual step (5): (..., m)."""
        moved = kappa - eta * direction
        return fairness.project(moved) if ball else moved

    def divergence(self, kappa: Array, start: Array) -> Array:
        """||kappa - start||^2 / 2."""
        return 0.5 * reduce.squared_distance(kappa, start)


@final
@dataclass(frozen=True, slots=True)
class Entropy:
    """h = sum kappa log kappa: the multiplicative update, for burdens that are never negative (kappa > 0)."""

    def step(self, kappa: Array, direction: Array, eta: Array, fairness: Fairness, ball: bool) -> Array:
        """The dual step (5): (..., m)."""
        rate = np.broadcast_to(eta, kappa.shape)
        return fairness.project_entropic(kappa, direction, rate, ball)

    def divergence(self, kappa: Array, start: Array) -> Array:
        """Sum kappa log(kappa / start) - kappa + start, with 0 log 0 = 0."""
        safe = np.where(kappa > 0, kappa, 1.0)
        return reduce.total(np.where(kappa > 0, kappa * np.log(safe / start), 0.0) - kappa + start)
