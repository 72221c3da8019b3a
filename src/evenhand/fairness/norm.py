"""Weighted p-norm fairness. Source: spec/online.md §1, §2."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, as_array, kept, number, same
from evenhand.conic import Epigraph, cone
from evenhand.errors import ParameterError
from evenhand.kernels import dual
from evenhand.units import Units

__all__ = ["Norm"]


@functools.lru_cache(maxsize=64)
def _even(weight: float, m: int) -> Array:
    return kept(np.full(m, weight))


@final
@dataclass(frozen=True, slots=True)
class Norm:
    """g(y) = mu ||w o y||_p, 1 <= p <= inf; p = inf is min-max fairness, the most burdened entity decides.

    mu >= 0; weights w >= 0, scalar or (m,). Its dual ball dom g* is {kappa : ||kappa / w||_q <= mu}, 1/p + 1/q = 1.
    Raises ParameterError for p < 1, mu < 0 or a negative weight.
    """

    mu: float
    p: float = np.inf
    weights: Any = 1.0

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "mu", number("mu", self.mu, low=0.0))
        try:
            p = float(self.p)
        except (TypeError, ValueError):
            raise ParameterError(f"p must be a number in [1, inf], not {self.p!r}") from None
        if not p >= 1.0:
            raise ParameterError(f"p is {self.p!r}: it must lie in [1, inf], below 1 the cost is not convex")
        object.__setattr__(self, "p", p)
        weights = as_array("weights", self.weights, low=0.0)
        if weights.ndim > 1:
            raise ParameterError(f"weights has shape {weights.shape}: give one number per entity (m,)")
        object.__setattr__(self, "weights", weights)

    @property
    def dual_exponent(self) -> float:
        """q with 1/p + 1/q = 1."""
        if self.p == 1.0:
            return np.inf
        return 1.0 if self.p == np.inf else self.p / (self.p - 1.0)

    def _w(self, m: int) -> Array:
        if not self.weights.ndim:
            return _even(float(self.weights), m)
        if self.weights.shape[0] != m:
            raise ParameterError(f"weights has {self.weights.shape[0]} numbers for {m} entities: give one for each")
        return self.weights

    def value(self, y: Array) -> Array:
        """g(y): (..., m) -> (...)."""
        return self.mu * dual.weighted_norm(y, self._w(y.shape[-1]), self.p)

    def subgradient(self, y: Array) -> Array:
        """One subgradient at y, 0 at y = 0; for p = inf it is split among entities tied for the worst burden."""
        w = self._w(y.shape[-1])
        s = w * y
        if self.p == np.inf:
            top = np.abs(s).max(axis=-1, keepdims=True)
            worst = (np.abs(s) == top) & (top > 0)
            share = worst / np.maximum(worst.sum(axis=-1, keepdims=True), 1)
            return self.mu * w * np.sign(s) * share
        if self.p == 1.0:
            return self.mu * w * np.sign(s)
        norm = dual.weighted_norm(y, w, self.p)[..., None]
        ratio = np.divide(np.abs(s), norm, out=np.zeros_like(s), where=norm > 0)
        return self.mu * w * np.sign(s) * ratio ** (self.p - 1.0)

    def dual_norm(self, kappa: Array) -> Array:
        """||kappa / w||_q; inf where an entity of weight zero has a price."""
        w = self._w(kappa.shape[-1])
        inverse = np.divide(1.0, w, out=np.zeros_like(w), where=w > 0)
        size = dual.weighted_norm(kappa, inverse, self.dual_exponent)
        lost = ((w == 0) & (kappa != 0)).any(axis=-1)
        return np.where(lost, np.inf, size)

    def conjugate(self, kappa: Array) -> Array:
        """g*(kappa): 0 on the dual ball (to 1e-9 relative, what rounding leaves of a projection), inf outside."""
        return np.where(self.dual_norm(kappa) <= self.mu * (1.0 + 1e-9), 0.0, np.inf)

    def project(self, kappa: Array) -> Array:
        """Euclidean projection on the dual ball."""
        return dual.project_ball(kappa, self._w(kappa.shape[-1]), self.mu, self.dual_exponent)

    def project_entropic(self, kappa: Array, direction: Array, eta: Array, ball: bool) -> Array:
        """``kappa o exp(-eta direction)``, then (ball) its KL projection; for p = inf, w = 1 this is mu softmax."""
        w = self._w(kappa.shape[-1])
        return dual.entropic_step(kappa, direction, eta, w, self.mu, self.dual_exponent, float(ball))

    def budget(self, kappa: Array, lower: Array, upper: Array) -> Array:
        """Budget step (4) on the box, exact; 0 inside the dual ball."""
        return dual.budget_step(kappa, self._w(kappa.shape[-1]), lower, upper, self.mu, self.p)

    def budget_ball(self, kappa: Array) -> Array:
        """0, an element of the subdifferential of g* everywhere on the dual ball."""
        return np.zeros_like(kappa)

    def centre(self, m: int) -> Array:
        """The point of the sphere of the dual ball that is proportional to the weights' allowance: mu w / ||1||_q."""
        w = self._w(m)
        count = float(np.count_nonzero(w))
        size = 1.0 if self.p == 1.0 or count == 0 else count ** (1.0 / self.dual_exponent)
        return self.mu * w / size

    def lipschitz(self, m: int) -> float:
        """L = sup ||kappa||_2 over the dual ball."""
        w = self._w(m)
        if self.p >= 2.0:  # q <= 2: the farthest point of the ball is on an axis
            return float(self.mu * w.max(initial=0.0))
        if self.p == 1.0:
            return float(self.mu * np.linalg.norm(w))
        r = 2.0 * self.p / (2.0 - self.p)  # Hölder: ||w o u||_2 <= ||w||_r ||u||_q with 1/2 = 1/r + 1/q
        return float(self.mu * dual.weighted_norm(w, np.ones(m), r))

    def scaled(self, factor: float) -> Norm:
        """``factor * g``."""
        return replace(self, mu=self.mu * factor)

    def in_units(self, units: Units) -> Norm:
        """The same in other units: the largest of the burdens' in mu, their shares of it in the weights."""
        top = float(units.burden.max())
        return replace(self, mu=self.mu / units.money * top, weights=self.weights * (units.burden / top))

    def recession(self, direction: Array) -> Array:
        """g itself, which is positively homogeneous: (..., m) -> (...)."""
        return self.value(direction)

    def epigraph(self, m: int) -> Epigraph:
        """For the conic solver, over m entities."""
        if self.p == np.inf:  # written as it is stored: scipy's assembling takes a tenth of a short horizon's optimum
            weights, rows, at = np.broadcast_to(self.weights, (m,)), np.arange(2 * m + 1), np.arange(m)
            on_y = sp.csr_matrix((np.concatenate([weights, -weights]), np.concatenate([at, at]), rows), (2 * m, m))
            on_a = sp.csr_matrix((np.full(2 * m, -1.0), np.zeros(2 * m, dtype=np.intp), rows), (2 * m, 1))
            return Epigraph(np.array([self.mu]), on_y, on_a, np.zeros(2 * m), [cone("nonnegative", 2 * m)])
        w = sp.diags(np.broadcast_to(self.weights, (m,)))
        if self.p == 1.0:
            minus = -sp.identity(m)
            return Epigraph(
                np.full(m, self.mu),
                sp.vstack([w, -w]),
                sp.vstack([minus, minus]),
                np.zeros(2 * m),
                [cone("nonnegative", 2 * m)],
            )
        if self.p == 2.0:
            top = sp.csr_matrix((1, m))
            return Epigraph(
                np.array([self.mu]),
                sp.vstack([top, -w]),
                sp.csr_matrix(np.concatenate([[-1.0], np.zeros(m)])[:, None]),
                np.zeros(m + 1),
                [cone("second-order", m + 1)],
            )
        # sum r_i = tau and |w_i y_i| <= r_i^(1/p) tau^(1 - 1/p); auxiliaries (tau, r_1..r_m)
        on_y = sp.lil_matrix((3 * m + 1, m))
        on_a = sp.lil_matrix((3 * m + 1, m + 1))
        on_a[0, 0] = 1.0
        weights = np.broadcast_to(self.weights, (m,))
        for i in range(m):
            on_a[0, 1 + i] = -1.0
            on_a[1 + 3 * i, 1 + i] = -1.0
            on_a[2 + 3 * i, 0] = -1.0
            on_y[3 + 3 * i, i] = -weights[i]
        cost = np.zeros(m + 1)
        cost[0] = self.mu
        return Epigraph(cost, on_y, on_a, np.zeros(3 * m + 1), [cone("zero", 1)] + [cone("power", 1.0 / self.p)] * m)
