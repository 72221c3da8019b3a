"""A sum of switching costs. Source: spec/online.md §9."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

from evenhand.columns import Array, same
from evenhand.errors import ParameterError, listed, shown
from evenhand.switching.moves import Moves, together

__all__ = ["Sum"]


@final
@dataclass(frozen=True, slots=True)
class Sum:
    """s = sum of the parts' costs; of two limits the tighter holds. `Sum(RampUp(2.0), Squared(0.1), Limits(rise=1.0))`.

    parts: anything with `moves`. Bounds A and B hold where every part is squared or weighted. Raises ParameterError
    for no part or another thing, ProblemError for parts of different numbers of actions.
    """

    parts: tuple[Any, ...]
    moves: Moves = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __init__(self, *given: Any, parts: Any = ()) -> None:
        every = (*given, *listed("parts", parts, "switching costs in a list, such as [RampUp(2.0), Limits(rise=1.0)]"))
        if not every:
            raise ParameterError("Sum has no part: give switching costs, such as Sum(RampUp(2.0), Limits(rise=1.0))")
        for part in every:
            if not isinstance(getattr(part, "moves", None), Moves):
                raise ParameterError(f"Sum has the part {shown(part)}: give a switching cost such as Linear(1.0)")
        object.__setattr__(self, "parts", every)
        object.__setattr__(self, "moves", together(tuple(part.moves for part in every)))

    def value(self, x: Array, previous: Array) -> Array:
        """s: two (..., n) -> (...)."""
        return self.moves.value(x, previous)
