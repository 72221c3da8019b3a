"""Any convex fairness cost, written as a CVXPY expression (extra `convex`): general and slow.

CVXPY turns the expression into cones once; all the rest, dual operations included, is `fairness/dual.py`. Source:
spec/online.md §1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, same, whole
from evenhand.conic import Epigraph, canonical
from evenhand.errors import ParameterError, ProblemError, SolverError, called
from evenhand.fairness.dual import DualBall
from evenhand.solvers import cvxpy
from evenhand.units import Units

__all__ = ["ConvexFairness"]


@final
@dataclass(frozen=True, slots=True)
class ConvexFairness:
    """g(y) = build(y, data), build(cvxpy variable (m,), data) giving a convex scalar CVXPY expression.

    entities: m; data (d,): numbers that build is handed on, such as quotas. g must be Lipschitz: no slope may grow
    without limit, so cp.huber and not cp.square. Raises ProblemError where CVXPY does not see the expression as convex,
    ParameterError where it is not Lipschitz, MissingExtraError without CVXPY.
    """

    build: Callable[[Any, Array], Any] = field(repr=False)
    entities: int
    data: Any = ()
    ball: DualBall = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        called("build", self.build, "a function of a CVXPY variable (m,) and the data")
        object.__setattr__(self, "entities", whole("entities", self.entities, high=1e6))
        object.__setattr__(self, "data", as_array("data", self.data))
        try:
            object.__setattr__(self, "ball", DualBall.of(self.epigraph(self.entities)))
        except SolverError as error:
            raise ParameterError(f"build gives a cost that the conic solver cannot take: {error}") from None
        if not np.isfinite(self.ball.steep) or self._steepens():
            raise ParameterError(
                "build gives a cost whose slope grows without limit: fairness must be Lipschitz; "
                "use cp.huber or cp.abs in place of squares"
            )

    def _steepens(self) -> bool:
        """Whether slopes still grow far out, where those of a Lipschitz cost have settled."""
        ways = np.concatenate([np.eye(self.entities), -np.eye(self.entities)])
        with np.errstate(all="ignore"):
            near, far = (self.value(reach * self.ball.reach * ways) / reach for reach in (1e6, 1e9))
            return not (far - near <= 0.1 * np.abs(near) + 1e-3 * self.ball.size * self.ball.reach).all()

    @property
    def accuracy(self) -> float:
        """How exact its dual operations are, relative: a solver's at the worst corners, 1e-9 is typical."""
        return 1e-5

    def _size(self, m: int) -> None:
        if m != self.entities:
            raise ProblemError(f"ConvexFairness is for {self.entities} entities, the burdens have {m}: they must agree")

    def _each(self, one: Callable[..., Any], *points: Array, scalar: bool = False) -> Array:
        """A function of points (m,) over leading axes."""
        lead = np.broadcast_shapes(*(np.shape(p)[:-1] for p in points))
        m = points[0].shape[-1]
        self._size(m)
        spread = [np.broadcast_to(p, (*lead, m)) for p in points]
        out = np.empty(lead if scalar else (*lead, m))
        for index in np.ndindex(*lead):
            out[index] = one(*(p[index] for p in spread))
        return out

    def value(self, y: Array) -> Array:
        """g(y): (..., m) -> (...)."""
        return self._each(lambda one: float(self.build(cvxpy().Constant(one), self.data).value), y, scalar=True)

    def subgradient(self, y: Array) -> Array:
        """One subgradient at y; at a kink one from the middle."""
        return self._each(self.ball.slope, y)

    def support(self, kappa: Array) -> tuple[Array, Array]:
        """A price in dom g* next to kappa, and a proved bound on g* there: (..., m), (...)."""
        self._size(kappa.shape[-1])
        price, charge = np.empty(kappa.shape), np.empty(kappa.shape[:-1])
        for index in np.ndindex(*kappa.shape[:-1]):
            price[index], charge[index], _ = self.ball.support(kappa[index])
        return price, charge

    def conjugate(self, kappa: Array) -> Array:
        """g*(kappa), inf outside of its domain, to the solver's accuracy; `support` is what bounds take."""
        price, charge = self.support(np.asarray(kappa))
        far = np.abs(price - kappa).max(axis=-1, initial=0.0) > self.accuracy * self.ball.size
        return np.where(far, np.inf, charge)

    def project(self, kappa: Array) -> Array:
        """Euclidean projection on dom g*, to the solver's accuracy, and never outside of it."""
        return self._each(self.ball.nearest, kappa)

    def project_entropic(self, kappa: Array, direction: Array, eta: Array, ball: bool) -> Array:
        """``kappa o exp(-eta direction)``, then (ball) its KL projection on dom g*."""
        moved = kappa * np.exp(-eta * direction)
        return self._each(self.ball.nearest_entropic, moved) if ball else moved

    def budget(self, kappa: Array, lower: Array, upper: Array) -> Array:
        """Budget step (4) on the box."""
        return self._each(self.ball.budget, kappa, lower, upper)

    def budget_ball(self, kappa: Array) -> Array:
        """An element of the subdifferential of g*."""
        return self._each(lambda one: self.ball.support(one)[2], kappa)

    def centre(self, m: int) -> Array:
        """The point of dom g* nearest to the same, high price for all."""
        self._size(m)
        return self.ball.nearest(np.full(m, self.ball.steep / np.sqrt(m)))

    def lipschitz(self, m: int) -> float:
        """A bound on L: no price is above the slope of g far out along its own axis."""
        self._size(m)
        return self.ball.steep

    def recession(self, direction: Array) -> Array:
        """The slope of g far out: (..., m) -> (...)."""
        return self._each(self.ball.recession, direction, scalar=True)

    def scaled(self, factor: float) -> ConvexFairness:
        """``factor * g``."""
        build = self.build
        return replace(self, build=lambda y, data: factor * build(y, data))

    def in_units(self, units: Units) -> ConvexFairness:
        """The same in other units."""
        build = self.build
        return replace(self, build=lambda y, data: build(cvxpy().multiply(units.burden, y), data) / units.money)

    def epigraph(self, m: int) -> Epigraph:
        """As CVXPY writes it in cones."""
        self._size(m)
        return canonical(lambda y: self.build(y, self.data), m)
