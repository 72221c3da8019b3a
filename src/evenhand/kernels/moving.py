"""The switching side of a planned horizon: the proximal operator of a chain of moves, exact, action by action.

    minimise over x_1..x_h   sum_s  weight_s (x_s - point_s)^2 / 2  +  s(x_s - x_{s-1}),   x_0 given
    s(d) = rho d^2 / 2 + up max(d, 0) + down max(-d, 0),   -fall <= d <= rise

Dynamic programming on the derivative of the cost so far: a non-decreasing polygon in the plane of action and price.
A move adds its own polygon at equal price, a round tilts it; every price has one action, so the way back is a look-up.
With h rounds a polygon has at most 1 + 4 h corners. Source: spec/online.md §9.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import numpy as np
from numba import njit

from evenhand.kernels.gufunc import gufunc

__all__ = ["moving"]


@njit
def _locate(price, x, p, count, low, high):
    """The action at a price on a polygon (x, p) of ``count`` corners, with end slopes dx/dp ``low`` and ``high``."""
    if price <= p[0]:
        return x[0] if low == 0.0 else x[0] + low * (price - p[0])
    if price >= p[count - 1]:
        return x[count - 1] if high == 0.0 else x[count - 1] + high * (price - p[count - 1])
    left, right = 0, count - 1
    while right - left > 1:
        middle = (left + right) // 2
        if p[middle] <= price:
            left = middle
        else:
            right = middle
    width = p[right] - p[left]
    if width <= 0.0:
        return x[left]
    return x[left] + (x[right] - x[left]) * ((price - p[left]) / width)


@njit
def _step_at(price, rho, up, down, rise, fall):
    """The move that a price pays for, where rho > 0 or the price lies inside [-down, up]."""
    safe = rho if rho > 0.0 else 1.0
    if price > up:
        return min((price - up) / safe, rise) if rho > 0.0 else rise
    if price < -down:
        return -min((-down - price) / safe, fall) if rho > 0.0 else -fall
    return 0.0


@njit
def _moved(x, p, count, low, high, rho, up, down, rise, fall, knees, nx, np_):
    """The polygon after a move of free size at equal price: corners into (nx, np_), end rays (dx, dp)."""
    first, last = 0, 4
    if fall == np.inf:
        first = 1
    if rise == np.inf:
        last = 3
    knees[0] = -down - rho * (fall if fall < np.inf else 0.0)
    knees[1] = -down
    knees[2] = up
    knees[3] = up + rho * (rise if rise < np.inf else 0.0)
    cut_low = rho == 0.0 and fall == np.inf
    cut_high = rho == 0.0 and rise == np.inf
    i, k, total = 0, first, 0
    while i < count or k < last:
        if k >= last or (i < count and p[i] < knees[k]):
            price, at = p[i], x[i]
            i += 1
            if k > first and price == knees[k - 1]:
                continue  # the knee stands for it: at one price there is one action
            if (cut_low and price < -down) or (cut_high and price > up):
                continue
            nx[total] = at + _step_at(price, rho, up, down, rise, fall)
            np_[total] = price
            total += 1
        else:
            price = knees[k]
            at = _locate(price, x, p, count, low, high)
            nx[total] = at + (0.0 if k == 1 or k == 2 else (rise if k == 3 else -fall))
            np_[total] = price
            total += 1
            k += 1
    safe = rho if rho > 0.0 else 1.0
    run_low = 1.0 if cut_low else (low if fall < np.inf else low + 1.0 / safe)
    run_high = 1.0 if cut_high else (high if rise < np.inf else high + 1.0 / safe)
    return total, run_low, 0.0 if cut_low else 1.0, run_high, 0.0 if cut_high else 1.0


@gufunc("mmmvm", "(h,n),(h,n),(k,n),(n)->(h,n)")
def moving(weight, point, terms, start, out):
    """x_1..x_h of the problem above: weight > 0 and point (..., h, n), start x_0 (..., n) -> (..., h, n).

    terms (..., 5, n): rho, up, down, rise, fall; a limit may be inf.
    """
    h, n = point.shape
    x, p = np.empty((h, 4 * h + 2)), np.empty((h, 4 * h + 2))
    count, low, high = np.empty(h, dtype=np.int64), np.empty(h), np.empty(h)
    one_x, one_p, knees = np.empty(1), np.zeros(1), np.zeros(5)
    for i in range(n):
        rho, up, down, rise, fall = terms[0, i], terms[1, i], terms[2, i], terms[3, i], terms[4, i]
        one_x[0] = start[i]
        for s in range(h):
            if s == 0:
                total, run_a, climb_a, run_b, climb_b = _moved(
                    one_x, one_p, 1, 0.0, 0.0, rho, up, down, rise, fall, knees, x[0], p[0]
                )
            else:
                total, run_a, climb_a, run_b, climb_b = _moved(
                    x[s - 1], p[s - 1], count[s - 1], low[s - 1], high[s - 1],
                    rho, up, down, rise, fall, knees, x[s], p[s],
                )  # fmt: skip
            w = weight[s, i]
            for j in range(total):
                p[s, j] += w * (x[s, j] - point[s, i])
            low[s] = run_a / (climb_a + w * run_a)
            high[s] = run_b / (climb_b + w * run_b)
            count[s] = total
        price = 0.0
        for s in range(h - 1, -1, -1):
            found = _locate(price, x[s], p[s], count[s], low[s], high[s])
            out[s, i] = found
            price -= weight[s, i] * (found - point[s, i])
