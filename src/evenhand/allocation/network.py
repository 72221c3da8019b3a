"""Network utility maximisation: a primal-dual interior point with a Schur complement over links.

    maximise Σ_i w_i U_i(o_i + x_i)   subject to   R x ≤ c,   l ≤ x ≤ u          (spec/allocation.md §8)

Besides slacks s, prices λ and bound multipliers z, y the iteration carries each flow's marginal q as a variable of
its own. Then both feasibilities are linear (R x + s = c and Rᵀλ − z + y = q) and all curvature sits in pairwise
equations: λ s = μ, z (x − l) = μ, y (u − x) = μ and q = w U′(x), the last linearised in log q. For log utility
that is x q = w, a complementarity pair that is asked to meet w instead of zero, so prices and shares that
are wrong by orders of magnitude are corrected in a few steps where Newton on w U′(x) = p only doubles.

Sources: Mehrotra (1992), predictor-corrector; Wright (1997), Primal-Dual Interior-Point Methods, ch. 10-11;
Kelly, Maulloo, Tan (1998) for the problem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, sparse
from scipy.sparse.linalg import splu

from evenhand.allocation.network_dual import dual_gradient
from evenhand.allocation.network_problem import (
    Array,
    NetworkAllocation,
    NetworkProblem,
    NetworkResiduals,
    NetworkStatus,
    pose,
)
from evenhand.errors import ParameterError, SolverError

if TYPE_CHECKING:
    from evenhand.utilities.base import Utility

__all__ = ["NetworkAllocation", "NetworkResiduals", "NetworkStatus", "dual_gradient", "solve"]

#: below this many links a dense Cholesky of the Schur complement beats SuperLU at every density we measured
DENSE_LINKS = 300
#: above, SuperLU wins only while the Schur complement is sparser than this
SPARSE_SHARE = 0.02
#: a dense Schur complement beyond this many links would not fit in memory (8 L² bytes)
MOST_DENSE_LINKS = 12_000
#: iterations; drawn problems take 8 to 30
MOST_ITERATIONS = 150
#: share of the way to the boundary that a step may take
TO_BOUNDARY = 0.995


@dataclass(frozen=True, slots=True)
class _Point:
    """x, q (n,) primal share and marginal; s, price (L,); z, y (n,) multipliers of l and u, 0 where not needed."""

    x: Array
    s: Array
    price: Array
    z: Array
    y: Array
    q: Array


@dataclass(frozen=True, slots=True)
class _Field:
    """The problem restricted to links with room and flows with a choice; masks are 0/1 floats."""

    problem: NetworkProblem
    routing: Any
    transposed: Any
    links: Array  # indices of the links kept
    free: Array
    has_low: Array
    has_up: Array

    def gaps(self, x: Array) -> tuple[Array, Array]:
        """Distances to l and u; 1 where that bound plays no part."""
        p = self.problem
        below = np.where(self.free > 0, x - p.lower, 1.0)
        above = np.where(self.has_up > 0, p.upper - x, 1.0)
        return below, above

    def full(self, price: Array) -> Array:
        """Prices of all links, 0 on those left out."""
        every = np.zeros(self.problem.capacity.size)
        every[self.links] = price
        return every


def _field(problem: NetworkProblem) -> _Field:
    free = problem.free.astype(np.float64)
    links = np.flatnonzero((problem.room > 0) & (problem.routing @ free > 0))
    routing = sparse.csr_array(problem.routing[links] * free[None, :])
    routing.eliminate_zeros()
    # an infinite marginal keeps a flow off its lower bound, an upper bound above the cap never binds
    has_low = free * np.isfinite(problem.marginal(problem.lower))
    has_up = free * (problem.upper <= problem.cap)
    return _Field(problem, routing, sparse.csr_array(routing.T), links, free, has_low, has_up)


def _start(field: _Field) -> _Point:
    """Strictly feasible: every link split equally among its flows; prices that share each flow's bill."""
    p = field.problem
    flows_of, links_of = np.diff(field.routing.indptr), np.diff(field.transposed.indptr)
    share = np.where(field.has_up > 0, 0.5 * (p.upper - p.lower), p.cap - p.lower)
    of_entry = np.repeat(np.arange(p.cap.size), links_of)
    room = p.room[field.links]
    np.minimum.at(share, of_entry, (0.9 * room / flows_of)[field.transposed.indices] / field.transposed.data)
    x = p.lower + field.free * share
    s = room - field.routing @ (x - p.lower)
    marginal = np.where(field.free > 0, p.marginal(x), 1.0)
    q = np.maximum(marginal, 1e-10 * float(np.max(marginal * field.free, initial=1e-200)))
    bill = field.free * q * share
    price = np.maximum(field.routing @ (bill / np.maximum(links_of, 1) / np.maximum(share, 1e-300)), 0.0) / (
        field.routing @ np.ones(p.cap.size)
    )
    below, above = field.gaps(x)
    mu = max(float(np.mean(bill)), 1e-200)
    price = np.maximum(price, 1e-3 * mu / room)
    return _Point(x, s, price, field.has_low * mu / below * 0.1, field.has_up * mu / above * 0.1, q)


def _factor(field: _Field, inverse: Array, diagonal: Array) -> Callable[[Array], Array]:
    """Solve with R diag(inverse) Rᵀ + diag(diagonal), scaled to a unit diagonal; Cholesky, or LU where sparse."""
    links = diagonal.size
    if links == 0:
        return lambda b: b
    product = (field.routing * inverse[None, :]) @ field.transposed
    unit = 1.0 / np.sqrt(product.diagonal() + diagonal)
    if links <= MOST_DENSE_LINKS and (links <= DENSE_LINKS or product.nnz > SPARSE_SHARE * links * links):
        matrix = product.toarray(order="F")
        matrix *= unit[:, None]
        matrix *= unit[None, :]
        # 1e-14: links that the same flows cross make the matrix singular to rounding
        matrix[np.diag_indices(links)] = 1.0 + 1e-14
        matrix, info = linalg.lapack.dpotrf(matrix, lower=1, overwrite_a=1, clean=0)
        if info != 0:
            raise SolverError("network interior point: the Schur complement is not positive definite")
        return lambda b: unit * linalg.lapack.dpotrs(matrix, unit * b, lower=1)[0]
    scaled = sparse.csc_array(sparse.diags_array(unit) @ product @ sparse.diags_array(unit))
    scaled = sparse.csc_array(scaled + sparse.diags_array(diagonal * unit * unit + 1e-14))
    lu = splu(scaled, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return lambda b: unit * lu.solve(unit * b)


def _room_to_move(value: Array, change: Array) -> float:
    """The largest step ≤ 1 that keeps value + step · change ≥ 0."""
    falling = change < 0
    return min(1.0, float(np.min(value[falling] / -change[falling], initial=np.inf)))


def _steps(field: _Field, at: _Point, d: _Point, share: float) -> tuple[float, float]:
    below, above = field.gaps(at.x)
    primal = min(
        _room_to_move(below, d.x * field.free), _room_to_move(above, -d.x * field.has_up), _room_to_move(at.s, d.s)
    )
    dual = min(
        _room_to_move(at.price, d.price), _room_to_move(at.z, d.z), _room_to_move(at.y, d.y), _room_to_move(at.q, d.q)
    )
    return (share * primal if primal < 1.0 else 1.0), (share * dual if dual < 1.0 else 1.0)


def _iterate(field: _Field, at: _Point) -> _Point:
    """One predictor-corrector step."""
    p, has_low, has_up = field.problem, field.has_low, field.has_up
    below, above = field.gaps(at.x)
    marginal = np.where(field.free > 0, p.marginal(at.x), 1.0)
    curvature = np.where(field.free > 0, p.curvature(at.x), 0.0)
    bend = -curvature / np.maximum(marginal, 1e-300)  # −U″/U′
    hessian = bend * at.q + at.z / below + at.y / above
    hessian = np.maximum(hessian, 1e-14 * at.q / np.maximum(p.cap, 1e-300))
    inverse = field.free / hessian
    solve = _factor(field, inverse, at.s / at.price)
    off = field.transposed @ at.price - at.z + at.y - at.q

    def direction(links: Array, low: Array, up: Array, error: Array) -> _Point:
        t_low, t_up, t_links = low / below, up / above, links / at.price
        v = -off + t_low - t_up + error
        price = solve(field.routing @ (inverse * v) + t_links)
        x = inverse * (v - field.transposed @ price)
        return _Point(
            x, -(field.routing @ x), price, t_low - at.z / below * x, t_up + at.y / above * x, error - bend * at.q * x
        )

    pairs = at.price.size + float(np.sum(has_low) + np.sum(has_up))
    products = at.price * at.s, at.z * below, at.y * above
    mu = (products[0].sum() + products[1].sum() + products[2].sum()) / pairs
    error = field.free * (marginal - at.q)
    aff = direction(-products[0], -products[1], -products[2], error)
    a, b = _steps(field, at, aff, 1.0)
    mu_aff = (
        (at.s + a * aff.s) @ (at.price + b * aff.price)
        + (below + a * aff.x) @ (at.z + b * aff.z)
        + (above - a * aff.x * has_up) @ (at.y + b * aff.y)
    ) / pairs
    target = min(1.0, max(mu_aff / mu, 0.0)) ** 3 * mu
    d = direction(
        target - products[0] - aff.s * aff.price,
        has_low * (target - aff.x * aff.z) - products[1],
        has_up * (target + aff.x * aff.y) - products[2],
        error - field.free * bend * aff.x * aff.q,
    )
    a, b = _steps(field, at, d, TO_BOUNDARY)
    return _Point(
        at.x + a * d.x, at.s + a * d.s, at.price + b * d.price, at.z + b * d.z, at.y + b * d.y, at.q + b * d.q
    )


def solve(
    utility: Utility,
    routing: Any,
    capacity: ArrayLike,
    *,
    weight: ArrayLike = 1.0,
    onboard: ArrayLike = 0.0,
    lower: ArrayLike = 0.0,
    upper: ArrayLike = np.inf,
    tol: float = 1e-6,
) -> NetworkAllocation:
    """Maximise Σ w U(onboard + x) over R x ≤ c, l ≤ x ≤ u to a proved relative gap of at most ``tol``.

    routing: (L, n) sparse or dense, entries ≥ 0.  capacity: (L,).  weight, onboard, lower, upper: number or (n,).
    Raises ProblemError (malformed, unbounded), InfeasibleError, ParameterError (tol), SolverError (not solved).
    """
    if not tol > 0:
        raise ParameterError(f"tol = {tol:g}: give a positive relative gap, such as 1e-6")
    problem = pose(utility, routing, capacity, weight, onboard, lower, upper)
    field = _field(problem)
    at = _start(field)
    history: list[float] = []
    for iteration in range(MOST_ITERATIONS + 1):
        x, price = problem.repair(at.x), field.full(at.price)
        history.append(problem.measure(x, price)[2])
        if history[-1] <= tol:
            return problem.record(x, price, iteration, NetworkStatus.SOLVED, history)
        at = _iterate(field, at)
    raise SolverError(f"network interior point: {NetworkStatus.ROUNDS} (gap {min(history):.3g}, tol {tol:g})")
