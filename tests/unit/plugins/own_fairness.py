"""A fairness cost as a user writes it: the mean of the k largest burdens. Its dual half is left to `DualBall`."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from evenhand.conic import Epigraph, cone
from evenhand.fairness.dual import DualBall


@final
@dataclass(frozen=True, slots=True)
class Worst:
    """g(y) = mu times the mean of the k largest of w o y; k = 1 is the largest alone (of y, not of |y|)."""

    mu: float
    k: int
    w: tuple[float, ...]

    #: what its dual operations, which ask a solver, are good for
    accuracy = 1e-6

    def _ball(self):
        return DualBall.of(self.epigraph(len(self.w)))

    def _each(self, one, *points):
        lead = points[0].shape[:-1]
        flat = [p.reshape(-1, p.shape[-1]) for p in np.broadcast_arrays(*points)]
        return np.array([one(*row) for row in zip(*flat, strict=True)]).reshape(*lead, -1)

    def value(self, y):
        return self.mu / self.k * np.sort(y * np.array(self.w), axis=-1)[..., -self.k :].sum(axis=-1)

    def subgradient(self, y):
        s = y * np.array(self.w)
        rank = np.argsort(np.argsort(-s, axis=-1, kind="stable"), axis=-1)
        return self.mu / self.k * np.where(rank < self.k, self.w, 0.0)

    def support(self, kappa):
        """A price in dom g* next to kappa, and a proved bound on g* there: what the lower bounds take."""
        ball = self._ball()
        flat = [ball.support(one)[:2] for one in kappa.reshape(-1, kappa.shape[-1])]
        prices, charges = np.array([p for p, _ in flat]), np.array([c for _, c in flat])
        return prices.reshape(kappa.shape), charges.reshape(kappa.shape[:-1])

    def conjugate(self, kappa):
        price, charge = self.support(kappa)
        return np.where(np.abs(price - kappa).max(axis=-1) > 1e-6 * self.mu, np.inf, charge)

    def project(self, kappa):
        return self._each(self._ball().nearest, kappa)

    def project_entropic(self, kappa, direction, eta, ball):
        moved = kappa * np.exp(-eta * direction)
        return self._each(self._ball().nearest_entropic, moved) if ball else moved

    def budget(self, kappa, lower, upper):
        return self._each(self._ball().budget, kappa, lower, upper)

    def budget_ball(self, kappa):
        return np.zeros_like(kappa)

    def centre(self, m):
        return self.mu / m * np.array(self.w)

    def lipschitz(self, m):
        return self.mu * max(self.w)

    def recession(self, direction):
        return self.value(direction)

    def scaled(self, factor):
        return replace(self, mu=self.mu * factor)

    def in_units(self, units):
        return replace(self, mu=self.mu / units.money, w=tuple(units.burden * np.array(self.w)))

    def epigraph(self, m):
        """min over t, u of mu (t + sum u / k) with u >= w o y - t and u >= 0; auxiliaries (t, u)."""
        one, eye, zero = np.ones((m, 1)), np.eye(m), np.zeros((m, 1))
        cost = self.mu * np.concatenate([[1.0], np.full(m, 1.0 / self.k)])
        on_y = np.vstack([np.diag(self.w), np.zeros((m, m))])
        on_a = np.block([[-one, -eye], [zero, -eye]])
        return Epigraph(cost, on_y, on_a, np.zeros(2 * m), [cone("nonnegative", 2 * m)])
