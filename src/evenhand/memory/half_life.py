"""Burdens fade by half in so many rounds. Source: spec/online.md §10."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, same
from evenhand.errors import ParameterError, ProblemError, shown
from evenhand.kernels.memory import fade
from evenhand.memory.recursion import Recursion
from evenhand.units import Units

__all__ = ["HalfLife"]


@final
@dataclass(frozen=True, slots=True)
class HalfLife:
    """y_t = gamma y_{t-1} + (1 - gamma) A_t x_t, gamma = 2^(-1/h): after h rounds a burden counts half.

    rounds: h > 0, inf for the plain mean of all burdens. start: y_0, a number or (m,), in units of the burden; None:
    the weights of the burdens so far are scaled to sum to 1. What is held is (m + 1,): the sum of the weights
    gamma^(t-s), which a start enters as 1 / (1 - gamma), then y. Raises ParameterError for h <= 0.
    """

    rounds: float
    start: Any = None
    retention: float = field(init=False, repr=False, compare=False)
    """gamma."""

    __eq__ = same

    def __post_init__(self) -> None:
        try:
            rounds = float(self.rounds)
        except Exception:  # whatever a class of the caller's raises
            rounds = -1.0
        if not rounds > 0.0:
            told = f"rounds is {shown(self.rounds)}"
            raise ParameterError(f"{told}: the half-life must be above 0, inf for the plain mean")
        if self.start is not None:
            start = as_array("start", self.start)
            if start.ndim > 1:
                raise ParameterError(f"start has shape {start.shape}: give one number per entity (m,)")
            object.__setattr__(self, "start", start)
        object.__setattr__(self, "rounds", rounds)
        object.__setattr__(self, "retention", float(np.exp2(-1.0 / rounds)))

    def begin(self, m: int) -> Array:
        """Nothing, or the start: (m + 1,). Raises ProblemError for a start of another size."""
        held = np.zeros(m + 1)
        if self.start is not None:
            if self.start.shape not in ((), (1,), (m,)):
                raise ProblemError(f"start has {self.start.size} numbers for {m} entities: give one for each")
            fresh = -np.expm1(-np.log(2.0) / self.rounds)
            held[0] = 1.0 / fresh if fresh > 0.0 else np.inf
            held[1:] = self.start
        return held

    def add(self, held: Array, burden: Array) -> Array:
        """(..., m + 1), (..., m) -> (..., m + 1)."""
        return fade(held, burden, self.retention)

    def remembered(self, held: Array) -> Array:
        """y_t: (..., m + 1) -> (..., m); 0 before the first round where there is no start."""
        return held[..., 1:]

    def in_units(self, units: Units) -> HalfLife:
        """With its start in other units of the burdens."""
        return self if self.start is None else HalfLife(self.rounds, self.start / units.burden)

    def recursion(self, held: Array, rounds: int) -> Recursion:
        """The rounds to come."""
        ahead = np.arange(1, rounds + 1)
        kept = np.exp2(-ahead / self.rounds)
        if self.rounds == np.inf:
            fresh = ahead.astype(np.float64)
        else:
            fresh = np.expm1(-np.log(2.0) * ahead / self.rounds) / np.expm1(-np.log(2.0) / self.rounds)
        gain = 1.0 / (kept * held[..., :1] + fresh)
        carry = 1.0 - gain
        given = np.zeros((*held.shape[:-1], rounds, held.shape[-1] - 1))
        given[..., 0, :] = carry[..., :1] * held[..., 1:]
        return Recursion(carry, gain, np.zeros(rounds), 1, given)
