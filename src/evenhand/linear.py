"""Linear programs over rows in a box, with proved answers: HiGHS proposes multipliers, weak duality gives the value.

For any y (one number a row), with r = d - G'y,

    min { d . x : low <= G x <= high, lower <= x <= upper }
        >= sum_k (y_k > 0 ? y_k low_k : y_k high_k) + sum_i (r_i > 0 ? r_i lower_i : r_i upper_i).

A bound needs no trust in the solver, only its tightness does; with d = 0 a positive right side proves that the set is
empty. The solver sees scaled data, and all rounds as the blocks of one program.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[np.float64]

__all__ = ["dual_value", "lowest", "proved_empty"]

#: relative size of a certificate of emptiness: what rounding of data may bring is not called empty
MARGIN = 1e-9


def lowest(direction: Array, rows: Array, low: Array, high: Array, lower: Array, upper: Array) -> Array:
    """Proved minimum of direction . x, one for each leading element: (..., n) -> (...); -inf where nothing is proved.

    rows (..., k, n), low, high (..., k), lower, upper, direction (..., n), leading axes broadcast.
    """
    lead, parts = _stacked(direction, rows, low, high, lower, upper)
    box, _ = dual_value(np.zeros(parts[2].shape), *parts)  # y = 0: what the bounds alone prove
    found, _ = dual_value(_multipliers(*parts), *parts)
    return np.maximum(box, found).reshape(lead)


def proved_empty(rows: Array, low: Array, high: Array, lower: Array, upper: Array) -> NDArray[np.bool_]:
    """Where the set is empty, with a certificate: (...). Bounds must satisfy lower <= upper, low <= high."""
    nothing = np.zeros(rows.shape[-1])
    lead, (zero, *parts) = _stacked(nothing, rows, low, high, lower, upper)
    matrix, least, most, below, above = parts
    empty = np.zeros(zero.shape[0], dtype=bool)
    near = np.clip(0.0, below, above)
    at = (matrix @ near[..., None])[..., 0]
    open_ = ~((at >= least) & (at <= most)).all(axis=-1)  # 0, moved into the bounds, is in the others
    if open_.any():
        some = [part[open_] for part in parts]
        y = _multipliers(zero[open_], *some, elastic=True)
        value, size = dual_value(y, zero[open_], *some)
        empty[open_] = value > MARGIN * size
    return empty.reshape(lead)


def dual_value(
    y: Array, direction: Array, rows: Array, low: Array, high: Array, lower: Array, upper: Array
) -> tuple[Array, Array]:
    """The right side above and the sum of its absolute terms, for multipliers y (..., k)."""
    y = np.where(((y > 0) & ~np.isfinite(low)) | ((y < 0) & ~np.isfinite(high)), 0.0, y)
    terms = rows * y[..., None]
    left = direction - terms.sum(axis=-2)
    noise = 8 * rows.shape[-2] * np.finfo(np.float64).eps * (np.abs(direction) + np.abs(terms).sum(axis=-2))
    end = np.where(left > 0, lower, upper)
    left = np.where(~np.isfinite(end) & (np.abs(left) <= noise), 0.0, left)  # a zero that sums only round to
    with np.errstate(invalid="ignore", over="ignore"):
        first = np.where(y == 0.0, 0.0, y * np.where(y > 0, low, high))
        second = np.where(left == 0.0, 0.0, left * end)
        size = np.abs(first).sum(axis=-1) + np.abs(second).sum(axis=-1)
        return first.sum(axis=-1) + second.sum(axis=-1), size


def _stacked(direction: Array, rows: Array, *ends: Array) -> tuple[tuple[int, ...], list[Array]]:
    """All parts with one leading axis."""
    lead = np.broadcast_shapes(direction.shape[:-1], rows.shape[:-2], *(end.shape[:-1] for end in ends))
    parts = [(direction, 1), (rows, 2), *((end, 1) for end in ends)]
    count = int(np.prod(lead))
    return lead, [
        np.broadcast_to(p, (*lead, *p.shape[p.ndim - rank :])).reshape(count, *p.shape[p.ndim - rank :])
        for p, rank in parts
    ]


def _multipliers(
    direction: Array, rows: Array, low: Array, high: Array, lower: Array, upper: Array, *, elastic: bool = False
) -> Array:
    """Multipliers of the rows as HiGHS finds them: (B, k); zeros where it finds none.

    elastic: rows may be missed, and how much they are is minimised with the direction.
    """
    ends = np.maximum(np.where(np.isfinite(lower), np.abs(lower), 0.0), np.where(np.isfinite(upper), np.abs(upper), 0))
    whole = ends.max(axis=-1, initial=0.0, keepdims=True)
    reach = np.abs(rows).max(axis=(-2, -1), initial=0.0)[..., None]
    aim = np.maximum(np.where(np.isfinite(low), np.abs(low), 0.0), np.where(np.isfinite(high), np.abs(high), 0.0))
    whole = np.where(whole > 0.0, whole, _safe(aim.max(axis=-1, initial=0.0, keepdims=True)) / _safe(reach))
    unit = np.where(ends > 0.0, ends, whole)
    length = _safe(np.abs(rows * unit[..., None, :]).max(axis=-1, initial=0.0))
    top = _safe(np.abs(direction * unit).max(axis=-1, initial=0.0))[..., None]
    matrix = rows * unit[..., None, :] / length[..., None]
    scaled = (direction * unit / top, matrix, low / length, high / length, lower / unit, upper / unit)
    y = _solve(*scaled, elastic=elastic)
    if y is None:  # one round without an answer must not take it from the others
        one_by_one = [_solve(*(part[b : b + 1] for part in scaled), elastic=elastic) for b in range(rows.shape[0])]
        y = np.concatenate([np.zeros((1, low.shape[-1])) if one is None else one for one in one_by_one])
    y = y * top / length
    return _mended(y, direction, rows, lower, upper)


def _safe(size: Array) -> Array:
    return np.where(size > 0.0, size, 1.0)


def _solve(
    direction: Array, rows: Array, low: Array, high: Array, lower: Array, upper: Array, *, elastic: bool
) -> Array | None:
    """One block-diagonal program: multipliers (B, k), or None where HiGHS has no optimum."""
    from scipy.optimize import linprog

    count, k, _ = rows.shape
    matrix: Any = sp.block_diag(list(rows), format="csr") if count > 1 else sp.csr_array(rows[0])
    cost = direction.reshape(-1)
    bounds = np.stack([lower.reshape(-1), upper.reshape(-1)], axis=1)
    if elastic:
        more = count * k
        matrix = sp.hstack([matrix, sp.identity(more), -sp.identity(more)], format="csr")
        cost = np.concatenate([cost, np.ones(2 * more)])
        bounds = np.concatenate([bounds, np.tile([0.0, np.inf], (2 * more, 1))])
    left, right = low.reshape(-1), high.reshape(-1)
    same = left == right
    floor, ceiling = ~same & np.isfinite(left), ~same & np.isfinite(right)
    above: Any = sp.vstack([matrix[ceiling], -matrix[floor]], format="csr")
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(
        cost,
        above if above.shape[0] else None,
        np.concatenate([right[ceiling], -left[floor]]) if above.shape[0] else None,
        matrix[same] if same.any() else None,
        right[same] if same.any() else None,
        bounds,
        method="highs-ds",
        options=tight,
    )
    if found.status != 0:
        return None
    y = np.zeros(count * k)
    if above.shape[0]:
        prices = np.asarray(found.ineqlin.marginals)
        cut = int(ceiling.sum())
        y[ceiling] += prices[:cut]
        y[floor] -= prices[cut:]
    if same.any():
        y[same] += np.asarray(found.eqlin.marginals)
    return y.reshape(count, k)


def _mended(y: Array, direction: Array, rows: Array, lower: Array, upper: Array) -> Array:
    """Where an unbounded action is left with a small reduced cost, move y to make it zero (least squares)."""
    left = direction - (rows * y[..., None]).sum(axis=-2)
    lost = ~np.isfinite(np.where(left > 0, lower, upper)) & (left != 0.0)
    for b in np.flatnonzero(lost.any(axis=-1)):
        used = y[b] != 0.0
        free = ~np.isfinite(lower[b]) | ~np.isfinite(upper[b])
        aim: Any = np.where(lost[b], left[b], 0.0)[free]
        if used.any():
            y[b, used] += np.linalg.lstsq(rows[b][used][:, free].T, aim, rcond=None)[0]
    return y
