"""Unserved demand as a hitting cost: a convex price on what was asked and not given. Source: spec/online.md §7.2.

`Unserved`: every action has a demand of its own (tenants). `Pooled`: all actions together serve one demand (servers
of several types). Both are piecewise quadratic, so their proximal steps are water-filling with one more agent for
each further piece: exact, no tolerance, no kernel of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, column, rebuild, same
from evenhand.conic import CostForm, Entries, cone
from evenhand.errors import ProblemError
from evenhand.kernels import reduce
from evenhand.units import Units, power_of_two

__all__ = ["Pooled", "Unserved"]


@final
@dataclass(frozen=True, slots=True)
class Unserved:
    """f(x) = sum_i linear_i x_i + curvature_i x_i^2 / 2 + price_i u_i + weight_i u_i^2 / 2.

    u_i = max(demand_i - x_i, 0) is what action i leaves unserved.
    All (..., n) or anything that broadcasts, all but linear and demand >= 0. Units: demand as x; price, linear in cost
    per unit of x; weight, curvature in cost per unit squared.
    """

    demand: Array = column(1, "demand")
    weight: Array = column(1)
    price: Array = column(1)
    linear: Array = column(1, "signal")
    curvature: Array = column(1)

    __eq__ = same

    def __init__(
        self, demand: Any, weight: Any = 1.0, price: Any = 0.0, linear: Any = 0.0, curvature: Any = 0.0
    ) -> None:
        given = {
            "demand": as_array("demand", demand, 1),
            "weight": as_array("weight", weight, 1, low=0.0),
            "price": as_array("price", price, 1, low=0.0),
            "linear": as_array("linear", linear, 1),
            "curvature": as_array("curvature", curvature, 1, low=0.0),
        }
        if given["demand"].ndim < 1:
            raise ProblemError("demand must have the actions as its last axis (..., n)")
        try:
            even = np.broadcast_arrays(*given.values())
        except ValueError:
            shapes = ", ".join(f"{k} {v.shape}" for k, v in given.items())
            raise ProblemError(f"the columns of Unserved do not fit together: {shapes}") from None
        for name, value in zip(given, even, strict=True):
            object.__setattr__(self, name, value)

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.demand.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        n = self.demand.shape[-1:]
        return {"demand": n, "weight": n, "price": n, "linear": n, "curvature": n}

    def value(self, x: Array) -> Array:
        """f(x): (..., n) -> (...)."""
        served = reduce.quadratic_value(self.curvature, self.linear, x)
        return served + reduce.hinge_value(self.price, self.weight, self.demand - x)

    def gradient(self, x: Array) -> Array:
        """A subgradient; at x_i = demand_i the one from the right."""
        missing = self.demand - x
        slope = np.where(missing > 0.0, self.price + self.weight * missing, 0.0)
        return self.curvature * x + self.linear - slope

    def strong_convexity(self) -> Array:
        """m_f: the least curvature; the penalty adds none where demand is met."""
        return self.curvature.min(axis=-1)

    def in_units(self, units: Units) -> Unserved:
        """The same in other units."""
        slope = units.slope
        change = {
            "demand": self.demand / units.action,
            "linear": self.linear * slope,
            "price": self.price * slope,
            "curvature": self.curvature * slope * units.action,
            "weight": self.weight * slope * units.action,
        }
        return rebuild(self, change)

    def conic(self) -> CostForm:
        """One episode for the conic solver: an auxiliary u >= demand - x, u >= 0 for every action and round."""
        every = np.arange(self.demand.size)
        one = Entries(every, every, np.ones(every.shape[0]))
        return _hinges(self, self.curvature, one)


@final
@dataclass(frozen=True, slots=True)
class Pooled:
    """f(x) = sum_i linear_i x_i + curvature_i x_i^2 / 2 + price u + weight u^2 / 2.

    u = max(demand - sum_i rate_i x_i, 0) is what all actions together leave unserved. demand, weight, price (...);
    linear, curvature, rate (..., n). weight, price, curvature >= 0, rate > 0, what one unit of x_i serves of the
    demand. Raises ProblemError otherwise.
    """

    demand: Array = column(0, "demand")
    linear: Array = column(1, "signal")
    curvature: Array = column(1)
    rate: Array = column(1)
    weight: Array = column(0)
    price: Array = column(0)

    __eq__ = same

    def __init__(
        self,
        demand: Any,
        linear: Any,
        curvature: Any = 0.0,
        rate: Any = 1.0,
        weight: Any = 1.0,
        price: Any = 0.0,
    ) -> None:
        slope = as_array("linear", linear, 1)
        bend = as_array("curvature", curvature, 1, low=0.0)
        speed = as_array("rate", rate, 1, low=0.0)
        if not (speed > 0.0).all():
            raise ProblemError("rate has a zero: every action must serve some demand, or be left out")
        if slope.ndim < 1:
            raise ProblemError("linear must have the actions as its last axis (..., n)")
        try:
            slope, bend, speed = np.broadcast_arrays(slope, bend, speed)
        except ValueError:
            raise ProblemError(
                f"linear {slope.shape}, curvature {bend.shape} and rate {speed.shape} do not fit together"
            ) from None
        object.__setattr__(self, "linear", slope)
        object.__setattr__(self, "curvature", bend)
        object.__setattr__(self, "rate", speed)
        object.__setattr__(self, "demand", as_array("demand", demand, 0))
        object.__setattr__(self, "weight", as_array("weight", weight, 0, low=0.0))
        object.__setattr__(self, "price", as_array("price", price, 0, low=0.0))

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.linear.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        n = self.linear.shape[-1:]
        return {"demand": (), "linear": n, "curvature": n, "rate": n, "weight": (), "price": ()}

    def missing(self, x: Array) -> Array:
        """Demand left unserved, negative where more is provided than asked: (...)."""
        return self.demand - reduce.inner(self.rate, x)

    def value(self, x: Array) -> Array:
        """f(x): (..., n) -> (...)."""
        short = np.maximum(self.missing(x), 0.0)
        return reduce.quadratic_value(self.curvature, self.linear, x) + (self.price + 0.5 * self.weight * short) * short

    def gradient(self, x: Array) -> Array:
        """A subgradient; where demand is just met the one from above."""
        short = self.missing(x)
        slope = np.where(short > 0.0, self.price + self.weight * short, 0.0)
        return self.curvature * x + self.linear - slope[..., None] * self.rate

    def strong_convexity(self) -> Array:
        """m_f: the least curvature."""
        return self.curvature.min(axis=-1)

    def in_units(self, units: Units) -> Pooled:
        """The same in other units; demand has one of its own, what a unit of action serves on the way."""
        slope = units.slope
        served = power_of_two(float(self.rate.mean()) * units.action)
        change = {
            "demand": self.demand / served,
            "rate": self.rate * (units.action / served),
            "linear": self.linear * slope,
            "curvature": self.curvature * slope * units.action,
            "price": self.price / units.money * served,
            "weight": self.weight / units.money * served * served,
        }
        return rebuild(self, change)

    def conic(self) -> CostForm:
        """One episode for the conic solver: an auxiliary u >= demand - rate . x, u >= 0 for every round."""
        return _hinges(self, self.curvature, Entries.blocks(self.rate[:, None, :]))


def _hinges(cost: Unserved | Pooled, curvature: Array, served: Entries) -> CostForm:
    """price u + weight u^2 / 2 with auxiliaries u >= demand - served x, u >= 0; served has T n columns."""
    demand, price, weight = (np.ascontiguousarray(v).reshape(-1) for v in (cost.demand, cost.price, cost.weight))
    k, actions = demand.shape[0], np.arange(curvature.size)
    each = np.arange(k)
    u = curvature.size + each
    both = Entries(np.concatenate([each, each + k]), np.concatenate([u, u]), np.full(2 * k, -1.0))
    return CostForm(
        Entries.join(Entries(actions, actions, curvature.reshape(-1)), Entries(u, u, weight)),
        np.concatenate([cost.linear.reshape(-1), price]),
        Entries.join(Entries(served.row, served.column, -served.value), both),
        np.concatenate([-demand, np.zeros(k)]),
        [cone("nonnegative", 2 * k)],
    )
