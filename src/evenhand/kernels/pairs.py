"""Pairs of a slack s and its multiplier z, as an interior point method keeps them: flat, z = 0 where no bound is."""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false
from __future__ import annotations

from evenhand.kernels.gufunc import part

__all__ = ["ahead", "longest", "product", "target"]


@part()
def longest(s, ds, most):
    """How far s + alpha ds >= 0 allows, at most ``most``."""
    for i in range(s.shape[0]):
        if ds[i] < 0.0 and -most * ds[i] > s[i]:
            most = -s[i] / ds[i]
    return most


@part()
def product(s, z):
    """sum s z and the number of pairs; pairs without a bound have z = 0."""
    value = 0.0
    count = 0
    for i in range(s.shape[0]):
        if z[i] > 0.0:
            value += s[i] * z[i]
            count += 1
    return value, count


@part()
def ahead(s, z, ds, dz, alpha):
    """sum s z after a step of alpha."""
    value = 0.0
    for i in range(s.shape[0]):
        if z[i] > 0.0:
            value += (s[i] + alpha * ds[i]) * (z[i] + alpha * dz[i])
    return value


@part()
def target(s, z, ds, dz, center, t):
    """t = center - ds dz in place of the plain 0; center 0 where there is no pair."""
    for i in range(s.shape[0]):
        t[i] = center - ds[i] * dz[i] if z[i] > 0.0 else 0.0
