"""Template: what is above a level costs extra, and everything bends.

Check it:    evenhand check template.py
Use it:      a Problem takes it as its cost, see docs/extending.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, column, rebuild, same
from evenhand.conic import CostForm, cone
from evenhand.kernels import reduce
from evenhand.units import Units


@final
@dataclass(frozen=True, slots=True)
class Template:
    """f(x) = sum_i price_i max(x_i - level_i, 0) + bend_i x_i^2 / 2.

    level in units of action, price >= 0 in money per unit, bend >= 0 in money per unit squared: (..., T, n), rounds
    before the last axis, or whatever broadcasts to it. Raises ProblemError for other numbers.
    """

    # a column has one axis of each round, the actions; how it varies is for those who plan ahead
    level: Array = column(1)
    price: Array = column(1, "signal")
    bend: Array = column(1)

    __eq__ = same

    def __init__(self, level: Any, price: Any, bend: Any = 0.0) -> None:
        arrays = as_array("level", level, 1), as_array("price", price, 1, low=0.0), as_array("bend", bend, 1, low=0.0)
        n = np.broadcast_shapes(*(array.shape[-1:] for array in arrays))
        for name, array in zip(("level", "price", "bend"), arrays, strict=True):
            object.__setattr__(self, name, np.broadcast_to(array, array.shape[:-1] + n))

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.level.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of one round of every column."""
        return dict.fromkeys(("level", "price", "bend"), self.level.shape[-1:])

    def value(self, x: Array) -> Array:
        """f(x): (..., n) -> (...). Sums over an axis are the library's, in one order however x lies in memory."""
        return reduce.total(self.price * np.maximum(x - self.level, 0.0) + 0.5 * self.bend * x * x)

    def gradient(self, x: Array) -> Array:
        """A (sub)gradient at x: (..., n)."""
        return self.price * (x > self.level) + self.bend * x

    def strong_convexity(self) -> Array:
        """The largest m for which f is known to be m-strongly convex; 0 is always right: (...)."""
        return self.bend.min(axis=-1)

    # the rest is what policies without a faster step, OPT and the proved bounds ask for

    def conic(self) -> CostForm:
        """With w = (x, u): price . u + bend x^2 / 2, u >= x - level and u >= 0, as offset - rows w >= 0."""
        rounds, n = self.level.shape
        eye, zero = np.eye(n), np.zeros((rounds, n))
        rows = np.block([[eye, -eye], [np.zeros((n, n)), -eye]])
        return CostForm.of_rounds(
            slope=np.hstack([zero, self.price]),
            hessian=np.hstack([self.bend, zero]),
            rows=np.broadcast_to(rows, (rounds, 2 * n, 2 * n)),
            offset=np.hstack([self.level, zero]),
            cones=[cone("nonnegative", 2 * n)],
            actions=n,
        )

    def in_units(self, units: Units) -> Template:
        """The same cost with actions and money counted in other units."""
        change = {
            "level": self.level / units.action,
            "price": self.price * units.slope,
            "bend": self.bend * units.slope * units.action,
        }
        return rebuild(self, change)


#: what `evenhand check` looks at
EXAMPLES = (Template([0.2, 0.5, 0.8], 3.0, [0.0, 1.0, 2.0]),)
