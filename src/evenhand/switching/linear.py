"""Linear (l1) switching cost: a price on every unit moved. Source: spec/online.md §9."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

from evenhand.columns import Array, same
from evenhand.switching.moves import Moves, told

__all__ = ["Linear"]


@final
@dataclass(frozen=True, slots=True)
class Linear:
    """s(x, x_prev) = sum_i c_i |x_i - x_prev,i|, c >= 0 in cost per unit of action, one for all or (n,).

    No bound is known before a run; `lower_bound` certifies it afterwards. Raises ProblemError for a negative c.
    """

    c: Any
    moves: Moves = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", told("c", self.c))
        object.__setattr__(self, "moves", Moves(up=self.c, down=self.c))

    def value(self, x: Array, previous: Array) -> Array:
        """s: two (..., n) -> (...)."""
        return self.moves.value(x, previous)
