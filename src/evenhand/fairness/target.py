"""Target fairness: the long-term average should be near a given point. Source: spec/online.md §1, §2."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, as_array, same
from evenhand.conic import Epigraph
from evenhand.errors import ParameterError
from evenhand.fairness.norm import Norm
from evenhand.kernels import reduce
from evenhand.kernels.shifted import shifted_step
from evenhand.units import Units

__all__ = ["Target"]


@final
@dataclass(frozen=True, slots=True)
class Target:
    """g(y) = mu ||w o (y - target)||_p, 1 <= p <= inf: deviation from a target, both ways.

    mu >= 0; target a number or (m,), in units of the burden; weights w >= 0, scalar or (m,). The conjugate is
    kappa . target on the dual ball of the norm, so the budget of the `ball` domain is the target itself.
    Raises ParameterError as Norm does.
    """

    mu: float
    target: Any
    p: float = np.inf
    weights: Any = 1.0
    norm: Norm = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", Norm(self.mu, self.p, self.weights))
        goal = as_array("target", self.target)
        if goal.ndim > 1:
            raise ParameterError(f"target has shape {goal.shape}: give one number per entity (m,)")
        for name, value in (("mu", self.norm.mu), ("p", self.norm.p), ("weights", self.norm.weights), ("target", goal)):
            object.__setattr__(self, name, value)

    def value(self, y: Array) -> Array:
        """g(y): (..., m) -> (...)."""
        return self.norm.value(y - self.target)

    def subgradient(self, y: Array) -> Array:
        """One subgradient at y, 0 at the target."""
        return self.norm.subgradient(y - self.target)

    def conjugate(self, kappa: Array) -> Array:
        """g*(kappa) = kappa . target on the dual ball, inf outside: (..., m) -> (...)."""
        return reduce.total(kappa * self.target) + self.norm.conjugate(kappa)

    def project(self, kappa: Array) -> Array:
        """Euclidean projection on the dual ball."""
        return self.norm.project(kappa)

    def project_entropic(self, kappa: Array, direction: Array, eta: Array, ball: bool) -> Array:
        """As Norm's. kappa stays positive, which a target below the burden does not want: prefer Euclidean."""
        return self.norm.project_entropic(kappa, direction, eta, ball)

    def budget(self, kappa: Array, lower: Array, upper: Array) -> Array:
        """Budget step (4) on the box: Norm's on the box moved by the target, exact; the target inside the dual ball."""
        norm = self.norm
        weights = np.broadcast_to(norm.weights, kappa.shape[-1:])
        s = shifted_step(kappa, weights, lower - self.target, upper - self.target, norm.mu, norm.p)
        return np.minimum(np.maximum(s + self.target, lower), upper)

    def budget_ball(self, kappa: Array) -> Array:
        """The target, an element of the subdifferential of g* everywhere on the dual ball."""
        return np.zeros_like(kappa) + self.target

    def centre(self, m: int) -> Array:
        """0: before the first round nobody is above or below target."""
        return np.zeros(m)

    def lipschitz(self, m: int) -> float:
        """L = sup ||kappa||_2 over the dual ball."""
        return self.norm.lipschitz(m)

    def scaled(self, factor: float) -> Target:
        """``factor * g``."""
        return replace(self, mu=self.norm.mu * factor)

    def in_units(self, units: Units) -> Target:
        """The same in other units."""
        norm = self.norm.in_units(units)
        return replace(self, target=self.target / units.burden, mu=norm.mu, weights=norm.weights)

    def recession(self, direction: Array) -> Array:
        """The slope of g far out: (..., m) -> (...)."""
        return self.norm.value(direction)

    def epigraph(self, m: int) -> Epigraph:
        """The norm's, with y - target for y."""
        inner = self.norm.epigraph(m)
        return replace(inner, offset=inner.offset + sp.csr_array(inner.on_y) @ np.broadcast_to(self.target, (m,)))
