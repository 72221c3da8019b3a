"""Sorting inside kernels: deterministic, and quick to compile (NumPy's sort costs a second of compilation a use)."""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

import numpy as np

from evenhand.kernels.gufunc import part

__all__ = ["ascending"]


@part()
def ascending(key):
    """Indices that sort ``key`` upwards: Shell's sort, O(m^(4/3)) with gaps that shrink by 2.25."""
    m = key.shape[0]
    order = np.empty(m, np.intp)
    for i in range(m):
        order[i] = i
    gap = 1
    while gap < m // 3:
        gap = int(gap * 2.25) + 1
    while gap > 0:
        for i in range(gap, m):
            moving = order[i]
            j = i
            while j >= gap and key[order[j - gap]] > key[moving]:
                order[j] = order[j - gap]
                j -= gap
            order[j] = moving
        gap = 0 if gap == 1 else max(1, int(gap / 2.25))
    return order
