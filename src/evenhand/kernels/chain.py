"""The chain: the rounds of a horizon, each a water-filling, coupled by the switching cost.

    minimise    sum_s sum_i  q_si x_si^2 / 2 + c_si x_si  +  (beta / 2) sum_s ||x_s - x_{s-1}||^2
    subject to  l_s <= x_s <= u_s,   sum_i x_si = w_s   (or <= w_s),   s = 1..h,   x_0 given

Alternating directions (over-relaxed ADMM): the quadratic without constraints is one tridiagonal solve per action, the
constraints without the chain are one exact water-filling per round. Each sweep is O(h n); every iterate z satisfies
the constraints. With penalty rho near the geometric mean of the extreme curvatures about ten sweeps give three
digits, fewer from the last round's plan. Source: spec/online.md (1), with the fairness cost as a tilt c + A'kappa.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import numpy as np

from evenhand.kernels.gufunc import gufunc, part
from evenhand.kernels.waterfill import _solve

__all__ = ["RELAX", "chain", "response"]

STEPS = 12  # of Newton on a price; four settle nearly all
ROUNDING = 1e-15  # of a sum of n numbers, relative to the largest
RELAX = 1.6  # over-relaxation; anything in [1, 2) converges, 1.5 to 1.8 fastest


@part()
def _eliminate(curvature, extra, beta, right, ratio, out):
    """Solve ``(diag(q + extra) + beta D'D) x = right`` for one action; D differences, x_0 fixed (Thomas)."""
    h = right.shape[0]
    for s in range(h):
        diagonal = curvature[s] + extra + (2.0 * beta if s + 1 < h else beta)
        value = right[s]
        if s > 0:
            diagonal += beta * ratio[s - 1]
            value += beta * out[s - 1]
        ratio[s] = -beta / diagonal
        out[s] = value / diagonal
    for s in range(h - 2, -1, -1):
        out[s] -= ratio[s] * out[s + 1]


@part()
def _clip(v, nu, lower, upper, out):
    """out = the v + nu kept in [lower, upper]; gives its sum and how many lie strictly between."""
    total = 0.0
    free = 0
    for i in range(v.shape[0]):
        value = v[i] + nu
        if value <= lower[i]:
            value = lower[i]
        elif value >= upper[i]:
            value = upper[i]
        else:
            free += 1
        out[i] = value
        total += value
    return total, free


@part()
def _nearest(v, lower, upper, total, equal, nu, out):
    """out = the nearest to v with lower <= out <= upper and sum = total (or <=); Newton on the price from ``nu``.

    Gives the price, nan where a few steps did not settle it: a kink between pieces, left to the exact search.
    """
    if equal == 0.0:
        amount, _ = _clip(v, 0.0, lower, upper, out)
        if amount <= total:
            return 0.0
    size = abs(total)
    for i in range(v.shape[0]):
        size = max(size, abs(v[i]))
    for _ in range(STEPS):
        amount, free = _clip(v, nu, lower, upper, out)
        if abs(amount - total) <= ROUNDING * v.shape[0] * (size + abs(nu)):
            return nu
        if free == 0:
            break
        nu += (total - amount) / free
    return np.nan


@gufunc("mmmmvssvssmmmm", "(h,n),(h,n),(h,n),(h,n),(h),(),(),(n),(),(),(h,n),(h,n)->(h,n),(h,n)")
def chain(curvature, linear, lower, upper, total, equal, beta, start, rho, sweeps, guess, force, z, out):
    """``sweeps`` sweeps on the chain from (guess, force), both (..., h, n): actions z that satisfy the sets, new force.

    (..., h, n) curvature >= 0, linear, lower, upper; (..., h) total; equal 1 or 0; start x_0 (..., n); rho > 0.
    ``force`` is the scaled multiplier of the constraints; zeros to begin with. For a box, equal = 0 and total = inf.
    """
    h, n = curvature.shape
    x = np.empty((h, n))
    inverse = np.empty((h, n))  # of the eliminated diagonal, the same in every sweep
    price = np.zeros(h)
    bend = np.full(n, rho)
    slope = np.empty(n)
    for s in range(h):
        edge = 2.0 * beta if s + 1 < h else beta
        for i in range(n):
            z[s, i] = guess[s, i]
            out[s, i] = force[s, i]
            diagonal = curvature[s, i] + rho + edge
            if s > 0:
                diagonal -= beta * beta * inverse[s - 1, i]
            inverse[s, i] = 1.0 / diagonal
    for _ in range(int(sweeps)):
        for s in range(h):
            for i in range(n):
                value = rho * (z[s, i] - out[s, i]) - linear[s, i] + beta * (x[s - 1, i] if s > 0 else start[i])
                x[s, i] = value * inverse[s, i]
        for s in range(h - 2, -1, -1):
            for i in range(n):
                x[s, i] += beta * inverse[s, i] * x[s + 1, i]
        for s in range(h):
            for i in range(n):
                out[s, i] += RELAX * x[s, i] + (1.0 - RELAX) * z[s, i]
            price[s] = _nearest(out[s], lower[s], upper[s], total[s], equal, price[s], z[s])
            if np.isnan(price[s]):
                for i in range(n):
                    slope[i] = -rho * out[s, i]
                _solve(bend, slope, lower[s], upper[s], total[s], equal, z[s])
                price[s] = 0.0
            for i in range(n):
                out[s, i] -= z[s, i]


@gufunc("msmm", "(h,n),(),(h,n)->(h,n)")
def response(curvature, beta, push, out):
    """How a free chain answers a linear push: ``(diag q + beta D'D)^-1 push``, action by action.

    (..., h, n) curvature and push, () beta -> (..., h, n). Constraints only stiffen the chain, so
    ``A response(A')`` lies above the Hessian of the dual function in kappa: a step in that metric never overshoots.
    """
    h, n = push.shape
    right = np.empty(h)
    ratio = np.empty(h)
    moved = np.empty(h)
    for i in range(n):
        for s in range(h):
            right[s] = push[s, i]
        _eliminate(curvature[:, i], 0.0, beta, right, ratio, moved)
        for s in range(h):
            out[s, i] = moved[s]
