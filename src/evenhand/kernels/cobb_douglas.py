"""Cobb-Douglas agents at given prices: the best response, and its sums over agents.

An agent holds r_k = a_k + y_k of resource k (a: what it has for certain, 0 ≤ y_k ≤ span_k) and is worth
w φ_α(U), U = Π_k r_k^{γ_k}. With s = 1 − α and g_k = s γ_k, all of `spec/allocation.md §4` in logarithms:
∂/∂r_k = w γ_k U^s / r_k, so at prices λ = e^θ

    log r_k = clip(log(w γ_k) + v − θ_k, log a_k, log b_k),    v = log U^s = Σ_k g_k log r_k.

Putting the first into the second leaves *one* equation in v, piecewise linear and (where the problem is
concave, Σ g ≤ 1) increasing: no enumeration of the 3^K patterns of binding bounds.

Arrays: floor = log a, ceil = log b, want = log(w γ), gain = γ, base = a, all (n, K); bias = log w (n,), −∞ for an
agent of no worth, with the scale of U in it (w scale^s), which may lie far outside the range of floats. Logarithms
of zero are floored at ``LOG_ZERO`` so that sums stay finite. Every sum over agents is made of sums over
chunks of ``CHUNK`` agents, whoever computes them, so the answer does not depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numba.core.types import float64 as F
from numba.core.types import int64 as I
from numba.core.types import void
from numpy.typing import NDArray

from evenhand.kernels.gufunc import jit

__all__ = ["CHUNK", "LOG_ZERO", "Array", "compiled", "demand", "respond", "value"]

Array = NDArray[np.float64]
V, M = F[::1], F[:, ::1]  # the types of a vector and of a matrix, in signatures
Kernel = TypeVar("Kernel", bound=Callable[..., object])

CHUNK = 4096
"""Agents per partial sum: large enough to amortise a call, small enough to stay in the cache."""

LOG_ZERO = -690.0
"""Stands for log 0: e^-690 ≈ 1e-300 is the smallest power of e that can still be divided by."""

_PIECES = 130  # every second one bisects, and 63 halvings reach the last bit; Newton alone takes 1 to 3


def compiled(signature: object) -> Callable[[Kernel], Kernel]:
    """Machine code for one signature, kept on disk, that lets other threads run."""
    return jit(signature, error_model="numpy")


@compiled(F(M, M, M, M, V, F, I))
def level(want: Array, floor: Array, ceil: Array, gain: Array, theta: Array, s: float, i: int) -> float:
    """Solve v = Σ_k s γ_k clip(want_k + v − θ_k, floor_k, ceil_k) for agent i: Newton on pieces."""
    lo, hi, g_all, v = 0.0, 0.0, 0.0, 0.0
    for k in range(theta.size):
        g = s * gain[i, k]
        if g == 0.0:
            continue
        p, q = g * floor[i, k], g * ceil[i, k]
        lo += min(p, q)
        hi += max(p, q)
        g_all += g
        v += g * (want[i, k] - theta[k])
    v = v / (1.0 - g_all) if g_all < 1.0 else lo
    v = min(max(v, lo), hi)
    seen = -1
    for turn in range(_PIECES):
        h, slope, pattern = v, 1.0, 0
        for k in range(theta.size):
            g = s * gain[i, k]
            t = want[i, k] - theta[k] + v
            pattern *= 3
            if t <= floor[i, k]:
                t = floor[i, k]
            elif t >= ceil[i, k]:
                t = ceil[i, k]
                pattern += 1
            else:
                slope -= g
                pattern += 2
            if g != 0.0:
                h -= g * t
        if pattern == seen or h == 0.0:
            break  # v came from this very piece, where Newton is exact
        if h > 0.0:
            hi = v
        else:
            lo = v
        new = v - h / slope if slope > 0.0 else math.inf
        seen = pattern
        if not (lo <= new <= hi) or (turn > 3 and turn % 2 == 0):
            new = 0.5 * (lo + hi)
            seen = -1
        if new == v:
            break
        v = new
    return v


@compiled(void(I, I, V, F, V, M, M, M, M, M, M))
def demand(
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
    out: Array,
) -> None:
    """Sums at prices e^θ over each of the chunks first … last − 1, written to out[chunk] (1 + K + K²).

    Column 0: Σ_i max_r [w φ(U) − λ·y], the agents' part of the dual function. Columns 1 … K: Σ_i y_ik. The
    rest, row by row: M_kj = −λ_k Σ_i ∂y_ik/∂θ_j, symmetric and, in the concave case, positive semidefinite.
    """
    n, K = want.shape
    price = np.exp(theta)
    held, free = np.empty(K), np.empty(K)
    for chunk in range(first, last):
        row = out[chunk]
        row[:] = 0.0
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            if bias[i] == -math.inf:
                continue
            v = level(want, floor, ceil, gain, theta, s, i) if s != 0.0 else 0.0
            log_u, slope, worth = 0.0, 1.0, 0.0
            for k in range(K):
                t = want[i, k] - theta[k] + v
                held[k] = free[k] = 0.0
                if t <= floor[i, k]:
                    t = floor[i, k]
                else:
                    if t >= ceil[i, k]:
                        t = ceil[i, k]
                        r = math.exp(t)
                    else:
                        r = math.exp(t)
                        held[k] = price[k] * r
                        free[k] = s * gain[i, k]
                        slope -= free[k]
                    y = max(r - base[i, k], 0.0)
                    row[1 + k] += y
                    worth -= price[k] * y
                log_u += gain[i, k] * t
            row[0] += worth + (math.exp(bias[i]) * log_u if s == 0.0 else math.exp(bias[i] + s * log_u) / s)
            # ∂v/∂θ_j = −g_j / (1 − Σ_free g); a flat piece (Σ g = 1) has no derivative: leave its diagonal.
            scale = 1.0 / slope if slope > 0.0 else 0.0
            for k in range(K):
                if held[k] != 0.0:
                    at = 1 + K + k * K
                    row[at + k] += held[k]
                    for j in range(K):
                        row[at + j] += held[k] * free[j] * scale


@compiled(void(I, I, V, F, V, M, M, M, M, M, M))
def respond(
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
) -> None:
    """Best response of every agent in the chunks at prices e^θ, written to y (n, K)."""
    n, K = want.shape
    for i in range(first * CHUNK, min(n, last * CHUNK)):
        if bias[i] == -math.inf:
            y[i] = 0.0
            continue
        v = level(want, floor, ceil, gain, theta, s, i) if s != 0.0 else 0.0
        for k in range(K):
            t = want[i, k] - theta[k] + v
            if t <= floor[i, k]:
                y[i, k] = 0.0
            else:
                y[i, k] = max(math.exp(min(t, ceil[i, k])) - base[i, k], 0.0)


@compiled(void(I, I, F, V, M, M, M, M))
def value(first: int, last: int, s: float, bias: Array, gain: Array, base: Array, y: Array, out: Array) -> None:
    """Σ w φ_α(U) at y over each of the chunks, written to out[chunk] (1,); −∞ where α ≥ 1 and U = 0."""
    n, K = gain.shape
    for chunk in range(first, last):
        total = 0.0
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            if bias[i] == -math.inf:
                continue
            log_u = 0.0
            for k in range(K):
                if gain[i, k] != 0.0:
                    log_u += gain[i, k] * math.log(base[i, k] + y[i, k])
            total += math.exp(bias[i]) * log_u if s == 0.0 else math.exp(bias[i] + s * log_u) / s
        out[chunk, 0] = total
