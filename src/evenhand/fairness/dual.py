"""The dual half of a fairness cost from its epigraph alone: what `Fairness` asks for and has no closed form.

Let g(y) = min { cost . a : offset - on_y y - on_a a in K }. Every z in K* with on_a' z = -cost proves

    g(y) >= price . y - charge   for all y,   price = on_y' z,   charge = offset . z >= g*(price),

so that a price from here is in dom g*, and its charge is a bound, whatever the accuracy of the solver: its multipliers
are put on the equation by least squares, and into K* by mixing them with a point inside. Source: spec/online.md (11).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, same
from evenhand.conic import Epigraph, cone, width
from evenhand.core import Fairness
from evenhand.errors import InfeasibleError, SolverError
from evenhand.solvers import ConicAnswer, conic

__all__ = ["DualBall", "supported"]

#: the proximal method's weights, in units of L over a burden; what is as near as it gets, near enough, and outside
WEIGHTS, NEAR, CLOSE, FAR = (1e-6, 1e-6, 1e-8, 1e-8, 1e-10, 1e-10), 1e-10, 1e-7, 1e-3


@final
@dataclass(frozen=True, slots=True)
class DualBall:
    """dom g* of one epigraph over m entities, made once by `of`. All methods take and give one point (m,).

    size: the unit of prices; reach: the unit of burdens; inside: a z in the interior of K* (h,), None where there is
    none; steep: a bound on L, inf where g grows faster than any slope.
    """

    cost: Array
    on_y: Array
    on_a: Array
    offset: Array
    cones: tuple[Any, ...]
    size: float
    reach: float
    inside: Array | None
    steep: float

    __eq__ = same

    @classmethod
    def of(cls, form: Epigraph) -> DualBall:
        """Prepared for one epigraph."""
        on_y, on_a = (
            m.toarray() if sp.issparse(m) else np.asarray(m, dtype=np.float64) for m in (form.on_y, form.on_a)
        )
        tall, wide, dear = (float(np.abs(part).max(initial=0.0)) or 1.0 for part in (form.offset, on_y, form.cost))
        on_y, offset, cones = on_y / wide, form.offset / tall, tuple(form.cones)
        raw = cls(form.cost / dear, on_y, on_a, offset, cones, dear * wide, tall / wide, None, np.inf)
        ends = [max(raw.recession(unit), raw.recession(-unit)) for unit in np.eye(on_y.shape[1])]
        steep = float(np.linalg.norm(ends))
        if not 0.0 < steep < np.inf:
            return replace(raw, steep=steep)
        ball = cls(form.cost * wide / steep, on_y, on_a, offset, cones, steep, raw.reach, None, steep)
        return replace(ball, inside=ball._interior())

    @property
    def _m(self) -> int:
        return self.on_y.shape[1]

    def _solve(self, q: Array, weight: float, offset: Array, more: tuple[Array, Array, list[Any]] | None = None) -> Any:
        """min q . (y, a) + weight |y|^2 / 2 within the epigraph's cones, and ``more`` rows."""
        m, k = self._m, self.cost.shape[0]
        bend = sp.csc_matrix(sp.diags_array(np.append(np.full(m, weight), np.zeros(q.size - m))))
        table = np.hstack([self.on_y, self.on_a, np.zeros((offset.shape[0], q.size - m - k))])
        b, cones = offset, list(self.cones)
        if more is not None:
            table, b, cones = np.vstack([table, more[0]]), np.concatenate([b, more[1]]), cones + more[2]
        return _answered(bend, q, sp.csc_matrix(table), b, cones)

    def recession(self, direction: Array) -> float:
        """The slope of g far out, sup of price . direction over the dual ball; inf where there is no limit."""
        moved = -self.on_y @ direction
        size = sp.csc_matrix((self.cost.shape[0],) * 2)
        try:
            found = _answered(size, self.cost, sp.csc_matrix(self.on_a), moved, list(self.cones))
        except InfeasibleError:
            return np.inf
        return self.size * float(self.cost @ found.x)

    def nearest(self, kappa: Array) -> Array:
        """The Euclidean projection on dom g*."""
        goal = kappa / self.size
        found = self._solve(np.concatenate([-goal, self.cost]), 1.0, np.zeros_like(self.offset))
        price = self._inside(found.z) @ self.on_y
        if np.abs(price - goal).max(initial=0.0) <= FAR:  # perhaps in dom g*, where it is its own projection
            close, _, _, off = self._supported(goal)
            price = close if off <= CLOSE else price
        return self.size * price

    def support(self, kappa: Array) -> tuple[Array, float, Array]:
        """(price, charge, y): price in dom g* next to kappa, a proved bound on g*(price), and y in its subdifferential.

        kappa itself where it is in dom g*, to the solver's accuracy, else near its projection.
        """
        price, charge, y, off = self._supported(kappa / self.size)
        if off > FAR:
            price, charge, y, off = self._supported(self.nearest(kappa) / self.size)
        return self.size * price, self.size * self.reach * charge, self.reach * y

    def _supported(self, goal: Array) -> tuple[Array, float, Array, float]:
        """price, charge, y as in `support`, and how far the price is from goal: the proximal method in y."""
        price, charge, y = goal, np.inf, np.zeros(self._m)
        off = apart = np.inf
        start = y
        for weight in WEIGHTS:
            found = self._solve(np.concatenate([-goal - weight * start, self.cost]), weight, self.offset)
            z = self._inside(found.z)
            start, here, bound = found.x[: self._m], z @ self.on_y, float(z @ self.offset)
            away = float(np.abs(here - goal).max(initial=0.0))
            gap = abs(float(self.cost @ found.x[self._m :]) + bound - float(goal @ start))  # Fenchel's, 0 at the best y
            if gap < apart:
                y, apart = start, gap
            if away < off:
                price, charge, off = here, bound, away
            if off <= NEAR or away > FAR:
                break
        return price, charge, y, off

    def slope(self, y: Array) -> Array:
        """A subgradient of g at y, in the middle of its kind."""
        at = self.offset - self.on_y @ (y / self.reach)
        none = sp.csc_matrix((self.cost.shape[0],) * 2)
        found = _answered(none, self.cost, sp.csc_matrix(self.on_a), at, list(self.cones))
        return self.size * (self._inside(found.z) @ self.on_y)

    def budget(self, kappa: Array, lower: Array, upper: Array) -> Array:
        """argmin of g(z) - kappa . z over lower <= z <= upper."""
        m = self._m
        low, high = lower / self.reach, upper / self.reach
        eye = np.hstack([np.eye(m), np.zeros((m, self.cost.shape[0]))])
        more = np.vstack([eye, -eye]), np.concatenate([high, -low]), [cone("nonnegative", 2 * m)]
        found = self._solve(np.concatenate([-kappa / self.size, self.cost]), 0.0, self.offset, more)
        return np.clip(found.x[:m] * self.reach, lower, upper)

    def nearest_entropic(self, kappa: Array) -> Array:
        """The KL projection of kappa > 0 on dom g*: min of g's slope far out at y plus sum kappa exp(-y)."""
        m, k = self._m, self.cost.shape[0]
        start = kappa / self.size
        rows, b = np.zeros((3 * m, 2 * m + k)), np.zeros(3 * m)
        each = np.arange(m)
        rows[3 * each, each] = 1.0
        b[3 * each + 1] = 1.0
        rows[3 * each + 2, m + k + each] = -1.0
        q = np.concatenate([np.zeros(m), self.cost, start])
        found = self._solve(q, 0.0, np.zeros_like(self.offset), (rows, b, [cone("exponential", 3)] * m))
        price = self._inside(found.z[: self.offset.shape[0]]) @ self.on_y
        return self.size * np.maximum(price, np.finfo(np.float64).tiny)

    def _inside(self, z: Array) -> Array:
        """Multipliers, moved so that they prove something."""
        z = z - np.linalg.pinv(self.on_a.T) @ (self.on_a.T @ z + self.cost)
        if self.inside is None:
            return z
        for share in (0.0, *np.geomspace(1e-15, 1.0, 46)):
            mixed = (1.0 - share) * z + share * self.inside
            if self._least(mixed) >= 0.0:
                return mixed
        return self.inside

    def _least(self, z: Array) -> float:
        """How far z is inside K*, negative outside."""
        return min((_depth(c, part) for c, part in self._parts(z)), default=0.0)

    def _parts(self, z: Array) -> list[tuple[Any, Array]]:
        ends = np.cumsum([width(c) for c in self.cones])
        return list(zip(self.cones, np.split(z, ends[:-1]), strict=True))

    def _interior(self) -> Array | None:
        """max t with on_a' z = -cost and z - t e in K*, e in its middle: z (h,), None where t is 0."""
        h, k = self.on_a.shape
        maps = sp.block_diag([_to_primal(c) for c in self.cones]).toarray()
        middle = np.concatenate([_middle(c) for c in self.cones])
        table = np.vstack(
            [np.hstack([self.on_a.T, np.zeros((k, 1))]), np.hstack([-maps, middle[:, None]]), np.eye(1, h + 1, h)]
        )
        free = [one for one in self.cones if type(one).__name__ == "ZeroConeT"]
        b = np.concatenate([-self.cost, np.zeros(maps.shape[0]), np.ones(1)])
        cones = [cone("zero", k), *(c for c in self.cones if c not in free), cone("nonnegative", 1)]
        q = -np.eye(1, h + 1, h)[0]
        try:
            found = _answered(sp.csc_matrix((h + 1, h + 1)), q, sp.csc_matrix(table), b, cones)
        except (InfeasibleError, SolverError):
            return None
        z = found.x[:h] - np.linalg.pinv(self.on_a.T) @ (self.on_a.T @ found.x[:h] + self.cost)
        return z if self._least(z) > 1e-9 else None


def _answered(bend: Any, q: Array, table: Any, b: Array, cones: list[Any]) -> ConicAnswer:
    for tolerance in (1e-13, 1e-11):
        try:
            return conic(bend, q, table, b, cones, tolerance=tolerance)
        except SolverError:
            pass
    return conic(bend, q, table, b, cones, careful=True)


def _to_primal(one: Any) -> Array:
    """A matrix M with z in K* where M z is in K: (rows of K, rows of z); no rows for a zero cone, whose K* is all."""
    kind, h = type(one).__name__, width(one)
    if kind == "ZeroConeT":
        return np.zeros((0, h))
    if kind == "PowerConeT":
        share = one.α
        return np.diag([1.0 / share, 1.0 / (1.0 - share), 1.0])
    if kind == "ExponentialConeT":  # (u, v, w) in K*  iff  (u - v, -u, w) in K
        return np.array([[1.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return np.eye(h)


def _middle(one: Any) -> Array:
    """A point in the interior of K."""
    kind, h = type(one).__name__, width(one)
    if kind == "ZeroConeT":
        return np.zeros(0)
    if kind == "SecondOrderConeT":
        return np.eye(1, h)[0]
    return {"PowerConeT": np.array([1.0, 1.0, 0.0]), "ExponentialConeT": np.array([-1.0, 1.0, 1.0])}.get(
        kind, np.ones(h)
    )


def _depth(one: Any, z: Array) -> float:
    """How far z is inside K*; at least 0 there."""
    kind = type(one).__name__
    s = _to_primal(one) @ z
    if kind == "ZeroConeT":
        return np.inf
    if kind == "SecondOrderConeT":
        return float(s[0] - np.linalg.norm(s[1:]))
    if kind == "PowerConeT":
        if min(s[0], s[1]) < 0.0:
            return float(min(s[0], s[1]))
        return float(s[0] ** one.α * s[1] ** (1.0 - one.α) - abs(s[2]))
    if kind == "ExponentialConeT":
        if s[1] <= 0.0:
            return float(min(s[1], s[2], -s[0])) if s[1] < 0.0 else float(min(s[2], -s[0]))
        with np.errstate(over="ignore"):
            return float(s[2] - s[1] * np.exp(s[0] / s[1]))
    return float(s.min(initial=np.inf))


def supported(fairness: Fairness, kappa: Array) -> tuple[Array, Array]:
    """A price in dom g* next to kappa, and a bound on g* there that proofs may take: (..., m), (...).

    By a fairness cost's own ``support(kappa)`` where it computes its dual, else by its closed forms.
    """
    own = getattr(fairness, "support", None)
    if own is not None:
        return own(kappa)
    price = fairness.project(kappa)
    return price, fairness.conjugate(price)
