"""What is remembered of burdens: one more burden added, and prices of the remembered burden carried back in time."""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

from evenhand.kernels.gufunc import gufunc

__all__ = ["carried", "fade", "slide"]


@gufunc("vvsv", "(k),(m),()->(k)")
def fade(held, burden, keep, out):
    """One more burden in a fading mean: held (weight, mean) (..., m + 1), burden (..., m), keep in [0, 1].

    weight' = keep weight + 1, mean' = mean + (burden - mean) / weight'. An infinite weight moves nothing.
    """
    weight = keep * held[0] + 1.0
    out[0] = weight
    gain = 1.0 / weight
    for j in range(burden.shape[0]):
        out[j + 1] = held[j + 1] + gain * (burden[j] - held[j + 1])


@gufunc("mvm", "(k,m),(m)->(k,m)")
def slide(held, burden, out):
    """One more burden in a window of k - 2: held rows are the count, the mean, then the last burdens, oldest first.

    (..., k, m), (..., m). The mean is summed afresh, oldest first, so that nothing drifts.
    """
    size = held.shape[0]
    for j in range(burden.shape[0]):
        count = min(held[0, j] + 1.0, size - 2.0)
        total = 0.0
        for r in range(2, size - 1):
            out[r, j] = held[r + 1, j]
            total += held[r + 1, j]
        out[size - 1, j] = burden[j]
        out[0, j] = count
        out[1, j] = (total + burden[j]) / count


@gufunc("mvm", "(t,m),(t)->(t,m)")
def carried(kappa, carry, out):
    """``lambda_t = kappa_t + carry_{t+1} lambda_{t+1}``, lambda_T = kappa_T: (..., T, m), (..., T) -> (..., T, m)."""
    rounds = kappa.shape[0]
    for j in range(kappa.shape[1]):
        out[rounds - 1, j] = kappa[rounds - 1, j]
    for t in range(rounds - 2, -1, -1):
        for j in range(kappa.shape[1]):
            out[t, j] = kappa[t, j] + carry[t + 1] * out[t + 1, j]
