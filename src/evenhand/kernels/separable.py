"""Water-filling for utilities: the tilted proximal step with a separable concave utility under one budget.

    minimise    sum_i  -w_i U_i(o_i + x_i) + p_i x_i + (rho_i / 2) (x_i - a_i)^2
    subject to  l_i <= x_i <= u_i,   sum_i x_i = C   (or <= C, or without a budget)

At a price nu of the budget each agent stands alone: with the log-marginal t, its total resource r(t) is known in
closed form for every family (`kernels.response`), and t solves ``e^t = nu + p_i + rho_i (r(t) - o_i - a_i)``, whose two
sides cross once. Demand falls in nu; a safeguarded Newton iteration finds where it meets C, a jump (linear pieces,
agents without weight) is split between its two ends. Source: spec/online.md §8 (12), spec/allocation.md §3.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false
from __future__ import annotations

import math

import numpy as np
from numba import njit

from evenhand.kernels.gufunc import gufunc
from evenhand.kernels.response import PIECES, limits, respond

__all__ = ["BOX", "CEILING", "EQUAL", "separable"]

#: kinds of budget: none, at most C, exactly C
BOX, CEILING, EQUAL = 0.0, 1.0, 2.0
_INF = math.inf
_PASSES = 400


@njit
def _mid(lo, hi, t, reach):
    """Middle of a bracket, or a reach beyond its finite end."""
    if lo > -_INF and hi < _INF:
        return lo + 0.5 * (hi - lo)
    if lo > -_INF:
        return max(lo, t) + reach
    return min(hi, t) - reach


@njit
def _newton(e, h, r, g, rho, c):
    """Newton's step for e^t - rho r(t) = c, in the logarithm of the side that dominates."""
    if h > 0.0 and rho * r + c > 0.0:
        rest = rho * r + c
        return -(math.log(e) - math.log(rest)) / (1.0 + rho * g / rest)
    if h < 0.0 and e > c and 0.0 < r < _INF:
        return (math.log(rho * r) - math.log(e - c)) / (g / r + e / (e - c))
    slope = e + rho * g
    return -h / slope if slope > 0.0 else math.nan


@njit
def _alone(code, p0, p1, p2, p3, lw, o, low, high, p, rho, a, nu, t, table, given):
    """One agent at the price nu: (x, -dx/dnu, t); t is the log-marginal to start from and the one found."""
    s = nu + p
    if rho == 0.0:
        if s < 0.0 or lw == -_INF:
            return (high if s < 0.0 else low), 0.0, t
        if s == 0.0:
            return min(max(limits(code, p0, p1, p2, p3, table, given)[1] - o, low), high), 0.0, t
        t = math.log(s)
        r, _, g, h = respond(code, p0, p1, p2, p3, t - lw, table, given)
        x = min(max(r - o, low), high)
        return x, ((g + h) / s if low < x < high else 0.0), t
    c = s - rho * (o + a)
    if lw == -_INF or c + rho * limits(code, p0, p1, p2, p3, table, given)[1] <= 0.0:
        x = min(max(a - s / rho, low), high)
        return x, (1.0 / rho if low < x < high else 0.0), t
    lo, hi, reach, last, few, much = -_INF, _INF, 1.0, _INF, 0.0, _INF
    e, r, g, tie = 1.0, 0.0, 0.0, code == PIECES
    for _ in range(_PASSES):
        r, large, steep, other = respond(code, p0, p1, p2, p3, t - lw, table, given)
        e, g = math.exp(t), steep + other
        if e - rho * large <= c <= e - rho * r:
            few, much = r, large
            break
        h = e - rho * r - c
        if h < 0.0:
            lo, much = t, r
        else:
            h = e - rho * large - c
            hi, few = t, large
        step = _newton(e, h, r, g, rho, c)
        if abs(step) <= 2e-16 * (1.0 + abs(t)):
            break
        trial = t + step
        if not lo < trial < hi or abs(step) > 0.9 * last:
            trial = _mid(lo, hi, t, reach)
            reach *= 2.0
            if trial in (lo, hi):
                break
        last = abs(trial - t)
        t = trial
    slope = g / (rho * g + e) if rho * g + e > 0.0 else 1.0 / rho
    if tie:
        r = min(max((e - c) / rho, few), much)
        slope = 1.0 / rho if few < r < much else 0.0
    elif rho * g > e:  # the better conditioned of the two expressions
        r = a + o + (e - s) / rho
    x = min(max(r - o, low), high)
    return x, (slope if low < x < high else 0.0), t


@njit
def _demand(code, p0, p1, p2, p3, table, lw, o, low, high, p, rho, a, nu, t, slope, x):
    """Fill x, slope and t at the price nu; gives (sum x, sum of slopes, sum |x|)."""
    given = np.zeros((4, 0))
    total, steep, size = 0.0, 0.0, 0.0
    for i in range(x.shape[0]):
        x[i], slope[i], t[i] = _alone(
            int(code[i]), p0[i], p1[i], p2[i], p3[i], lw[i], o[i], low[i], high[i], p[i], rho[i], a[i], nu, t[i],
            table, given,
        )  # fmt: skip
        total += x[i]
        steep += slope[i]
        size += abs(x[i])
    return total, steep, size


@njit
def _spread(total, slope, low, high, x):
    """Take the last rounding errors of the sum to the agents that move most easily."""
    for _ in range(3):
        gap, steep = -total, 0.0
        for i in range(x.shape[0]):
            gap += x[i]
            if low[i] < x[i] < high[i]:
                steep += slope[i]
        if gap == 0.0 or steep <= 0.0:
            return
        for i in range(x.shape[0]):
            if low[i] < x[i] < high[i]:
                x[i] = min(max(x[i] - gap * (slope[i] / steep), low[i]), high[i])


@njit
def _between(total, least, most, x, other):
    """x + theta (other - x) with the sum total; unbounded entries of other share what is left in equal parts."""
    if most < _INF:
        share = (total - least) / (most - least) if most > least else 0.0
        for i in range(x.shape[0]):
            x[i] += share * (other[i] - x[i])
        return
    takers, rest = 0, total
    for i in range(x.shape[0]):
        if other[i] == _INF:
            takers += 1
        rest -= x[i]
    for i in range(x.shape[0]):
        if other[i] == _INF:
            x[i] += rest / takers


@gufunc("vvvvvmvvvvvvvssvv", "(n),(n),(n),(n),(n),(r,k),(n),(n),(n),(n),(n),(n),(n),(),()->(n),()")
def separable(code, p0, p1, p2, p3, table, lw, o, low, high, p, rho, a, total, kind, x, price):
    """Solve the problem above: families (code, p0..p3 (n), table (4, k)) as in `kernels.response` without GIVEN.

    lw: log-weights (n), -inf for an agent without weight; o: on board; low, high: bounds (high may be inf); p: tilt;
    rho >= 0 and anchor a (n); total: C; kind: BOX, CEILING or EQUAL. Gives x (n) and the price nu of the
    budget. Assumes sum low <= C, and C <= sum high for EQUAL; outside it the nearest bound is taken.
    """
    n = x.shape[0]
    t, slope, other = np.zeros(n), np.zeros(n), np.empty(n)
    floor, least, most, flat = _INF, 0.0, 0.0, True
    for i in range(n):
        floor = min(floor, p[i])
        least += low[i]
        most += high[i]
        flat = flat and rho[i] == 0.0
    floor = -floor
    price[0] = 0.0
    lo, hi, nu = -_INF, _INF, floor if flat else 0.0
    if kind != EQUAL:
        demand = _demand(code, p0, p1, p2, p3, table, lw, o, low, high, p, rho, a, 0.0, t, slope, x)[0]
        if kind == BOX or demand <= total:
            return
        lo = 0.0
        nu = max(nu, 0.0)
    if least >= total or most <= total:
        price[0] = _INF if least >= total else -_INF
        for i in range(n):
            x[i] = low[i] if least >= total else high[i]
        return
    reach, worst = 1.0, _INF
    for turn in range(_PASSES):
        demand, steep, size = _demand(code, p0, p1, p2, p3, table, lw, o, low, high, p, rho, a, nu, t, slope, x)
        gap = demand - total
        if gap > 0.0:
            lo = nu
        else:
            hi = nu
        if demand < _INF and abs(gap) <= 4e-16 * (abs(total) + size):
            break
        y = nu - floor
        trial = math.nan
        if flat and y > 0.0 and 0.0 < demand < _INF and total > 0.0 and steep > 0.0:
            move = (math.log(demand) - math.log(total)) * demand / (steep * y)
            trial = floor + y * math.exp(min(max(move, -30.0), 30.0))
        elif steep > 0.0 and demand < _INF:
            trial = nu + gap / steep
        slow = abs(gap) > 0.5 * worst and turn % 3 == 2
        worst = abs(gap)
        if not lo < trial < hi or slow:
            below, above = lo - floor, hi - floor
            if below > 0.0 and 4.0 * below < above < _INF:
                trial = floor + math.sqrt(below) * math.sqrt(above)
            else:
                trial = _mid(lo, hi, nu, reach)
                reach *= 4.0
            if not lo < trial < hi:  # neighbouring floats: demand jumps here, or rounding decides
                most = _demand(code, p0, p1, p2, p3, table, lw, o, low, high, p, rho, a, lo, t, slope, other)[0]
                least = _demand(code, p0, p1, p2, p3, table, lw, o, low, high, p, rho, a, hi, t, slope, x)[0]
                _between(total, least, most, x, other)
                nu = hi
                break
        nu = trial
    _spread(total, slope, low, high, x)
    price[0] = nu
