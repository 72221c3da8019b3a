"""Dense quadratics, and any quadratic over a polytope: DAQP."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import SolverError
from evenhand.sets import Polytope

__all__ = ["dense"]


def dense(cost: Any, feasible: Any, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Dense quadratic or polytope: DAQP, one round at a time; it needs curvature, which rho or the cost must give."""
    import daqp

    linear = cost.linear + tilt - rho * anchor
    n = linear.shape[-1]
    square = cost.curvature[..., None] * np.eye(n) if isinstance(cost, Quadratic) else cost.matrix
    square = square + (np.asarray(rho)[..., None] if np.ndim(rho) else rho) * np.eye(n)
    box = Polytope.around(feasible)
    lead = np.broadcast_shapes(
        linear.shape[:-1], square.shape[:-2], box.rows.shape[:-2], box.low.shape[:-1], box.lower.shape[:-1]
    )
    slopes = np.broadcast_to(linear, (*lead, n))
    squares = np.broadcast_to(square, (*lead, n, n))
    k = box.rows.shape[-2]
    rows = np.broadcast_to(box.rows, (*lead, k, n))
    below = np.concatenate([np.broadcast_to(box.lower, (*lead, n)), np.broadcast_to(box.low, (*lead, k))], axis=-1)
    above = np.concatenate([np.broadcast_to(box.upper, (*lead, n)), np.broadcast_to(box.high, (*lead, k))], axis=-1)
    out = np.empty((*lead, n))
    for index in np.ndindex(*lead):
        low, high = np.clip(below[index], -1e30, 1e30), np.clip(above[index], -1e30, 1e30)
        x, _, flag, info = daqp.solve(
            np.array(squares[index]),  # copies: DAQP refuses read-only views
            np.array(slopes[index]),
            np.array(rows[index]),
            high,
            low,
            np.where(low == high, 5, 0).astype(np.intc),
            primal_tol=1e-11,
            eps_prox=-1.0,
        )
        if flag < 1:
            raise SolverError(f"DAQP stopped with status {flag} after {info['iterations']} iterations: no action found")
        out[index] = x
    return np.minimum(np.maximum(out, box.lower), box.upper)
