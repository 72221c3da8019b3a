"""Several resources at once, to global optimality: Newton in the log-prices, Cobb-Douglas, concave.

    maximise Σ_i w_i φ_α(U_i),  U_i = Π_k (o_ik + x_ik)^{γ_ik}   subject to  Σ_i x_ik ≤ C_k,  l ≤ x ≤ u

(`spec/allocation.md §4`), concave iff (1 − α) Σ_k γ_ik ≤ 1 for every i. One pass over the agents gives the
dual function D(λ) = λ·C + Σ_i max [w_i φ(U_i) − λ·x_i], the demand, and its K × K derivative; all the outer
iteration ever sees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from evenhand.allocation.agents import Agents, Array, Run, chunks, over_chunks, sums, tabulate
from evenhand.allocation.interior import follow
from evenhand.errors import ParameterError, SolverError
from evenhand.kernels.cobb_douglas import CHUNK, LOG_ZERO, demand, respond

__all__ = ["JointResult", "bound", "solve"]

_RESIDUAL = 1e-2  # the gap is of second order in the demand residual, so a hundredth of tol is ample
_SAMPLE = 16 * CHUNK  # a sample of this size puts the prices within a percent: four passes instead of eight
_ROUNDING = 1e-12  # relative noise of a sum over a million agents, with two digits to spare
_LONGEST = 6.0  # no step changes a price by more than e^6 ≈ 400
_STEPS = 60  # ten suffice; where sixty do not, demand jumps and the interior path is the better way
_EDGE = 1e-6  # closer to the edge of concavity, demand answers to the sixth digit of a price: no Newton
_TAME = 0.9  # (1 − α) Σ γ up to which Newton needs no help from flatter problems
_FAR = 3.0  # times the room: beyond, demand is ruled by the few most elastic agents
_HALVINGS = 40


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
    """Passes over the agents."""
    residual: float
    """max_k |demand_k − C_k| / C_k at the prices, before x was made to meet the capacities."""


@dataclass(frozen=True, slots=True)
class _Point:
    theta: Array  # (K,) log-prices
    dual: float
    slope: Array  # (K,) ∂D/∂θ
    used: Array  # (K,)
    M: Array  # (K, K)
    residual: float


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
) -> JointResult:
    """Solve the concave problem to a relative duality gap of ``tol``.

    weight (n,), onboard, exponents, lower, upper (n, K) (upper may be inf), capacity (K,). A good
    ``start_prices`` (K,) saves passes, nothing else.

    Raises ParameterError when the problem is not concave, ProblemError and InfeasibleError for bad data,
    SolverError (with status and residual) when the gap is not reached.

    At the edge of concavity, (1 − alpha) Σ γ = 1, the best response and so ``residual`` mean nothing and the
    optimum need not be unique; the gap is proved all the same, along `evenhand.allocation.interior`.
    """
    if not tol > 0.0:
        raise ParameterError(f"tol is {tol}; give a positive relative gap")
    agents = tabulate(weight, onboard, exponents, lower, upper, capacity, alpha)
    edge = _check_concave(agents, alpha)
    cap = np.broadcast_to(np.asarray(capacity, dtype=np.float64), agents.room.shape)
    with over_chunks(agents.weight.size) as run:
        theta = _start(agents, edge) if start_prices is None else np.log(_positive(start_prices, agents.room.shape))
        best, passes = None, 0
        if edge < 1.0 - _EDGE:
            point, passes = _newton(agents, theta, _RESIDUAL * tol, run)
            best, theta = _judge(agents, point, _respond(agents, point.theta, run), cap, run), point.theta
        if best is None or not best.gap <= tol:
            agents = agents.capped()
            theta, y, more = follow(agents, _RESIDUAL * tol, run)
            passes += more
            other = _judge(agents, _evaluate(agents, theta, run), y, cap, run)
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
) -> float:
    """The dual function at *any* prices (K,), an upper bound on the value of every feasible allocation.

    Every agent's best response is exact, to rounding; errors as in `solve`.
    """
    agents = tabulate(weight, onboard, exponents, lower, upper, capacity, alpha)
    _check_concave(agents, alpha)
    with over_chunks(agents.weight.size) as run:
        return _evaluate(agents.capped(), np.log(_positive(prices, agents.room.shape)), run).dual


def _judge(agents: Agents, point: _Point, y: Array, cap: Array, run: Run) -> JointResult:
    """The feasible allocation nearest to y, and its gap to the dual function at the point."""
    _repair(agents, y)
    primal = agents.total(y, run)
    prices = _prices(agents, point.theta, y)
    gap = (point.dual - primal) / max(abs(primal), float(prices @ cap), np.finfo(float).tiny)
    return JointResult(y + agents.given, prices, primal, point.dual, gap, 0, point.residual)


def _respond(agents: Agents, theta: Array, run: Run) -> Array:
    y = np.zeros_like(agents.base)
    tables = (agents.weight, agents.want, agents.floor, agents.ceil, agents.gain, agents.base)
    run(lambda a, b: respond(a, b, theta, agents.s, *tables, y))
    return y


def _check_concave(agents: Agents, alpha: float) -> float:
    """Largest (1 − α) Σ_k γ_ik over agents of any worth."""
    power = agents.s * agents.gain.sum(axis=1)
    power[agents.weight == 0.0] = 0.0
    i = int(np.argmax(power))
    if power[i] > 1.0 + _ROUNDING:
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


def _start(agents: Agents, power: float) -> Array:
    """Log-prices of an evenly spaced sample, if there are many agents; else what an equal split suggests."""
    n = agents.weight.size
    if n > 2 * _SAMPLE:
        sample = agents.every(n // _SAMPLE)
        with over_chunks(sample.weight.size) as run:
            return _newton(sample, _start(sample, power), 1e-4, run)[0].theta
    theta = _guess(agents)
    # Elasticities grow like 1 / (1 − power), and demand with them: approach through fairer, flatter problems.
    tamed, s = _TAME, agents.s
    past: list[tuple[float, Array]] = []
    with over_chunks(n) as run:
        while tamed < power - 0.5 * (1.0 - tamed):
            flat = replace(agents, s=s * tamed / power)
            point, _ = _newton(flat, theta, 1e-2, run)
            past.append((flat.s, point.theta))
            tamed = 1.0 - (1.0 - tamed) / 4.0
            ahead = min(tamed, power) if tamed < power - 0.5 * (1.0 - tamed) else power
            theta = point.theta
            if len(past) > 1:
                (s0, theta0), (s1, theta1) = past[-2:]
                theta = theta1 + (theta1 - theta0) * (s * ahead / power - s1) / (s1 - s0)
    return theta


def _guess(agents: Agents) -> Array:
    """Log-prices that an equal split suggests: Σ_i r_ik ∂_ik / Σ_i r_ik over those who can use k."""
    takers = np.maximum(np.count_nonzero(agents.span, axis=0), 1)
    y = np.minimum(agents.span, agents.room / takers)
    log_m = agents.log_marginal(y)
    r = np.where(agents.span > 0.0, agents.base + y, 0.0)
    top = np.maximum(log_m.max(axis=0), LOG_ZERO)
    worth = np.maximum(sums(r * np.exp(log_m - top)), 1e-300)
    return np.where(agents.room > 0.0, top + np.log(worth / np.maximum(sums(r), 1e-300)), 0.0)


def _evaluate(agents: Agents, theta: Array, run: Run) -> _Point:
    K = theta.size
    out = np.zeros((chunks(agents.weight.size), 1 + K + K * K))
    tables = (agents.weight, agents.want, agents.floor, agents.ceil, agents.gain, agents.base)
    run(lambda a, b: demand(a, b, theta, agents.s, *tables, out))
    total = out.sum(axis=0)
    price, used = np.exp(theta), total[1 : 1 + K]
    live = agents.room > 0.0
    excess = np.where(live, used - agents.room, 0.0)
    residual = float(np.max(np.abs(excess[live]) / agents.room[live], initial=0.0))
    dual = float(total[0] + price[live] @ agents.room[live])
    return _Point(theta, dual, -price * excess, used, total[1 + K :].reshape(K, K), residual)


def _newton(agents: Agents, theta: Array, tol: float, run: Run) -> tuple[_Point, int]:
    """Minimise the dual function over log-prices, to residual ``tol`` or to where rounding ends it."""
    point = _evaluate(agents, theta, run)
    passes = 1
    while point.residual > tol and passes < _STEPS:
        best = None
        for step in _steps(agents, point):
            t = 1.0
            for _ in range(_HALVINGS):
                trial = _evaluate(agents, point.theta + t * step, run)
                passes += 1
                noise = _ROUNDING * (abs(point.dual) + float(np.exp(point.theta) @ agents.room))
                fell = trial.dual - point.dual
                if fell <= 1e-4 * t * float(point.slope @ step) or (
                    fell <= noise and trial.residual < point.residual
                ):
                    best = trial
                    break
                if abs(fell) <= noise and t < 0.1:
                    break
                t *= 0.5 if t > 0.1 else 0.1
            if best is not None:
                break
        if best is None:
            break
        point = best
    return point, passes


def _steps(agents: Agents, point: _Point) -> list[Array]:
    """Newton on log demand = log room (nearly linear in log-prices), then on the dual; those that descend.

    A resource whose demand does not answer to prices here (everybody at a bound) moves by the longest step.
    """
    price, room, used = np.exp(point.theta), agents.room, point.used
    held = np.diag(point.M)
    live = np.flatnonzero((room > 0.0) & (held > 1e-14 * price * used) & (used > 0.0))
    flat = np.where(room > 0.0, np.sign(used - room) * _LONGEST, 0.0)
    flat[live] = 0.0
    scale = 1.0 / np.sqrt(held[live])
    M = point.M[np.ix_(live, live)] * scale * scale[:, None] + 1e-13 * np.eye(live.size)
    steps: list[Array] = []
    price, room, used = price[live], room[live], used[live]
    # Far below the right prices a few agents demand all, along one direction: the dual function falls like an
    # exponential, on which Newton makes steps of one e-fold. Take them all at once.
    ratio = float(np.max(used / room, initial=0.0))
    folds = max(ratio * np.log(ratio) / (ratio - 1.0), 1.0) if ratio > 1.001 else 1.0
    ways = [price * used * np.log(used / room), folds * price * (used - room)]
    for rhs in ways[::-1] if ratio > _FAR else ways:
        step = flat.copy()
        step[live] = scale * np.linalg.solve(M, scale * rhs)
        step = np.clip(step, -_LONGEST, _LONGEST)
        if float(step @ point.slope) < 0.0:
            steps.append(step)
    return steps


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
