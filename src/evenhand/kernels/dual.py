"""Kernels of the dual step: weighted p-norms, the budget step z(kappa), Bregman projections on dual balls.

The fairness cost is ``g(y) = mu ||w o y||_p``; its dual ball is ``{kappa : ||kappa / w||_q <= mu}``, 1/p + 1/q = 1.
An entity of weight zero carries no fairness cost, and its kappa in the ball is zero.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math

import numpy as np

from evenhand.kernels.gufunc import gufunc, part
from evenhand.kernels.order import ascending

__all__ = ["budget_step", "entropic_step", "project_ball", "weighted_norm"]

_TINY = 1e-300  # entropic multipliers stay positive, so that none is lost for good
_LOG_HUGE = 690.0  # exp of it is still finite


@part()
def _over(value, divisor):
    """``value / divisor`` where divisor > 0. Compilers may compute before they test, and NumPy would report it."""
    return value / (divisor if divisor > 0.0 else 1.0)


@part()
def _log(value):
    """The logarithm where value > 0, for the same reason."""
    return math.log(value if value > 0.0 else 1.0)


@part()
def _norm(y, w, p):
    """``||w o y||_p``, scaled by its largest term so that nothing overflows."""
    top = 0.0
    for i in range(y.shape[0]):
        top = max(top, abs(w[i] * y[i]))
    if top == 0.0 or p == math.inf or top == math.inf:
        return top
    acc = 0.0
    for i in range(y.shape[0]):
        term = abs(w[i] * y[i]) / top
        if term > 0.0:
            acc += term if p == 1.0 else (term * term if p == 2.0 else term**p)
    return top * (acc if p == 1.0 else acc ** (1.0 / p))


@gufunc("vvsv", "(m),(m),()->()")
def weighted_norm(y, weight, p, value):
    """``||w o y||_p`` for 1 <= p <= inf: (..., m), (m), () -> (...)."""
    value[0] = _norm(y, weight, p)


@part()
def _budget(kappa, weight, lower, upper, mu, p, z):
    """`budget_step`."""
    m = kappa.shape[0]
    k = np.empty(m)
    room = np.empty(m)
    for i in range(m):
        z[i] = 0.0
        room[i] = upper[i] if kappa[i] > 0.0 else -lower[i]
        k[i] = abs(kappa[i]) if room[i] > 0.0 else 0.0
    if p == 1.0:
        for i in range(m):
            if k[i] > mu * weight[i]:
                z[i] = math.copysign(room[i], kappa[i])
        return
    level = np.empty(m)  # N at which entity i reaches its room
    for i in range(m):
        if k[i] == 0.0:
            level[i] = math.inf  # never leaves zero
        elif weight[i] == 0.0 or mu == 0.0:
            level[i] = 0.0  # free of charge: fills at once
        elif p == math.inf:
            level[i] = weight[i] * room[i]
        else:
            # log N_i = log r_i - (log k_i - log mu - p log w_i) / (p - 1), kept in logs: p near 1 overflows otherwise
            log_a = (_log(k[i]) - _log(mu) - p * _log(weight[i])) / (p - 1.0)
            level[i] = math.exp(min(max(_log(room[i]) - log_a, -_LOG_HUGE), _LOG_HUGE))
    order = ascending(level)
    if p == math.inf:
        beyond = np.zeros(
            m + 1
        )  # what stays open beyond each breakpoint, summed from the far end: nothing is subtracted
        for j in range(m - 1, -1, -1):
            i = order[j]
            paid = k[i] > 0.0 and level[i] > 0.0
            beyond[j] = beyond[j + 1] + (_over(k[i], weight[i]) if paid else 0.0)
        top = 0.0
        for j in range(m):
            if beyond[j] <= mu:
                break
            i = order[j]
            if k[i] > 0.0 and level[i] > 0.0:
                top = level[i]
        for i in range(m):
            if k[i] > 0.0:
                s = room[i] if level[i] <= top else _over(top, weight[i])
                z[i] = math.copysign(s, kappa[i])
        return
    # 1 < p < inf: entities up to level N are full, the others hold room * N / level. Going down from all full, with
    # F the sum of (w r)^p over the full ones and S the sum of (w r / level)^p over the rest: N = (F / (1 - S))^(1/p).
    # F is summed upwards (a difference would lose the small ones) and as a logarithm (a large p would underflow).
    log_filled = np.full(m + 1, -math.inf)
    for j in range(m):
        i = order[j]
        log_filled[j + 1] = log_filled[j]
        if k[i] > 0.0 and weight[i] > 0.0:
            term = p * (_log(weight[i]) + _log(room[i]))
            above = max(term, log_filled[j])
            log_filled[j + 1] = above + math.log1p(math.exp(min(term, log_filled[j]) - above))
    norm = 0.0
    rest = 0.0
    full = m
    while full > 0:
        i = order[full - 1]
        if k[i] > 0.0:
            norm = math.exp((log_filled[full] - math.log(1.0 - rest)) / p)
            if norm >= level[i]:
                break
            rest += (weight[i] * room[i] / level[i]) ** p
            norm = 0.0
            if rest >= 1.0:  # rounding at the edge of the piece
                norm = level[i]
                full -= 1
                break
        full -= 1
    for j in range(m):
        i = order[j]
        if k[i] > 0.0:
            z[i] = math.copysign(room[i] if j < full else room[i] * min(norm / level[i], 1.0), kappa[i])


@gufunc("vvvvssv", "(m),(m),(m),(m),(),()->(m)")
def budget_step(kappa, weight, lower, upper, mu, p, z):
    """Budget step (4): minimise ``mu ||w o z||_p - kappa z`` over the box ``lower <= z <= upper``, lower <= 0 <= upper.

    Exact for every p. With magnitudes ``s_i = |z_i|``, room ``r_i`` and ``k_i = |kappa_i|`` (0 where the sign of
    kappa leaves no
    room), the minimiser is ``s_i = min(r_i, N a_i)``: for p = inf, a_i = 1 / w_i and N is the first breakpoint at which
    ``sum_{i open} k_i / w_i <= mu``; for 1 < p < inf, ``a_i = (k_i / (mu w_i^p))^(1/(p-1))`` and N, the norm itself,
    solves ``sum min(w_i r_i / N, w_i a_i)^p = 1``, in closed form between breakpoints. Inside the dual ball z = 0.
    """
    _budget(kappa, weight, lower, upper, mu, p, z)


@part()
def _equal(weight):
    same = True
    for i in range(1, weight.shape[0]):
        same = same and weight[i] == weight[0]
    return same


@part()
def _coordinate(a, other, q):
    """Solve ``t + e^other t^(q-1) = e^a`` for u = log t. Gives u and -du / dother.

    The logarithm of the left side is convex in u, with a slope between 1 and q - 1. Newton starts where the larger
    term alone is e^a and comes from above: a few steps for any q, also where t^(q-1) would underflow.
    """
    u = min(a, (a - other) / (q - 1.0))
    share = 0.0  # of the second term in the left side
    for _ in range(100):
        two = other + (q - 1.0) * u
        top = max(u, two)
        first = math.exp(u - top)
        second = math.exp(two - top)
        share = second / (first + second)
        move = (top - a + math.log(first + second)) / (1.0 + (q - 2.0) * share)
        u -= move
        if move <= 2e-16 * max(1.0, abs(u)):
            break
    return u, share / (1.0 + (q - 2.0) * share)


@part()
def _log_coordinate(a, other, q):
    """Solve ``u - a + e^(other + (q-1) u) = 0`` for u = log t, convex: Newton comes from above.

    Gives u and -du / dother.
    """
    if q == 1.0:
        power = math.exp(other)
        return a - power, power
    u = a
    if a > 0.0:  # from a itself Newton would take (q - 1) a steps: start where the power is about a, if that is above
        near = (math.log(max(a, 1.0)) + 1.0 - other) / (q - 1.0)
        if near < a and near - a + math.e * max(a, 1.0) >= 0.0:
            u = near
    power = 0.0
    for _ in range(200):
        power = math.exp(min(other + (q - 1.0) * u, _LOG_HUGE))
        move = (u - a + power) / (1.0 + (q - 1.0) * power)
        u -= move
        if abs(move) <= 2e-16 * max(1.0, abs(u)):
            break
    return u, power / (1.0 + (q - 1.0) * power)


@part()
def _project(start, weight, mu, q, entropic, out):
    """Bregman projection on ``{||kappa / w||_q <= mu}`` from outside: find log lam with ``log sum t_i^q = 0``.

    t = |kappa| / s, s = mu w. ``start`` is kappa, or its logarithm when entropic, so that steps of any length keep
    their proportions. Everything is in logarithms: no power overflows, and no unit of kappa matters.
    """
    m = start.shape[0]
    spread = math.log(m) / q  # some t_i is at least m^(-1/q), which bounds lam from above; none exceeds 1, from below
    largest = 0.0
    for i in range(m):
        largest = max(largest, weight[i])
    twice = 1.0 if entropic else 2.0  # lam is counted in units of the largest s, squared in the Euclidean case
    fix = np.zeros(m)  # log of |kappa| / s
    tilt = np.zeros(m)  # log of the factor of lam t^(q-1)
    low = -math.inf
    high = -math.inf
    for i in range(m):
        if weight[i] > 0.0 and (entropic or start[i] != 0.0):
            s = mu * weight[i]
            fix[i] = start[i] - math.log(s) if entropic else math.log(abs(start[i]) / s)
            tilt[i] = -twice * math.log(weight[i] / largest)
            least = fix[i] if entropic else math.expm1(fix[i])
            most = fix[i] + spread if entropic else math.exp(fix[i])
            low = max(low, _log(least) - tilt[i] if least > 0.0 else -math.inf)
            high = max(high, _log(most) + (q - 1.0) * spread - tilt[i] if most > 0.0 else -math.inf)
    if high == -math.inf:  # on the sphere, to rounding
        high = -_LOG_HUGE
    level = high
    excess = 0.0
    for _ in range(200):
        top = -math.inf
        total = 0.0
        slope = 0.0
        for i in range(m):
            if weight[i] > 0.0 and (entropic or start[i] != 0.0):
                if entropic:
                    u, steep = _log_coordinate(fix[i], level + tilt[i], q)
                    out[i] = math.exp(max(math.log(mu * weight[i]) + u, -_LOG_HUGE))
                else:
                    u, steep = _coordinate(fix[i], level + tilt[i], q)
                    out[i] = math.copysign(mu * weight[i] * math.exp(u), start[i])
                if q * u > top:
                    shrink = math.exp(top - q * u)
                    total = total * shrink + 1.0
                    slope = slope * shrink + steep
                    top = q * u
                else:
                    part = math.exp(q * u - top)
                    total += part
                    slope += part * steep
        excess = top + math.log(total)
        if abs(excess) <= 2e-16 * q:
            break
        if excess > 0.0:
            low = level
        else:
            high = level
        trial = level + excess * total / (q * slope) if slope > 0.0 else -math.inf
        if not low < trial < high:
            trial = 0.5 * (low + high) if low > -math.inf else high - 30.0
        if not low < trial < high or abs(trial - level) <= 2e-16 * abs(level):
            break
        level = trial
    for i in range(m):  # the answer lies on the sphere
        if weight[i] > 0.0:
            out[i] *= math.exp(-excess / q)


@part()
def _soften(kappa, inverse, mu, out):
    """Euclidean projection on the weighted l1 ball ``sum |kappa_i| / w_i <= mu``: soft thresholds,
    by sorted breakpoints.
    """
    m = kappa.shape[0]
    level = np.empty(m)
    for i in range(m):
        level[i] = -(abs(kappa[i]) / inverse[i]) if inverse[i] > 0.0 else 0.0
    first = 0.0
    second = 0.0
    theta = 0.0
    for i in ascending(level):
        if inverse[i] == 0.0:
            continue
        new_first = first + abs(kappa[i]) * inverse[i]
        new_second = second + inverse[i] * inverse[i]
        new_theta = (new_first - mu) / new_second
        if new_theta >= -level[i]:
            break
        first = new_first
        second = new_second
        theta = new_theta
    size = 0.0
    for i in range(m):
        if inverse[i] > 0.0:
            out[i] = math.copysign(max(abs(kappa[i]) - theta * inverse[i], 0.0), kappa[i])
            size += abs(out[i]) * inverse[i]
    if size > 0.0:  # far from the ball the difference above cancels; the answer lies on the sphere
        for i in range(m):
            out[i] *= mu / size


@part()
def _ball(kappa, weight, mu, q, inverse, out):
    """`project_ball`; inverse (m,) is scratch."""
    m = kappa.shape[0]
    for i in range(m):
        inverse[i] = 0.0
        cap = mu * weight[i]
        clipped = q == math.inf or cap == 0.0
        out[i] = min(max(kappa[i], -cap), cap) if clipped else kappa[i]
        if weight[i] > 0.0:
            inverse[i] = _over(1.0, weight[i])
    if q == math.inf or mu == 0.0:
        return
    size = _norm(out, inverse, q)
    if size <= mu:
        return
    if q == 1.0:
        _soften(kappa, inverse, mu, out)
    elif q == 2.0 and _equal(weight):
        for i in range(m):
            out[i] *= mu / size
    else:
        _project(kappa, weight, mu, q, False, out)


@gufunc("vvssv", "(m),(m),(),()->(m)")
def project_ball(kappa, weight, mu, q, out):
    """Euclidean projection on the dual ball: minimise ``||k - kappa||_2^2`` subject to ``||k / w||_q <= mu``."""
    _ball(kappa, weight, mu, q, np.empty(kappa.shape[0]), out)


@gufunc("vvvvsssv", "(m),(m),(m),(m),(),(),()->(m)")
def entropic_step(kappa, direction, eta, weight, mu, q, ball, out):
    """Step (5) with negative entropy: ``kappa o exp(-eta d)``, then (ball = 1) its KL projection on the dual ball.

    For q = 1 and equal weights this is ``mu softmax``. Kept between 1e-300 and about 1e299, so that no multiplier dies.
    """
    m = kappa.shape[0]
    logs = np.empty(m)
    top = -math.inf
    for i in range(m):
        logs[i] = math.log(max(kappa[i], _TINY)) - eta[i] * direction[i]
        out[i] = math.exp(min(max(logs[i], -_LOG_HUGE), _LOG_HUGE))
        if weight[i] > 0.0:
            top = max(top, logs[i])
    if ball == 0.0:
        return
    if q == math.inf or mu == 0.0 or top == -math.inf:
        for i in range(m):
            out[i] = max(min(out[i], mu * weight[i]), _TINY)
        return
    level = -math.inf  # log of the largest |k_i| / (mu w_i)
    for i in range(m):
        if weight[i] > 0.0:
            level = max(level, logs[i] - math.log(mu * weight[i]))
    size = 0.0
    for i in range(m):
        if weight[i] > 0.0:
            size += math.exp(max(q * (logs[i] - math.log(mu * weight[i]) - level), -_LOG_HUGE))
    if q * level + math.log(size) > 0.0:
        if q == 1.0 and _equal(weight):
            for i in range(m):
                out[i] = mu * weight[i] / size * math.exp(max(logs[i] - top, -_LOG_HUGE))
        else:
            _project(logs, weight, mu, q, True, out)
    for i in range(m):
        out[i] = max(out[i], _TINY) if weight[i] > 0.0 else _TINY
