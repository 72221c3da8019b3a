"""One-sided switching costs: starting costs and stopping is free, or the mirror of it. Source: spec/online.md §9.

The ramp-up cost is that of data-centre right-sizing: Lin, Wierman, Andrew, Thereska, *Dynamic right-sizing for
power-proportional data centers* (INFOCOM 2011).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

from evenhand.columns import Array, same
from evenhand.switching.moves import Moves, told

__all__ = ["RampDown", "RampUp"]


@final
@dataclass(frozen=True, slots=True)
class RampUp:
    """s(x, x_prev) = sum_i c_i max(x_i - x_prev,i, 0), c >= 0 in cost per unit of action, one for all or (n,).

    No bound is known before a run; `lower_bound` certifies it afterwards. Raises ProblemError for a negative c.
    """

    c: Any
    moves: Moves = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", told("c", self.c))
        object.__setattr__(self, "moves", Moves(up=self.c))

    def value(self, x: Array, previous: Array) -> Array:
        """s: two (..., n) -> (...)."""
        return self.moves.value(x, previous)


@final
@dataclass(frozen=True, slots=True)
class RampDown:
    """s(x, x_prev) = sum_i c_i max(x_prev,i - x_i, 0), c >= 0 in cost per unit of action, one for all or (n,).

    No bound is known before a run; `lower_bound` certifies it afterwards. Raises ProblemError for a negative c.
    """

    c: Any
    moves: Moves = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", told("c", self.c))
        object.__setattr__(self, "moves", Moves(down=self.c))

    def value(self, x: Array, previous: Array) -> Array:
        """s: two (..., n) -> (...)."""
        return self.moves.value(x, previous)
