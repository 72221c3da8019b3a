"""Squared switching cost, the model's own: (beta/2) ||x - x_prev||^2. Source: spec/online.md (1), §9."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from evenhand.columns import Array, number
from evenhand.switching.moves import Moves

__all__ = ["Squared"]


@final
@dataclass(frozen=True, slots=True)
class Squared:
    """s(x, x_prev) = (beta/2) ||x - x_prev||^2, beta >= 0 in cost per unit of action squared.

    `Setting(beta=...)` is short for it. Bounds A and B hold. Raises ParameterError for a negative beta.
    """

    beta: float
    moves: Moves = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", number("beta", self.beta, low=0.0))
        object.__setattr__(self, "moves", Moves(self.beta))

    def value(self, x: Array, previous: Array) -> Array:
        """s: two (..., n) -> (...)."""
        return self.moves.value(x, previous)
