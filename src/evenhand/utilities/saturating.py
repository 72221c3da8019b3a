"""Saturating scaling law: U(r) = scale · (a − b r^{−c}) (error falls as a power of data or compute;
`spec/allocation.md §2`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import same
from evenhand.errors import ParameterError
from evenhand.kernels.response import Columns, exponential_columns, saturating_columns
from evenhand.utilities.base import Array, fair_weight, floats, parameter, pick, scale_of, size

__all__ = ["Saturating"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Saturating:
    """U(r) = scale · (a − b r^{−c}). a: any; b, c, scale > 0 (scale in units of U); scalars or (n,).

    U(0) = −inf, U(r) → scale · a.

    A fairness transform (α > 0) needs U ≥ 0: a > 0, and every agent is kept at r ≥ (b/a)^{1/c}.
    """

    a: Array | float
    b: Array | float
    c: Array | float
    scale: Array | float = 1.0
    proved_concave: ClassVar[bool] = True

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "a", parameter("Saturating", "a", self.a, np.isfinite, "give a finite limit a"))
        object.__setattr__(self, "b", parameter("Saturating", "b", self.b, lambda v: v > 0, "give b > 0"))
        object.__setattr__(self, "c", parameter("Saturating", "c", self.c, lambda v: v > 0, "give c > 0"))
        object.__setattr__(self, "scale", scale_of("Saturating", self.scale))
        _ = self.n

    @property
    def n(self) -> int | None:
        """Number of agents, None if all parameters are scalars."""
        return size("Saturating", a=floats(self.a), b=floats(self.b), c=floats(self.c), scale=floats(self.scale))

    def value(self, r: Any) -> Array:
        """scale · (a − b r^{−c}); −inf at 0."""
        with np.errstate(divide="ignore", over="ignore"):
            return floats(self.scale * (self.a - self.b * floats(r) ** -floats(self.c)))

    def marginal(self, r: Any) -> Array:
        """scale · b c r^{−c−1}; inf at 0."""
        b, c = floats(self.b), floats(self.c)
        with np.errstate(divide="ignore", over="ignore"):
            return floats(self.scale * b * c * floats(r) ** (-c - 1.0))

    def demand(self, price: Any) -> Array:
        """(scale · bc/p)^{1/(c+1)}."""
        b, c = floats(self.b), floats(self.c)
        with np.errstate(divide="ignore", over="ignore"):
            return floats((self.scale * b * c / floats(price)) ** (1.0 / (c + 1.0)))

    def curvature(self, r: Any) -> Array:
        """−scale · b c (c+1) r^{−c−2}."""
        b, c = floats(self.b), floats(self.c)
        with np.errstate(divide="ignore", over="ignore"):
            return floats(-self.scale * b * c * (c + 1.0) * floats(r) ** (-c - 2.0))

    def invert(self, level: Any) -> Array:
        """(b/(a − level/scale))^{1/c}; inf from the limit scale · a on."""
        room = np.maximum(floats(self.a) - floats(level) / self.scale, 0.0)
        with np.errstate(divide="ignore", over="ignore"):
            return floats((floats(self.b) / room) ** (1.0 / floats(self.c)))

    def scaled(self, factor: float) -> Saturating:
        """The same utility in other units: factor · U."""
        return replace(self, scale=self.scale * factor)

    def take(self, i: Any) -> Saturating:
        """The agents i."""
        return Saturating(
            pick(floats(self.a), i), pick(floats(self.b), i), pick(floats(self.c), i), pick(floats(self.scale), i)
        )

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """α = 0: marginal b c r^{−c−1}; else (a − b r^{−c})^{−α} b c r^{−c−1}; times scale^{1−α}."""
        a, b, c = floats(self.a), floats(self.b), floats(self.c)
        log_weight = fair_weight(log_weight, self.scale, alpha)
        if alpha == 0.0:
            return exponential_columns(log_weight + np.log(b * c), 1.0 / (c + 1.0))
        if np.any(a <= 0):
            i = int(np.argmax(np.atleast_1d(a <= 0)))
            raise ParameterError(
                f"Saturating: fairness {alpha:g} needs positive utilities, but a[{i}] = "
                f"{float(np.atleast_1d(a)[i])!r} keeps them below 0; give a > 0 or use fairness 0"
            )
        return saturating_columns(log_weight, a, b, c, alpha)
