"""A step on the price of a planned burden, over the dual ball of a norm.

    maximise  k . slack - (k - kappa)' give (k - kappa) / 2   over  ||k / w||_q <= mu,  k >= 0 where cut = 1

by accelerated projected gradient steps from kappa, each of length 1 / max_j sum_i |give_ji|. A horizon's answer to a
price, ``give``, is above the Hessian of the dual function, so no step overshoots. Source: spec/online.md (2), (5).
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math

import numpy as np

from evenhand.kernels.dual import _ball
from evenhand.kernels.gufunc import gufunc

__all__ = ["ascend"]


@gufunc("vvmvssssv", "(m),(m),(m,m),(m),(),(),(),()->(m)")
def ascend(kappa, slack, give, weight, mu, q, cut, steps, out):
    """The k of the problem above after ``steps`` steps: kappa, slack (..., m), give (..., m, m), weight (m,)."""
    m = kappa.shape[0]
    look, trial, new, inverse = np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    rate = 0.0
    for j in range(m):
        row = 0.0
        for i in range(m):
            row += abs(give[j, i])
        rate = max(rate, row)
    rate = 1.0 / rate if rate > 0.0 else 0.0
    for i in range(m):
        out[i] = kappa[i]
        look[i] = kappa[i]
    pace = 1.0
    for _ in range(int(steps)):
        for j in range(m):
            answer = 0.0
            for i in range(m):
                answer += give[j, i] * (look[i] - kappa[i])
            trial[j] = look[j] + rate * (slack[j] - answer)
            if cut == 1.0:
                trial[j] = max(trial[j], 0.0)
        _ball(trial, weight, mu, q, inverse, new)
        coming = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * pace * pace))
        for i in range(m):
            look[i] = new[i] + ((pace - 1.0) / coming) * (new[i] - out[i])
            out[i] = new[i]
        pace = coming
