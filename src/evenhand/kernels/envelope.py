"""Upper concave non-decreasing envelope of points, row by row, in compiled code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenhand.kernels.gufunc import jit

__all__ = ["envelope"]

_Floats = NDArray[np.float64]


@jit()
def _hull(at: _Floats, level: _Floats, order: NDArray[np.int64], x: _Floats, y: _Floats, count: _Floats) -> None:
    for i in range(at.shape[0]):
        m = 0
        for k in range(at.shape[1]):
            j = order[i, k]
            a, v = at[i, j], level[i, j]
            if np.isnan(a):
                continue
            if m > 0 and a == x[i, m - 1]:
                if v <= y[i, m - 1]:
                    continue
                m -= 1
            while m >= 2 and (y[i, m - 1] - y[i, m - 2]) * (a - x[i, m - 1]) <= (v - y[i, m - 1]) * (
                x[i, m - 1] - x[i, m - 2]
            ):
                m -= 1
            x[i, m], y[i, m] = a, v
            m += 1
        while m >= 2 and y[i, m - 1] <= y[i, m - 2]:
            m -= 1
        count[i] = m
        for k in range(m, at.shape[1]):
            x[i, k], y[i, k] = x[i, m - 1], y[i, m - 1]


def envelope(at: _Floats, level: _Floats) -> tuple[_Floats, _Floats, _Floats]:
    """The least concave non-decreasing function above each row's points (monotone chain, O(m log m) a row).

    at, level: (n, m), NaN pads. Returns knots (n, m) and values (n, m), padded with the last one, and
    counts (n,).
    """
    order = np.argsort(at, axis=1, kind="stable")
    x, y, count = np.empty_like(at), np.empty_like(at), np.empty(at.shape[0])
    _hull(at, level, order, x, y, count)
    return x, y, count
