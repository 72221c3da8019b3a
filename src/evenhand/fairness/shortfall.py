"""Shortfall fairness, one-sided: nobody should receive much less than a quota in the long run.

The burden of receiving is negative: impacts carry a minus sign, y = -(average received). More than the quota costs
nothing, so the dual ball is cut to kappa >= 0, as for burdens, and the entropic step works too. With p = inf the
entity with the largest weighted shortfall decides (min-max on the shortfall). Source: spec/online.md §1, §7.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, as_array, same
from evenhand.conic import Epigraph, cone
from evenhand.errors import ParameterError
from evenhand.fairness.norm import Norm
from evenhand.kernels import reduce
from evenhand.kernels.shifted import shifted_step
from evenhand.units import Units

__all__ = ["Shortfall"]


@final
@dataclass(frozen=True, slots=True)
class Shortfall:
    """g(y) = mu ||w o max(quota + y, 0)||_p with y = -(average received), 1 <= p <= inf.

    mu >= 0; quota a number or (m,), in units of what is received; weights w >= 0, scalar or (m,), such as 1 / quota.
    g*(kappa) = -kappa . quota on {kappa >= 0, ||kappa / w||_q <= mu}. Raises ParameterError as Norm does.
    """

    mu: float
    quota: Any
    p: float = np.inf
    weights: Any = 1.0
    norm: Norm = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", Norm(self.mu, self.p, self.weights))
        quota = as_array("quota", self.quota)
        if quota.ndim > 1:
            raise ParameterError(f"quota has shape {quota.shape}: give one number per entity (m,)")
        for name, value in (("mu", self.norm.mu), ("p", self.norm.p), ("weights", self.norm.weights), ("quota", quota)):
            object.__setattr__(self, name, value)

    def value(self, y: Array) -> Array:
        """g(y): (..., m) -> (...)."""
        return self.norm.value(np.maximum(y + self.quota, 0.0))

    def subgradient(self, y: Array) -> Array:
        """One subgradient at y, 0 where every quota is met."""
        return self.norm.subgradient(np.maximum(y + self.quota, 0.0))

    def conjugate(self, kappa: Array) -> Array:
        """g*(kappa) = -kappa . quota on the dual ball (to 1e-9 relative), inf outside: (..., m) -> (...)."""
        positive = np.maximum(kappa, 0.0)
        outside = (kappa < -1e-9 * self.norm.mu * self.norm.weights).any(axis=-1)
        inside = self.norm.conjugate(positive) - reduce.total(positive * self.quota)
        return np.where(outside, np.inf, inside)

    def project(self, kappa: Array) -> Array:
        """Euclidean projection on the dual ball: the norm is absolute, so first cut at 0, then project on its ball."""
        return self.norm.project(np.maximum(kappa, 0.0))

    def project_entropic(self, kappa: Array, direction: Array, eta: Array, ball: bool) -> Array:
        """As Norm's: kappa stays positive by itself."""
        return self.norm.project_entropic(kappa, direction, eta, ball)

    def budget(self, kappa: Array, lower: Array, upper: Array) -> Array:
        """Budget step (4) on the box, exact: where kappa < 0 the lower bound, elsewhere Norm's on the excess."""
        norm = self.norm
        weights = np.broadcast_to(norm.weights, kappa.shape[-1:])
        floor, room = np.maximum(lower + self.quota, 0.0), np.maximum(upper + self.quota, 0.0)
        s = shifted_step(np.maximum(kappa, 0.0), weights, floor, room, norm.mu, norm.p)
        return np.where(kappa < 0.0, lower, np.minimum(np.maximum(s - self.quota, lower), upper))

    def budget_ball(self, kappa: Array) -> Array:
        """-quota, an element of the subdifferential of g* everywhere on the dual ball."""
        return np.zeros_like(kappa) - self.quota

    def centre(self, m: int) -> Array:
        """Norm's: everybody's receiving is worth the same at first."""
        return self.norm.centre(m)

    def lipschitz(self, m: int) -> float:
        """L = sup ||kappa||_2 over the dual ball; the cut does not change it."""
        return self.norm.lipschitz(m)

    def scaled(self, factor: float) -> Shortfall:
        """``factor * g``."""
        return replace(self, mu=self.norm.mu * factor)

    def in_units(self, units: Units) -> Shortfall:
        """The same in other units."""
        norm = self.norm.in_units(units)
        return replace(self, quota=self.quota / units.burden, mu=norm.mu, weights=norm.weights)

    def recession(self, direction: Array) -> Array:
        """The slope of g far out: (..., m) -> (...)."""
        return self.norm.value(np.maximum(direction, 0.0))

    def epigraph(self, m: int) -> Epigraph:
        """The norm's of v, with further auxiliaries v >= y + quota, v >= 0 in front of its own."""
        inner = self.norm.epigraph(m)
        k = inner.cost.shape[0]
        eye = sp.identity(m)
        on_y = sp.vstack([sp.csr_array((inner.offset.shape[0], m)), eye, sp.csr_array((m, m))])
        on_a = sp.block_array([[sp.csr_array(inner.on_y), inner.on_a], [-eye, sp.csr_array((m, k))], [-eye, None]])
        offset = np.concatenate([inner.offset, -np.broadcast_to(self.quota, (m,)), np.zeros(m)])
        cones = [*inner.cones, cone("nonnegative", 2 * m)]
        return Epigraph(np.concatenate([np.zeros(m), inner.cost]), on_y, on_a, offset, cones)
