"""Jobs that run on any of K kinds of resource: the best response to prices, exactly (`spec/allocation.md §11`).

At prices λ job i, of d workers, whose speed is r_k on kind k, answers with

    maximise  w φ_α(U(o + Σ_k r_k x_k)) − d Σ_k λ_k x_k    subject to  Σ_k x_k ≤ 1,  0 ≤ x_k ≤ u_k .

The least cost of a speed y is piecewise linear and convex: without limits u it is the lower hull of the points (0, 0)
and (r_k, d λ_k), with limits it is bent wherever two kinds, or a kind and standing still, change places. Slopes of
pieces are prices of speed, so the utility's demand at each slope tells on which piece the answer lies: at most two
kinds (without limits) and one number.

Every sum over jobs is made of sums over chunks of ``CHUNK`` jobs, whoever computes them.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.kernels.cobb_douglas import CHUNK
from evenhand.kernels.gufunc import jit
from evenhand.kernels.response import PIECES, Columns, limits, respond

__all__ = ["FIXED", "Table", "answer", "demanded"]

_Floats = NDArray[np.float64]
#: beside the codes of `response`: p0 is the total speed wanted at any price, p1 its derivative by a common level
FIXED = 8


class Table(NamedTuple):
    """Jobs as the kernels see them; all but rate may have one row that serves every job.

    rate, limit (n, K): speed, 0 where a kind is of no use; most of its time on a kind (1 or more: no limit).
    workers, onboard (n,), columns: the demand of w φ_α(U) for speed.
    """

    rate: _Floats
    limit: _Floats
    workers: _Floats
    onboard: _Floats
    columns: Columns


@jit(error_model="numpy")
def wanted(code, p0, p1, p2, p3, own, t, table):
    """Speed wanted beyond what is on board at log-price t (the largest, at a tie), and −its derivative in t."""
    if code == FIXED:
        return p0 - own, 0.0
    if t == -math.inf:
        return limits(code, p0, p1, p2, p3, table, table)[1] - own, 0.0
    _, most, one, other = respond(code, p0, p1, p2, p3, t, table, table)
    return most - own, one + other


@jit(error_model="numpy")
def demanded(jobs, i, t):
    """`wanted` of job i."""
    c = jobs.columns
    code = c.code[i if c.code.size > 1 else 0]
    p0, p1 = c.p0[i if c.p0.size > 1 else 0], c.p1[i if c.p1.size > 1 else 0]
    p2, p3 = c.p2[i if c.p2.size > 1 else 0], c.p3[i if c.p3.size > 1 else 0]
    return wanted(code, p0, p1, p2, p3, jobs.onboard[i if jobs.onboard.size > 1 else 0], t, c.table)


@jit(error_model="numpy")
def near_jump(code, p0, p1, p2, p3, own, t, table, tau):
    """Whether demand for speed jumps between the log-prices t − τ and t + τ (linear pieces of a utility)."""
    if code != PIECES or tau < 0.0:
        return False
    return wanted(code, p0, p1, p2, p3, own, t - tau, table)[0] != wanted(code, p0, p1, p2, p3, own, t + tau, table)[0]


@jit(error_model="numpy")
def _log(v):
    return math.log(v) if v > 0.0 else -math.inf


@jit(error_model="numpy")
def _hull(rate, d, code, p0, p1, p2, p3, own, table, price, tau):
    """Without limits: (j, k, part, bend, jumpy): 1 − part of the time on j, part on k (−1: stand still).

    bend: d part / d(price difference of the two kinds), times −1. jumpy: a change of prices by τ could bring in a
    third kind, where the answer jumps.
    """
    top = 0.0
    for k in range(price.size):
        top = max(top, rate[k])
    j, speed, cost, before = -1, 0.0, 0.0, False
    while True:
        k, best, far = -1, math.inf, 0.0
        for m in range(price.size):
            r = rate[m]
            if r > speed:
                slope = max(d * price[m] - cost, 0.0) / (r - speed)
                if slope < best or (slope == best and r > far):
                    k, best, far = m, slope, r
        if k < 0:
            return j, -1, 0.0, 0.0, before
        third = False
        if tau >= 0.0:
            worth, slack = best * speed - cost, tau * best * top
            third = j >= 0 and worth <= slack
            for m in range(price.size):
                r = rate[m]
                if r > 0.0 and m != j and m != k and worth - (best * r - d * price[m]) <= slack:
                    third = True
        t = _log(best)
        y, elastic = wanted(code, p0, p1, p2, p3, own, t, table)
        if near_jump(code, p0, p1, p2, p3, own, t, table, tau):
            third = True
        if y <= speed:
            return j, -1, 0.0, 0.0, before or third
        if y < far:
            wide = far - speed
            return j, k, (y - speed) / wide, (elastic / (best * wide * wide) if best > 0.0 else 0.0), third
        j, speed, cost, before = k, far, d * price[k], third


@jit(error_model="numpy")
def _filled(rate, limit, d, price, slope, x, left):
    """Fill the time greedily by what a kind is worth beyond its price, speed sold at `slope`; returns the speed."""
    K = price.size
    for k in range(K):
        x[k], left[k] = 0.0, slope * rate[k] - d * price[k]
    time, speed = 1.0, 0.0
    for _ in range(K):
        at = -1
        for k in range(K):
            if rate[k] > 0.0 and left[k] > 0.0 and (at < 0 or left[k] > left[at]):
                at = k
        if at < 0 or time <= 0.0:
            break
        x[at] = min(time, limit[at])
        time -= x[at]
        speed += x[at] * rate[at]
        left[at] = 0.0
    return speed


@jit(error_model="numpy")
def _limited(rate, limit, d, code, p0, p1, p2, p3, own, table, price, tau, x, other, left, bends):
    """With limits: the answer into x; (bend, jumpy), bend for the direction that is left in `other` (part per Δ)."""
    K = price.size
    count = 0
    for k in range(K):
        if rate[k] > 0.0:
            bends[count] = d * price[k] / rate[k]
            count += 1
            for m in range(k):
                gap = rate[k] - rate[m]
                if rate[m] > 0.0 and gap != 0.0:
                    slope = d * (price[k] - price[m]) / gap
                    if slope >= 0.0:
                        bends[count] = slope
                        count += 1
    bends[:count].sort()
    for k in range(K):
        x[k] = 0.0
    speed, before = 0.0, False
    for b in range(count):
        here = bends[b]
        if b + 1 < count and bends[b + 1] == here:
            continue
        beyond = 0.5 * (here + bends[b + 1]) if b + 1 < count else 2.0 * here + 1.0
        crowded = tau >= 0.0 and (
            (b > 0 and here - bends[b - 1] <= tau * here) or (b + 1 < count and bends[b + 1] - here <= tau * here)
        )
        t = _log(here)
        y, elastic = wanted(code, p0, p1, p2, p3, own, t, table)
        if near_jump(code, p0, p1, p2, p3, own, t, table, tau):
            crowded = True
        if y <= speed:
            other[:] = 0.0
            return 0.0, before or crowded
        more = _filled(rate, limit, d, price, beyond, other, left)
        if y < more:
            wide = more - speed
            part = (y - speed) / wide
            for k in range(K):
                other[k] -= x[k]
                x[k] += part * other[k]
            return (elastic / (here * wide * wide) if here > 0.0 else 0.0), crowded
        if more > speed:
            before = crowded
        for k in range(K):
            x[k] = other[k]
        speed = more
    other[:] = 0.0
    return 0.0, before


@jit(error_model="numpy")
def _raised(rate, code, p1, other):
    """Speed per unit of the common level, over the speed of a direction of times."""
    if code != FIXED:
        return 0.0
    wide = 0.0
    for k in range(other.size):
        wide += rate[k] * other[k]
    return p1 / wide if wide > 0.0 else 0.0


@jit(error_model="numpy")
def answer(first, last, price, tau, limited, jobs, out, near, x, speed, bill):
    """Best responses of the chunks first … last − 1 at prices (K,), where they are asked for.

    out[chunk] (2 K + K²): Σ d x_k, its derivative by a common level, and −that by prices, over jobs whose answer does
    not jump while prices change by the part τ; the others are marked in near (n,). τ < 0: all jobs. limited: whether
    any limit is below 1. x (n, K), speed and bill (n,): the responses, their Σ r x and d Σ λ x, of all jobs; left out
    where an array has no rows.
    """
    n, K = jobs.rate.shape
    mine, other, left = np.zeros(K), np.zeros(K), np.zeros(K)
    bends = np.empty(K * (K + 1) // 2)
    c = jobs.columns
    one, one0, one1 = c.code.size == 1, c.p0.size == 1, c.p1.size == 1
    one2, one3, alike = c.p2.size == 1, c.p3.size == 1, jobs.workers.size == 1
    bare, table, rising = jobs.onboard.size == 1, c.table, c.code[0] == FIXED
    for chunk in range(first, last):
        row = out[chunk]
        row[:] = 0.0
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            d, own, rate = jobs.workers[0 if alike else i], jobs.onboard[0 if bare else i], jobs.rate[i]
            code, p0, p1 = c.code[0 if one else i], c.p0[0 if one0 else i], c.p1[0 if one1 else i]
            p2, p3 = c.p2[0 if one2 else i], c.p3[0 if one3 else i]
            if limited:
                limit = jobs.limit[i if jobs.limit.shape[0] > 1 else 0]
                bend, jumpy = _limited(
                    rate, limit, d, code, p0, p1, p2, p3, own, table, price, tau, mine, other, left, bends
                )
                y, paid = 0.0, 0.0
                for k in range(K):
                    y += rate[k] * mine[k]
                    paid += price[k] * mine[k]
                if x.shape[0] > 0:
                    for k in range(K):
                        x[i, k] = mine[k]
                if not jumpy:
                    lift = _raised(rate, code, p1, other)
                    for k in range(K):
                        row[k] += d * mine[k]
                        row[K + k] += d * lift * other[k]
                        if bend != 0.0 and other[k] != 0.0:
                            for m in range(K):
                                row[2 * K + k * K + m] += d * d * bend * other[k] * other[m]
            else:
                j, k, part, bend, jumpy = _hull(rate, d, code, p0, p1, p2, p3, own, table, price, tau)
                y, paid = 0.0, 0.0
                if x.shape[0] > 0:
                    x[i] = 0.0
                if j >= 0:
                    y, paid = (1.0 - part) * rate[j], (1.0 - part) * price[j]
                    if x.shape[0] > 0:
                        x[i, j] = 1.0 - part
                if k >= 0:
                    y, paid = y + part * rate[k], paid + part * price[k]
                    if x.shape[0] > 0:
                        x[i, k] = part
                if not jumpy:
                    bend *= d * d
                    if j >= 0:
                        row[j] += d * (1.0 - part)
                        row[2 * K + j * K + j] += bend
                    if k >= 0:
                        row[k] += d * part
                        row[2 * K + k * K + k] += bend
                        if j >= 0:
                            row[2 * K + j * K + k] -= bend
                            row[2 * K + k * K + j] -= bend
                        if rising:
                            other[:] = 0.0
                            other[k] = 1.0
                            if j >= 0:
                                other[j] = -1.0
                            lift = d * _raised(rate, code, p1, other)
                            row[K + k] += lift
                            if j >= 0:
                                row[K + j] -= lift
            if near.size > 0:
                near[i] = jumpy
            if speed.size > 0:
                speed[i], bill[i] = y, d * paid
