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

from evenhand.kernels.chain import RELAX, _eliminate
from evenhand.kernels.gufunc import gufunc, part
from evenhand.kernels.waterfill import _solve

__all__ = ["moving", "sweep"]


@part()
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


@part()
def _step_at(price, rho, up, down, rise, fall):
    """The move that a price pays for, where rho > 0 or the price lies inside [-down, up]."""
    safe = rho if rho > 0.0 else 1.0
    if price > up:
        return min((price - up) / safe, rise) if rho > 0.0 else rise
    if price < -down:
        return -min((-down - price) / safe, fall) if rho > 0.0 else -fall
    return 0.0


@part()
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


@part()
def _glide(weight, point, terms, i, start, x, p, count, ends, knees, out):
    """One action of `moving`: weight and point (h,) -> out (h,); the rest is scratch."""
    h = point.shape[0]
    rho, up, down, rise, fall = terms[0, i], terms[1, i], terms[2, i], terms[3, i], terms[4, i]
    for s in range(h):
        if s == 0:  # before the first move the action is start at every price
            x[h, 0], p[h, 0] = start, 0.0
            first_rise, first_fall = terms[terms.shape[0] - 2, i], terms[terms.shape[0] - 1, i]
            total, run_a, climb_a, run_b, climb_b = _moved(
                x[h], p[h], 1, 0.0, 0.0, rho, up, down, first_rise, first_fall, knees, x[0], p[0]
            )
        else:
            total, run_a, climb_a, run_b, climb_b = _moved(
                x[s - 1], p[s - 1], count[s - 1], ends[s - 1, 0], ends[s - 1, 1],
                rho, up, down, rise, fall, knees, x[s], p[s],
            )  # fmt: skip
        w = weight[s]
        for j in range(total):
            p[s, j] += w * (x[s, j] - point[s])
        ends[s, 0] = run_a / (climb_a + w * run_a)
        ends[s, 1] = run_b / (climb_b + w * run_b)
        count[s] = total
    price = 0.0
    for s in range(h - 1, -1, -1):
        out[s] = _locate(price, x[s], p[s], count[s], ends[s, 0], ends[s, 1])
        price -= weight[s] * (out[s] - point[s])


@gufunc("mmmvm", "(h,n),(h,n),(k,n),(n)->(h,n)")
def moving(weight, point, terms, start, out):
    """x_1..x_h of the problem above: weight > 0 and point (..., h, n), start x_0 (..., n) -> (..., h, n).

    terms (..., 5, n): rho, up, down, rise, fall; a limit may be inf. Two more rows, where they are there, are the
    limits of the first move.
    """
    h, n = point.shape
    x, p = np.empty((h + 1, 4 * h + 2)), np.empty((h + 1, 4 * h + 2))
    count, ends, knees = np.empty(h, dtype=np.int64), np.empty((h, 2)), np.zeros(5)
    for i in range(n):
        _glide(weight[:, i], point[:, i], terms, i, start[i], x, p, count, ends, knees, out[:, i])


@gufunc(
    "mmmmmmmvsmvssmmmm", "(h,n),(h,n),(h,n),(h,n),(h,n),(h,n),(h,n),(h),(),(k,n),(n),(),(),(h,n),(h,n)->(h,n),(h,n)"
)
def sweep(curvature, linear, demand, price, weight, lower, upper, total, equal, terms, start, rho, sweeps, guess, force,
          z, out):  # fmt: skip
    """``sweeps`` sweeps of the split horizon for costs of two pieces, from (guess, force): actions and new force.

    f_s(x) = sum q x^2 / 2 + c x + price u + weight u^2 / 2, u = max(demand - x, 0), over lower <= x <= upper and
    sum x = total (or <= total; inf for a box); moves as in `moving`. All (..., h, n) but total (..., h), terms
    (..., k, n), start (..., n) and the numbers. The over-relaxed sweeps of `kernels/chain.py`, with any moves.
    """
    h, n = linear.shape
    x, p = np.empty((h + 1, 4 * h + 2)), np.empty((h + 1, 4 * h + 2))
    count, ends, knees = np.empty(h, dtype=np.int64), np.empty((h, 2)), np.zeros(5)
    point, even, zero, ratio, right = np.empty(h), np.full(h, rho), np.zeros(h), np.empty(h), np.empty(h)
    moved = np.empty((n, h))
    q, c, low, high, filled = np.empty(2 * n), np.empty(2 * n), np.zeros(2 * n), np.empty(2 * n), np.empty(2 * n)
    plain = True
    for i in range(n):
        if terms[1, i] > 0.0 or terms[2, i] > 0.0 or terms[3, i] < np.inf or terms[4, i] < np.inf:
            plain = False
    for s in range(h):
        for i in range(n):
            z[s, i] = guess[s, i]
            out[s, i] = force[s, i]
    for _ in range(int(sweeps)):
        for i in range(n):
            if plain:
                for s in range(h):
                    right[s] = rho * (z[s, i] - out[s, i])
                right[0] += terms[0, i] * start[i]
                _eliminate(zero, rho, terms[0, i], right, ratio, moved[i])
            else:
                for s in range(h):
                    point[s] = z[s, i] - out[s, i]
                _glide(even, point, terms, i, start[i], x, p, count, ends, knees, moved[i])
        for s in range(h):
            for i in range(n):
                out[s, i] += RELAX * moved[i, s] + (1.0 - RELAX) * z[s, i]
                knee = min(max(demand[s, i], lower[s, i]), upper[s, i])
                slope = linear[s, i] - rho * out[s, i]
                q[i] = curvature[s, i] + weight[s, i] + rho
                c[i] = slope - price[s, i] - weight[s, i] * demand[s, i]
                low[i], high[i] = lower[s, i], knee
                q[n + i] = curvature[s, i] + rho
                c[n + i] = slope + q[n + i] * knee
                high[n + i] = upper[s, i] - knee
            _solve(q, c, low, high, total[s], equal, filled)
            for i in range(n):
                z[s, i] = min(max(filled[i] + filled[n + i], lower[s, i]), upper[s, i])
                out[s, i] -= z[s, i]
