"""The network problem: validated data, its dual function, repair to feasibility and the certificate.

    maximise Σ_i w_i U_i(o_i + x_i)   subject to   R x ≤ c,   l ≤ x ≤ u          (spec/allocation.md §8)

R is (L, n), links by flows; U_i is concave and increasing in the total resource r = onboard o + share x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from evenhand.allocation.network.answer import Array, NetworkAllocation, NetworkResiduals, NetworkStatus
from evenhand.columns import numbers, same
from evenhand.errors import InfeasibleError, ProblemError
from evenhand.utilities.base import expect_utility

if TYPE_CHECKING:
    from evenhand.utilities.base import Utility

__all__ = ["NetworkProblem", "csr", "pose"]

#: R l and c are sums and data in double precision: room below this share of c is rounding, not room
ROUNDING = 1e-13
#: the smallest price ever shown to ``demand``, which need not be defined at zero
LEAST_PRICE = 1e-300


@dataclass(frozen=True, slots=True)
class NetworkProblem:
    """Validated data, made by ``pose``. Per flow (n,), per link (L,).

    cap: the largest share of a flow when all others are at their lower bound, min(u, l + room / R); it is
    implied by the constraints, finite, and makes the dual function finite at every price.
    room: c − R l.  free: flows with cap > l; the others can only have l.
    temper: τ in (0, 1]; marginals are raised to τ, an easier problem on the way to τ = 1 (temper.py).
    """

    utility: Utility
    routing: Any
    transposed: Any
    capacity: Array
    weight: Array
    onboard: Array
    lower: Array
    upper: Array
    cap: Array
    room: Array
    free: NDArray[np.bool_]
    temper: float = 1.0

    __eq__ = same

    def marginal(self, x: Array) -> Array:
        """(w U′)^τ at the shares x (n,), per unit of share; may be infinite at zero."""
        with np.errstate(all="ignore"):
            m = self.weight * self.utility.marginal(self.onboard + x)
            return m if self.temper == 1.0 else m**self.temper

    def curvature(self, x: Array) -> Array:
        """The derivative of the marginal, w U″ ≤ 0 at τ = 1, at the shares x (n,)."""
        with np.errstate(all="ignore"):
            bent = self.weight * self.utility.curvature(self.onboard + x)
            if self.temper == 1.0:
                return bent
            m = self.weight * self.utility.marginal(self.onboard + x)
            return np.where(m > 0.0, self.temper * m**self.temper * (bent / m), 0.0)

    def value(self, x: Array) -> Array:
        """w U per flow at the shares x (n,)."""
        with np.errstate(all="ignore"):
            return self.weight * self.utility.value(self.onboard + x)

    def response(self, path_price: Array) -> Array:
        """What each flow buys at its path price: argmax of w U(o + x) − p x over l ≤ x ≤ cap."""
        with np.errstate(all="ignore"):
            paid = path_price if self.temper == 1.0 else path_price ** (1.0 / self.temper)
            wanted = self.utility.demand(np.maximum(paid / self.weight, LEAST_PRICE)) - self.onboard
        return np.clip(wanted, self.lower, self.cap)

    def dual(self, price: Array) -> float:
        """Upper bound on the optimum, for any price ≥ 0 (L,): Σ_i max_x [w U − p (x − l)] + λ · (c − R l)."""
        path = self.transposed @ price
        x = self.response(path)
        return float(np.sum(self.value(x) - path * (x - self.lower)) + price @ self.room)

    def repair(self, x: Array) -> Array:
        """A feasible point near x: every flow drawn towards l by the factor of its most overloaded link."""
        x = np.clip(x, self.lower, self.cap)
        for shrink in (0.0, 1e-15, 1e-14, 1e-13):  # rounding of R x, at most a few units a pass
            over = self.routing @ x > self.capacity
            if not np.any(over):
                return x
            extra = self.routing @ (x - self.lower)
            factor = np.ones_like(extra)
            factor[over] = (self.room[over] / np.maximum(extra[over], self.room[over])) * (1.0 - shrink)
            x = self.lower + (x - self.lower) * self.least_over_path(factor)
        return x

    def least_over_path(self, per_link: Array) -> Array:
        """The least of a per-link quantity (L,) over the links of each flow; 1 for a flow on no link. (n,)"""
        least = np.ones(self.lower.size)
        starts = self.transposed.indptr[:-1]
        on = np.diff(self.transposed.indptr) > 0
        if np.any(on):
            least[on] = np.minimum.reduceat(per_link[self.transposed.indices], starts[on])
        return least

    def measure(self, x: Array, price: Array) -> tuple[float, float, float]:
        """Objective, dual objective and relative gap of a feasible x and a price ≥ 0."""
        objective, dual = float(np.sum(self.value(x))), self.dual(price)
        scale = max(abs(objective), float(price @ self.capacity), np.finfo(float).tiny)
        return objective, dual, (dual - objective) / scale

    def residuals(self, x: Array, price: Array) -> NetworkResiduals:
        """KKT residuals of (x, price), from the data alone."""
        path, slack = self.transposed @ price, self.capacity - self.routing @ x
        tiny = np.finfo(float).tiny
        size = np.maximum(self.cap, tiny)
        outside = np.maximum(self.lower - x, x - self.upper) / size
        overload = -slack / np.maximum(self.capacity, tiny)
        scale = max(abs(float(np.sum(self.value(x)))), float(price @ self.capacity), tiny)
        marginal = self.marginal(x)
        with np.errstate(all="ignore"):  # every flow on its own scale, however little it weighs in the sum
            off = np.abs(marginal - path) / np.maximum(np.maximum(marginal, path), LEAST_PRICE)
        off = np.where(np.isnan(off), 1.0, off)
        # a bound excuses a flow that is near it only if the flow would stay there
        more = marginal > path
        stays = np.where(more, self.marginal(self.cap) >= path, self.marginal(self.lower) <= path)
        to_bound = np.where(stays, np.where(more, np.minimum(self.upper - x, size), x - self.lower) / size, 1.0)
        stationarity = np.where(self.free, np.minimum(off, np.abs(to_bound)), 0.0)
        return NetworkResiduals(
            primal=max(0.0, float(outside.max()), float(overload.max(initial=0.0))),
            dual=float(np.max(-price, initial=0.0)) / max(float(np.max(np.abs(price), initial=0.0)), tiny),
            slackness=abs(float(price @ slack)) / scale,
            stationarity=float(stationarity.max()),
        )

    def record(
        self, x: Array, price: Array, iterations: int, status: NetworkStatus, history: list[float]
    ) -> NetworkAllocation:
        """The answer (x, price) with everything recomputed."""
        objective, dual, gap = self.measure(x, price)
        return NetworkAllocation(
            x, price, np.asarray(self.transposed @ price), objective, dual, gap,
            self.residuals(x, price), iterations, status, np.array(history),
        )  # fmt: skip


def csr(matrix: Any) -> Any:
    """A copy in compressed rows, float64; Any, since SciPy's stubs leave the element type open."""
    return sparse.csr_array(matrix, dtype=np.float64, copy=True)


def _vector(name: str, value: ArrayLike, size: int, per: str) -> Array:
    given = numbers(name, value)
    if given.shape not in ((), (size,)):
        raise ProblemError(f"{name} has shape {given.shape}: give a number or shape ({size},), one per {per}")
    return np.ascontiguousarray(np.broadcast_to(given, (size,)))


def _refuse(name: str, value: Array, bad: NDArray[np.bool_], remedy: str) -> None:
    if np.any(bad):
        i = int(np.argmax(bad))
        raise ProblemError(f"{name}[{i}] = {value[i]:g}: {remedy}")


def _routing(routing: Any) -> Any:
    if not sparse.issparse(routing):
        routing = numbers("routing", routing)
    if routing.ndim != 2:
        raise ProblemError(f"routing has shape {routing.shape}: give a matrix, links by flows")
    matrix = csr(routing)
    if matrix.shape[0] == 0 or matrix.shape[1] == 0:
        raise ProblemError(f"routing has shape {matrix.shape}: give at least one link and one flow")
    matrix.sum_duplicates()
    bad = ~(np.isfinite(matrix.data) & (matrix.data >= 0))
    if np.any(bad):
        k = int(np.argmax(bad))
        link = int(np.searchsorted(matrix.indptr, k, side="right")) - 1
        raise ProblemError(
            f"routing[{link}, {int(matrix.indices[k])}] = {matrix.data[k]:g}: "
            f"entries are finite and at least 0, 1 where the flow crosses the link"
        )
    matrix.eliminate_zeros()
    return matrix


def pose(
    utility: Utility,
    routing: Any,
    capacity: ArrayLike,
    weight: ArrayLike,
    onboard: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
) -> NetworkProblem:
    """Validate once. ProblemError: malformed or unbounded. InfeasibleError: R l ≤ c fails, or U = −∞."""
    expect_utility("utility", utility, "value", "marginal", "demand", "curvature")
    matrix = _routing(routing)
    links, flows = (int(k) for k in matrix.shape)
    given = numbers("capacity", capacity)
    if given.shape not in ((), (links,)):
        raise ProblemError(f"capacity has shape {given.shape}: routing has {links} links, give shape ({links},)")
    c = _vector("capacity", given, links, "link")
    w, o = _vector("weight", weight, flows, "flow"), _vector("onboard", onboard, flows, "flow")
    low, up = _vector("lower", lower, flows, "flow"), _vector("upper", upper, flows, "flow")
    _refuse("capacity", c, ~(np.isfinite(c) & (c >= 0)), "give a finite number ≥ 0; drop links without limit")
    _refuse("weight", w, ~(np.isfinite(w) & (w > 0)), "give a finite number > 0; drop flows without weight")
    _refuse("onboard", o, ~(np.isfinite(o) & (o >= 0)), "give a finite number ≥ 0")
    _refuse("lower", low, ~(np.isfinite(low) & (low >= 0)), "give a finite number ≥ 0")
    _refuse("upper", up, np.isnan(up), "use numpy.inf for no upper bound")
    _refuse("lower", low, low > up, "the lower bound is above upper; lower it or raise upper")

    load = matrix @ low
    room = c - load
    if np.any(room < -ROUNDING * load):
        i = int(np.argmin(room))
        raise InfeasibleError(
            f"link {i}: the lower bounds alone load it with {load[i]:g}, its capacity is {c[i]:g}; "
            f"raise capacity[{i}] by {-room[i]:g} or lower the bounds of its flows"
        )
    room = np.where(room <= ROUNDING * c, 0.0, room)

    transposed = csr(matrix.T)
    cap = up.copy()
    of_entry = np.repeat(np.arange(flows), np.diff(transposed.indptr))
    with np.errstate(over="ignore"):
        np.minimum.at(cap, of_entry, low[of_entry] + room[transposed.indices] / transposed.data)
    if np.any(np.isinf(cap)):
        i = int(np.argmax(cap))
        raise ProblemError(
            f"flow {i} crosses no link and upper[{i}] = inf: its share is unbounded; "
            f"route it over a link or give it a finite upper bound"
        )
    free = cap > low
    problem = NetworkProblem(utility, matrix, transposed, c, w, o, low, up, cap, room, free)
    with np.errstate(all="ignore"):
        answers = {"value": utility.value(o + cap), "marginal": utility.marginal(o + cap)}
    for name, got in answers.items():
        if np.shape(got) != (flows,):
            seen = np.shape(got)
            raise ProblemError(f"utility.{name} returns shape {seen}: routing has {flows} flows, give one each")
        _refuse(f"utility.{name}", got, np.isnan(got), "the utility is not defined at the cap of this flow")
    stuck = ~free & np.isneginf(problem.value(low))
    if np.any(stuck):
        i = int(np.argmax(stuck))
        raise InfeasibleError(
            f"flow {i} can have no more than {low[i]:g}, where its utility is -inf: "
            f"a link on its path has no room; raise that capacity, give it onboard resources or leave it out"
        )
    return problem
