"""Water-filling for quadratics: the exact minimisation of a separable quadratic under one budget.

    minimise    sum_i  q_i x_i^2 / 2 + c_i x_i
    subject to  l_i <= x_i <= u_i,   sum_i x_i = w   (or <= w)

With one scalar price nu, ``x_i(nu) = clip((nu - c_i) / q_i, l_i, u_i)`` and ``sum_i x_i(nu)`` is non-decreasing and
piecewise linear with the 2n breakpoints ``c_i + q_i l_i`` and ``c_i + q_i u_i``. The search walks over breakpoints and
ends in closed form on one linear piece, so there is no iteration tolerance; `kernels.settle` then makes the budget hold
to rounding, whatever the costs. Where ``q_i = 0`` demand jumps at ``c_i``; tied agents share what is left in
proportion to their room. Source: spec/online.md §8, equation (12).
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math

import numpy as np

from evenhand.kernels.gufunc import gufunc, part
from evenhand.kernels.order import ascending
from evenhand.kernels.settle import safe, settle, verdict

__all__ = ["pulled", "waterfill"]

_INF = math.inf
_CENTRES = 5  # searches: the first sees roughly, the second clearly; a third is rare
_NEAR = 1e-3  # a step to a price so much smaller cancels: look again from there


@part()
def _breakpoint(q: float, c: float, bound: float) -> float:
    """Price at which an agent reaches a bound; 0 * inf is 0 here, for an agent without curvature."""
    return c + q * (0.0 if q == 0.0 else bound)  # the factor is chosen before it is multiplied, see safe


@part()
def _sweep(q, c, lower, upper, shift, nu, low, high, open_, count, decided):
    """One pass at price nu over the agents still open, those with a breakpoint strictly inside (low, high).

    Agents that have become affine on (low, high) leave ``open_`` for ``decided`` = [constant, slope]. Gives demand
    just below and just above nu, the slopes there, the neighbouring breakpoints, and how many agents stay open.
    """
    below = 0.0
    above = 0.0
    slope_below = 0.0
    slope_above = 0.0
    next_below = low
    next_above = high
    kept = 0
    for k in range(count):
        i = open_[k]
        ci = c[i] - shift
        start = _breakpoint(q[i], ci, lower[i])
        stop = _breakpoint(q[i], ci, upper[i])
        if stop <= low:
            decided[0] += upper[i]
            continue
        if start >= high:
            decided[0] += lower[i]
            continue
        if start <= low and stop >= high:
            decided[0] -= ci / safe(q[i])
            decided[1] += 1.0 / safe(q[i])
            continue
        open_[kept] = i
        kept += 1
        if nu < start:
            below += lower[i]
            above += lower[i]
            next_above = min(next_above, start)
        elif nu > stop:
            below += upper[i]
            above += upper[i]
            next_below = max(next_below, stop)
        elif start == stop:
            below += lower[i]
            above += upper[i]
        else:
            inverse = 1.0 / safe(q[i])
            xi = min(max((nu - ci) * inverse, lower[i]), upper[i])
            below += xi
            above += xi
            if nu > start:
                slope_below += inverse
                next_below = max(next_below, start)
            if nu < stop:
                slope_above += inverse
                next_above = min(next_above, stop)
    demand = decided[0] + decided[1] * nu
    below += demand
    above += demand
    slope_below += decided[1]
    slope_above += decided[1]
    return below, above, slope_below, slope_above, next_below, next_above, kept


@part()
def _pivot(q, c, lower, upper, shift, low, high, open_, count):
    """Near the median of the breakpoints of the open agents inside (low, high); NaN where there is none."""
    sample = np.empty(30)
    kept = 0
    stride = max(1, count // 15)
    for offset in range(stride):
        for k in range(offset, count, stride):
            i = open_[k]
            ci = c[i] - shift
            for bound in (lower[i], upper[i]):
                at = _breakpoint(q[i], ci, bound)
                if low < at < high and kept < 30:
                    sample[kept] = at
                    kept += 1
        if kept > 0:
            return sample[ascending(sample[:kept])[kept >> 1]]
    return math.nan


@part()
def _place(q, c, lower, upper, shift, nu, move, share, x):
    """Write x at price nu + move: ``move`` acts on agents between their bounds, ``share`` splits a jump at nu."""
    for i in range(q.shape[0]):
        ci = c[i] - shift
        start = _breakpoint(q[i], ci, lower[i])
        stop = _breakpoint(q[i], ci, upper[i])
        if start == stop and nu == start:
            floor = lower[i] if lower[i] > -_INF else min(upper[i], 0.0)
            xi = floor + share * (0.0 if share == 0.0 else upper[i] - floor)
        elif nu < start or (nu == start and move <= 0.0):
            xi = lower[i]
        elif nu > stop or (nu == stop and move >= 0.0):
            xi = upper[i]
        else:
            xi = (nu - ci) / safe(q[i]) + move / safe(q[i])
        x[i] = min(max(xi, lower[i]), upper[i])


@part()
def _solve(q, c, lower, upper, total, equal, x):
    """Fill x, give the price nu = d(optimal cost) / d(total). NaN where the cost falls without end."""
    n = q.shape[0]
    low_sum = 0.0
    high_sum = 0.0
    dive = -_INF  # price above which a flat agent without lower bound gives without end
    rise = _INF if equal != 0.0 else 0.0  # and below which another takes, or the budget stays open
    for i in range(n):
        low_sum += lower[i]
        high_sum += upper[i]
        if q[i] == 0.0 and lower[i] == -_INF:
            dive = max(dive, c[i])
        if q[i] == 0.0 and upper[i] == _INF:
            rise = min(rise, c[i])
    if rise < dive:
        x[:] = math.nan
        return math.nan

    if total <= low_sum or (equal != 0.0 and total >= high_sum):
        edge = _INF if total <= low_sum else -_INF
        for i in range(n):
            x[i] = lower[i] if total <= low_sum else upper[i]
            if lower[i] < upper[i]:
                at = _breakpoint(q[i], c[i], x[i])
                edge = min(edge, at) if total <= low_sum else max(edge, at)
        if equal == 0.0:
            edge = min(edge, 0.0)
        return edge if abs(edge) < _INF else 0.0

    # Only differences of c matter: equal huge costs must not drown tiny curvatures, nor one huge cost the others. So
    # costs are counted from one agent, and where the price turns out far from it, from another that ends near it.
    shift = c[0] if equal != 0.0 else 0.0
    price = 0.0
    start = math.nan
    for turn in range(_CENTRES):
        nu, slack = _search(q, c, lower, upper, shift, start, total, equal if turn == 0 else 1.0, x)
        if slack:
            return 0.0
        price, clear, shift, start = verdict(q, c, lower, upper, shift, nu, total, x)
        if clear:
            break
    return price if equal != 0.0 else min(price, 0.0)


@part()
def _search(q, c, lower, upper, shift, start, total, equal, x):
    """Fill x for a total inside the bounds, with costs counted from shift (0 when not equal).

    start: a first price, NaN for none. Gives the price, counted from shift, and whether the total is a ceiling that
    does not bind.
    """
    n = q.shape[0]
    slope = 0.0
    centre = 0.0
    curved = True
    for i in range(n):
        slope += 1.0 / safe(q[i]) if q[i] > 0.0 else 0.0
        centre += (c[i] - shift) / safe(q[i]) if q[i] > 0.0 else 0.0
        curved = curved and q[i] > 0.0
    open_ = np.arange(n)
    count = n
    decided = np.zeros(2)
    low = -_INF
    high = _INF
    free = equal == 0.0  # a total that is only a ceiling costs nothing unless demand at price 0 exceeds it
    if free:
        nu = -shift
    elif not math.isnan(start):
        nu = start
    elif curved:
        nu = (total + centre) / slope
    else:
        nu = _pivot(q, c, lower, upper, shift, low, high, open_, n)
    move = 0.0
    share = 0.0
    boundless = False
    stalled = False
    while True:
        before = count
        below, above, slope_below, slope_above, next_below, next_above, count = _sweep(
            q, c, lower, upper, shift, nu, low, high, open_, count, decided
        )
        if free and below <= total:
            _place(q, c, lower, upper, shift, nu, 0.0, 0.0, x)
            if below == -_INF:  # agents that cost nothing, without lower bound, were put near 0: is that little enough?
                acc = 0.0
                for i in range(n):
                    acc += x[i]
                if acc > total:
                    _share_equally(q, c, lower, upper, shift, nu, total, x)
                    settle(q, c, lower, upper, shift, nu, total, x)
            return 0.0, True
        free = False
        if below <= total <= above:
            boundless = above == _INF or below == -_INF
            share = 0.0 if boundless else (total - below) / safe(above - below)
            break
        if total > above:
            low = nu
            trial = next_above
            if slope_above > 0.0:
                trial = nu + (total - above) / safe(slope_above)
                if trial <= next_above and abs(trial) >= _NEAR * abs(nu):
                    move = trial - nu
                    share = 1.0
                    break
        else:
            high = nu
            trial = next_below
            if slope_below > 0.0:
                trial = nu + (total - below) / safe(slope_below)
                if trial >= next_below and abs(trial) >= _NEAR * abs(nu):
                    move = trial - nu
                    break
        # Newton may crawl; a pivot near the median of what is left bounds the passes by O(log n)
        slow = 2 * count > before
        if not (low < trial < high) or (slow and stalled):
            trial = _pivot(q, c, lower, upper, shift, low, high, open_, count)
            if math.isnan(trial):  # rounding refused both ends of the last piece: the nearer end is the answer
                nu = low if total > above else high
                share = 0.5
                break
        stalled = slow
        nu = trial
    _place(q, c, lower, upper, shift, nu, move, share, x)
    nu += move
    if boundless:
        _share_equally(q, c, lower, upper, shift, nu, total, x)
    return settle(q, c, lower, upper, shift, nu, total, x), False


@part()
def _share_equally(q, c, lower, upper, shift, nu, total, x):
    """What is left goes in equal parts to the agents that jump at nu and have no bound on that side; where there is
    none, to all that jump at nu in proportion to their room.
    """
    rest = total
    for i in range(q.shape[0]):
        rest -= x[i]
    takers = 0
    room = 0.0
    for i in range(q.shape[0]):
        bound = upper[i] if rest > 0.0 else lower[i]
        if q[i] == 0.0 and c[i] - shift == nu:
            takers += abs(bound) == _INF
            room += abs(bound - x[i])
    share = 0.0 if takers > 0 else min(abs(rest) / safe(room), 1.0)
    for i in range(q.shape[0]):
        bound = upper[i] if rest > 0.0 else lower[i]
        if q[i] == 0.0 and c[i] - shift == nu:
            if abs(bound) == _INF:
                x[i] += rest / max(takers, 1)
            elif takers == 0:
                x[i] = min(max(x[i] + share * (bound - x[i]), lower[i]), upper[i])


@part()
def owned(curvature, linear):
    """Copies, laid out as what other kernels compute: the search is then compiled once for all of them."""
    both = np.empty((2, curvature.shape[0]))
    for i in range(curvature.shape[0]):
        both[0, i] = curvature[i]
        both[1, i] = linear[i]
    return both[0], both[1]


@gufunc("vvvvssvv", "(n),(n),(n),(n),(),()->(n),()")
def waterfill(curvature, linear, lower, upper, total, equal, x, price):
    """Minimise ``sum q_i x_i^2 / 2 + c_i x_i`` over ``l <= x <= u``, ``sum x = w`` (equal = 1) or ``<= w`` (equal = 0).

    (..., n) curvature >= 0, linear, lower, upper; (...) total, equal. Gives x (..., n) and the price (...), the
    derivative of the optimal cost by the total. Assumes ``sum l <= w <= sum u``; outside it the nearest bound is taken.
    NaN where the cost falls without end: an agent without curvature and without lower bound gives to a cheaper one.
    """
    q, c = owned(curvature, linear)
    price[0] = _solve(q, c, lower, upper, total, equal, x)


@gufunc("vvvvvvvssvv", "(n),(n),(n),(r),(n),(n),(n),(),()->(n),()")
def pulled(curvature, linear, tilt, rho, anchor, lower, upper, total, equal, x, price):
    """`waterfill` of ``sum q_i x_i^2 / 2 + (c_i + tilt_i) x_i + rho (x_i - a_i)^2 / 2``, but for a constant.

    As there; tilt, anchor a (..., n); rho (..., 1) or (..., n).
    """
    n = x.shape[0]
    q = np.empty(n)
    c = np.empty(n)
    for i in range(n):
        stiff = rho[i] if rho.shape[0] > 1 else rho[0]
        q[i] = curvature[i] + stiff
        c[i] = linear[i] + tilt[i] - stiff * anchor[i]
    price[0] = _solve(q, c, lower, upper, total, equal, x)
