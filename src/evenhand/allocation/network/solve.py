"""Network utility maximisation: shares of many flows over many links, solved fast and proved.

    maximise Σ_i w_i U_i(o_i + x_i)   subject to   R x ≤ c,   l ≤ x ≤ u          (spec/allocation.md §8)

``solve`` is a primal-dual interior point (network_interior.py) whose every iterate is feasible; it stops when
the dual function, evaluated at its prices through U.demand, proves the gap. ``dual_gradient`` is the textbook
distributed price update, kept as a baseline (network_dual.py). Problem: Kelly, Maulloo, Tan (1998).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from evenhand.allocation.network.answer import Array, NetworkAllocation, NetworkResiduals, NetworkStatus
from evenhand.allocation.network.dual import dual_gradient
from evenhand.allocation.network.few import applies, few_links
from evenhand.allocation.network.interior import Point, advance, start
from evenhand.allocation.network.problem import NetworkProblem, pose
from evenhand.allocation.network.schur import Field, field_of
from evenhand.allocation.network.temper import tempered
from evenhand.columns import number
from evenhand.errors import SolverError
from evenhand.kernels.workers import alone

if TYPE_CHECKING:
    from evenhand.utilities.base import Utility

__all__ = ["NetworkAllocation", "NetworkResiduals", "NetworkStatus", "dual_gradient", "solve", "solve_network"]

#: drawn problems take 4 to 30 iterations, weights and capacities spread over ten decades up to 130
MOST_ITERATIONS = 200
#: further iterations, after the gap is proved, that small flows get to reach stationarity √tol
MOST_FINISHING = 4
#: up to this many links one thread factorises about as fast as two, and on a busy machine faster
ALONE_LINKS = 1500
#: the share of the tolerance to which full links are met, where prices come from a sample
NEAR = 0.1
#: the tolerance for the sample: links that are not full show it by their prices
SAMPLE_TOL = 1e-8


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

    routing: (L, n) sparse or dense, entries ≥ 0, capacity used per unit of share.  capacity: number or (L,).
    weight, onboard, lower, upper: number or (n,).  utility: smooth, concave, increasing, one per flow.

    A gap of tol fixes a smooth optimum to about √tol in x and says little about flows that weigh little in
    the sum; so once it is proved, the stationarity of every flow is brought to √tol as well, by a few more
    iterations or, where prices spread over many decades, through milder problems (temper.py). The
    status SOLVED means both; UNSETTLED is a proved gap alone.

    Raises ProblemError (malformed data; a flow on no link without upper bound), InfeasibleError (the lower
    bounds overload a link; a utility of −∞ is forced), ParameterError (tol) and SolverError (gap not proved,
    which includes utilities with kinks).
    """
    tol = number("tol", tol, low=0.0, open_low=True)
    problem = pose(utility, routing, capacity, weight, onboard, lower, upper)
    history: list[float] = []
    best: NetworkAllocation | None = None
    with np.errstate(all="ignore"), _blas(problem):  # overflow in a trial step shows as a gap that is not finite
        if applies(problem):
            for at, price in few_links(problem, _sampled(problem), NEAR * tol):
                history.append(problem.measure(x := problem.repair(at), price)[2])
                answer = problem.record(x, price, len(history) - 1, NetworkStatus.SOLVED, history)
                if abs(answer.gap) <= tol and answer.residuals.stationarity <= np.sqrt(tol):
                    return answer
        field = field_of(problem)
        first = start(field)
        for points in (_even(field, first, history, tol), tempered(field, first.x)):
            for at in points:
                x, price = problem.repair(at.x), field.full(at.price)
                gap = problem.measure(x, price)[2]
                history.append(gap)
                if not abs(gap) <= tol:
                    continue
                answer = problem.record(x, price, len(history) - 1, NetworkStatus.UNSETTLED, history)
                if answer.residuals.stationarity <= np.sqrt(tol):
                    return replace(answer, status=NetworkStatus.SOLVED)
                if best is None or answer.residuals.stationarity < best.residuals.stationarity:
                    best = answer
        if best is not None:
            return best
        x = problem.repair(first.x)
        least = min((gap for gap in history if np.isfinite(gap)), default=np.inf)
        flat = problem.free & (problem.curvature(x) == 0.0) & (problem.marginal(x) > 0.0)
    hint = f"; U of flow {int(np.argmax(flat))} has no curvature: fit a smooth family" if np.any(flat) else ""
    raise SolverError(f"network interior point: {NetworkStatus.ROUNDS} (gap {least:.3g}, tol {tol:g}){hint}")


def _sampled(problem: NetworkProblem) -> Callable[[Any, Any, Array, Any], Array]:
    """Prices of the same problem for some of its flows."""

    def prices(utility: Any, routing: Any, capacity: Array, at: Any) -> Array:
        given = {name: getattr(problem, name)[at] for name in ("weight", "onboard", "lower", "upper")}
        return np.array(solve(utility, routing, capacity, **given, tol=SAMPLE_TOL).price)

    return prices


def _blas(problem: NetworkProblem) -> AbstractContextManager[None]:
    """Threads for BLAS: one where the Schur complement is small."""
    return alone() if problem.capacity.size <= ALONE_LINKS else nullcontext()


#: its public name, beside `allocate` for one shared budget
solve_network = solve


def _even(field: Field, at: Point, history: list[float], tol: float) -> Iterator[Point]:
    """The interior point's iterates until a few after the gap is proved; it ends where it breaks down."""
    finishing = MOST_FINISHING
    for _ in range(MOST_ITERATIONS + 1):
        yield at
        finishing -= bool(abs(history[-1]) <= tol)
        if np.isnan(history[-1]) or finishing < 0:
            return
        try:
            at = advance(field, at)
        except SolverError:
            return
