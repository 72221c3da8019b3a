"""Units, and how a part of a problem is told in others: every family brings a method ``in_units(units)``.

With x = action x', y = burden o y' and cost = money cost', the problem in primed variables is of the same families, and
its answers are those of the original, divided by the units. Source: spec/online.md §1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from evenhand.columns import Array, same
from evenhand.errors import ProblemError

__all__ = ["Units", "in_units", "power_of_two", "powers_of_two"]


@final
@dataclass(frozen=True, slots=True)
class Units:
    """action: the unit of x. money: that of the cost. burden (m,): that of each entity's burden.

    The solvers' are powers of two: to divide by them and to multiply again changes no digit.
    """

    action: float
    money: float
    burden: Array

    __eq__ = same

    @property
    def price(self) -> Array:
        """The unit of kappa, money per burden: (m,)."""
        return self.money / self.burden

    @property
    def slope(self) -> float:
        """What a cost per unit of action is multiplied with."""
        return self.action / self.money

    def same(self, other: Units) -> bool:
        """Whether nothing differs."""
        alike = self.action == other.action and self.money == other.money
        return alike and bool((self.burden == other.burden).all())


def in_units(part: Any, units: Units) -> Any:
    """A hitting cost, impact, action set or fairness cost in other units.

    Raises ProblemError for a family that does not say how.
    """
    own = getattr(part, "in_units", None)
    if own is None:
        raise ProblemError(
            f"{type(part).__name__} has no method in_units(units), which says what becomes of its data in other units: "
            "give it one (docs/extending.md)"
        )
    return own(units)


def power_of_two(*sizes: float) -> float:
    """The power of two next to the first size that is one."""
    return float(powers_of_two(*sizes))


def powers_of_two(*sizes: ArrayLike) -> Array:
    """The powers of two next to the first size that is one, element by element: the first one's shape."""
    first = np.ones(np.shape(sizes[0]))
    for size in reversed(sizes):
        first = np.where((np.asarray(size) > 0.0) & (np.asarray(size) < np.inf), size, first)
    return np.asarray(np.ldexp(1.0, np.clip(np.round(np.log2(first)), -1000.0, 1000.0).astype(np.int64)))
