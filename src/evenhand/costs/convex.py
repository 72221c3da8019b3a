"""Any convex hitting cost, written as a CVXPY expression (extra `convex`): general and slow, for what has no kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, column, number, rebuild, same, whole
from evenhand.conic import convex_scalar
from evenhand.errors import ProblemError, called
from evenhand.solvers import cvxpy
from evenhand.units import Units

__all__ = ["Convex"]


@final
@dataclass(frozen=True, slots=True)
class Convex:
    """f_t(x) = build(x, data_t), build(cvxpy variable (n,), array (d,)) giving a convex scalar CVXPY expression.

    data (..., d) holds what changes from round to round; n is the number of actions; modulus a known m_f >= 0.
    Raises ProblemError where CVXPY does not recognise the expression as convex.
    """

    build: Callable[[Any, Array], Any] = field(repr=False)
    data: Array = column(1)
    n: int = 1
    modulus: float = 0.0

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", as_array("data", self.data, 1))
        if self.data.ndim < 1 or not np.prod(self.data.shape[:-1]):
            raise ProblemError(f"data has shape {self.data.shape}: it must have a last axis, (..., d), and a round")
        called("build", self.build, "a function of a CVXPY variable (n,) and an array (d,)")
        object.__setattr__(self, "n", whole("n", self.n, high=1e6))
        object.__setattr__(self, "modulus", number("modulus", self.modulus, low=0.0))
        convex_scalar(self.build, cvxpy().Variable(self.n), self.data[(0,) * (self.data.ndim - 1)])

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.n

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        return {"data": self.data.shape[-1:]}

    def value(self, x: Array) -> Array:
        """f(x): (..., n) -> (...)."""
        lead = np.broadcast_shapes(x.shape[:-1], self.data.shape[:-1])
        points = np.broadcast_to(x, (*lead, self.n))
        data = np.broadcast_to(self.data, (*lead, self.data.shape[-1]))
        out = np.empty(lead)
        for index in np.ndindex(*lead):
            out[index] = float(self.build(cvxpy().Constant(points[index]), data[index]).value)
        return out

    def gradient(self, x: Array) -> Array:
        """A subgradient as CVXPY gives it: (..., n)."""
        lead = np.broadcast_shapes(x.shape[:-1], self.data.shape[:-1])
        points = np.broadcast_to(x, (*lead, self.n))
        data = np.broadcast_to(self.data, (*lead, self.data.shape[-1]))
        out = np.empty((*lead, self.n))
        for index in np.ndindex(*lead):
            v = cvxpy().Variable(self.n)
            v.value = points[index]
            slope = self.build(v, data[index]).grad[v]
            out[index] = np.asarray(slope.todense() if hasattr(slope, "todense") else slope).reshape(-1)
        return out

    def strong_convexity(self) -> Array:
        """The modulus given."""
        return np.full(self.data.shape[:-1], self.modulus)

    def in_units(self, units: Units) -> Convex:
        """The same in other units."""
        build = self.build

        def scaled(x: Any, data: Array) -> Any:
            return build(cvxpy().multiply(units.action, x), data) / units.money

        return rebuild(self, {"build": scaled, "modulus": self.modulus * units.slope * units.action})
