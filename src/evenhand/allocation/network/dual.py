"""Network utility maximisation by the textbook distributed price update, as a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from evenhand.allocation.network.answer import NetworkAllocation, NetworkStatus
from evenhand.allocation.network.problem import NetworkProblem, pose
from evenhand.columns import count, number, numbers
from evenhand.errors import ParameterError, shown

if TYPE_CHECKING:
    from evenhand.utilities.base import Utility

__all__ = ["dual_gradient"]


def dual_gradient(
    utility: Utility,
    routing: Any,
    capacity: ArrayLike,
    *,
    weight: ArrayLike = 1.0,
    onboard: ArrayLike = 0.0,
    lower: ArrayLike = 0.0,
    upper: ArrayLike = np.inf,
    tol: float = 1e-6,
    step: ArrayLike | None = None,
    iterations: int = 10_000,
) -> NetworkAllocation:
    """Each link raises its price by step × overload, each flow buys at the sum of prices on its path.

        x ← argmax w U(o + x) − (Rᵀλ) x,      λ ← max(0, λ + step (R x − c))

    Low, Lapsley (1999), *Optimization flow control I*, eq. (9) and Theorem 1: it converges for
    step < 2 / (ᾱ ‖R‖₁ ‖R‖_∞), with ᾱ = max 1/(w |U″|). By default half of that, |U″| taken at the cap of
    each flow, where it is least when U″ increases. step: number or (L,).
    Stops when the proved relative gap is at most ``tol`` and every flow's stationarity at most its root, or after
    ``iterations``; the status says which.
    The x returned is repaired to be feasible; the prices are the best seen.
    """
    problem = pose(utility, routing, capacity, weight, onboard, lower, upper)
    if step is None:
        step = _safe_step(problem)
    stride = numbers("step", step)
    if stride.shape not in ((), problem.capacity.shape) or not np.all(np.isfinite(stride) & (stride > 0)):
        raise ParameterError(f"step = {shown(step)}: give a finite positive number, or one per link")
    tol, iterations = number("tol", tol, low=0.0), count("iterations", iterations)
    price = np.zeros(problem.capacity.size)
    history: list[float] = []
    best_x, best_price, most, least = problem.lower, price, -np.inf, np.inf
    for iteration in range(iterations + 1):
        path = problem.transposed @ price
        bought = problem.response(path)
        x = problem.repair(bought)
        objective, dual, _ = problem.measure(x, price)
        if objective > most:
            best_x, most = x, objective
        if dual < least:
            best_price, least = price, dual
        history.append(problem.measure(best_x, best_price)[2])
        if history[-1] <= tol and problem.residuals(best_x, best_price).stationarity <= np.sqrt(tol):
            return problem.record(best_x, best_price, iteration, NetworkStatus.SOLVED, history)
        price = np.maximum(0.0, price + stride * (problem.routing @ bought - problem.capacity))
    status = NetworkStatus.UNSETTLED if history[-1] <= tol else NetworkStatus.ROUNDS
    return problem.record(best_x, best_price, iterations, status, history)


def _safe_step(problem: NetworkProblem) -> float:
    bend = -problem.curvature(problem.cap)[problem.free]
    if not np.all(bend > 0):
        raise ParameterError("step = None: a utility without curvature at its cap has no safe step; give one")
    rows, columns = problem.routing.sum(axis=1), problem.routing.sum(axis=0)
    spread = float(np.max(rows)) * float(np.max(columns)) * float(np.max(1.0 / bend, initial=0.0))
    return 1.0 / spread if spread > 0 else 1.0
