"""One agent's response to a price, for every closed family, in compiled code.

Agent i answers a log-price t with the total resource r_i(t) that solves

    maximise  w_i φ_α(U_i(r)) − e^t r    over  r ≥ 0 ,

that is w_i φ_α(U_i)'(r) = e^t. A family is a small integer code and up to four numbers, so agents of
different families share one pass. The columns hold logarithms, so a pass costs one exponential an agent.

    code              response r(t)                                           parameters p0, p1, p2, p3
    EXPONENTIAL 0     exp(p1 (p0 − t))                                        log marginal at r = 1,
    elasticity
    AFFINE      1     max(0, p1 (p0 − t))                                     log marginal at r = 0, 1/k
    LOGIT       2     −p1 log z,  log z − p2 log(1−z) = t − p0                 offset, 1/k, α
    LOGIT_POWER 3     exp(p3 − p1 log z),  (1+p1) log z − p2 log(1−z) = t − p0  offset, 1/c, α, log of the
    zero
    LOG         4     exp(L) − p3,  L + p2 log L = p0 − t                      log weight, −, α, shift
    PIECES      5     step function of the slopes in table[:, p0:p1]            first, end, log weight
    FAIR_PIECES 6     continuous, from table[:, p0:p1]                          first, end, log weight, α
    GIVEN       7     column p0 of `given` (a user's own function)              index
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.kernels.gufunc import jit

__all__ = [
    "Columns",
    "affine_columns",
    "exponential_columns",
    "given_columns",
    "log_columns",
    "logit_columns",
]
__all__ += ["limits", "piece_columns", "respond", "responses", "saturating_columns"]

_Floats = NDArray[np.float64]
EXPONENTIAL, AFFINE, LOGIT, LOGIT_POWER, LOG, PIECES, FAIR_PIECES, GIVEN = range(8)


class Columns(NamedTuple):
    """Families and parameters of n agents; every array is (n,) or (1,) (the same for all).

    table: (4, segments) with rows left end, right end, level at the left end, log of the slope (slopes > 0).
    """

    code: NDArray[np.int8]
    p0: _Floats
    p1: _Floats
    p2: _Floats
    p3: _Floats
    table: _Floats


_NONE = np.zeros(1)
_NO_TABLE = np.zeros((4, 0))


def _columns(code: int, p0: Any, p1: Any, p2: Any = _NONE, p3: Any = _NONE, table: _Floats = _NO_TABLE) -> Columns:
    one = [np.ascontiguousarray(np.atleast_1d(np.asarray(p, dtype=np.float64))) for p in (p0, p1, p2, p3)]
    return Columns(np.full(1, code, dtype=np.int8), one[0], one[1], one[2], one[3], table)


def exponential_columns(log_marginal: Any, elasticity: Any) -> Columns:
    """Power, logarithm, α-fair, scaling law: marginal e^{p0} r^{−1/p1}."""
    return _columns(EXPONENTIAL, log_marginal, elasticity)


def affine_columns(log_marginal: Any, scale: Any) -> Columns:
    """Exponential saturation: marginal e^{p0 − r/p1}."""
    return _columns(AFFINE, log_marginal, scale)


def logit_columns(offset: Any, scale: Any, alpha: Any) -> Columns:
    """Exponential saturation under φ_α: marginal e^{p0} z (1 − z)^{−α}, z = e^{−r/p1}."""
    return _columns(LOGIT, offset, scale, alpha)


def saturating_columns(log_weight: Any, a: Any, b: Any, c: Any, alpha: float) -> Columns:
    """Scaling law a − b r^{−c} under φ_α: with z = (b/a) r^{−c} the marginal is e^{p0} z^{(c+1)/c} (1 −
    z)^{−α}."""
    ratio = np.log(a) - np.log(b)
    offset = log_weight - alpha * np.log(a) + np.log(b) + np.log(c) + (c + 1.0) / c * ratio
    return _columns(LOGIT_POWER, offset, 1.0 / c, alpha, -ratio / c)


def log_columns(log_weight: Any, shift: Any, alpha: float) -> Columns:
    """Logarithm log(shift + r), under φ_α if α > 0."""
    if alpha == 0.0 and not np.any(shift):
        return exponential_columns(log_weight, 1.0)
    return _columns(LOG, log_weight, 0.0, alpha, shift)


def piece_columns(first: Any, end: Any, log_weight: Any, table: _Floats, alpha: float) -> Columns:
    """Piecewise-linear concave utilities, under φ_α if α > 0."""
    code = FAIR_PIECES if alpha > 0.0 else PIECES
    return _columns(code, first, end, log_weight, alpha, np.ascontiguousarray(table))


def given_columns() -> Columns:
    """A user's own function: the caller numbers these agents in p0 and supplies their responses."""
    return _columns(GIVEN, 0.0, 0.0)


@jit()
def _softplus(s: float) -> float:
    return max(s, 0.0) + math.log1p(math.exp(-abs(s)))


@jit()
def _logit(v: float, m: float, alpha: float) -> tuple[float, float]:
    """log z and −d(log z)/dv for m log z − α log(1 − z) = v, by Newton on s = logit z (slope between m and
    α)."""
    s = v / m if v < 0.0 else v / alpha
    for _ in range(60):
        z = 1.0 / (1.0 + math.exp(-s))
        step = (alpha * _softplus(s) - m * _softplus(-s) - v) / (alpha * z + m * (1.0 - z))
        s -= step
        if abs(step) <= 4e-16 * (1.0 + abs(s)):
            break
    z = 1.0 / (1.0 + math.exp(-s))
    y = 1.0 / (1.0 + math.exp(s))
    return -_softplus(-s), -y / (alpha * z + m * y)


@jit()
def _loglog(v: float, alpha: float) -> float:
    """L > 0 with L + α log L = v, by Newton on q = log L from the side where it is monotone."""
    q = math.log(v) if v > 1.0 else 0.0
    for _ in range(60):
        e = math.exp(q)
        step = (e + alpha * q - v) / (e + alpha)
        q -= step
        if abs(step) <= 4e-16 * (1.0 + abs(q)):
            break
    return math.exp(q)


@jit()
def _pieces(t: float, first: int, end: int, log_weight: float, table: _Floats) -> tuple[float, float]:
    """Least and largest response: right end of the last segment steeper than (at least as steep as) the
    price."""
    small, large = 0.0, 0.0
    for j in range(first, end):
        slope = table[3, j] + log_weight
        if slope > t:
            small = table[1, j]
        if slope >= t:
            large = table[1, j]
        else:
            break
    return small, large


@jit()
def _fair_pieces(
    t: float, first: int, end: int, log_weight: float, alpha: float, table: _Floats
) -> tuple[float, float]:
    """Response and −slope: on a segment of slope s the level is (w s / e^t)^{1/α}."""
    r = 0.0
    for j in range(first, end):
        left, right, level, log_slope = table[0, j], table[1, j], table[2, j], table[3, j]
        s = math.exp(log_slope)
        want = math.exp((log_weight + log_slope - t) / alpha)
        if level + s * (right - left) <= 0.0:
            r = right
        elif want <= level:
            break
        elif left + (want - level) / s < right:
            return left + (want - level) / s, want / (s * alpha)
        else:
            r = right
    return r, 0.0


@jit()
def respond(
    code: int, p0: float, p1: float, p2: float, p3: float, t: float, table: _Floats, given: _Floats
) -> tuple[float, float, float, float]:
    """(r, largest r, exponential slope, other slope) at log-price t; slopes are −dr/dt; r < largest only at
    a tie."""
    if code == EXPONENTIAL:
        r = math.exp(p1 * (p0 - t))
        return r, r, p1 * r, 0.0
    if code == AFFINE:
        r = p1 * (p0 - t)
        return (r, r, 0.0, p1) if r > 0.0 else (0.0, 0.0, 0.0, 0.0)
    if code == GIVEN:
        j = int(p0)
        return given[0, j], given[0, j], 0.0, given[1, j]
    if code == PIECES:
        small, large = _pieces(t, int(p0), int(p1), p2, table)
        return small, large, 0.0, 0.0
    weight = p2 if code == FAIR_PIECES else p0
    if weight == -math.inf:
        return 0.0, 0.0, 0.0, 0.0
    if code == FAIR_PIECES:
        r, slope = _fair_pieces(t, int(p0), int(p1), p2, p3, table)
        return r, r, 0.0, slope
    if code == LOG:
        log = _loglog(p0 - t, p2) if p2 > 0.0 else p0 - t
        y = math.exp(log)
        slope = y * log / (log + p2) if p2 > 0.0 else y
        return (y - p3, y - p3, 0.0, slope) if y > p3 else (0.0, 0.0, 0.0, 0.0)
    m = 1.0 if code == LOGIT else 1.0 + p1
    log_z, slope = _logit(t - p0, m, p2)
    if code == LOGIT:
        return -p1 * log_z, -p1 * log_z, 0.0, -p1 * slope
    r = math.exp(p3 - p1 * log_z)
    return r, r, -p1 * slope * r, 0.0


@jit()
def limits(
    code: int, p0: float, p1: float, p2: float, p3: float, table: _Floats, given: _Floats
) -> tuple[float, float]:
    """Responses in the limits of an infinite and of a vanishing price."""
    if code == GIVEN:
        return given[2, int(p0)], given[3, int(p0)]
    pieces = code in (PIECES, FAIR_PIECES)
    if (p2 if pieces else p0) == -math.inf:
        return 0.0, 0.0
    if pieces:
        first, end, floor = int(p0), int(p1), 0.0
        if code == FAIR_PIECES:
            for j in range(first, end):
                if table[2, j] < 0.0:
                    zero = table[0, j] - table[2, j] / math.exp(table[3, j])
                    floor = min(table[1, j], zero)
        return floor, (table[1, end - 1] if end > first else 0.0)
    if code == LOGIT_POWER:
        return math.exp(p3), math.inf
    if code == LOG and p2 > 0.0:
        return max(0.0, 1.0 - p3), math.inf
    return 0.0, math.inf


@jit()
def responses(
    code: NDArray[np.int8],
    p0: _Floats,
    p1: _Floats,
    p2: _Floats,
    p3: _Floats,
    table: _Floats,
    given: _Floats,
    t: _Floats,
    r: _Floats,
) -> None:
    """Fill r with the (largest) response of each agent to its own log-price t (n,)."""
    for i in range(r.size):
        k = i if code.size > 1 else 0
        k0, k1 = (i if p0.size > 1 else 0), (i if p1.size > 1 else 0)
        k2, k3 = (i if p2.size > 1 else 0), (i if p3.size > 1 else 0)
        if t[i] == -math.inf:
            r[i] = limits(code[k], p0[k0], p1[k1], p2[k2], p3[k3], table, given)[1]
        elif t[i] == math.inf:
            r[i] = limits(code[k], p0[k0], p1[k1], p2[k2], p3[k3], table, given)[0]
        else:
            r[i] = respond(code[k], p0[k0], p1[k1], p2[k2], p3[k3], t[i], table, given)[1]
