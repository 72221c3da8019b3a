"""The dual function of the concave Cobb-Douglas problem and its minimum, by Newton in the log-prices.

One pass over the agents gives D(λ) = λ·C + Σ_i max [w_i φ(U_i) − λ·x_i], the demand, and its K × K derivative
(`spec/allocation.md §4`, `evenhand.kernels.cobb_douglas`); the iteration here sees nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evenhand.allocation.several.agents import Agents, Array, Run, chunks, over_chunks, sums
from evenhand.columns import same
from evenhand.kernels.cobb_douglas import CHUNK, LOG_ZERO, demand

__all__ = ["Point", "evaluate", "log_prices_of_equal_split", "newton", "start"]

_SAMPLE = 16 * CHUNK  # a sample of this size puts the prices within a percent: four passes instead of eight
_ROUNDING = 1e-12  # relative noise of a sum over a million agents, with two digits to spare
_LONGEST = 6.0  # no step changes a price by more than e^6 ≈ 400
_STEPS = 60  # ten suffice; where sixty do not, demand jumps and the interior path is the better way
_TAME = 0.9  # (1 − α) Σ γ up to which Newton needs no help from flatter problems
_FAR = 3.0  # times the room: beyond, demand is ruled by the few most elastic agents
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Point:
    """What one pass over the agents tells at one price vector."""

    theta: Array  # (K,) log-prices
    dual: float
    slope: Array  # (K,) ∂D/∂θ
    used: Array  # (K,)
    M: Array  # (K, K)
    residual: float

    __eq__ = same


def start(agents: Agents, power: float) -> Array:
    """Log-prices of an evenly spaced sample, if there are many agents; else what an equal split suggests."""
    n = agents.weight.size
    if n > 2 * _SAMPLE:
        sample = agents.every(n // _SAMPLE)
        with over_chunks(sample.weight.size) as run:
            return newton(sample, start(sample, power), 1e-4, run)[0].theta
    theta = log_prices_of_equal_split(agents)
    # Elasticities grow like 1 / (1 − power), and demand with them: approach through fairer, flatter problems.
    tamed, s = _TAME, agents.s
    past: list[tuple[float, Array]] = []
    with over_chunks(n) as run:
        while tamed < power - 0.5 * (1.0 - tamed):
            flat = replace(agents, s=s * tamed / power)
            point, _ = newton(flat, theta, 1e-2, run)
            past.append((flat.s, point.theta))
            tamed = 1.0 - (1.0 - tamed) / 4.0
            ahead = min(tamed, power) if tamed < power - 0.5 * (1.0 - tamed) else power
            theta = point.theta
            if len(past) > 1:
                (s0, theta0), (s1, theta1) = past[-2:]
                theta = theta1 + (theta1 - theta0) * (s * ahead / power - s1) / (s1 - s0)
    return theta


def log_prices_of_equal_split(agents: Agents) -> Array:
    """(K,): what an equal split suggests: Σ_i r_ik ∂_ik / Σ_i r_ik over those who can use k."""
    takers = np.maximum(np.count_nonzero(agents.span, axis=0), 1)
    y = np.minimum(agents.span, agents.room / takers)
    log_m = agents.log_marginal(y)
    r = np.where(agents.span > 0.0, agents.base + y, 0.0)
    top = np.maximum(log_m.max(axis=0), LOG_ZERO)
    worth = np.maximum(sums(r * np.exp(log_m - top)), 1e-300)
    return np.where(agents.room > 0.0, top + np.log(worth / np.maximum(sums(r), 1e-300)), 0.0)


def evaluate(agents: Agents, theta: Array, run: Run) -> Point:
    """One pass over the agents."""
    K = theta.size
    out = np.zeros((chunks(agents.weight.size), 1 + K + K * K))
    tables = (agents.bias, agents.want, agents.floor, agents.ceil, agents.gain, agents.base)
    run(lambda a, b: demand(a, b, theta, agents.s, *tables, out))
    total = out.sum(axis=0)
    price, used = np.exp(theta), total[1 : 1 + K]
    live = agents.room > 0.0
    excess = np.where(live, used - agents.room, 0.0)
    residual = float(np.max(np.abs(excess[live]) / agents.room[live], initial=0.0))
    dual = float(total[0] + price[live] @ agents.room[live]) + agents.constant
    return Point(theta, dual, -price * excess, used, total[1 + K :].reshape(K, K), residual)


def newton(agents: Agents, theta: Array, tol: float, run: Run) -> tuple[Point, int]:
    """Minimise the dual function over log-prices, to residual ``tol`` or to where rounding ends it."""
    point = evaluate(agents, theta, run)
    passes = 1
    while point.residual > tol and passes < _STEPS:
        best = None
        for step in _steps(agents, point):
            t = 1.0
            for _ in range(_HALVINGS):
                trial = evaluate(agents, point.theta + t * step, run)
                passes += 1
                noise = _ROUNDING * (abs(point.dual) + float(np.exp(point.theta) @ agents.room))
                fell = trial.dual - point.dual
                if fell <= 1e-4 * t * float(point.slope @ step) or (fell <= noise and trial.residual < point.residual):
                    best = trial
                    break
                if abs(fell) <= noise and t < 0.1:
                    break
                t *= _shorter(agents, trial, t * step)
            if best is not None:
                break
        if best is None:
            break
        point = best
    return point, passes


def _shorter(agents: Agents, trial: Point, step: Array) -> float:
    """The part of a failed step to try next: where demand, exponential on the way, meets room; or half."""
    live = np.flatnonzero((agents.room > 0.0) & (trial.used > _FAR * agents.room))
    if live.size:
        price, used = np.exp(trial.theta[live]), trial.used[live]
        rate = -(trial.M[live] @ step) / (price * used)  # of log demand over the whole step
        folds = np.log(used / agents.room[live])
        k = int(np.argmax(folds))
        if rate[k] > folds[k]:
            return min(max(1.0 - folds[k] / rate[k], 0.01), 0.7)
    return 0.5


def _steps(agents: Agents, point: Point) -> list[Array]:
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
