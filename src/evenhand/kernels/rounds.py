"""Many rounds of a policy in one call: the action, the burden it puts on everyone, and the price that answers.

Each round is step (3) over separable quadratics, a diagonal impact and a budget or a box, from the action before:

    x_t = argmin  f_t(x) + kappa_t . A_t x + lambda1 s(x, x_{t-1}) + (pull_t / 2) |x - v_t|^2,   v_t = argmin f_t

then (4) and (5) for g = mu ||w o .||_p and h = ||.||^2 / 2, all by the kernels of a single round and in the order of
`policies/`: the same bits. Source: spec/online.md §2, §8, §10.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from evenhand.kernels.dual import _ball, _budget
from evenhand.kernels.gufunc import gufunc, part
from evenhand.kernels.kinked import _pieces, _whole
from evenhand.kernels.settle import safe
from evenhand.kernels.waterfill import _solve

__all__ = ["How", "rounds"]

_INF = math.inf


class How(NamedTuple):
    """What holds for all rounds. kind: 1 all of the total, 0 at most the total, -1 a box; kinked: prices or limits of
    moves; scale: lambda1; pulled: lambda2 counts; priced: there is a kappa; ball: it stays in dom g*; auto: its rate is
    automatic; memory, keep: whether fairness has one, and its retention; mu, p, q: g and its dual exponent.
    """

    kind: float
    kinked: bool
    scale: float
    pulled: bool
    priced: bool
    ball: bool
    auto: bool
    memory: bool
    keep: float
    mu: float
    p: float
    q: float


#: the places of `How` in an array
_KIND, _KINKED, _SCALE, _PULLED, _PRICED, _BALL, _AUTO, _MEMORY, _KEEP, _MU, _P, _Q = range(12)


@part(inline="always")
def _clip(q, c, low, high, x):
    """Each action on its own, as `quadratic_box`."""
    for i in range(x.shape[0]):
        free = -_INF if c[i] > 0.0 else (_INF if c[i] < 0.0 else 0.0)
        if q[i] > 0.0:
            free = -c[i] / safe(q[i])
        x[i] = min(max(free, low[i]), high[i])


@part(inline="always")
def _answer(kappa, burden, start, shares, low, high, rate, energy, how, z, moved, scratch):
    """Steps (4) and (5): kappa becomes the next price; gives the sum of |d_s|^2 that an automatic rate knows."""
    m = kappa.shape[0]
    keep = how[_KEEP] if how[_MEMORY] > 0.0 else 1.0
    for i in range(m):
        z[i] = 0.0
    if how[_BALL] == 0.0:
        _budget(kappa, shares, low, high, how[_MU], how[_P], z)
    size = 0.0
    for i in range(m):
        z[i] -= burden[i]
        size += z[i] * z[i]
    if how[_AUTO] > 0.0:
        energy = keep * energy + size
        speed = math.sqrt(energy)
        rate = rate / safe(speed) if speed > 0.0 else 0.0
    for i in range(m):
        at = start[i] + keep * (kappa[i] - start[i]) if how[_MEMORY] > 0.0 else kappa[i]
        moved[i] = at - rate * z[i]
    if how[_BALL] > 0.0:
        _ball(moved, shares, how[_MU], how[_Q], scratch, kappa)
    else:
        for i in range(m):
            kappa[i] = moved[i]
    return energy


@gufunc(
    "mmmmvmvmvvvvvvssvmmmvv",
    "(t,n),(t,n),(t,n),(t,n),(t),(t,n),(t),(p,k),(n),(n),(n),(n),(n),(n),(),(),(h)->(t,n),(t,n),(t,n),(n),()",
)
def rounds(
    curvature, linear, lower, upper, total, weight, pull, terms, previous, kappa, start, shares, low, high,
    rate, energy, how, actions, burdens, prices, after, spent,
):  # fmt: skip
    """x_t, A_t x_t and kappa_t of t rounds (t, n), the price after them (n), the sum that an automatic rate knows ().

    curvature, linear, lower, upper, total: the rounds; weight: the impact's diagonal; pull (t): lambda2; terms: rows
    rho, up, down, rise, fall of the switching cost, (5, 1) or (5, n); previous: x before them; kappa: the price in
    force; start: kappa_1; shares: w; low, high: the box of (4); rate: eta, or D of an automatic one; energy: the sum of
    |d_s|^2 so far; how: a `How`. NaN actions where a round has no answer, whatever follows.
    """
    horizon, n = actions.shape
    q, c, low_, high_, out = np.empty(2 * n), np.empty(2 * n), np.empty(2 * n), np.empty(2 * n), np.empty(2 * n)
    owner = np.empty(n, np.intp)
    bend, slope, floor, ceiling = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    x, last, anchor, stiff, burden = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    price, moved, z, scratch = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    each = terms.shape[1] > 1
    for i in range(n):  # to assign a slice would compile how to say that shapes do not fit
        last[i] = previous[i]
        price[i] = kappa[i]
    spent[0] = energy
    kind, scale, pulled = how[_KIND], how[_SCALE], how[_PULLED] > 0.0
    for t in range(horizon):
        there = True
        for i in range(n):
            bend[i] = curvature[t, i]
            slope[i] = linear[t, i]
            floor[i] = lower[t, i]
            ceiling[i] = upper[t, i]
        for turn in range(2 if pulled else 1):  # v_t first, where it counts; then x_t, by the same code
            size = n
            most = total[t] if kind >= 0.0 else _INF
            if pulled and turn == 0:
                for i in range(n):
                    q[i], c[i], low_[i], high_[i] = bend[i], slope[i], floor[i], ceiling[i]
            else:
                both = scale + pull[t] if pulled else scale
                for i in range(n):
                    stiff[i] = both * terms[0, i if each else 0]
                    anchor[i] = (scale * last[i] + pull[t] * x[i]) / safe(both) if pulled else last[i]
                    if how[_PRICED] > 0.0:
                        slope[i] += weight[t, i] * price[i]
                if how[_KINKED] > 0.0:
                    size = _pieces(
                        bend, slope, floor, ceiling, most, max(kind, 0.0), stiff, anchor, last, scale, terms,
                        q, c, low_, high_, owner,
                    )  # fmt: skip
                else:
                    for i in range(n):
                        q[i], c[i] = bend[i] + stiff[i], slope[i] - stiff[i] * anchor[i]
                        low_[i], high_[i] = floor[i], ceiling[i]
            if size < 0:
                there = False
            elif kind < 0.0 and size == n and not how[_KINKED] > 0.0:
                _clip(q, c, low_, high_, out[:n])
            else:
                found = _solve(q[:size], c[:size], low_[:size], high_[:size], most, max(kind, 0.0), out[:size])
                there = there and found == found
            _whole(out, owner, max(size, n), x)
        for i in range(n):
            burden[i] = weight[t, i] * x[i]
            actions[t, i] = x[i]
            burdens[t, i] = burden[i]
            prices[t, i] = price[i]
            there = there and abs(burden[i]) < _INF
        if not there:
            for i in range(n):
                actions[t, i] = math.nan
            return
        if how[_PRICED] > 0.0:
            spent[0] = _answer(price, burden, start, shares, low, high, rate, spent[0], how, z, moved, scratch)
        for i in range(n):
            last[i] = x[i]
    for i in range(n):
        after[i] = price[i]
