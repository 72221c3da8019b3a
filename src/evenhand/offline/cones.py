"""The pairs of a few conic rows, (B, h): half-lines and second-order cones, in Nesterov and Todd's scaling.

``head`` says what each row is: 0 a half-line, d > 0 the first of d rows of a second-order cone s_0 >= |s_1|, -1 one of
the others. Source: Nesterov, Todd, Self-scaled barriers and interior-point methods, Math. Oper. Res. 22 (1997);
formulas as in Vandenberghe, The CVXOPT linear and quadratic cone program solvers (2010).
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array
from evenhand.kernels import reduce

__all__ = ["begun", "count", "reach", "settled", "squared"]


@functools.lru_cache(maxsize=64)
def _parts(head: tuple[int, ...]) -> tuple[slice, ...]:
    """The rows of each second-order cone."""
    return tuple(slice(r, r + d) for r, d in enumerate(head) if d > 0)


@functools.lru_cache(maxsize=64)
def _lines(head: tuple[int, ...]) -> slice | NDArray[np.intp]:
    """The rows that are half-lines."""
    rows = [r for r, d in enumerate(head) if d == 0]
    return slice(len(head)) if len(rows) == len(head) else np.array(rows, dtype=np.intp)


def count(head: tuple[int, ...]) -> int:
    """Pairs: one for each half-line and each cone."""
    return sum(d >= 0 for d in head)


def begun(head: tuple[int, ...], free: Array, weight: float) -> tuple[Array, Array]:
    """A start inside the cones, of the size of ``free`` (B, h): s, and z = weight / s."""
    s = np.maximum(free, 1.0)
    z = weight / s
    for at in _parts(head):
        size = np.maximum(np.abs(free[:, at]).max(axis=-1), 1.0)
        s[:, at] = z[:, at] = 0.0
        s[:, at.start] = size
        z[:, at.start] = weight / size
    return s, z


def _bent(a: Array) -> Array:
    """sqrt(a_0^2 - |a_1|^2): (..., d) -> (...)."""
    size = np.sqrt(reduce.inner(a[..., 1:], a[..., 1:]))
    return np.sqrt(np.maximum((a[..., 0] - size) * (a[..., 0] + size), 1e-300))


def _scaling(s: Array, z: Array) -> tuple[Array, Array]:
    """The point w (B, d) and the width eta (B,) of one cone's scaling W = eta [w_0, w_1'; w_1, I + w_1 w_1'/(1 + w_0)],
    W z = W^-1 s.
    """
    of_s, of_z = _bent(s), _bent(z)
    s, z = s / of_s[:, None], z / of_z[:, None]
    twice = 2.0 * np.sqrt(0.5 * (1.0 + reduce.inner(s, z)))
    point = s - z
    point[:, 0] = s[:, 0] + z[:, 0]
    return point / twice[:, None], np.sqrt(of_s / of_z)


def _scaled(point: Array, width: Array, sign: float, a: Array) -> Array:
    """W a, or W^-1 a with sign -1."""
    rest = reduce.inner(point[:, 1:], a[:, 1:])
    factor = a[:, 0] + sign * rest / (1.0 + point[:, 0])
    out = a + sign * factor[:, None] * point
    out[:, 0] = point[:, 0] * a[:, 0] + sign * rest
    return out * (width if sign > 0.0 else 1.0 / width)[:, None]


def squared(head: tuple[int, ...], s: Array, z: Array) -> Array:
    """W^2: (B, h, h)."""
    lines = _lines(head)
    out = np.zeros((*s.shape, s.shape[-1]))
    np.einsum("bii->bi", out)[:, lines] = s[:, lines] / z[:, lines]
    for at in _parts(head):
        point, width = _scaling(s[:, at], z[:, at])
        eta = (width * width)[:, None, None]
        minus = -np.eye(point.shape[-1])
        minus[0, 0] = 1.0
        out[:, at, at] = eta * (2.0 * point[:, :, None] * point[:, None, :] - minus)
    return out


def settled(head: tuple[int, ...], s: Array, z: Array, ds: Array, dz: Array, center: Array | None) -> Array:
    """r (B, h) such that the next ds is r - W^2 dz.

    center (B,): what s z is to become, less what ds, dz of the predictor make of it; None for the predictor itself.
    """
    if center is None:
        return -s
    out = (center[:, None] - ds * dz) / z - s
    for at in _parts(head):
        point, width = _scaling(s[:, at], z[:, at])
        level = _scaled(point, width, 1.0, z[:, at])  # lambda
        one, two = _scaled(point, width, -1.0, ds[:, at]), _scaled(point, width, 1.0, dz[:, at])
        goal = -(one[:, :1] * two + two[:, :1] * one)
        goal[:, 0] = center - reduce.inner(one, two)
        first = (level[:, 0] * goal[:, 0] - reduce.inner(level[:, 1:], goal[:, 1:])) / _bent(level) ** 2
        solved = (goal - first[:, None] * level) / level[:, :1]
        solved[:, 0] = first
        out[:, at] = _scaled(point, width, 1.0, solved) - s[:, at]
    return out


def reach(head: tuple[int, ...], a: Array, da: Array) -> Array:
    """1 / alpha of the longest step alpha that keeps a + alpha da in the cones: (B,), at least 0."""
    lines = _lines(head)
    most = np.maximum(-(da[:, lines] / a[:, lines]).min(axis=-1, initial=0.0), 0.0)
    for at in _parts(head):
        bent = _bent(a[:, at])
        point, change = a[:, at] / bent[:, None], da[:, at]
        first = point[:, 0] * change[:, 0] - reduce.inner(point[:, 1:], change[:, 1:])
        factor = (first + change[:, 0]) / (point[:, 0] + 1.0)
        side = change[:, 1:] - factor[:, None] * point[:, 1:]
        most = np.maximum(most, (np.sqrt(reduce.inner(side, side)) - first) / bent)
    return most
