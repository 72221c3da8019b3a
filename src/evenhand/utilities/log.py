"""Logarithm: U(r) = log(shift + r), proportional fairness (Kelly, Maulloo, Tan 1998; `spec/allocation.md
§1`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.kernels.response import Columns, log_columns
from evenhand.utilities.base import Array, floats, parameter, pick, size

__all__ = ["Log"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """U(r) = log(shift + r). shift: scalar or (n,), ≥ 0; 0 is the plain logarithm, 1 makes the utility 0 at
    r = 0.

    A fairness transform (α > 0) needs U ≥ 0, so it is defined for shift + r ≥ 1 only and keeps every agent
    there.
    """

    shift: Array | float = 0.0

    def __post_init__(self) -> None:
        s = parameter("Log", "shift", self.shift, lambda a: a >= 0, "give shift >= 0")
        object.__setattr__(self, "shift", s)

    @property
    def n(self) -> int | None:
        """Number of agents, None for one shift for all."""
        return size("Log", shift=floats(self.shift))

    def value(self, r: Any) -> Array:
        """log(shift + r); −inf at shift + r = 0."""
        with np.errstate(divide="ignore"):
            return np.log(floats(r) + self.shift)

    def marginal(self, r: Any) -> Array:
        """1/(shift + r)."""
        with np.errstate(divide="ignore", over="ignore"):
            return 1.0 / (floats(r) + self.shift)

    def demand(self, price: Any) -> Array:
        """max(0, 1/p − shift)."""
        with np.errstate(divide="ignore", over="ignore"):
            return np.maximum(0.0, 1.0 / floats(price) - self.shift)

    def curvature(self, r: Any) -> Array:
        """−1/(shift + r)²."""
        with np.errstate(divide="ignore", over="ignore"):
            return -1.0 / (floats(r) + self.shift) ** 2

    def invert(self, level: Any) -> Array:
        """max(0, e^level − shift)."""
        with np.errstate(over="ignore"):
            return np.maximum(0.0, np.exp(floats(level)) - self.shift)

    def take(self, i: Any) -> Log:
        """The agents i."""
        return Log(pick(floats(self.shift), i))

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """Marginal (log y)^{−α}/y at y = shift + r."""
        return log_columns(log_weight, floats(self.shift), alpha)
