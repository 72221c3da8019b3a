"""Alternate convex search for Cobb-Douglas agents, from one start (`spec/allocation.md §4`).

All resources but one held, the rest of the problem is one water-filling (`spec/allocation.md §3`),

    maximise Σ_i w_i c_i r_i^{g_i} / s   subject to  Σ_i y_i ≤ room, 0 ≤ y ≤ span,   r = base + y,  c_i =
    Π_{j≠k} r_ij^{g_ij},

with demand log r_i = (log(w γ c)_i − θ) / (1 − g_i) at log-price θ: s = 1 − α and g = s γ < 1, of either
sign; s = 0 is the logarithm. Arrays as in `evenhand.kernels.cobb_douglas`.
"""

from __future__ import annotations

import math

import numpy as np
from numba.core.types import Tuple
from numba.core.types import boolean as B

from evenhand.kernels.cobb_douglas import LOG_ZERO, Array, F, I, M, V, compiled

__all__ = ["climb", "fill"]

_EXACT = 1e-14  # demand meets the room to the rounding of a sum over a few thousand agents
_TURNS = 200
_SETTLED = 1e-13  # a log-price that moves less than this moves by rounding
_NOISE = 4e-16  # a gain below two units in the last place of the objective is none


@compiled(F(V, V, V, V, V, V, F, F, V, V))
def fill(
    pull: Array,
    push: Array,
    floor: Array,
    ceil: Array,
    base: Array,
    span: Array,
    room: float,
    theta: float,
    log_r: Array,
    y: Array,
) -> float:
    """Water-filling: the θ at which log r_i = clip(pull_i − push_i θ, floor_i, ceil_i) gives Σ y = room.

    ``theta`` is a first guess (NaN: none). Newton on log demand, bracketed. Needs 0 < room < Σ span.
    """
    n = pull.size
    hi, lo = -math.inf, -math.inf
    for i in range(n):
        if span[i] > 0.0:
            hi = max(hi, (pull[i] - floor[i]) / push[i])
    if not theta < hi:
        theta = hi - 1.0
    step, used = 1.0, 0.0
    for turn in range(_TURNS):
        used, slope = 0.0, 0.0
        for i in range(n):
            t = floor[i]
            y[i] = 0.0
            if span[i] > 0.0:
                t = pull[i] - push[i] * theta
                if t <= floor[i]:
                    t = floor[i]
                elif t >= ceil[i]:
                    t = ceil[i]
                    y[i] = span[i]
                else:
                    r = math.exp(t)
                    y[i] = min(max(r - base[i], 0.0), span[i])
                    slope += r * push[i]
                used += y[i]
            log_r[i] = t
        if abs(used - room) <= _EXACT * room:
            break
        if used > room:
            lo = theta
        else:
            hi = theta
        new = theta + math.log(used / room) * used / slope if used > 0.0 and slope > 0.0 else math.nan
        if not (lo < new < hi) or (turn > 6 and turn % 2 == 0 and lo > -math.inf):
            if lo > -math.inf:
                new = 0.5 * (lo + hi)
            else:
                new = theta - step
                step *= 2.0
        if new == theta or not (lo < new < hi):
            break
        theta = new
    if abs(used - room) > _EXACT * room and used > 0.0:
        for i in range(n):  # demand too steep for a price to hit: hand out exactly the room
            if y[i] > 0.0:
                y[i] = min(y[i] * (room / used), span[i])
                log_r[i] = math.log(base[i] + y[i])
    return theta


@compiled(F(F, V, M, M))
def worth(s: float, bias: Array, gain: Array, log_r: Array) -> float:
    """Σ w φ_α(U) from log r (K, n)."""
    total = 0.0
    for i in range(bias.size):
        if bias[i] > -math.inf:
            log_u = 0.0
            for k in range(gain.shape[0]):
                log_u += gain[k, i] * log_r[k, i]
            total += math.exp(bias[i]) * log_u if s == 0.0 else math.exp(bias[i] + s * log_u) / s
    return total


@compiled(Tuple((I, B))(F, V, M, M, M, M, M, M, V, F, I, M, V))
def climb(
    s: float,
    bias: Array,
    want: Array,
    floor: Array,
    ceil: Array,
    gain: Array,
    base: Array,
    span: Array,
    room: Array,
    tol: float,
    sweeps: int,
    y: Array,
    history: Array,
) -> tuple[int, bool]:
    """Sweep from y (K, n), in place, until all further sweeps would gain less than ``tol``, relative.

    With ``tol`` 0: until the prices have settled. Tables are (K, n). history[t] is the value after sweep t.
    Returns the number of sweeps and whether it converged.
    """
    K, n = gain.shape
    log_r, theta = np.empty((K, n)), np.full(K, math.nan)
    pull, push = np.empty(n), np.empty((K, n))
    for k in range(K):
        for i in range(n):
            r = base[k, i] + y[k, i]
            log_r[k, i] = max(math.log(r), LOG_ZERO) if r > 0.0 else LOG_ZERO
            push[k, i] = 1.0 / (1.0 - s * gain[k, i])
    history[0] = worth(s, bias, gain, log_r)
    gained = math.inf
    for sweep in range(1, sweeps + 1):
        moved = 0.0
        for k in range(K):
            if room[k] > 0.0:
                before = theta[k]
                for i in range(n):
                    c = want[k, i]
                    for j in range(K):
                        if j != k:
                            c += s * gain[j, i] * log_r[j, i]
                    pull[i] = c * push[k, i]
                theta[k] = fill(
                    pull, push[k], floor[k], ceil[k], base[k], span[k], room[k], theta[k], log_r[k], y[k]
                )  # fmt: skip
                moved = max(moved, abs(theta[k] - before)) if sweep > 1 else math.inf
        history[sweep] = worth(s, bias, gain, log_r)
        last, gained = gained, history[sweep] - history[sweep - 1]
        if tol == 0.0:
            if moved <= _SETTLED:
                return sweep, True
            continue
        # Convergence is linear: what is still to come is the geometric tail of the gains, not the last gain.
        enough = tol * abs(history[sweep])
        if gained <= _NOISE * abs(history[sweep]) or (gained <= enough and gained * gained <= enough * (last - gained)):
            return sweep, True
    return sweeps, False
