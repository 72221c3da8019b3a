"""The linear algebra of a horizon: rounds coupled in time, one linear row a round, inverted by a sweep there and back.

    minimise  sum_t  d_t' D_t d_t / 2 + r_t . d_t  +  (d_t - d_{t-1})' W_t (d_t - d_{t-1}) / 2,     d_0 = 0,
    D_t, W_t diagonal, and in a round with a row a_t either a_t . d_t = 0, or sigma_t (a_t . d_t)^2 / 2 is added.

What the rounds up to t say about d_t is a matrix V_t (information), what they leave open its inverse P_t (covariance),
and Q_t what is left open where d_{t+1} is known:

    V_t = D_t + sigma_t a_t a_t' + (P_{t-1} + W_t^-1)^-1,      P_t = V_t^-1,      Q_t = (V_t + W_{t+1})^-1,

and the answer is a sweep there and one back,

    u_t = W_t Q_{t-1} u_{t-1} - r_t,      d_t = Q_t (u_t + W_{t+1} d_{t+1}).

Only sums of semidefinite matrices are formed, nothing cancels: D, W and sigma may lie 1e20 apart, as they do at the end
of an interior point method. A row is met by trading its freest action for the row itself. O(T n^3), O(T n^2) a solve.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false
from __future__ import annotations

import numpy as np

from evenhand.kernels.gufunc import part

__all__ = ["EQUAL", "LIMIT", "NONE", "borne", "factor", "many", "one", "residual"]

#: kinds of rows
NONE, EQUAL, LIMIT = 0, 1, 2
_APART = 1e30  # 1 / W where nothing couples two rounds


@part(fastmath={"contract"})
def _invert(a, low, out):
    """The inverse of a symmetric positive definite matrix, its lower triangle given; False where it is not.

    Cholesky works on a graded matrix as on an even one, so no scaling.
    """
    n = a.shape[0]
    for j in range(n):
        for i in range(j, n):
            value = a[i, j]
            for k in range(j):
                value -= low[i, k] * low[j, k]
            if i == j:
                if not value > 0.0:
                    return False
                pivot = np.sqrt(value)
                low[j, j] = pivot
            else:
                low[i, j] = value / low[j, j]
    for j in range(n):  # the inverse of the triangle, in place of it
        low[j, j] = 1.0 / low[j, j]
        for i in range(j + 1, n):
            value = 0.0
            for k in range(j, i):
                value -= low[i, k] * low[k, j]
            low[i, j] = value / low[i, i]
    for i in range(n):
        for j in range(i + 1):
            value = 0.0
            for k in range(i, n):
                value += low[k, i] * low[k, j]
            out[i, j] = value
            out[j, i] = value
    return True


@part(fastmath={"contract"})
def _covariance(v, a, kind, sigma, pinned, low, p):
    """P from V (spoilt): its inverse, with the row and with pinned actions at 0. False where V is singular."""
    n = v.shape[0]
    pivot = -1
    for i in range(n):
        if pinned[i]:
            for k in range(n):
                v[i, k] = 0.0
                v[k, i] = 0.0
            v[i, i] = 1.0
        elif kind != NONE and a[i] != 0.0 and (pivot < 0 or v[i, i] * a[pivot] ** 2 < v[pivot, pivot] * a[i] ** 2):
            pivot = i
    if pivot >= 0:  # from now on number ``pivot`` is the row itself, w = a . d
        j = pivot
        own = v[j, j]
        scale = 1.0 / a[j]
        for i in range(n):
            if i != j and not pinned[i]:
                ratio = a[i] * scale
                for k in range(i + 1):
                    if k != j and not pinned[k]:
                        v[i, k] += (
                            a[k] * scale * (ratio * own - v[max(i, j), min(i, j)]) - ratio * v[max(k, j), min(k, j)]
                        )
        for i in range(n):
            if i != j:
                if pinned[i] or kind == EQUAL:
                    v[max(i, j), min(i, j)] = 0.0
                else:
                    v[max(i, j), min(i, j)] = scale * (v[max(i, j), min(i, j)] - a[i] * scale * own)
        v[j, j] = 1.0 if kind == EQUAL else own * scale * scale + sigma
    if not _invert(v, low, p):
        return False
    for i in range(n):
        if pinned[i] or (i == pivot and kind == EQUAL):
            for k in range(n):
                p[i, k] = 0.0
                p[k, i] = 0.0
    if pivot >= 0:
        j = pivot
        scale = 1.0 / a[j]
        for k in range(n):  # d_j = (w - sum a_i d_i) / a_j: rows, then columns
            value = p[j, k]
            for i in range(n):
                if i != j and not pinned[i]:
                    value -= a[i] * p[i, k]
            low[0, k] = value * scale
        own = low[0, j]
        for i in range(n):
            if i != j and not pinned[i]:
                own -= a[i] * low[0, i]
        for k in range(n):
            p[j, k] = low[0, k]
            p[k, j] = low[0, k]
        p[j, j] = own * scale
    return True


@part(fastmath={"contract"})
def factor(bend, link, row, kind, sigma, pinned, open_):
    """Q into open_ (T, n, n), the last one P_T. False where nothing holds some direction.

    bend: D, link: W (T, n) >= 0; row (T, n); kind, sigma (T,); pinned (T, n): d = 0.
    """
    rounds, n = bend.shape
    v = np.zeros((n, n))
    low = np.zeros((n, n))
    p = np.zeros((n, n))
    past = np.zeros((n, n))
    for i in range(n):
        past[i, i] = link[0, i]
    for t in range(rounds):
        last = t + 1 == rounds
        for i in range(n):
            for k in range(i + 1):
                v[i, k] = past[i, k]
            v[i, i] += bend[t, i] + (0.0 if last else link[t + 1, i])
        if not _covariance(v, row[t], kind[t], sigma[t], pinned[t], low, open_[t]):
            return False
        if last:
            break
        for i in range(n):
            for k in range(i + 1):
                v[i, k] = past[i, k]
            v[i, i] += bend[t, i]
        if not _covariance(v, row[t], kind[t], sigma[t], pinned[t], low, p):
            return False
        for i in range(n):
            for k in range(i + 1):
                v[i, k] = p[i, k]
            v[i, i] += 1.0 / link[t + 1, i] if link[t + 1, i] > 1.0 / _APART else _APART
        if not _invert(v, low, past):
            return False
    return True


@part(fastmath={"contract"})
def one(open_, link, right, out):
    """The minimiser d (T, n) for r = ``right`` (T, n)."""
    rounds, n = right.shape
    for t in range(rounds):
        for i in range(n):
            value = 0.0
            if t > 0:
                for j in range(n):
                    value += open_[t - 1, i, j] * out[t - 1, j]
            out[t, i] = link[t, i] * value - right[t, i]
    follow = np.empty(n)
    for t in range(rounds - 1, -1, -1):
        for i in range(n):
            follow[i] = out[t, i]
            if t + 1 < rounds:
                follow[i] += link[t + 1, i] * out[t + 1, i]
        for i in range(n):
            value = 0.0
            for j in range(n):
                value += open_[t, i, j] * follow[j]
            out[t, i] = value


@part(fastmath={"contract"})
def many(open_, link, impact, diagonal, out):
    """The minimisers for r_t = each row of the impact matrix: (T, m, n), or (T, 1, n) diagonal -> out (T, n, m)."""
    rounds, n, m = out.shape
    follow = np.empty((n, m))
    for t in range(rounds):
        for i in range(n):
            for j in range(m):
                out[t, i, j] = 0.0
            if t > 0:
                for k in range(n):
                    value = link[t, i] * open_[t - 1, i, k]
                    for j in range(m):
                        out[t, i, j] += value * out[t - 1, k, j]
            if diagonal:
                out[t, i, i] -= impact[t, 0, i]
            else:
                for j in range(m):
                    out[t, i, j] -= impact[t, j, i]
    for t in range(rounds - 1, -1, -1):
        for i in range(n):
            for j in range(m):
                follow[i, j] = out[t, i, j]
                if t + 1 < rounds:
                    follow[i, j] += link[t + 1, i] * out[t + 1, i, j]
                out[t, i, j] = 0.0
        for i in range(n):
            for k in range(n):
                value = open_[t, i, k]
                for j in range(m):
                    out[t, i, j] += value * follow[k, j]


@part()
def residual(bend, link, row, kind, sigma, pinned, right, dx, out):
    """What is left of the equations at dx, but for the multiplier of a row and at pinned actions: (T, n)."""
    T, n = dx.shape
    for t in range(T):
        along = 0.0
        for i in range(n):
            along += row[t, i] * dx[t, i]
        for i in range(n):
            value = right[t, i] + bend[t, i] * dx[t, i]
            if kind[t] == LIMIT:
                value += sigma[t] * along * row[t, i]
            value += link[t, i] * (dx[t, i] - (dx[t - 1, i] if t > 0 else 0.0))
            if t + 1 < T:
                value -= link[t + 1, i] * (dx[t + 1, i] - dx[t, i])
            out[t, i] = 0.0 if pinned[t, i] else value
        if kind[t] == EQUAL:
            above = 0.0
            below = 0.0
            for i in range(n):
                if not pinned[t, i]:
                    above += row[t, i] * out[t, i] / bend[t, i]
                    below += row[t, i] * row[t, i] / bend[t, i]
            for i in range(n):
                if below > 0.0 and not pinned[t, i]:
                    out[t, i] -= above / below * row[t, i]


@part()
def borne(impact, diagonal, x, out):
    """out += sum_t A_t x_t."""
    T, n = x.shape
    for t in range(T):
        for j in range(out.shape[0]):
            if diagonal:
                out[j] += impact[t, 0, j] * x[t, j]
            else:
                for i in range(n):
                    out[j] += impact[t, j, i] * x[t, i]
