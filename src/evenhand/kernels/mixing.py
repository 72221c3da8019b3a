"""Shares of the experts of a mixture. Source: spec/online.md §12."""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import math

from evenhand.kernels.gufunc import gufunc

__all__ = ["shares"]


@gufunc("vvsv", "(k),(k),()->(k)")
def shares(prior, losses, scale, out):
    """argmin over the simplex of ``losses . w + scale KL(w | prior)``: w_i ~ prior_i exp(-losses_i / scale).

    prior > 0, losses (..., k), scale () >= 0; scale 0: the prior among the least losses.
    """
    least = math.inf
    for i in range(losses.shape[0]):
        least = min(least, losses[i])
    total = 0.0
    for i in range(losses.shape[0]):
        behind = losses[i] - least
        if behind == 0.0:
            out[i] = prior[i]
        else:
            out[i] = prior[i] * math.exp(-behind / scale) if scale > 0.0 else 0.0
        total += out[i]
    for i in range(losses.shape[0]):
        out[i] /= total
