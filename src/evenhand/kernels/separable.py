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

from evenhand.kernels.gufunc import gufunc, part
from evenhand.kernels.response import PIECES, limits, respond

__all__ = ["BOX", "CEILING", "EQUAL", "separable"]

#: kinds of budget: none, at most C, exactly C
BOX, CEILING, EQUAL = 0.0, 1.0, 2.0
_INF = math.inf
_PASSES = 400
_CENTRES = 4
_BLUR = 1e4  # roundings of all actions together that a price may cost before it is counted from another tilt


@part()
def _mid(lo, hi, t, reach):
    """Middle of a bracket, or a reach beyond its finite end."""
    if lo > -_INF and hi < _INF:
        return lo + 0.5 * (hi - lo)
    if lo > -_INF:
        return max(lo, t) + reach
    return min(hi, t) - reach


@part()
def _between_positive(lo, hi):
    if lo == 0.0 and hi == _INF:
        return 1.0
    low, high = max(lo, 5e-324), min(hi, 1e308)
    return math.sqrt(low) * math.sqrt(high) if high > 4.0 * low else lo + 0.5 * (hi - lo)


@part()
def _middle(lo, hi):
    """A point between lo and hi that halves first the exponents, then the digits: neighbouring floats in 70 steps."""
    if lo < 0.0 < hi:
        return 0.0
    if hi <= 0.0:
        return -_between_positive(-hi, -lo)
    return _between_positive(lo, hi)


@part()
def _newton(e, h, r, g, rho, c):
    """Newton's step for e^t - rho r(t) = c, in the logarithm of the side that dominates."""
    if h > 0.0 and rho * r + c > 0.0:
        rest = rho * r + c
        return -(math.log(e) - math.log(rest)) / (1.0 + rho * g / rest)
    if h < 0.0 and e > c and 0.0 < r < _INF:
        return (math.log(rho * r) - math.log(e - c)) / (g / r + e / (e - c))
    slope = e + rho * g
    return -h / slope if slope > 0.0 else math.nan


@part()
def _alone(code, p0, p1, p2, p3, lw, o, low, high, s, rho, a, t, table, given):
    """One agent at s = nu + p: (x, -dx/dnu, t); t is the log-marginal to start from and the one found.

    NaN where the search for t does not settle.
    """
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
    # e^t is the marginal wanted, s + rho (x - a): what it is at the bounds brackets t, or the agent is at a bound
    most, least = s + rho * (high - a), s + rho * (low - a)
    if most <= 0.0:
        return high, 0.0, t
    ceiling = math.log(most) if most < _INF else _INF
    floor = math.log(least) if least > 0.0 else -_INF
    lo, hi, reach, last = -_INF, _INF, 1.0, _INF
    e, r, g, tie, settled = 1.0, 0.0, 0.0, code == PIECES, False
    t = min(max(t, floor), ceiling)
    for _ in range(_PASSES):
        r, large, steep, other = respond(code, p0, p1, p2, p3, t - lw, table, given)
        e, g = math.exp(t), steep + other
        if t >= ceiling and large - o >= high:  # the responses decide at the ends: h is rounded at the size of c
            return high, 0.0, t
        if t <= floor and r - o <= low:
            return low, 0.0, t
        h = e - rho * r - c
        if e - rho * large <= c and h >= 0.0 and floor < t < ceiling:
            settled = True
            break
        if t <= floor or (h < 0.0 and t < ceiling):
            lo = t
        else:
            h = e - rho * large - c
            hi = t
        step = _newton(e, h, r, g, rho, c)
        if g < _INF and abs(step) <= 2e-16 * (1.0 + abs(t)):
            settled = True
            break
        trial = min(max(t + step, floor), ceiling) if abs(step) < _INF else math.nan
        if not lo < trial < hi or abs(step) > 0.9 * last:
            trial = _mid(max(lo, floor), min(hi, ceiling), t, reach)
            reach *= 2.0
            if not lo < trial < hi or trial == t:
                settled = True
                break
        last = abs(trial - t)
        t = trial
    if not settled:
        return math.nan, 0.0, 0.0
    slope = 1.0 / rho
    if g < _INF and rho * g + e > 0.0:
        slope = g / (rho * g + e)
    if tie:  # on which side of a jump t lies is known to its rounding
        blur = 4e-16 * (1.0 + abs(t))
        few = respond(code, p0, p1, p2, p3, t + blur - lw, table, given)[0]
        much = respond(code, p0, p1, p2, p3, t - blur - lw, table, given)[1]
        r = min(max((e - c) / rho, few), much)
        slope = 1.0 / rho if few < r < much else 0.0
    elif rho * g > e:  # the better conditioned of the two expressions
        r = a + o + (e - s) / rho
    x = min(max(r - o, low), high)
    return x, (slope if low < x < high else 0.0), t


@part()
def _demand(code, p0, p1, p2, p3, table, lw, o, low, high, p, shift, rho, a, y, t, slope, x):
    """Fill x, slope and t at the price nu = y - shift; gives (sum x, sum of slopes, sum |x|)."""
    given = np.zeros((4, 0))
    total, lost, steep, size = 0.0, 0.0, 0.0, 0.0
    for i in range(x.shape[0]):
        x[i], slope[i], t[i] = _alone(
            int(code[i]), p0[i], p1[i], p2[i], p3[i], lw[i], o[i], low[i], high[i], y + (p[i] - shift), rho[i], a[i],
            t[i], table, given,
        )  # fmt: skip
        new = total + x[i]
        if abs(new) < _INF:
            lost += (total - new) + x[i] if abs(total) >= abs(x[i]) else (x[i] - new) + total
        total = new
        steep += slope[i]
        size += abs(x[i])
    return total + lost, steep, size


@part()
def _spread(total, slope, low, high, x):
    """Take the last rounding errors of the sum to the agents that move most easily."""
    for _ in range(3):
        acc, lost, steep = 0.0, 0.0, 0.0
        for i in range(x.shape[0]):
            new = acc + x[i]
            lost += (acc - new) + x[i] if abs(acc) >= abs(x[i]) else (x[i] - new) + acc
            acc = new
            if low[i] < x[i] < high[i]:
                steep += slope[i]
        gap = (acc - total) + lost
        if gap == 0.0 or not 0.0 < steep < _INF:
            return
        for i in range(x.shape[0]):
            if low[i] < x[i] < high[i]:
                x[i] = min(max(x[i] - gap * (slope[i] / steep), low[i]), high[i])


@part()
def _between(total, least, most, x, other):
    """x + theta (other - x) with the sum total; unbounded entries of other share what is left in equal parts."""
    if most < _INF:
        share = min(max((total - least) / (most - least), 0.0), 1.0) if most > least else 0.0
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


@part()
def _meet(code, p0, p1, p2, p3, table, lw, o, low, high, p, shift, rho, a, total, y, lo, plain, t, slope, x, other):
    """Fill x with the sum total, from the first price y; gives the price found, both counted from -shift.

    Also gives the agent at whose tilt prices should be counted (-1: it does not matter). Brackets by demand: Newton
    proposes, in logarithms where demand is a power of the price (plain: no agent has a proximal term).
    """
    hi, worst, split = _INF, _INF, False
    for turn in range(_PASSES):
        demand, steep, size = _demand(
            code, p0, p1, p2, p3, table, lw, o, low, high, p, shift, rho, a, y, t, slope, x
        )  # fmt: skip
        if math.isnan(demand):
            return math.nan, -1
        gap = demand - total
        if gap > 0.0:
            lo = y
        else:
            hi = y
        if demand < _INF and abs(gap) <= 4e-16 * (abs(total) + size):
            break
        trial = math.nan
        if plain and y > 0.0 and 0.0 < demand < _INF and total > 0.0 and 0.0 < steep < _INF:
            move = (math.log(demand) - math.log(total)) * demand / (steep * y)
            trial = y * math.exp(min(max(move, -30.0), 30.0))
        elif 0.0 < steep < _INF and demand < _INF:
            trial = y + gap / steep
        slow = abs(gap) > 0.5 * worst and turn % 3 == 2
        worst = abs(gap)
        if not lo < trial < hi or slow:
            trial = _middle(lo, hi)
            if not lo < trial < hi:  # neighbouring floats: demand jumps here, or rounding decides
                split = True
                break
        y = trial
    else:
        return math.nan, -1
    if split:
        most = _demand(code, p0, p1, p2, p3, table, lw, o, low, high, p, shift, rho, a, lo, t, slope, other)[0]
        least = _demand(code, p0, p1, p2, p3, table, lw, o, low, high, p, shift, rho, a, hi, t, slope, x)[0]
        y = hi
        judge, far = -1, 0.0
        for i in range(x.shape[0]):
            if other[i] - x[i] > far:
                judge, far = i, other[i] - x[i]
        _between(total, least, most, x, other)
        return y, judge
    judge, far, steep, size = -1, 0.0, 0.0, 0.0
    for i in range(x.shape[0]):
        steep += slope[i]
        size += abs(x[i])
        if slope[i] > far:
            judge, far = i, slope[i]
    return y, (judge if abs(y) * steep > _BLUR * size else -1)


@gufunc("vvvvvmvvvvvvvssvv", "(n),(n),(n),(n),(n),(r,k),(n),(n),(n),(n),(n),(n),(n),(),()->(n),()")
def separable(code, p0, p1, p2, p3, table, lw, o, low, high, p, rho, a, total, kind, x, price):
    """Solve the problem above: families (code, p0..p3 (n), table (4, k)) as in `kernels.response` without GIVEN.

    lw: log-weights (n), -inf for an agent without weight; o: on board; low, high: bounds (high may be inf); p: tilt;
    rho >= 0 (n); a: anchor (n); total: C; kind: BOX, CEILING or EQUAL. Gives x (n) and the price nu of the budget, NaN
    where the search did not settle. Assumes sum low <= C, and C <= sum high for EQUAL; outside it the nearest bound is
    taken.

    Prices are counted from one agent's tilt: a tilt that dwarfs the marginals would drown them. Where the agent that
    decides turns out to be another, the search is repeated from its tilt.
    """
    n = x.shape[0]
    t, slope, other = np.zeros(n), np.zeros(n), np.empty(n)
    least, most, shift, plain = 0.0, 0.0, _INF, True
    for i in range(n):
        least += low[i]
        most += high[i]
        shift = min(shift, p[i])
        plain = plain and rho[i] == 0.0
    price[0] = 0.0
    if kind != EQUAL:
        demand = _demand(code, p0, p1, p2, p3, table, lw, o, low, high, p, 0.0, rho, a, 0.0, t, slope, x)[0]
        if math.isnan(demand):
            price[0] = math.nan
        if kind == BOX or not demand > total:
            return
    if least >= total or most <= total:
        price[0] = _INF if least >= total else -_INF
        for i in range(n):
            x[i] = low[i] if least >= total else high[i]
        return
    if not plain:
        shift = 0.0
    y = max(shift, 0.0) if kind != EQUAL else 0.0
    for _ in range(_CENTRES):
        y, judge = _meet(
            code, p0, p1, p2, p3, table, lw, o, low, high, p, shift, rho, a, total, y,
            shift if kind != EQUAL and shift == 0.0 else -_INF, plain, t, slope, x, other,
        )  # fmt: skip
        if judge < 0 or p[judge] == shift:
            break
        y += p[judge] - shift
        shift = p[judge]
    _spread(total, slope, low, high, x)
    price[0] = y - shift if kind == EQUAL else max(y - shift, 0.0)
    if math.isnan(y):
        price[0] = y
        x[:] = math.nan
