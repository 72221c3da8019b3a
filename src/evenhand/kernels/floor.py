"""A proved minimum of one round: what separates in the dual bound (11) once the switching cost is dropped.

    floor = min over l <= x <= u, sum x = w (or <= w) of  sum_i q_i x_i^2 / 2 + c_i x_i

The water-filling price nu is the multiplier of the budget. Whatever nu is (nu <= 0 for ``<=``), weak duality gives

    floor >= nu w + sum_i min over l_i <= x_i <= u_i of  q_i x_i^2 / 2 + (c_i - nu) x_i,

each term in closed form, with equality at the exact price: the value needs no trust in the search that found nu.
Source: spec/online.md (11), §8.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math

from evenhand.kernels.gufunc import gufunc
from evenhand.kernels.waterfill import _solve, owned

__all__ = ["floor"]


@gufunc("vvvvssvv", "(n),(n),(n),(n),(),()->(n),()")
def floor(curvature, linear, lower, upper, total, equal, x, value):
    """(..., n) curvature >= 0, linear, lower, upper; (...) total, equal (1 or 0) -> minimiser (..., n), floor (...).

    The floor is a lower bound on the minimum by weak duality, tight to rounding at the water-filling price.
    """
    q, c = owned(curvature, linear)
    nu = _solve(q, c, lower, upper, total, equal, x)
    n = x.shape[0]
    for i in range(n):  # an agent without curvature and without bound caps the price, or its term is -inf by rounding
        if curvature[i] == 0.0:
            if upper[i] == math.inf:
                nu = min(nu, linear[i])
            if lower[i] == -math.inf:
                nu = max(nu, linear[i])
    if equal == 0.0:
        nu = min(nu, 0.0)
    acc = nu * total if nu != 0.0 else 0.0
    for i in range(n):
        slope = linear[i] - nu
        if slope == 0.0 and curvature[i] == 0.0:
            continue
        at = lower[i] if slope > 0.0 else upper[i]
        if curvature[i] > 0.0:
            # a divisor that is never 0: compilers may divide before they test, and NumPy would report it
            at = min(max(-slope / (curvature[i] if curvature[i] > 0.0 else 1.0), lower[i]), upper[i])
            acc += (0.5 * curvature[i] * at + slope) * at
        elif at != 0.0:
            acc += slope * at
    value[0] = acc if acc == acc else -math.inf  # inf - inf at an unbounded agent: nothing is proved
