"""Several resources at once, to global optimality: Newton in the log-prices, Cobb-Douglas, concave.

    maximise Σ_i w_i φ_α(U_i),  U_i = scale_i Π_k (o_ik + x_ik)^{γ_ik}   subject to  Σ_i x_ik ≤ C_k,  l ≤ x ≤ u

(`spec/allocation.md §4`), concave iff (1 − α) Σ_k γ_ik ≤ 1 for every i. Prices by `evenhand.allocation.several.dual`;
where they do not settle the split, `evenhand.allocation.several.interior`. The answer is judged by its gap alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from evenhand.allocation.several.agents import Agents, Array, Run, over_chunks, sums, tabulate
from evenhand.allocation.several.dual import Point, evaluate, newton, start
from evenhand.allocation.several.interior import follow
from evenhand.columns import same
from evenhand.errors import ParameterError, SolverError
from evenhand.kernels.cobb_douglas import LOG_ZERO, respond

__all__ = ["JointResult", "bound", "solve"]

_RESIDUAL = 1e-2  # the gap is of second order in the demand residual, so a hundredth of tol is ample
_EDGE = 1e-6  # closer to the edge of concavity, demand answers to the sixth digit of a price: no Newton


@dataclass(frozen=True, slots=True)
class JointResult:
    """The answer and its proof, recomputed from the problem."""

    x: Array
    """(n, K), within the bounds and the capacities."""
    prices: Array
    """(K,) value of one more unit of each resource."""
    primal: float
    """Objective at x."""
    dual: float
    """Dual function at the prices: no feasible allocation is worth more."""
    gap: float
    """(dual − primal) / max(|primal|, prices · capacity)."""
    iterations: int
    """Passes over the agents, after those (over a sample of them if they are many) that found a start."""
    residual: float
    """max_k |demand_k − C_k| / C_k at the prices, before x was made to meet the capacities."""

    __eq__ = same


def solve(
    weight: ArrayLike,
    onboard: ArrayLike,
    exponents: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    capacity: ArrayLike,
    alpha: float,
    start_prices: ArrayLike | None = None,
    tol: float = 1e-6,
    scale: ArrayLike = 1.0,
) -> JointResult:
    """Solve the concave problem to a relative duality gap of ``tol``.

    weight, scale (n,), onboard, exponents, lower, upper (n, K) (upper may be inf), capacity (K,). A good
    ``start_prices`` (K,) saves passes, nothing else.

    Raises ParameterError when the problem is not concave, ProblemError and InfeasibleError for bad data,
    SolverError (with status and residual) when the gap is not reached.

    At the edge of concavity, (1 − alpha) Σ γ = 1, the best response and so ``residual`` mean nothing and the
    optimum need not be unique; the gap is proved all the same, along `evenhand.allocation.several.interior`.
    """
    if not tol > 0.0:
        raise ParameterError(f"tol is {tol}; give a positive relative gap")
    agents = tabulate(weight, onboard, exponents, lower, upper, capacity, alpha, scale)
    edge = _check_concave(agents, alpha)
    cap = np.broadcast_to(np.asarray(capacity, dtype=np.float64), agents.room.shape)
    with over_chunks(agents.weight.size) as run:
        given = None if start_prices is None else np.log(_positive(start_prices, agents.room.shape))
        best, passes = None, 0
        if edge < 1.0 - _EDGE:
            theta = start(agents, edge) if given is None else given
            point, passes = newton(agents, theta, _RESIDUAL * tol, run)
            best = _judge(agents, point, _respond(agents, point.theta, run), cap, run)
        if best is None or not best.gap <= tol:
            agents = agents.capped()
            theta, y, more = follow(agents, _RESIDUAL * tol, run)
            passes += more
            other = _judge(agents, evaluate(agents, theta, run), y, cap, run)
            best = other if best is None or other.gap < best.gap else best
    if not best.gap <= tol:
        raise SolverError(
            f"joint solver stopped after {passes} passes: relative gap {best.gap:.3g} above tol = {tol:.3g}"
            f" (demand residual {best.residual:.3g}); loosen tol or rescale the data"
        )
    return replace(best, iterations=passes)


def bound(
    weight: ArrayLike,
    onboard: ArrayLike,
    exponents: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    capacity: ArrayLike,
    alpha: float,
    prices: ArrayLike,
    scale: ArrayLike = 1.0,
) -> float:
    """The dual function at *any* prices (K,), an upper bound on the value of every feasible allocation.

    Every agent's best response is exact, to rounding; errors as in `solve`.
    """
    agents = tabulate(weight, onboard, exponents, lower, upper, capacity, alpha, scale)
    _check_concave(agents, alpha)
    with over_chunks(agents.weight.size) as run:
        return evaluate(agents.capped(), np.log(_positive(prices, agents.room.shape)), run).dual


def _judge(agents: Agents, point: Point, y: Array, cap: Array, run: Run) -> JointResult:
    """The feasible allocation nearest to y, and its gap to the dual function at the point."""
    _repair(agents, y)
    primal = agents.total(y, run)
    prices = _prices(agents, point.theta, y)
    gap = (point.dual - primal) / max(abs(primal), float(prices @ cap), np.finfo(float).tiny)
    return JointResult(y + agents.given, prices, primal, point.dual, gap, 0, point.residual)


def _respond(agents: Agents, theta: Array, run: Run) -> Array:
    y = np.zeros_like(agents.base)
    tables = (agents.bias, agents.want, agents.floor, agents.ceil, agents.gain, agents.base)
    run(lambda a, b: respond(a, b, theta, agents.s, *tables, y))
    return y


def _check_concave(agents: Agents, alpha: float) -> float:
    """Largest (1 − α) Σ_k γ_ik over agents of any worth and the resources of which their share is not settled."""
    power = agents.s * np.where(agents.span > 0.0, agents.gain, 0.0).sum(axis=1)
    power[agents.weight == 0.0] = 0.0
    i = int(np.argmax(power))
    if power[i] > 1.0 + 1e-12:  # the rounding of a sum over exponents
        raise ParameterError(
            f"not concave: (1 − alpha) Σ_k exponents[{i}, k] = {power[i]:.6g} > 1 at alpha = {alpha};"
            " use acs.solve (a local optimum) or a larger alpha"
        )
    return float(power[i])


def _positive(prices: ArrayLike, shape: tuple[int, ...]) -> Array:
    p = np.array(np.broadcast_to(np.asarray(prices, dtype=np.float64), shape))
    if not np.all(np.isfinite(p) & (p >= 0.0)):
        raise ParameterError(f"start_prices is {p}; give non-negative numbers")
    return np.maximum(p, np.exp(LOG_ZERO))


def _repair(agents: Agents, y: Array) -> None:
    """Make y meet the capacities, in place: shrink what is too much, stretch what is too little."""
    np.minimum(y, agents.span, out=y)
    for _ in range(2):
        used = sums(y)
        y *= np.divide(agents.room, used, out=np.ones_like(used), where=used > 1e-200 * agents.room)
        np.minimum(y, agents.span, out=y)


def _prices(agents: Agents, theta: Array, y: Array) -> Array:
    """Prices; of a resource that the lower bounds use up, the largest finite marginal value."""
    prices = np.where(agents.room > 0.0, np.exp(theta), 0.0)
    for k in np.flatnonzero((agents.room == 0.0) & ~agents.slack):
        m = agents.log_marginal(y)[:, k]
        m = m[(m > -np.inf) & (agents.floor[:, k] > LOG_ZERO)]
        prices[k] = np.exp(m.max()) if m.size else 0.0
    return prices
