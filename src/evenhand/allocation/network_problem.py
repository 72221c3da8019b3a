"""The network problem: validated data, its dual function, repair to feasibility and the certificate.

    maximise Σ_i w_i U_i(o_i + x_i)   subject to   R x ≤ c,   l ≤ x ≤ u          (spec/allocation.md §8)

R is (L, n), links by flows; U_i is concave and increasing in the total resource r = onboard o + share x.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from evenhand.errors import InfeasibleError, ProblemError

if TYPE_CHECKING:
    from evenhand.utilities.base import Utility

__all__ = ["NetworkAllocation", "NetworkProblem", "NetworkResiduals", "NetworkStatus", "pose"]

Array = NDArray[np.float64]

#: R l and c are sums and data in double precision: room below this share of c is rounding, not room
ROUNDING = 1e-13
#: the smallest price ever shown to ``demand``, which need not be defined at zero
LEAST_PRICE = 1e-300


class NetworkStatus(StrEnum):
    """Why a solver stopped."""

    SOLVED = "the duality gap is within the tolerance"
    ROUNDS = "the iterations were used up before the duality gap was within the tolerance"


@dataclass(frozen=True, slots=True)
class NetworkResiduals:
    """KKT residuals of (x, λ), recomputed from the problem; all relative, zero at an exact optimum.

    primal: worst overload of a link over its capacity, or of a flow over its bounds over its cap.
    dual: most negative price over the largest.
    slackness: Σ_l λ_l (c − R x)_l over the scale of the gap.
    stationarity: worst flow of min(|w U′ − p| / max(w U′, p), distance to the bound that allows it / cap).
    """

    primal: float
    dual: float
    slackness: float
    stationarity: float


@dataclass(frozen=True, slots=True)
class NetworkAllocation:
    """What each flow gets, what each link costs, and the proof.

    x (n,): shares, feasible.  price (L,): one per link, in units of w U per unit of capacity; zero on a link
    whose capacity is used up by the lower bounds alone, where flows have no choice that a price could steer.
    path_price (n,): Rᵀ price.  objective ≤ optimum ≤ dual_objective; gap is their difference over
    max(|objective|, bill), the bill being price · c.  history (iterations + 1,): the gap before each iteration
    and at the end.
    """

    x: Array
    price: Array
    path_price: Array
    objective: float
    dual_objective: float
    gap: float
    residuals: NetworkResiduals
    iterations: int
    status: NetworkStatus
    history: Array


@dataclass(frozen=True, slots=True)
class NetworkProblem:
    """Validated data, made by ``pose``. Per flow (n,), per link (L,).

    cap: the largest share of a flow when all others are at their lower bound, min(u, l + room / R); it is
    implied by the constraints, finite, and makes the dual function finite at every price.
    room: c − R l.  free: flows with cap > l; the others can only have l.
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

    def marginal(self, x: Array) -> Array:
        """w U′ at the shares x (n,), per unit of share; may be infinite at zero."""
        with np.errstate(all="ignore"):
            return self.weight * self.utility.marginal(self.onboard + x)

    def curvature(self, x: Array) -> Array:
        """w U″ ≤ 0 at the shares x (n,)."""
        with np.errstate(all="ignore"):
            return self.weight * self.utility.curvature(self.onboard + x)

    def value(self, x: Array) -> Array:
        """w U per flow at the shares x (n,)."""
        with np.errstate(all="ignore"):
            return self.weight * self.utility.value(self.onboard + x)

    def response(self, path_price: Array) -> Array:
        """What each flow buys at its path price: argmax of w U(o + x) − p x over l ≤ x ≤ cap."""
        with np.errstate(all="ignore"):
            wanted = self.utility.demand(np.maximum(path_price / self.weight, LEAST_PRICE)) - self.onboard
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
        """For each flow the least of a per-link quantity over its links; 1 for a flow on no link. Shape (n,)."""
        least = np.ones(self.lower.size)
        counts = np.diff(self.transposed.indptr)
        on = counts > 0
        if np.any(on):
            least[on] = np.minimum.reduceat(per_link[self.transposed.indices], self.transposed.indptr[:-1][on])
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
        # a flow whose whole bill at its cap is below 1e-12 of the objective is measured against that instead
        least = 1e-12 * scale / size
        with np.errstate(all="ignore"):
            off = np.abs(marginal - path) / np.maximum(np.maximum(marginal, path), least)
        off = np.where(np.isnan(off), 1.0, off)
        to_bound = np.where(marginal > path, np.minimum(self.upper - x, size), x - self.lower) / size
        stationarity = np.where(self.free, np.minimum(off, np.abs(to_bound)), 0.0)
        return NetworkResiduals(
            primal=max(0.0, float(outside.max()), float(overload.max(initial=0.0))),
            dual=max(0.0, float(np.max(-price, initial=0.0))) / max(float(np.max(np.abs(price), initial=0.0)), tiny),
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


def _vector(name: str, value: ArrayLike, size: int, per: str) -> Array:
    try:
        given = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ProblemError(f"{name} is not numeric: give a number or {size} numbers, one per {per}") from None
    if given.shape not in ((), (size,)):
        raise ProblemError(f"{name} has shape {given.shape}: give a number or shape ({size},), one per {per}")
    return np.ascontiguousarray(np.broadcast_to(given, (size,)))


def _refuse(name: str, value: Array, bad: NDArray[np.bool_], remedy: str) -> None:
    if np.any(bad):
        i = int(np.argmax(bad))
        raise ProblemError(f"{name}[{i}] = {value[i]:g}: {remedy}")


def _routing(routing: Any) -> Any:
    if not sparse.issparse(routing):
        dense = np.asarray(routing, dtype=np.float64)
        if dense.ndim != 2:
            raise ProblemError(f"routing has shape {dense.shape}: give a matrix, links by flows")
        routing = dense
    matrix = sparse.csr_array(routing, dtype=np.float64, copy=True)
    if matrix.shape[0] == 0 or matrix.shape[1] == 0:
        raise ProblemError(f"routing has shape {matrix.shape}: give at least one link and one flow")
    matrix.sum_duplicates()
    bad = ~(np.isfinite(matrix.data) & (matrix.data >= 0))
    if np.any(bad):
        k = int(np.argmax(bad))
        link = int(np.searchsorted(matrix.indptr, k, side="right")) - 1
        raise ProblemError(
            f"routing[{link}, {int(matrix.indices[k])}] = {matrix.data[k]:g}: entries must be finite and at least 0"
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
    """Validate once. Raises ProblemError (malformed or unbounded) and InfeasibleError (R l ≤ c fails, or −∞)."""
    matrix = _routing(routing)
    links, flows = (int(k) for k in matrix.shape)
    if np.shape(capacity) != () and np.shape(capacity) != (links,):
        raise ProblemError(f"capacity has shape {np.shape(capacity)}: routing has {links} links, give shape ({links},)")
    c = _vector("capacity", capacity, links, "link")
    w, o = _vector("weight", weight, flows, "flow"), _vector("onboard", onboard, flows, "flow")
    low, up = _vector("lower", lower, flows, "flow"), _vector("upper", upper, flows, "flow")
    _refuse("capacity", c, ~(np.isfinite(c) & (c >= 0)), "capacities are finite and at least 0; drop a link without limit")
    _refuse("weight", w, ~(np.isfinite(w) & (w > 0)), "weights are finite and positive; leave a flow that does not count out")
    _refuse("onboard", o, ~(np.isfinite(o) & (o >= 0)), "onboard resources are finite and at least 0")
    _refuse("lower", low, ~(np.isfinite(low) & (low >= 0)), "lower bounds are finite and at least 0")
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

    transposed = sparse.csr_array(matrix.T)
    cap = up.copy()
    of_entry = np.repeat(np.arange(flows), np.diff(transposed.indptr))
    with np.errstate(over="ignore"):
        np.minimum.at(cap, of_entry, low[of_entry] + room[transposed.indices] / transposed.data)
    if np.any(np.isinf(cap)):
        with np.errstate(all="ignore"):
            most = np.asarray(utility.demand(np.full(flows, LEAST_PRICE))) - o
        satiated = np.isfinite(most) & (most < 1e100)  # a finite bliss point, as in a flat last piece
        endless = np.isinf(cap) & ~satiated
        if np.any(endless):
            i = int(np.argmax(endless))
            raise ProblemError(
                f"flow {i} crosses no link and upper[{i}] = inf: its share is unbounded; "
                f"route it over a link or give it a finite upper bound"
            )
        cap = np.where(np.isinf(cap), np.maximum(most, low), cap)
    free = cap > low
    problem = NetworkProblem(utility, matrix, transposed, c, w, o, low, up, cap, room, free)
    for name, got in (("value", problem.value(cap)), ("marginal", problem.marginal(cap))):
        if np.shape(got) != (flows,):
            raise ProblemError(f"utility.{name} returns shape {np.shape(got)}: routing has {flows} flows, give one each")
        _refuse(f"utility.{name}", got, np.isnan(got), "the utility is not defined on total resources of this flow")
    stuck = ~free & np.isneginf(problem.value(low))
    if np.any(stuck):
        i = int(np.argmax(stuck))
        raise InfeasibleError(
            f"flow {i} can have no more than {low[i]:g}, where its utility is -inf: "
            f"its path has a link without room; raise that capacity, give it onboard resources or leave it out"
        )
    return problem
