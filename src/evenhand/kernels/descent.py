"""Rounds of online balanced descent in one call: water-filling from the last action, then a Euclidean dual step."""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math

import numpy as np

from evenhand.kernels.dual import _ball
from evenhand.kernels.gufunc import gufunc
from evenhand.kernels.waterfill import _solve

__all__ = ["descend"]


@gufunc(
    "mmmmmvsvvvvvvsssmvvv",
    "(t,n),(t,n),(t,n),(t,n),(t,n),(t),(),(r),(n),(n),(n),(n),(k),(),(),()->(t,n),(n),(),()",
)
def descend(
    curvature, linear, impact, lower, upper, total, equal, rho, first, kappa, weight, centre, dual, eta, reach, energy,
    actions, price, spent, bounded,
):  # fmt: skip
    """Steps (3) and (5) for t rounds in the `ball` domain, the bits of `pulled` and `project_ball` round by round.

    (..., t, n) curvature, linear, impact, lower, upper; (..., t) total; (...) equal. rho (1,) or (n,), the weight of a
    move, and first (..., n), x_0. kappa (..., n), the price at the start, on the ball of weight (n,), mu and q; dual is
    (mu, q, retention), retention NaN without a memory, else prices fade towards centre (n,). eta (...) is the rate, or
    NaN for reach / sqrt(energy), energy (...) the sum of |d|^2 so far. Gives the actions, the price and the energy
    after them, and whether every round is bounded below (1 or 0). Source: spec/online.md §2, §10.
    """
    rounds, n = actions.shape
    mu, q, retention = dual[0], dual[1], dual[2]
    stiff = np.empty(n)
    for i in range(n):
        stiff[i] = rho[i] if rho.shape[0] > 1 else rho[0]
    last, bent, tilted, scratch, moved = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        last[i] = first[i]
        price[i] = kappa[i]
    spent[0] = energy
    bounded[0] = 1.0
    for t in range(rounds):
        for i in range(n):
            bent[i] = curvature[t, i] + stiff[i]
            tilted[i] = linear[t, i] + impact[t, i] * price[i] - stiff[i] * last[i]
        marginal = _solve(bent, tilted, lower[t], upper[t], total[t], equal, last)
        if marginal != marginal:
            bounded[0] = 0.0
            return
        size = 0.0
        for i in range(n):
            actions[t, i] = last[i]
            moved[i] = 0.0 - impact[t, i] * last[i]
            size += moved[i] * moved[i]
        step = eta
        if eta != eta:
            spent[0] = spent[0] + size if math.isnan(retention) else retention * spent[0] + size
            step = reach / math.sqrt(spent[0]) if spent[0] > 0.0 else 0.0
        for i in range(n):
            before = price[i]
            if retention == retention:
                before = centre[i] + retention * (before - centre[i])
            moved[i] = before - step * moved[i]
        _ball(moved, weight, mu, q, scratch, price)
