"""The interior point for jobs on K kinds of resource: everything of a job eliminated but K prices.

Job i keeps its time x_k on each kind, the time t left over, and prices of its own: θ of speed, ν of time, z ≥ 0 and
v ≥ 0 of the bounds 0 and u. Its optimality is

    θ r_k − d λ_k − ν + z_k − v_k = 0,   Σ x + t = 1,   o + Σ_k r_k x_k = R(θ),
    x_k z_k = (u_k − x_k) v_k = t ν = μ β ,

R the demand of its utility (falling in θ), β the bill it began with, so that no unit matters. Where the utility is made
of linear pieces of slopes s and lengths l, R is a staircase: the speed on each piece, y, is one more variable then,

    s − θ + a − b = 0,   Σ y = o + Σ r x,   y a = (l − y) b = μ β .

A Newton step of one job
is diagonal plus rank two, and is solved by formulas without cancellation; what is left of all jobs is one K × K
system in the prices λ. Source: Mehrotra (1992); Wright (1997), *Primal-Dual Interior-Point Methods*, ch. 10.
"""

# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.kernels.cobb_douglas import CHUNK
from evenhand.kernels.gufunc import jit
from evenhand.kernels.jobs import demanded

__all__ = ["State", "System", "advance", "condense", "factor", "gauge", "move"]

_Floats = NDArray[np.float64]


class State(NamedTuple):
    """A point, or a direction. x, z, v (n, K): time, prices of its bounds. spare, hour, worth (n,): t, ν, θ.

    piece (3, …): y, a, b of the pieces of job i from first[i] to first[i + 1] (n + 1,).
    """

    x: _Floats
    z: _Floats
    v: _Floats
    spare: _Floats
    hour: _Floats
    worth: _Floats
    piece: _Floats
    first: NDArray[np.int64]


@jit(error_model="numpy")
def _piece(jobs, i, m):
    """Slope and length of piece m of job i, its weight in the slope."""
    c = jobs.columns
    at = int(c.p0[i if c.p0.size > 1 else 0]) + m
    weight = c.p2[i if c.p2.size > 1 else 0]
    return math.exp(c.table[3, at] + weight), c.table[1, at] - c.table[0, at]


@jit(error_model="numpy")
def _aimed(jobs, at, step, target, second, i, m):
    """Of piece m: what dθ = 0 would add to its y, and dy for −dθ; targets of its two pairs."""
    j = at.first[i] + m
    s, long = _piece(jobs, i, m)
    y, a, b = at.piece[0, j], at.piece[1, j], at.piece[2, j]
    low = target - y * a - second * step.piece[0, j] * step.piece[1, j]
    high = target - (long - y) * b + second * step.piece[0, j] * step.piece[2, j]
    ease = 1.0 / (a / y + b / (long - y))
    return ease * (s - at.worth[i] + a - b + low / y - high / (long - y)), ease, low, high


@jit(error_model="numpy")
def _missing(jobs, at, system, step, target, second, i):
    """Speed missing at dθ = 0: of the demand, or of all pieces."""
    total = system.rest[i, 0]
    for m in range(at.first[i + 1] - at.first[i]):
        total += _aimed(jobs, at, step, target, second, i, m)[0]
    return total


class System(NamedTuple):
    """Of every job: inverse (n, K, K), dx per missing speed (n, K); missing speed and time, dθ per missing (n, 3)."""

    inverse: _Floats
    lift: _Floats
    rest: _Floats


@jit(error_model="numpy")
def factor(first, last, jobs, at, system, out):
    """The inverse of every job's Newton system, into system; out[chunk] (K²): Σ d² inverse.

    With D the diagonal z / x + v / (u − x), ρ = ν / t and R′ the slope of the demand, the system in the direction of x
    is (D + ρ 1 1ᵀ + r rᵀ / |R′|) dx = g + (r / |R′|) missing, whose inverse has a formula without differences of large
    numbers, also where |R′| = 0.
    """
    n, K = jobs.rate.shape
    ease = np.empty(K)
    for chunk in range(first, last):
        row = out[chunk]
        row[:] = 0.0
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            line = i if jobs.limit.shape[0] > 1 else 0
            d = jobs.workers[i if jobs.workers.size > 1 else 0]
            want, bend, rho = 0.0, 0.0, at.hour[i] / at.spare[i]
            if at.first[i + 1] == at.first[i]:
                want, elastic = demanded(jobs, i, math.log(at.worth[i]))
                bend = elastic / at.worth[i]
            else:
                want = -jobs.onboard[i if jobs.onboard.size > 1 else 0]
                for m in range(at.first[i + 1] - at.first[i]):
                    want += at.piece[0, at.first[i] + m]
                    bend += _aimed(jobs, at, at, 0.0, 0.0, i, m)[1]
            y, late, e0, e2 = 0.0, 1.0 - at.spare[i], 0.0, 0.0
            for k in range(K):
                r = jobs.rate[i, k]
                ease[k] = 0.0
                if r > 0.0:
                    x, u = at.x[i, k], jobs.limit[line, k]
                    y, late = y + r * x, late - x
                    D = at.z[i, k] / x + (at.v[i, k] / (u - x) if u < 1.0 else 0.0)
                    ease[k] = 1.0 / D
                    e0, e2 = e0 + ease[k], e2 + ease[k] * r * r
            pairs = 0.0
            for k in range(K):
                for m in range(k):
                    gap = jobs.rate[i, k] - jobs.rate[i, m]
                    pairs += ease[k] * ease[m] * gap * gap
            det = e2 + bend + rho * (pairs + e0 * bend)
            for k in range(K):
                rk = jobs.rate[i, k]
                b0, b2, without, tilt = 0.0, 0.0, 0.0, 0.0
                for m in range(K):
                    if m == k:
                        continue
                    rm = jobs.rate[i, m]
                    b0 += ease[m]
                    b2 += ease[m] * rm * rm
                    tilt += (rk - rm) * ease[m]
                    for q in range(m):
                        if q != k:
                            without += ease[m] * ease[q] * (rm - jobs.rate[i, q]) ** 2
                    if m < k:
                        cross = 0.0
                        for q in range(K):
                            cross += ease[q] * (jobs.rate[i, q] - rk) * (jobs.rate[i, q] - rm)
                        both = -ease[k] * ease[m] / det * (rho * bend + rk * rm + rho * cross)
                        system.inverse[i, k, m] = system.inverse[i, m, k] = both
                        row[k * K + m] += d * d * both
                        row[m * K + k] += d * d * both
                mine = ease[k] * ((b2 + bend + rho * (without + b0 * bend)) / det)
                system.inverse[i, k, k] = mine
                row[k * K + k] += d * d * mine
                system.lift[i, k] = ease[k] * ((rk + rho * tilt) / det)
            system.rest[i, 0], system.rest[i, 1], system.rest[i, 2] = want - y, late, (1.0 + rho * e0) / det


@jit(error_model="numpy")
def _right(jobs, at, aim, second, step, price, beta, late, i, g):
    """The right-hand side g of job i: pairs aimed at aim · β, less the products of `step` where second is 1."""
    line = i if jobs.limit.shape[0] > 1 else 0
    d = jobs.workers[i if jobs.workers.size > 1 else 0]
    target, t, nu = aim * beta[i], at.spare[i], at.hour[i]
    push = (target - t * nu - second * step.spare[i] * step.hour[i] - nu * late) / t
    for k in range(price.size):
        r = jobs.rate[i, k]
        g[k] = 0.0
        if r > 0.0:
            x, z, u = at.x[i, k], at.z[i, k], jobs.limit[line, k]
            low = target - x * z - second * step.x[i, k] * step.z[i, k]
            g[k] = at.worth[i] * r - d * price[k] - nu + z - push + low / x
            if u < 1.0:
                v = at.v[i, k]
                g[k] -= v + (target - (u - x) * v + second * step.x[i, k] * step.v[i, k]) / (u - x)


@jit(error_model="numpy")
def condense(first, last, jobs, at, system, aim, second, step, price, beta, out):
    """out[chunk] (K): Σ d dx at unchanged prices."""
    n, K = jobs.rate.shape
    g = np.empty(K)
    for chunk in range(first, last):
        row = out[chunk]
        row[:] = 0.0
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            d = jobs.workers[i if jobs.workers.size > 1 else 0]
            _right(jobs, at, aim, second, step, price, beta, system.rest[i, 1], i, g)
            missing = _missing(jobs, at, system, step, aim * beta[i], second, i)
            for k in range(K):
                total = system.lift[i, k] * missing
                for m in range(K):
                    total += system.inverse[i, k, m] * g[m]
                row[k] += d * total


@jit(error_model="numpy")
def move(first, last, jobs, at, system, aim, second, step, price, change, beta, out):
    """The direction for a change of prices (K,), into `step`; out[chunk, 0]: the longest step inside the bounds."""
    n, K = jobs.rate.shape
    g = np.empty(K)
    for chunk in range(first, last):
        longest = 1e300
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            line = i if jobs.limit.shape[0] > 1 else 0
            d = jobs.workers[i if jobs.workers.size > 1 else 0]
            late, own, target = system.rest[i, 1], system.rest[i, 2], aim * beta[i]
            missing = _missing(jobs, at, system, step, target, second, i)
            _right(jobs, at, aim, second, step, price, beta, late, i, g)
            of_time = target - at.spare[i] * at.hour[i] - second * step.spare[i] * step.hour[i]
            total, worth = 0.0, own * missing
            for k in range(K):
                g[k] -= d * change[k]
            for k in range(K):
                if jobs.rate[i, k] <= 0.0:
                    continue
                dx = system.lift[i, k] * missing
                worth -= system.lift[i, k] * g[k]
                for m in range(K):
                    dx += system.inverse[i, k, m] * g[m]
                x, z = at.x[i, k], at.z[i, k]
                dz = (target - x * z - second * step.x[i, k] * step.z[i, k] - z * dx) / x
                u = jobs.limit[line, k]
                if u < 1.0:
                    v, room = at.v[i, k], u - x
                    dv = (target - room * v + second * step.x[i, k] * step.v[i, k] + v * dx) / room
                    step.v[i, k] = dv
                    if dv < 0.0:
                        longest = min(longest, -v / dv)
                    if dx > 0.0:
                        longest = min(longest, room / dx)
                step.x[i, k], step.z[i, k] = dx, dz
                if dx < 0.0:
                    longest = min(longest, -x / dx)
                if dz < 0.0:
                    longest = min(longest, -z / dz)
                total += dx
            dt = late - total
            dn = (of_time - at.hour[i] * dt) / at.spare[i]
            step.spare[i], step.hour[i], step.worth[i] = dt, dn, worth
            for m in range(at.first[i + 1] - at.first[i]):
                gain, ease, low, high = _aimed(jobs, at, step, target, second, i, m)
                j = at.first[i] + m
                y, left = at.piece[0, j], _piece(jobs, i, m)[1] - at.piece[0, j]
                dy = gain - ease * worth
                da, db = (low - at.piece[1, j] * dy) / y, (high + at.piece[2, j] * dy) / left
                step.piece[0, j], step.piece[1, j], step.piece[2, j] = dy, da, db
                longest = min(longest, -y / dy if dy < 0.0 else (left / dy if dy > 0.0 else 1e300))
                if da < 0.0:
                    longest = min(longest, -at.piece[1, j] / da)
                if db < 0.0:
                    longest = min(longest, -at.piece[2, j] / db)
            if dt < 0.0:
                longest = min(longest, -at.spare[i] / dt)
            if dn < 0.0:
                longest = min(longest, -at.hour[i] / dn)
        out[chunk, 0] = longest


@jit(error_model="numpy")
def gauge(first, last, jobs, at, step, length, beta, out):
    """out[chunk]: Σ pairs / β after a step of that length, their number, and the use Σ d x_k of each kind (K)."""
    n, K = jobs.rate.shape
    for chunk in range(first, last):
        row = out[chunk]
        row[:] = 0.0
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            line = i if jobs.limit.shape[0] > 1 else 0
            d = jobs.workers[i if jobs.workers.size > 1 else 0]
            total = (at.spare[i] + length * step.spare[i]) * (at.hour[i] + length * step.hour[i])
            count = 1.0
            for k in range(K):
                if jobs.rate[i, k] > 0.0:
                    x = at.x[i, k] + length * step.x[i, k]
                    total += x * (at.z[i, k] + length * step.z[i, k])
                    count += 1.0
                    row[2 + k] += d * x
                    u = jobs.limit[line, k]
                    if u < 1.0:
                        total += (u - x) * (at.v[i, k] + length * step.v[i, k])
                        count += 1.0
            for m in range(at.first[i + 1] - at.first[i]):
                j = at.first[i] + m
                y = at.piece[0, j] + length * step.piece[0, j]
                total += y * (at.piece[1, j] + length * step.piece[1, j])
                total += (_piece(jobs, i, m)[1] - y) * (at.piece[2, j] + length * step.piece[2, j])
                count += 2.0
            row[0] += total / beta[i]
            row[1] += count


@jit(error_model="numpy")
def advance(first, last, jobs, at, step, length):
    """Take the step; θ, which is only a scale, may fall to a twentieth of itself."""
    n, K = jobs.rate.shape
    for i in range(first * CHUNK, min(n, last * CHUNK)):
        at.spare[i] += length * step.spare[i]
        at.hour[i] += length * step.hour[i]
        at.worth[i] = max(at.worth[i] + length * step.worth[i], 0.05 * at.worth[i])
        for j in range(at.first[i], at.first[i + 1]):
            for q in range(3):
                at.piece[q, j] += length * step.piece[q, j]
        for k in range(K):
            if jobs.rate[i, k] > 0.0:
                at.x[i, k] += length * step.x[i, k]
                at.z[i, k] += length * step.z[i, k]
                if jobs.limit[i if jobs.limit.shape[0] > 1 else 0, k] < 1.0:
                    at.v[i, k] += length * step.v[i, k]
