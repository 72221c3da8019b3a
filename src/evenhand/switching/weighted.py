"""Weighted squared switching cost: a weight for every action, or a matrix of them. Source: spec/online.md §9."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

from evenhand.columns import Array, as_array, same
from evenhand.switching.moves import Moves, semidefinite, told

__all__ = ["Weighted"]


@final
@dataclass(frozen=True, slots=True)
class Weighted:
    """s(x, x_prev) = (1/2) sum_i weight_i d_i^2, d = x - x_prev, weight (n,) >= 0; d' weight d / 2 for a matrix (n, n).

    In cost per unit of action squared; a matrix is symmetric positive semidefinite. Bound B holds with the largest
    eigenvalue for beta. Raises ProblemError for a negative weight or another matrix.
    """

    weight: Any
    moves: Moves = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        weight = as_array("weight", self.weight)
        square = semidefinite("weight", weight) if weight.ndim > 1 else None
        object.__setattr__(self, "weight", told("weight", weight) if square is None else square)
        object.__setattr__(self, "moves", Moves(self.weight) if square is None else Moves(matrix=square))

    def value(self, x: Array, previous: Array) -> Array:
        """s: two (..., n) -> (...)."""
        return self.moves.value(x, previous)
