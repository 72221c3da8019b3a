"""Logarithm: U(r) = scale · log(shift + r), proportional fairness (Kelly, Maulloo, Tan 1998; `spec/allocation.md
§1`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import same
from evenhand.kernels.response import Columns, log_columns
from evenhand.utilities.base import Array, fair_weight, floats, parameter, pick, scale_of, size

__all__ = ["Log"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """U(r) = scale · log(shift + r). shift ≥ 0, scale > 0 (units of U): scalars or (n,).

    shift 0 is the plain logarithm, 1 makes the utility 0 at r = 0.

    A fairness transform (α > 0) needs U ≥ 0, so it is defined for shift + r ≥ 1 only and keeps every agent
    there.
    """

    shift: Array | float = 0.0
    scale: Array | float = 1.0
    proved_concave: ClassVar[bool] = True

    __eq__ = same

    def __post_init__(self) -> None:
        s = parameter("Log", "shift", self.shift, lambda a: a >= 0, "give shift >= 0")
        object.__setattr__(self, "shift", s)
        object.__setattr__(self, "scale", scale_of("Log", self.scale))
        _ = self.n

    @property
    def n(self) -> int | None:
        """Number of agents, None if all parameters are scalars."""
        return size("Log", shift=floats(self.shift), scale=floats(self.scale))

    def value(self, r: Any) -> Array:
        """scale · log(shift + r); −inf at shift + r = 0."""
        with np.errstate(divide="ignore"):
            return floats(self.scale * np.log(floats(r) + self.shift))

    def marginal(self, r: Any) -> Array:
        """scale/(shift + r)."""
        with np.errstate(divide="ignore", over="ignore"):
            return floats(self.scale / (floats(r) + self.shift))

    def demand(self, price: Any) -> Array:
        """max(0, scale/p − shift)."""
        with np.errstate(divide="ignore", over="ignore"):
            return np.maximum(0.0, self.scale / floats(price) - self.shift)

    def curvature(self, r: Any) -> Array:
        """−scale/(shift + r)²."""
        with np.errstate(divide="ignore", over="ignore"):
            return floats(-self.scale / (floats(r) + self.shift) ** 2)

    def invert(self, level: Any) -> Array:
        """max(0, e^{level/scale} − shift)."""
        with np.errstate(over="ignore"):
            return np.maximum(0.0, np.exp(floats(level) / self.scale) - self.shift)

    def scaled(self, factor: float) -> Log:
        """The same utility in other units: factor · U."""
        return replace(self, scale=self.scale * factor)

    def take(self, i: Any) -> Log:
        """The agents i."""
        return Log(pick(floats(self.shift), i), pick(floats(self.scale), i))

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """Marginal scale^{1−α} (log y)^{−α}/y at y = shift + r."""
        return log_columns(fair_weight(log_weight, self.scale, alpha), floats(self.shift), alpha)
