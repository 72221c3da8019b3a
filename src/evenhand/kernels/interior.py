"""One primal-dual interior-point step for Cobb-Douglas agents (`spec/allocation.md §4`).

    maximise Σ_i w_i φ_α(U_i(y_i))  subject to  Σ_i y_ik + t_k = 1,  0 ≤ y ≤ span,  t ≥ 0

with multipliers λ (prices), z (y ≥ 0) and q (y ≤ span). With m = ∂(w φ)/∂y, r = base + y and u = span − y
(kept for itself: near the bound the difference would cancel), one agent's Newton block is B = diag(m/r + z/y
+ q/u) − s (wV) (γ/r)(γ/r)ᵀ: a diagonal and a rank-one part, inverted in O(K²). The prices' step then needs Σ
B⁻¹ (K × K) and Σ B⁻¹ρ (K), sums over chunks of ``CHUNK`` agents. Tables as in
`evenhand.kernels.cobb_douglas`; coordinates of span 0 are fixed.
"""

from __future__ import annotations

import math

import numpy as np
from numba.core.types import void

from evenhand.kernels.cobb_douglas import CHUNK, Array, F, I, M, V, compiled

__all__ = ["advance", "assemble", "direct"]


@compiled(F(I, F, F, V, M, M, M, M, M, M, M, M, V, V, V))
def block(
    i: int,
    s: float,
    mu: float,
    price: Array,
    want: Array,
    gain: Array,
    base: Array,
    span: Array,
    y: Array,
    u: Array,
    z: Array,
    q: Array,
    inv: Array,
    rho: Array,
    bent: Array,
) -> float:
    """Agent i's B⁻¹ = diag(inv) + scale · bent bentᵀ (scale returned) and ρ = m − λ + μ/y − μ/u."""
    K = price.size
    v, power = 0.0, 0.0
    for k in range(K):
        if gain[i, k] > 0.0:
            v += s * gain[i, k] * math.log(base[i, k] + y[i, k])
    room = 0.0  # 1 − s wV Σ (γ/r)² inv, summed without cancellation
    core = 0.0
    for k in range(K):
        inv[k] = rho[k] = bent[k] = 0.0
        if span[i, k] > 0.0:
            r, g = base[i, k] + y[i, k], s * gain[i, k]
            m = math.exp(want[i, k] + v) / r
            barrier = z[i, k] / y[i, k] + q[i, k] / u[i, k]
            inv[k] = 1.0 / (m / r + barrier)
            rho[k] = m - price[k] + mu / y[i, k] - mu / u[i, k]
            bent[k] = inv[k] * gain[i, k] / r
            power += g
            room += g * barrier * inv[k]
            core = m * r / gain[i, k]  # wV, the same for every k
    return s * core / max(1.0 - power + room, 1e-300)


@compiled(void(I, I, F, F, V, M, M, M, M, M, M, M, M, M))
def assemble(
    first: int,
    last: int,
    s: float,
    mu: float,
    price: Array,
    want: Array,
    gain: Array,
    base: Array,
    span: Array,
    y: Array,
    u: Array,
    z: Array,
    q: Array,
    out: Array,
) -> None:
    """Sums over each of the chunks: out[chunk] = Σ B⁻¹ρ (K), Σ B⁻¹ row by row (K²), Σ |m − λ + z − q| y."""
    n, K = want.shape
    inv, rho, bent = np.empty(K), np.empty(K), np.empty(K)
    for chunk in range(first, last):
        row = out[chunk]
        row[:] = 0.0
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            scale = block(i, s, mu, price, want, gain, base, span, y, u, z, q, inv, rho, bent)
            dot = 0.0
            for k in range(K):
                dot += bent[k] * rho[k]
            for k in range(K):
                if span[i, k] > 0.0:
                    barrier = mu / y[i, k] - mu / u[i, k]
                    row[K + K * K] += abs(rho[k] - barrier + z[i, k] - q[i, k]) * y[i, k]
                row[k] += inv[k] * rho[k] + scale * dot * bent[k]
                row[K + k * K + k] += inv[k]
                for j in range(K):
                    row[K + k * K + j] += scale * bent[k] * bent[j]


@compiled(void(I, I, F, F, V, V, M, M, M, M, M, M, M, M, M, M))
def direct(
    first: int,
    last: int,
    s: float,
    mu: float,
    price: Array,
    step: Array,
    want: Array,
    gain: Array,
    base: Array,
    span: Array,
    y: Array,
    u: Array,
    z: Array,
    q: Array,
    dy: Array,
    out: Array,
) -> None:
    """Every agent's dy = B⁻¹(ρ − dλ); out[chunk, 0] = the longest step that keeps y, u, z and q positive."""
    n, K = want.shape
    inv, rho, bent = np.empty(K), np.empty(K), np.empty(K)
    for chunk in range(first, last):
        worst = 0.0  # largest relative decrease
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            scale = block(i, s, mu, price, want, gain, base, span, y, u, z, q, inv, rho, bent)
            dot = 0.0
            for k in range(K):
                dot += bent[k] * (rho[k] - step[k])
            for k in range(K):
                d = 0.0
                if span[i, k] > 0.0:
                    d = inv[k] * (rho[k] - step[k]) + scale * dot * bent[k]
                    worst = max(worst, -d / y[i, k], d / u[i, k])
                    worst = max(worst, 1.0 - (mu / z[i, k] - d) / y[i, k], 1.0 - (mu / q[i, k] + d) / u[i, k])
                dy[i, k] = d
        out[chunk, 0] = worst


@compiled(void(I, I, F, F, M, M, M, M, M, M, M))
def advance(
    first: int,
    last: int,
    mu: float,
    length: float,
    span: Array,
    y: Array,
    u: Array,
    z: Array,
    q: Array,
    dy: Array,
    out: Array,
) -> None:
    """Take the step, in place; out[chunk] = Σ (z y + q u), the number of its terms, and Σ_k y (K)."""
    n, K = y.shape
    for chunk in range(first, last):
        row = out[chunk]
        row[:] = 0.0
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            for k in range(K):
                if span[i, k] > 0.0:
                    d = dy[i, k]
                    z[i, k] += length * ((mu - z[i, k] * d) / y[i, k] - z[i, k])
                    q[i, k] += length * ((mu + q[i, k] * d) / u[i, k] - q[i, k])
                    y[i, k] += length * d
                    u[i, k] -= length * d
                    row[0] += z[i, k] * y[i, k] + q[i, k] * u[i, k]
                    row[1] += 2.0
                    row[2 + k] += y[i, k]
