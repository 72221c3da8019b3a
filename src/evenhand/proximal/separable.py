"""Diagonal quadratics over a budget or a box: one water-filling, or a closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import SolverError
from evenhand.kernels.kinked import kinked
from evenhand.kernels.waterfill import pulled, waterfill
from evenhand.sets import Box, Budget

__all__ = ["UNBOUNDED", "quadratic_box", "quadratic_budget", "quadratic_moved"]

UNBOUNDED = "the round is unbounded below: a cost without curvature falls towards an infinite bound; bound it"


def quadratic_budget(cost: Quadratic, feasible: Budget, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Water-filling; the kernel takes the sums where all parts are arrays, as they are in a policy's round."""
    lower, upper, total, equal = feasible.lower, feasible.upper, feasible.total, 1.0 if feasible.equal else 0.0
    if type(rho) is type(tilt) is type(anchor) is np.ndarray and tilt.ndim and anchor.ndim:
        stiff = rho if rho.ndim else rho[None]
        x, price = pulled(cost.curvature, cost.linear, tilt, stiff, anchor, lower, upper, total, equal)
    else:
        linear = cost.linear + tilt - rho * anchor
        x, price = waterfill(cost.curvature + rho, linear, lower, upper, total, equal)
    if np.isnan(price).any() if price.ndim else price != price:
        raise SolverError(UNBOUNDED)
    return x


def quadratic_box(cost: Quadratic, feasible: Box, tilt: Any, rho: Any, anchor: Any) -> Array:
    """Each action on its own."""
    curvature = cost.curvature + rho
    linear = cost.linear + tilt - rho * anchor
    flat = np.where(linear > 0, -np.inf, np.where(linear < 0, np.inf, 0.0))
    free = np.divide(-linear, curvature, out=flat, where=curvature > 0)
    x = np.minimum(np.maximum(free, feasible.lower), feasible.upper)
    if not np.isfinite(x).all():
        raise SolverError(UNBOUNDED)
    return x


def quadratic_moved(
    cost: Quadratic,
    feasible: Budget | Box,
    tilt: Any,
    rho: Any,
    anchor: Any,
    previous: Array,
    weight: float,
    terms: Array,
) -> Array:
    """With prices and limits of a move from ``previous`` (rows 1 to 4 of `Moves.terms`): NaN where no action is left.

    rho (..., 1) or (..., n). Raises SolverError where the cost falls without end.
    """
    linear = cost.linear + tilt
    if type(feasible) is Budget:
        total, equal = feasible.total, 1.0 if feasible.equal else 0.0
    else:
        total, equal = np.inf, 0.0
    x, _ = kinked(
        cost.curvature, linear, feasible.lower, feasible.upper, total, equal, rho, anchor, previous, weight, terms
    )
    if np.isinf(x).any():
        raise SolverError(UNBOUNDED)
    return x
