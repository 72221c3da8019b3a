"""Water-filling for quadratics: the exact minimisation of a separable quadratic under one budget.

    minimise    sum_i  q_i x_i^2 / 2 + c_i x_i
    subject to  l_i <= x_i <= u_i,   sum_i x_i = w   (or <= w)

With one scalar price nu, ``x_i(nu) = clip((nu - c_i) / q_i, l_i, u_i)`` and ``sum_i x_i(nu)`` is non-decreasing and
piecewise linear with the 2n breakpoints ``c_i + q_i l_i`` and ``c_i + q_i u_i``. The search walks over breakpoints and
ends in closed form on one linear piece, so there is no iteration tolerance. Where ``q_i = 0`` demand jumps
at ``c_i``; tied agents share what is left in proportion to their room. Source: spec/online.md §8, equation (12).
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math

import numpy as np
from numba import njit

from evenhand.kernels.gufunc import gufunc

__all__ = ["waterfill"]

_INF = math.inf  # tested by comparing: math.isfinite subtracts, and inf - inf raises a flag that NumPy reports


@njit(inline="always")
def _breakpoint(q: float, c: float, bound: float) -> float:
    """Price at which an agent reaches a bound; 0 * inf is 0 here, for an agent without curvature."""
    # the factor is chosen before it is multiplied: compilers may multiply before they test, and NumPy would report it
    return c + q * (0.0 if q == 0.0 else bound)


@njit(inline="always")
def _over(value: float, q: float) -> float:
    """``value / q`` where q > 0; the divisor is never 0, for the same reason."""
    return value / (q if q > 0.0 else 1.0)


@njit
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
            decided[0] -= _over(ci, q[i])
            decided[1] += _over(1.0, q[i])
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
            inverse = _over(1.0, q[i])
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


@njit
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
            return np.sort(sample[:kept])[kept >> 1]
    return math.nan


@njit(inline="always")
def _between(lower: float, upper: float, share: float) -> float:
    return lower + share * (0.0 if upper - lower == _INF else upper - lower)


@njit
def _place(q, c, lower, upper, shift, nu, move, share, x):
    """Write x at price nu + move: ``move`` acts on agents between their bounds, ``share`` splits a jump at nu."""
    for i in range(q.shape[0]):
        ci = c[i] - shift
        start = _breakpoint(q[i], ci, lower[i])
        stop = _breakpoint(q[i], ci, upper[i])
        if start == stop and nu == start:
            xi = (
                (lower[i] if lower[i] > -_INF else min(upper[i], 0.0))
                if share == 0.0
                else _between(lower[i], upper[i], share)
            )
        elif nu < start or (nu == start and move <= 0.0):
            xi = lower[i]
        elif nu > stop or (nu == stop and move >= 0.0):
            xi = upper[i]
        else:
            xi = _over(nu - ci, q[i]) + _over(move, q[i])
        x[i] = min(max(xi, lower[i]), upper[i])


@njit
def _settle(q, c, lower, upper, shift, nu, total, x):
    """Remove what rounding left of ``total - sum x`` from agents that have room; give the price so corrected.

    Compensated summation, so that a million agents meet the budget as exactly as seven do.
    """
    for _ in range(2):
        acc = 0.0
        lost = 0.0
        for i in range(x.shape[0]):
            new = acc + x[i]
            lost += (acc - new) + x[i] if abs(acc) >= abs(x[i]) else (x[i] - new) + acc
            acc = new
        rest = (total - acc) - lost
        if rest == 0.0 or not abs(rest) < _INF:
            return nu
        slope = 0.0
        for i in range(x.shape[0]):
            if q[i] > 0.0 and lower[i] < x[i] < upper[i]:
                slope += _over(1.0, q[i])
        if slope > 0.0:
            move = rest / slope
            nu += move
            for i in range(x.shape[0]):
                if q[i] > 0.0 and lower[i] < x[i] < upper[i]:
                    x[i] = min(max(x[i] + _over(move, q[i]), lower[i]), upper[i])
        else:
            for i in range(x.shape[0]):
                xi = min(max(x[i] + rest, lower[i]), upper[i])
                if lower[i] < x[i] < upper[i] and xi != x[i]:
                    x[i] = xi
                    break
    return nu


@njit
def _split_unbounded(q, c, lower, upper, shift, nu, total, x):
    """Agents that jump at nu, some of them without a bound: these share the rest equally."""
    _place(q, c, lower, upper, shift, nu, 0.0, 0.0, x)
    rest = total
    free = 0
    for i in range(q.shape[0]):
        rest -= x[i]
    for i in range(q.shape[0]):
        bound = upper[i] if rest > 0.0 else lower[i]
        if q[i] == 0.0 and c[i] - shift == nu and abs(bound) == _INF:
            free += 1
    for i in range(q.shape[0]):
        bound = upper[i] if rest > 0.0 else lower[i]
        if q[i] == 0.0 and c[i] - shift == nu and abs(bound) == _INF:
            x[i] += rest / max(free, 1)


@njit
def _unbounded(q, c, lower, upper, equal):
    """Whether the cost falls without end: a flat agent without lower bound gives to a cheaper one without upper."""
    dive = -_INF
    rise = _INF if equal != 0.0 else 0.0
    for i in range(q.shape[0]):
        if q[i] == 0.0 and lower[i] == -_INF:
            dive = max(dive, c[i])
        if q[i] == 0.0 and upper[i] == _INF and equal != 0.0:
            rise = min(rise, c[i])
    return rise < dive


@njit
def _solve(q, c, lower, upper, total, equal, x):
    """Fill x, give the price nu = d(optimal cost) / d(total)."""
    n = q.shape[0]
    low_sum = 0.0
    high_sum = 0.0
    for i in range(n):
        low_sum += lower[i]
        high_sum += upper[i]
    if low_sum == -_INF and _unbounded(q, c, lower, upper, equal):
        x[:] = math.nan
        return math.nan
    if equal == 0.0:
        _place(q, c, lower, upper, 0.0, 0.0, 0.0, 0.0, x)
        if x.sum() <= total:
            return 0.0
    if total <= low_sum or total >= high_sum:
        edge = _INF if total <= low_sum else -_INF
        for i in range(n):
            x[i] = lower[i] if total <= low_sum else upper[i]
            if lower[i] < upper[i]:
                at = _breakpoint(q[i], c[i], x[i])
                edge = min(edge, at) if total <= low_sum else max(edge, at)
        return edge if abs(edge) < _INF else 0.0
    # Only differences of c matter: equal huge costs must not drown tiny curvatures, nor one huge cost the others.
    # So the costs are shifted by one that is at most as large as the price, which takes a second try at the worst.
    shift = c[0]
    price = _search(q, c, lower, upper, shift, total, x)
    if abs(shift) > 4.0 * abs(price):
        price = _search(q, c, lower, upper, price, total, x)
    return price


@njit
def _search(q, c, lower, upper, shift, total, x):
    """Fill x and give the price, for ``sum l < total < sum u``, computing with ``c - shift``."""
    n = q.shape[0]
    slope = 0.0
    centre = 0.0
    curved = True
    for i in range(n):
        if q[i] > 0.0:
            slope += _over(1.0, q[i])
            centre += _over(c[i] - shift, q[i])
        else:
            curved = False

    open_ = np.arange(n)
    count = n
    decided = np.zeros(2)
    low = -_INF
    high = _INF
    nu = (total + centre) / slope if curved else _pivot(q, c, lower, upper, shift, low, high, open_, n)
    stalled = False
    while True:
        before = count
        below, above, slope_below, slope_above, next_below, next_above, count = _sweep(
            q, c, lower, upper, shift, nu, low, high, open_, count, decided
        )
        if below <= total <= above:
            if above == _INF or below == -_INF:
                _split_unbounded(q, c, lower, upper, shift, nu, total, x)
                return nu + shift
            # a divisor that is never 0: compilers may divide before they test, and NumPy would report it
            share = (total - below) / (above - below if above > below else 1.0)
            _place(q, c, lower, upper, shift, nu, 0.0, share, x)
            break
        if total > above:
            low = nu
            if slope_above > 0.0:
                trial = nu + (total - above) / slope_above
                if trial <= next_above:
                    _place(q, c, lower, upper, shift, nu, trial - nu, 1.0, x)
                    nu = trial
                    break
            else:
                trial = next_above
        else:
            high = nu
            if slope_below > 0.0:
                trial = nu + (total - below) / slope_below
                if trial >= next_below:
                    _place(q, c, lower, upper, shift, nu, trial - nu, 0.0, x)
                    nu = trial
                    break
            else:
                trial = next_below
        # Newton may crawl; a pivot near the median of what is left bounds the passes by O(log n)
        slow = 2 * count > before
        if not (low < trial < high) or (slow and stalled):
            trial = _pivot(q, c, lower, upper, shift, low, high, open_, count)
            if math.isnan(trial):  # rounding refused both ends of the last piece: the nearer end is the answer
                nu = low if total > above else high
                _place(q, c, lower, upper, shift, nu, 0.0, 0.5, x)
                break
        stalled = slow
        nu = trial
    return _settle(q, c, lower, upper, shift, nu, total, x) + shift


@gufunc("vvvvssvv", "(n),(n),(n),(n),(),()->(n),()")
def waterfill(curvature, linear, lower, upper, total, equal, x, price):
    """Minimise ``sum q_i x_i^2 / 2 + c_i x_i`` over ``l <= x <= u``, ``sum x = w`` (equal = 1) or ``<= w`` (equal = 0).

    (..., n) curvature >= 0, linear, lower, upper; (...) total, equal. Gives x (..., n) and the price (...), the
    derivative of the optimal cost by the total. Assumes ``sum l <= w <= sum u``; outside it the nearest bound is taken.
    NaN where the cost falls without end, which takes an agent without curvature and without lower bound.
    """
    price[0] = _solve(curvature, linear, lower, upper, total, equal, x)
