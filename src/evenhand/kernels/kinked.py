"""Water-filling with a price on moves: one round of separable quadratics under one budget, from the last action.

    minimise    sum_i  q_i x_i^2 / 2 + c_i x_i + rho_i (x_i - b_i)^2 / 2 + w (up_i max(d_i, 0) + down_i max(-d_i, 0))
    subject to  l_i <= x_i <= u_i,   -fall_i <= d_i <= rise_i,   sum_i x_i = C   (or <= C),    d = x - a

The limits cut the bounds. At x_i = a_i the marginal cost jumps up by w (up_i + down_i), so an agent that may end on
either side of a_i is two agents, one up to a_i and one beyond it, which fill in this order at any price: the
water-filling stays exact, and an agent that does not move stays at a_i to the bit. Source: spec/online.md §8, §9.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math

import numpy as np

from evenhand.kernels.gufunc import gufunc, part
from evenhand.kernels.waterfill import _solve

__all__ = ["kinked"]

_ROUNDING = 1e-9  # as much as sets forgive: a cut may miss the set, or the total, by this share of its size


# Numba compiles a function again for everything that calls it: inlined where it is written, it costs that once
@part(inline="always")
def _pieces(
    curvature, linear, lower, upper, total, equal, rho, anchor, previous, weight, terms, q, c, low, high, owner
):
    """The problem as a plain one: fill q, c, low, high (2n) and owner (n), whose piece beyond a_i is agent n + k.

    Gives how many agents there are, -1 where no action satisfies the limits.
    """
    n = curvature.shape[0]
    more = 0
    least = 0.0
    most = 0.0
    empty = False
    for i in range(n):
        j = i if terms.shape[1] > 1 else 0
        stiff = rho[i] if rho.shape[0] > 1 else rho[0]
        at = previous[i]
        up = weight * terms[1, j]
        down = weight * terms[2, j]
        floor = max(lower[i], at - terms[4, j])
        ceiling = min(upper[i], at + terms[3, j])
        if floor > ceiling:
            if floor - ceiling > _ROUNDING * (abs(at) + max(abs(floor), abs(ceiling))):
                empty = True
            if lower[i] > ceiling:
                floor = lower[i]
                ceiling = floor
            else:
                floor = min(floor, upper[i])
                ceiling = floor
        least += floor
        most += ceiling
        q[i] = curvature[i] + stiff
        slope = linear[i] - stiff * anchor[i]
        low[i] = floor
        high[i] = ceiling
        if at <= floor:
            c[i] = slope + up
        elif at >= ceiling:
            c[i] = slope - down
        elif up + down == 0.0:
            c[i] = slope
        else:
            c[i] = slope - down
            high[i] = at
            k = n + more
            q[k] = q[i]
            c[k] = slope + up + q[i] * at
            low[k] = 0.0
            high[k] = ceiling - at
            owner[more] = i
            more += 1
    beyond = least - total if equal == 0.0 else max(least - total, total - most)
    if empty or beyond > _ROUNDING * max(abs(total), abs(least) if total < least else abs(most)):
        return -1
    return n + more


@part(inline="always")
def _whole(out, owner, size, x):
    """x (n) from the actions of all agents: each piece beyond a_i added to its owner's."""
    n = x.shape[0]
    for i in range(n):
        x[i] = out[i]
    for k in range(size - n):
        x[owner[k]] += out[n + k]


@gufunc("vvvvssvvvsmvv", "(n),(n),(n),(n),(),(),(r),(n),(n),(),(p,k)->(n),()")
def kinked(curvature, linear, lower, upper, total, equal, rho, anchor, previous, weight, terms, x, price):
    """Solve the problem above: q, c, l, u (..., n); C, equal (1 or 0); rho (..., 1) or (..., n); anchor b, previous a
    (..., n); weight w of the prices; terms: rows rho, up, down, rise, fall of a switching cost, (5, 1) or (5, n).

    Gives x (..., n) and the price of the budget (...). For a box, equal = 0 and C = inf. NaN where the cost falls
    without end, or where no action satisfies the limits.
    """
    n = x.shape[0]
    q = np.empty(2 * n)
    c = np.empty(2 * n)
    low = np.empty(2 * n)
    high = np.empty(2 * n)
    out = np.empty(2 * n)
    owner = np.empty(n, np.intp)
    size = _pieces(
        curvature, linear, lower, upper, total, equal, rho, anchor, previous, weight, terms, q, c, low, high, owner
    )
    if size < 0:
        x[:] = math.nan
        price[0] = math.nan
        return
    price[0] = _solve(q[:size], c[:size], low[:size], high[:size], total, equal, out[:size])
    _whole(out, owner, size, x)
