"""Sums along one axis, always in the same order.

NumPy chooses the order of a sum by memory layout, so a batch of windows and one window may round differently. These
gufuncs do not, which is what makes a run bit-identical whether it is played alone, batched or resumed.
"""

# Numba infers the types of compiled functions; annotations would only repeat the docstrings.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUntypedFunctionDecorator=false, reportPrivateUsage=false
from __future__ import annotations

from evenhand.kernels.gufunc import gufunc

__all__ = [
    "apply",
    "apply_transposed",
    "hinge_value",
    "inner",
    "mean_rows",
    "move_value",
    "quadratic_value",
    "squared_distance",
    "total",
    "total_rows",
]


@gufunc("mvv", "(m,n),(n)->(m)")
def apply(matrix, x, out):
    """``A x``: (..., m, n), (..., n) -> (..., m)."""
    for j in range(matrix.shape[0]):
        acc = 0.0
        for i in range(x.shape[0]):
            acc += matrix[j, i] * x[i]
        out[j] = acc


@gufunc("mvv", "(m,n),(m)->(n)")
def apply_transposed(matrix, kappa, out):
    """``A' kappa``: (..., m, n), (..., m) -> (..., n)."""
    for i in range(matrix.shape[1]):
        out[i] = 0.0
    for j in range(matrix.shape[0]):
        for i in range(matrix.shape[1]):
            out[i] += matrix[j, i] * kappa[j]


@gufunc("mv", "(t,m)->(m)")
def mean_rows(rows, out):
    """Mean over rounds: (..., T, m) -> (..., m)."""
    for j in range(rows.shape[1]):
        out[j] = 0.0
    for t in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            out[j] += rows[t, j]
    for j in range(rows.shape[1]):
        out[j] /= rows.shape[0]


@gufunc("mv", "(t,m)->(m)")
def total_rows(rows, out):
    """Sum over rounds: (..., T, m) -> (..., m)."""
    for j in range(rows.shape[1]):
        out[j] = 0.0
    for t in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            out[j] += rows[t, j]


@gufunc("vv", "(n)->()")
def total(x, out):
    """``sum x``: (..., n) -> (...)."""
    acc = 0.0
    for i in range(x.shape[0]):
        acc += x[i]
    out[0] = acc


@gufunc("vvvv", "(n),(n),(n)->()")
def quadratic_value(curvature, linear, x, out):
    """``sum q_i x_i^2 / 2 + c_i x_i``: three (..., n) -> (...)."""
    acc = 0.0
    for i in range(x.shape[0]):
        acc += (0.5 * curvature[i] * x[i] + linear[i]) * x[i]
    out[0] = acc


@gufunc("vvvv", "(n),(n),(n)->()")
def hinge_value(price, weight, missing, out):
    """``sum price_i u_i + weight_i u_i^2 / 2`` with ``u_i = max(missing_i, 0)``: three (..., n) -> (...)."""
    acc = 0.0
    for i in range(missing.shape[0]):
        if missing[i] > 0.0:
            acc += (price[i] + 0.5 * weight[i] * missing[i]) * missing[i]
    out[0] = acc


@gufunc("mvv", "(q,k),(n)->()")
def move_value(terms, step, out):
    """``sum rho_i d_i^2 / 2 + up_i max(d_i, 0) + down_i max(-d_i, 0)``: rows of terms (q, 1) or (q, n); d (..., n)."""
    acc = 0.0
    each = terms.shape[1] > 1
    for i in range(step.shape[0]):
        j = i if each else 0
        d = step[i]
        acc += 0.5 * terms[0, j] * d * d + (terms[1, j] * d if d > 0.0 else -terms[2, j] * d)
    out[0] = acc


@gufunc("vvv", "(n),(n)->()")
def inner(x, y, out):
    """``sum x_i y_i``: two (..., n) -> (...)."""
    acc = 0.0
    for i in range(x.shape[0]):
        acc += x[i] * y[i]
    out[0] = acc


@gufunc("vvv", "(n),(n)->()")
def squared_distance(x, y, out):
    """``sum (x_i - y_i)^2``: two (..., n) -> (...)."""
    acc = 0.0
    for i in range(x.shape[0]):
        acc += (x[i] - y[i]) * (x[i] - y[i])
    out[0] = acc
