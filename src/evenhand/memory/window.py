"""The mean of the last burdens, and nothing of those before. Source: spec/online.md §10."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np

from evenhand.columns import Array, count
from evenhand.kernels.memory import slide
from evenhand.memory.recursion import Recursion
from evenhand.units import Units

__all__ = ["Window"]


@final
@dataclass(frozen=True, slots=True)
class Window:
    """y_t is the mean of the last W burdens, of all of them in the first W rounds.

    rounds: W >= 1. What is held is (W + 2, m): the count, the mean, the last W burdens. A policy that draws its price
    back by a rate takes that of the half-life with the same mean age, gamma / (1 - gamma) = (W - 1) / 2. Raises
    ParameterError for W < 1 or one that is not whole.
    """

    rounds: int
    retention: float = field(init=False, repr=False, compare=False)
    """(W - 1) / (W + 1)."""

    def __post_init__(self) -> None:
        rounds = count("rounds", self.rounds, high=1e9)
        object.__setattr__(self, "rounds", rounds)
        object.__setattr__(self, "retention", (rounds - 1.0) / (rounds + 1.0))

    def begin(self, m: int) -> Array:
        """Nothing: (W + 2, m)."""
        return np.zeros((self.rounds + 2, m))

    def add(self, held: Array, burden: Array) -> Array:
        """(..., W + 2, m), (..., m) -> (..., W + 2, m)."""
        return slide(held, burden)

    def remembered(self, held: Array) -> Array:
        """y_t: (..., W + 2, m) -> (..., m); 0 before the first round."""
        return held[..., 1, :]

    def in_units(self, units: Units) -> Window:
        """Itself: it holds no burden."""
        return self

    def recursion(self, held: Array, rounds: int) -> Recursion:
        """The rounds to come: each brings one burden in and takes that of W rounds before out, where there is one."""
        size, past = self.rounds, held[..., 0, 0]
        ahead = np.arange(1, rounds + 1)
        count = np.minimum(past[..., None] + ahead, size)
        before = np.minimum(past[..., None] + ahead - 1, size)
        carry, gain = before / count, 1.0 / count
        drop = np.where(ahead > size, gain, 0.0)
        given = np.zeros((*held.shape[:-2], rounds, held.shape[-1]))
        out = min(size, rounds)  # row r of the burdens held leaves at round r + 1; rows without a burden are 0
        given[..., :out, :] -= gain[..., :out, None] * held[..., 2 : 2 + out, :]
        given[..., 0, :] += carry[..., :1] * held[..., 1, :]
        return Recursion(carry, gain, drop, size, given)
