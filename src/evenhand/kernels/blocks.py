"""The linear algebra of a horizon: rounds coupled in time, one row a round, inverted by a sweep there and back.

    minimise  sum_t  d_t' D_t d_t / 2 + r_t . d_t  +  (d_t - d_{t-1})' W_t (d_t - d_{t-1}) / 2,     d_0 = 0,
    D_t, W_t diagonal, and in a round with a row either 1 . d_t = 0, or sigma_t (1 . d_t)^2 / 2 is added.

What the rounds up to t say about d_t is a matrix V_t (information), what they leave open its inverse P_t (covariance),
and Q_t what is left open where d_{t+1} is known:

    V_t = D_t + sigma_t 1 1' + (P_{t-1} + W_t^-1)^-1,      P_t = V_t^-1,      Q_t = (V_t + W_{t+1})^-1,

and the answer is a sweep there and one back,

    u_t = W_t Q_{t-1} u_{t-1} - r_t,      d_t = Q_t (u_t + W_{t+1} d_{t+1}).

Only sums of semidefinite matrices are formed, nothing cancels: D, W and sigma may lie 1e20 apart, as they do at the end
of an interior point method. Where W is not much larger than D, (P_t + W^-1)^-1 = W - W Q_t W is as good, and saves two
inversions of three. A row is met by trading its freest action for the row itself. O(T n^3), O(T n^2) a solve.
Leading axis: B episodes, one after the other.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false
from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.kernels.gufunc import entry, part

__all__ = ["EQUAL", "LIMIT", "NONE", "borne", "factor", "residual", "solve"]

#: kinds of rows
NONE, EQUAL, LIMIT = 0, 1, 2
#: products that are added to are rounded once in place of twice, nothing else is exchanged
_CONTRACTED: Any = {"fastmath": {"contract"}, "error_model": "numpy"}
_APART = 1e30  # 1 / W where nothing couples two rounds
_KEEP = 1e3  # the ratio of W to D up to which W - W Q W is good enough: it costs three digits of sixteen


@part(**_CONTRACTED)
def _invert(a):
    """A symmetric positive definite matrix becomes minus its inverse, pivot by pivot; False where it is not definite.

    Without exchanges: no scaling of rows and columns changes the digits, so a graded matrix is as good as an even one.
    """
    n = a.shape[0]
    for k in range(n):
        if not a[k, k] > 0.0:
            return False
        scale = 1.0 / a[k, k]
        for i in range(n):
            if i != k:
                factor = a[i, k] * scale
                for j in range(n):
                    a[i, j] -= factor * a[k, j]
                a[i, k] = factor
        for j in range(n):
            a[k, j] *= scale
        a[k, k] = -scale
    return True


@part(**_CONTRACTED)
def _covariance(v, kind, sigma, pinned, p):
    """P from V (spoilt): its inverse, with the row and with pinned actions at 0. False where V is singular."""
    n = v.shape[0]
    pivot = -1
    for i in range(n):
        if pinned[i]:
            for k in range(n):
                v[i, k] = 0.0
                v[k, i] = 0.0
            v[i, i] = 1.0
        elif kind != NONE and (pivot < 0 or v[i, i] < v[pivot, pivot]):
            pivot = i
    if pivot >= 0:  # from now on number ``pivot`` is the row itself, w = 1 . d
        own = v[pivot, pivot]
        for i in range(n):
            if i != pivot and not pinned[i]:
                for k in range(n):
                    v[i, k] -= v[pivot, k]
        for i in range(n):  # columns after rows
            if i != pivot and not pinned[i]:
                cross = v[i, pivot]
                for k in range(n):
                    v[i, k] -= 0.0 if pinned[k] else cross
                cross = 0.0 if kind == EQUAL else cross
                v[i, pivot] = cross
                v[pivot, i] = cross
        v[pivot, pivot] = 1.0 if kind == EQUAL else own + sigma
    if not _invert(v):
        return False
    for i in range(n):
        for k in range(n):
            p[i, k] = -v[i, k]
    for i in range(n):
        if pinned[i] or (i == pivot and kind == EQUAL):
            for k in range(n):
                p[i, k] = 0.0
                p[k, i] = 0.0
    if pivot >= 0:  # d_pivot = w - sum of the others: its row, then its column
        for i in range(n):
            if i != pivot:
                for k in range(n):
                    p[pivot, k] -= p[i, k]
        own = p[pivot, pivot]
        for i in range(n):
            if i != pivot:
                own -= p[pivot, i]
                p[i, pivot] = p[pivot, i]
        p[pivot, pivot] = own
    return True


@part(**_CONTRACTED)
def _respond(open_, ahead, coupling):
    """coupling += ahead' open_ ahead, and open_ ahead into ahead: (n, m)."""
    n, m = ahead.shape
    out = np.zeros((n, m))
    for i in range(n):
        for k in range(n):
            value = open_[i, k]
            for j in range(m):
                out[i, j] += value * ahead[k, j]
    for i in range(n):
        for j in range(m):
            value = ahead[i, j]
            for col in range(m):
                coupling[j, col] += value * out[i, col]
            ahead[i, j] = out[i, j]


@part(**_CONTRACTED)
def _factor(bend, link, kind, sigma, pinned, impact, diagonal, open_, coupling):
    """`factor` for one episode; False where nothing holds some direction."""
    rounds, n = bend.shape
    m = coupling.shape[0]
    v, p, past, ahead = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, m))
    for i in range(n):
        past[i, i] = link[0, i]
    for t in range(rounds):
        last = t + 1 == rounds
        plain = True  # whether W - W Q W keeps its digits
        for i in range(n):
            weight = 0.0 if last else link[t + 1, i]
            plain = plain and weight <= _KEEP * bend[t, i]
            for k in range(n):
                v[i, k] = past[i, k]
            v[i, i] += bend[t, i] + weight
            if diagonal:
                ahead[i, i] += impact[t, 0, i]
            else:
                for j in range(m):
                    ahead[i, j] += impact[t, j, i]
        if not _covariance(v, kind[t], sigma[t], pinned[t], open_[t]):
            return False
        _respond(open_[t], ahead, coupling)
        if last:
            break
        if not plain:
            for i in range(n):
                for k in range(n):
                    v[i, k] = past[i, k]
                v[i, i] += bend[t, i]
            if not _covariance(v, kind[t], sigma[t], pinned[t], p):
                return False
            for i in range(n):
                p[i, i] += 1.0 / link[t + 1, i] if link[t + 1, i] > 1.0 / _APART else _APART
            if not _invert(p):
                return False
        for i in range(n):
            weight = link[t + 1, i]
            for j in range(m):
                ahead[i, j] *= weight
            for k in range(n):
                past[i, k] = -weight * open_[t, i, k] * link[t + 1, k] if plain else -p[i, k]
            if plain:
                past[i, i] += weight
    return True


@entry(
    "void(f8[:,:,::1],f8[:,:,::1],i8[:,::1],f8[:,::1],b1[:,:,::1],f8[:,:,:,::1],b1,f8[:,:,:,::1],f8[:,:,::1],b1[::1])"
)
def factor(bend, link, kind, sigma, pinned, impact, diagonal, open_, coupling, held):
    """Q into open_ (B, T, n, n), the last one P_T, and A M^-1 A' into coupling (B, m, m); M is the whole matrix.

    bend: D, link: W (B, T, n) >= 0; kind, sigma (B, T); pinned (B, T, n): d = 0; impact: A = (A_1 ... A_T),
    (B, T, m, n), or (B, T, 1, n) diagonal. held (B,): False where nothing holds some direction.
    """
    for b in range(bend.shape[0]):
        for j in range(coupling.shape[1]):
            for col in range(coupling.shape[1]):
                coupling[b, j, col] = 0.0
        held[b] = _factor(bend[b], link[b], kind[b], sigma[b], pinned[b], impact[b], diagonal, open_[b], coupling[b])


@entry("void(f8[:,:,:,::1],f8[:,:,::1],f8[:,:,::1],f8[:,:,::1])")
def solve(open_, link, right, out):
    """The minimisers d (B, T, n) for r = ``right`` (B, T, n)."""
    rounds, n = right.shape[1:]
    follow = np.empty(n)
    for b in range(right.shape[0]):
        for t in range(rounds):
            for i in range(n):
                value = 0.0
                if t > 0:
                    for j in range(n):
                        value += open_[b, t - 1, i, j] * out[b, t - 1, j]
                out[b, t, i] = link[b, t, i] * value - right[b, t, i]
        for t in range(rounds - 1, -1, -1):
            for i in range(n):
                follow[i] = out[b, t, i]
                if t + 1 < rounds:
                    follow[i] += link[b, t + 1, i] * out[b, t + 1, i]
            for i in range(n):
                value = 0.0
                for j in range(n):
                    value += open_[b, t, i, j] * follow[j]
                out[b, t, i] = value


@entry("void(f8[:,:,::1],f8[:,:,::1],i8[:,::1],f8[:,::1],b1[:,:,::1],f8[:,:,::1],f8[:,:,::1],f8[:,:,::1])")
def residual(bend, link, kind, sigma, pinned, right, dx, out):
    """What is left of the equations at dx, but for the multiplier of a row and at pinned actions: (B, T, n)."""
    rounds, n = dx.shape[1:]
    for b in range(dx.shape[0]):
        for t in range(rounds):
            along = 0.0
            for i in range(n):
                along += dx[b, t, i]
            along = sigma[b, t] * along if kind[b, t] == LIMIT else 0.0
            above = 0.0
            below = 0.0
            for i in range(n):
                value = right[b, t, i] + bend[b, t, i] * dx[b, t, i] + along
                value += link[b, t, i] * (dx[b, t, i] - (dx[b, t - 1, i] if t > 0 else 0.0))
                if t + 1 < rounds:
                    value -= link[b, t + 1, i] * (dx[b, t + 1, i] - dx[b, t, i])
                out[b, t, i] = 0.0 if pinned[b, t, i] else value
                if not pinned[b, t, i]:
                    above += value / bend[b, t, i]
                    below += 1.0 / bend[b, t, i]
            if kind[b, t] == EQUAL and below > 0.0:
                for i in range(n):
                    if not pinned[b, t, i]:
                        out[b, t, i] -= above / below


@entry("void(f8[:,:,:,::1],b1,f8[:,:,::1],f8[:,::1])")
def borne(impact, diagonal, x, out):
    """out = sum_t A_t x_t: (B, m)."""
    for b in range(x.shape[0]):
        for j in range(out.shape[1]):
            out[b, j] = 0.0
        for t in range(x.shape[1]):
            for j in range(out.shape[1]):
                if diagonal:
                    out[b, j] += impact[b, t, 0, j] * x[b, t, j]
                else:
                    for i in range(x.shape[2]):
                        out[b, j] += impact[b, t, j, i] * x[b, t, i]
