"""Plain NumPy twins of every kernel: slow, obvious, written from the problem in the kernel's docstring.

Water-filling works on exact rationals (object arrays of Fraction), so that what it differs from the kernel by is the
kernel's rounding. The others are bisections to machine precision.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

INF = math.inf


def exact(values):
    """Floats as rationals, infinities kept."""
    return [Fraction(float(v)) if math.isfinite(v) else float(v) for v in np.atleast_1d(values)]


def waterfill(q, c, lower, upper, total, equal):
    """Sort every breakpoint, find the piece that holds the total, interpolate on it: all in rationals. Gives (x, nu)."""
    q, c, lower, upper = exact(q), exact(c), exact(lower), exact(upper)
    total = exact(total)[0]
    n = len(q)

    def at(i, nu, side):
        """Demand of agent i at price nu, just below (side -1) or above (+1) it."""
        if q[i] == 0:
            return upper[i] if nu > c[i] or (nu == c[i] and side > 0) else lower[i]
        return min(max((nu - c[i]) / q[i], lower[i]), upper[i])

    if not equal:
        x = [at(i, Fraction(0), -1) for i in range(n)]
        if sum(x) <= total:
            return as_floats(x), 0.0
    if total <= sum(lower):
        return as_floats(lower), None
    if total >= sum(upper):
        return as_floats(upper), None
    ends = {c[i] if q[i] == 0 else c[i] + q[i] * b for i in range(n) for b in (lower[i], upper[i])}
    ends = sorted(e for e in ends if math.isfinite(e))
    for nu in ends:
        below, above = ([at(i, nu, side) for i in range(n)] for side in (-1, 1))
        if sum(below) <= total <= sum(above):
            room = [a - b for a, b in zip(above, below, strict=True)]
            rest = total - sum(below)
            if any(r == INF for r in room):
                share = rest / sum(r == INF for r in room)
                return as_floats([b + share if r == INF else b for b, r in zip(below, room, strict=True)]), float(nu)
            whole = sum(room)
            return as_floats([b + (rest * r / whole if whole else 0) for b, r in zip(below, room, strict=True)]), float(
                nu
            )
    low = max((e for e in ends if sum(at(i, e, 1) for i in range(n)) < total), default=None)
    high = min((e for e in ends if sum(at(i, e, -1) for i in range(n)) > total), default=None)
    middle = (low + high) / 2 if low is not None and high is not None else (low + 1 if high is None else high - 1)
    there = [at(i, middle, 1) for i in range(n)]
    moving = [i for i in range(n) if q[i] > 0 and lower[i] < there[i] < upper[i]]
    nu = middle + (total - sum(there)) / sum(1 / q[i] for i in moving)
    return as_floats([at(i, nu, 1) for i in range(n)]), float(nu)


def as_floats(values):
    return np.array([float(v) for v in values])


def weighted_norm(y, weight, p):
    """||w o y||_p, by the formula after dividing by the largest term."""
    s = np.abs(np.asarray(weight) * y)
    top = s.max()
    if top == 0 or p == INF:
        return top
    return top * ((s / top) ** p).sum() ** (1.0 / p)


def budget_step(kappa, weight, lower, upper, mu, p):
    """The norm N of z decides everything: s_i(N) = min(room_i, N a_i). Search N by breakpoints or by bisection."""
    kappa, weight = np.asarray(kappa, float), np.asarray(weight, float)
    room = np.where(kappa > 0, upper, -np.asarray(lower, float))
    k = np.where(room > 0, np.abs(kappa), 0.0)

    def gain(s):
        return mu * weighted_norm(s, weight, p) - float(np.sum(k * s))

    if p == 1.0:
        s = np.where(k > mu * weight, room, 0.0)
    elif p == INF:
        tops = np.unique(np.concatenate([[0.0], (weight * room)[k > 0]]))
        tries = [np.where(k > 0, np.minimum(room, np.divide(top, weight, out=np.full_like(room, INF), where=weight > 0)), 0.0) for top in tops]  # fmt: skip
        s = min(tries, key=gain)
    else:
        paid = (k > 0) & (weight > 0) & (mu > 0)  # the others fill at once (no charge) or stay at 0 (k = 0)
        log_a = np.full_like(k, INF)
        log_a[paid] = (np.log(k[paid]) - np.log(mu or 1.0) - p * np.log(weight[paid])) / (p - 1.0)

        def split(level):
            with np.errstate(over="ignore"):
                return np.where(k > 0, np.minimum(room, np.exp(np.log(level) + log_a)), 0.0)

        low, high = 1e-200, max(1e-200, float(weighted_norm(room, weight, p)) * 2)
        for _ in range(400):  # in logs: N may be of any size
            middle = math.sqrt(low) * math.sqrt(high)
            if weighted_norm(split(middle), weight, p) > middle:
                low = middle
            else:
                high = middle
        s = split(high)
        if gain(s) > 0 or high < 1e-150:
            s = np.where(paid, 0.0, s)  # inside the dual ball of those that are charged
    return np.copysign(s, kappa)


def project_ball(kappa, weight, mu, q):
    """Euclidean projection on ||k / w||_q <= mu: bisection on the multiplier, inside it on every coordinate."""
    kappa, weight = np.asarray(kappa, float), np.asarray(weight, float)
    cap = mu * weight
    if q == INF or mu == 0:
        return np.clip(kappa, -cap, cap)
    size = np.where(weight > 0, np.abs(kappa), 0.0)
    cap = np.where(weight > 0, cap, 1.0)
    if np.sum((size / cap) ** q) <= 1.0:
        return np.copysign(size, kappa)

    def at(lam):
        if q == 1.0:
            return np.maximum(size - lam / cap, 0.0)
        low, high = np.zeros_like(size), size.copy()
        for _ in range(120):
            k = 0.5 * (low + high)
            over = k - size + lam / cap * (k / cap) ** (q - 1.0) > 0
            low, high = np.where(over, low, k), np.where(over, k, high)
        return 0.5 * (low + high)

    return np.copysign(_multiplier(lambda lam: at(lam), cap, q), kappa)


def entropic_step(kappa, direction, eta, weight, mu, q, ball):
    """kappa exp(-eta d), then the KL projection: bisection on the multiplier, log k solved by bisection."""
    logs = np.log(np.asarray(kappa, float)) - np.asarray(eta) * np.asarray(direction)
    if not ball:
        return np.exp(logs)
    cap = mu * np.asarray(weight, float)
    if q == INF:
        return np.minimum(np.exp(logs), cap)
    if logs.max() < 700 and np.sum((np.exp(logs) / cap) ** q) <= 1.0:
        return np.exp(logs)

    def at(lam):
        if q == 1.0:
            return np.exp(np.minimum(logs - lam / cap, 700.0))
        low, high = np.full_like(logs, -800.0), np.minimum(logs, 700.0)
        for _ in range(120):
            k = 0.5 * (low + high)
            over = k - logs + lam / cap * np.exp((q - 1.0) * (k - np.log(cap))) > 0
            low, high = np.where(over, low, k), np.where(over, k, high)
        return np.exp(0.5 * (low + high))

    return _multiplier(at, cap, q)


def _multiplier(at, cap, q):
    low, high = 0.0, 1e-30
    with np.errstate(over="ignore"):
        while np.sum((at(high) / cap) ** q) > 1.0:
            high *= 10.0
        for _ in range(120):
            middle = 0.5 * (low + high)
            if np.sum((at(middle) / cap) ** q) > 1.0:
                low = middle
            else:
                high = middle
    return at(0.5 * (low + high))


REDUCE = {
    "apply": lambda matrix, x: matrix @ x,
    "apply_transposed": lambda matrix, k: matrix.T @ k,
    "hinge_value": lambda price, weight, missing: sum(
        (p + w * u / 2) * u for p, w, u in zip(price, weight, missing, strict=True) if u > 0
    ),
    "inner": lambda x, y: sum(a * b for a, b in zip(x, y, strict=True)),
    "mean_rows": lambda rows: rows.mean(axis=0),
    "move_value": lambda terms, d: math.fsum(
        r * v * v / 2 + u * max(v, 0.0) + w * max(-v, 0.0) for r, u, w, v in zip(*terms[:3], d, strict=True)
    ),
    "total": lambda x: math.fsum(x),
    "total_rows": lambda rows: rows.sum(axis=0),
    "quadratic_value": lambda q, c, x: math.fsum(q * x * x / 2) + math.fsum(c * x),
    "squared_distance": lambda x, y: math.fsum((x - y) ** 2),
}
