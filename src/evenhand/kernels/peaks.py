"""Cobb-Douglas agents at given prices where they need not be concave: the best of all their peaks.

Agent and arrays as in `evenhand.kernels.cobb_douglas`, 0 < s ≤ 1. On the path log r_k(v) = clip(log(w γ_k) + v − θ_k,
log a_k, log b_k) the agent's surplus w φ(U) − λ·y has the derivative Σ_free e^{want_k} (e^{v − h(v)} − e^v) with
h(v) = v − s log U(r(v)), so it rises where h < 0 and falls where h > 0. Every stationary point is a root of h, which is
piecewise linear with at most 2K breakpoints: the peaks are the roots where h changes from − to +, at most K + 1, and
the best response is the best of them (`spec/allocation.md §10`).
"""

from __future__ import annotations

import math

import numpy as np
from numba.core.types import void

from evenhand.kernels.cobb_douglas import CHUNK, Array, F, I, M, V, compiled

__all__ = ["best"]


@compiled(F(F, V, V, F, M, M, M, M, M, F, I, V))
def _surplus(
    v: float, theta: Array, price: Array, s: float, want: Array, floor: Array, ceil: Array, gain: Array, base: Array,
    bias: float, i: int, y: Array,
) -> float:  # fmt: skip
    """w φ(U) − λ·y of agent i at the point v of its path; fills y (K,)."""
    log_u, paid = 0.0, 0.0
    for k in range(theta.size):
        t = want[i, k] - theta[k] + v
        y[k] = 0.0
        if t <= floor[i, k] or ceil[i, k] <= floor[i, k]:
            t = floor[i, k]
        else:
            t = min(t, ceil[i, k])
            y[k] = max(math.exp(t) - base[i, k], 0.0)
            paid += price[k] * y[k]
        log_u += gain[i, k] * t
    return math.exp(bias + s * log_u) / s - paid


@compiled(void(I, I, V, F, V, M, M, M, M, M, M, M))
def best(
    first: int,
    last: int,
    theta: Array,
    s: float,
    bias: Array,
    want: Array,
    floor: Array,
    ceil: Array,
    gain: Array,
    base: Array,
    y: Array,
    out: Array,
) -> None:
    """The best response y (n, K) of every agent in the chunks at prices e^θ, and its sums, to out[chunk] (1 + K).

    Column 0: Σ_i max_y [w φ(U) − λ·y]; columns 1 … K: Σ_i y_ik.
    """
    n, K = want.shape
    price = np.exp(theta)
    at, turn = np.empty(2 * K), np.empty(2 * K)
    here, mine = np.empty(K), np.empty(K)
    for chunk in range(first, last):
        row = out[chunk]
        row[:] = 0.0
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            if bias[i] == -math.inf:
                y[i] = 0.0
                continue
            # h = slope · v − fixed on each piece: all at their floors first, freed and stopped in the order of v.
            count, fixed, slope = 0, 0.0, 1.0
            for k in range(K):
                g = s * gain[i, k]
                if g == 0.0:
                    continue
                fixed += g * floor[i, k]
                if ceil[i, k] > floor[i, k]:
                    for edge in range(2):
                        v = (ceil[i, k] if edge else floor[i, k]) + theta[k] - want[i, k]
                        j = count
                        while j > 0 and at[j - 1] > v:
                            at[j], turn[j] = at[j - 1], turn[j - 1]
                            j -= 1
                        at[j], turn[j] = v, (g if edge else -g)
                        count += 1
            most, below = -math.inf, True  # h < 0 far below
            for j in range(count + 1):
                end = at[j] if j < count else math.inf
                above = j == count or slope * end - fixed >= 0.0
                if below and above:
                    v = min(fixed / slope, end) if slope > 0.0 else end
                    if j > 0:
                        v = max(v, at[j - 1])
                    worth = _surplus(v, theta, price, s, want, floor, ceil, gain, base, bias[i], i, here)
                    if worth > most:
                        most = worth
                        mine[:] = here
                below = not above
                if j < count:
                    slope += turn[j]
                    fixed += turn[j] * at[j]
            row[0] += most
            for k in range(K):
                y[i, k] = mine[k]
                row[1 + k] += mine[k]
