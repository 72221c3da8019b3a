"""Interior-point path for the concave Cobb-Douglas problem where prices alone do not settle it.

At the edge of concavity, (1 − α) Σ_k γ_ik = 1, an agent's best response is not unique, and close to it demand
jumps: the dual function has (nearly) a kink and Newton in the prices stalls. The primal-dual path has no such
trouble; it costs some thirty passes of about twice the price of one of `evenhand.allocation.several.joint`
(`spec/allocation.md §4`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evenhand.allocation.several.agents import Agents, Array, Run, chunks, sums
from evenhand.kernels.interior import advance, assemble, direct

__all__ = ["follow"]

_MOST = 150
_NEAR = 0.995  # of the way to the boundary
_CENTRE = 0.1  # the barrier shrinks tenfold a step, less after a short one


def follow(agents: Agents, tol: float, run: Run) -> tuple[Array, Array, int]:
    """Follow the central path until complementarity is ``tol`` of Σ λ·room.

    Returns log-prices (K,), y (n, K) and the number of passes. The answer is to be judged by its gap, not by
    this stop.
    """
    s, n, K = agents.s, agents.weight.size, agents.room.size
    live, open_ = agents.room > 0.0, agents.span > 0.0
    if not live.any():
        return np.zeros(K), np.zeros((n, K)), 0
    # In units of the room, and of the largest m·y at the start, where the barrier outweighs every agent:
    # however far apart the agents' values are, the path is joined near its beginning.
    unit = np.where(live, agents.room, 1.0)
    base, span = agents.base / unit, agents.span / unit
    y = np.minimum(0.5 * span, 0.5 / np.maximum(np.count_nonzero(span, axis=0), 1))
    u = span - y
    log_m = agents.log_marginal(y * unit) + np.log(unit)
    level = float(np.max(log_m + np.log(np.where(open_, y, 1.0)), where=open_, initial=-np.inf))
    want = agents.want + s * (agents.gain @ np.log(unit))[:, None] - level
    mu = 1.0
    z, q = (mu * np.divide(1.0, a, out=np.zeros_like(a), where=open_) for a in (y, u))
    takers = np.maximum(np.count_nonzero(span, axis=0), 1)
    price = np.where(live, sums(np.where(open_, np.exp(log_m - level), 0.0) + z - q) / takers, 0.0)
    slack = np.where(live, 1.0 - sums(y), 1.0)
    count = 2 * np.count_nonzero(span) + int(live.sum())
    dy, parts = np.zeros_like(y), chunks(n)
    sum_out, worst, moved = np.zeros((parts, K + K * K + 1)), np.zeros((parts, 1)), np.zeros((parts, 2 + K))
    held, length, apart, off = sums(y), 1.0, np.inf, np.inf
    paid = np.where(live, price, 1.0)
    passes = 0
    while passes < _MOST:
        passes += 1
        target = mu * (_CENTRE if length > 0.5 else 1.0 - 0.5 * length)
        at = (s, target, price)
        _over(run, assemble, *at, want, agents.gain, base, span, y, u, z, q, sum_out)
        total = sum_out.sum(axis=0)
        if max(apart, float(total[-1])) <= tol * float(price.sum()) and off <= tol:
            break
        matrix = total[K:-1].reshape(K, K)[np.ix_(live, live)] + np.diag(slack[live] / price[live])
        rhs = total[:K] + target / paid + held - 1.0
        scale = 1.0 / np.sqrt(np.diag(matrix))
        step = np.zeros(K)
        step[live] = scale * np.linalg.solve(matrix * scale * scale[:, None], scale * rhs[live])
        _over(run, direct, *at, step, want, agents.gain, base, span, y, u, z, q, dy, worst)
        wider = np.where(live, (target - slack * step) / paid - slack, 0.0)
        shrink = max(float(worst.max()), float(np.max(-wider / slack)), float(np.max(-step / paid)))
        length = min(1.0, _NEAR / max(shrink, 1e-300))
        _over(run, advance, target, length, span, y, u, z, q, dy, moved)
        price, slack = price + length * step, slack + length * wider
        paid = np.where(live, price, 1.0)
        total = moved.sum(axis=0)
        held = total[2:]
        apart = float(total[0] + price[live] @ slack[live])
        mu = apart / count
        off = float(np.max(np.abs(held + slack - 1.0)[live]))
        if not np.isfinite(apart):
            break
    return np.where(live, np.log(paid) + level - np.log(unit), 0.0), y * unit, passes


def _over(run: Run, kernel: Callable[..., None], *args: object) -> None:
    """The kernel over all chunks (its first two arguments)."""
    run(lambda first, last: kernel(first, last, *args))
