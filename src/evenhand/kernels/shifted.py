"""Kernel of the budget step on any box, also one that does not hold the origin: target and shortfall fairness.

    minimise    mu ||w o s||_p - kappa . s
    subject to  lower <= s <= upper

`dual.budget_step` is the special case lower <= 0 <= upper. Source: spec/online.md §2, (4).
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math

import numpy as np

from evenhand.kernels.gufunc import gufunc, part
from evenhand.kernels.order import ascending

__all__ = ["shifted_step"]

_LOG_HUGE = 690.0  # exp of it is still finite


@part()
def _magnitude(norm, least, room, low_level, high_level):
    """|s_i| when the norm is ``norm``: in proportion to it between the two levels, at an end outside them."""
    if norm >= high_level:
        return room
    if norm <= low_level:
        return least
    return min(max(room * (norm / high_level), least), room)


@part()
def _fullness(norm, p, weight, least, room, low_level, high_level):
    """``sum (w_i |s_i(N)| / N)^p``, which falls in N and is 1 at the norm itself; inf once a term alone exceeds 1."""
    acc = 0.0
    for i in range(weight.shape[0]):
        ratio = weight[i] * _magnitude(norm, least[i], room[i], low_level[i], high_level[i])
        if ratio > norm:
            return math.inf
        if ratio > 0.0:
            acc += (ratio / norm) ** p
    return acc


@part()
def _solve_norm(p, weight, least, room, low_level, high_level):
    """The norm N with fullness 1, in closed form on the piece between two levels; 0 where all of it is inside."""
    m = weight.shape[0]
    level = np.empty(2 * m)
    for i in range(m):
        level[i] = low_level[i]
        level[m + i] = high_level[i]
    order = ascending(level)
    left = -1  # fullness >= 1 at level[order[left]], < 1 at level[order[right]]
    right = 2 * m
    while right - left > 1:
        middle = (left + right) // 2
        at = level[order[middle]]
        if at <= 0.0 or _fullness(at, p, weight, least, room, low_level, high_level) >= 1.0:
            left = middle
        else:
            right = middle
    low = max(level[order[left]], 0.0) if left >= 0 else 0.0
    high = level[order[right]] if right < 2 * m else math.inf
    scale = 0.0  # the largest term of those at an end of their range: against a larger one a high power underflows
    slope = 0.0  # (w s / N)^p of those in between
    for i in range(m):
        if low_level[i] <= low and high <= high_level[i]:
            slope += (weight[i] * room[i] / high_level[i]) ** p if high_level[i] < math.inf else 0.0
        else:
            scale = max(scale, weight[i] * (room[i] if high_level[i] <= low else least[i]))
    if scale == 0.0:
        return low
    if slope >= 1.0:
        return high if high < math.inf else low
    held = 0.0
    for i in range(m):
        if not (low_level[i] <= low and high <= high_level[i]):
            held += (weight[i] * (room[i] if high_level[i] <= low else least[i]) / scale) ** p
    return min(max(scale * (held / (1.0 - slope)) ** (1.0 / p), low), high)


@gufunc("vvvvssv", "(m),(m),(m),(m),(),()->(m)")
def shifted_step(kappa, weight, lower, upper, mu, p, s):
    """Minimise ``mu ||w o s||_p - kappa . s`` over ``lower <= s <= upper``, any box; exact for every 1 <= p <= inf.

    Where kappa_i = 0, or its sign points at a bound that lies towards zero, s_i is the point of its interval nearest
    to zero. Every other entity moves between magnitudes b_i <= |s_i| <= r_i in the direction of kappa:
    |s_i| = clip(N a_i, b_i, r_i) at norm N, with a_i of `dual.budget_step`. N is never below the norm of the nearest
    points (p = inf), or solves ``sum (w_i |s_i| / N)^p = 1`` by bisection over the 2m levels N = b_i / a_i, r_i / a_i
    and a closed form between two of them (1 < p < inf).
    """
    m = kappa.shape[0]
    least = np.empty(m)
    room = np.empty(m)
    moves = np.empty(m)
    floor = 0.0
    for i in range(m):
        near = min(max(0.0, lower[i]), upper[i])
        far = upper[i] if kappa[i] > 0.0 else (lower[i] if kappa[i] < 0.0 else near)
        s[i] = near
        least[i] = abs(near)
        room[i] = abs(far)
        moves[i] = 1.0 if far != near else 0.0
        if moves[i] > 0.0 and p != 1.0 and (weight[i] == 0.0 or mu == 0.0):  # free of charge: as far as it goes
            s[i] = far
            moves[i] = 0.0
        floor = max(floor, weight[i] * least[i])
    if p == 1.0:
        for i in range(m):
            if moves[i] > 0.0 and abs(kappa[i]) > mu * weight[i]:
                s[i] = math.copysign(room[i], kappa[i])
        return
    if p == math.inf:
        level = np.empty(m)
        open_ = 0.0
        for i in range(m):
            level[i] = weight[i] * room[i] if moves[i] > 0.0 else math.inf
            if moves[i] > 0.0:
                open_ += abs(kappa[i]) / weight[i]
        top = 0.0
        for i in ascending(level):
            if open_ <= mu or moves[i] == 0.0:
                break
            top = level[i]
            open_ -= abs(kappa[i]) / weight[i]
        top = max(top, floor)
        for i in range(m):
            if moves[i] > 0.0:
                size = room[i] if level[i] <= top else max(top / weight[i], least[i])
                s[i] = math.copysign(size, kappa[i])
        return
    low_level = np.empty(m)
    high_level = np.empty(m)
    log_mu = math.log(mu if mu > 0.0 else 1.0)  # out here the compiler would put it anyway, and log 0 raises a flag
    for i in range(m):
        if moves[i] == 0.0:  # stays where it is
            low_level[i] = math.inf
            high_level[i] = math.inf
            room[i] = least[i]
        else:
            log_a = (math.log(abs(kappa[i])) - log_mu - p * math.log(weight[i])) / (p - 1.0)
            high_level[i] = math.exp(min(max(math.log(room[i]) - log_a, -_LOG_HUGE), _LOG_HUGE))
            low_level[i] = high_level[i] * (least[i] / room[i])
    norm = _solve_norm(p, weight, least, room, low_level, high_level)
    for i in range(m):
        if moves[i] > 0.0:
            s[i] = math.copysign(_magnitude(norm, least[i], room[i], low_level[i], high_level[i]), kappa[i])
