"""A hitting cost as a user writes it: unserved demand, linear and quadratic. Imitates `Unserved` without a kernel."""

from dataclasses import dataclass
from typing import final

import numpy as np

from evenhand.columns import column, rebuild
from evenhand.conic import CostForm, cone


@final
@dataclass(frozen=True, slots=True)
class Missed:
    """f(x) = sum_i price_i u_i + weight_i u_i^2 / 2, u_i = max(demand_i - x_i, 0); all (..., n)."""

    demand: np.ndarray = column(1)
    price: np.ndarray = column(1)
    weight: np.ndarray = column(1)

    @property
    def actions(self):
        return self.demand.shape[-1]

    @property
    def core(self):
        n = self.demand.shape[-1:]
        return {"demand": n, "price": n, "weight": n}

    def value(self, x):
        u = np.maximum(self.demand - x, 0.0)
        return (self.price * u + 0.5 * self.weight * u**2).sum(axis=-1)

    def gradient(self, x):
        u = self.demand - x
        return np.where(u > 0.0, -self.price - self.weight * u, 0.0)

    def strong_convexity(self):
        return np.zeros(self.demand.shape[:-1])

    def in_units(self, units):
        slope = units.action / units.money
        change = {
            "demand": self.demand / units.action,
            "price": self.price * slope,
            "weight": self.weight * slope * units.action,
        }
        return rebuild(self, change)

    def conic(self):
        """With w = (x, u): u >= demand - x and u >= 0, that is, -demand - (-x - u) >= 0 and 0 - (-u) >= 0."""
        rounds, n = self.demand.shape
        zero, eye = np.zeros((rounds, n)), np.eye(n)
        rows = np.block([[-eye, -eye], [np.zeros((n, n)), -eye]])
        return CostForm.of_rounds(
            slope=np.hstack([zero, self.price]),
            hessian=np.hstack([zero, self.weight]),
            rows=np.broadcast_to(rows, (rounds, 2 * n, 2 * n)),
            offset=np.hstack([-self.demand, zero]),
            cones=[cone("nonnegative", 2 * n)],
            actions=n,
        )
