"""A price on moves for any pair of cost and set: alternate between the cost's own step and the moves' (ADMM).

    minimise  F(x) + G(z),  x = z:    F = f + tilt + rho on X_t, by the pair's own route;
                                      G = d' matrix d / 2 + prices per unit of move + limits, by DAQP or in closed form

For what no exact route takes: pairs that a plugin taught the oracle. x and z agree to
1e-10 of the actions' size, or SolverError. Source: spec/online.md §8, §9.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evenhand.columns import Array
from evenhand.costs.quadratic import DenseQuadratic
from evenhand.errors import SolverError
from evenhand.proximal.dense import dense
from evenhand.proximal.kink import Kink
from evenhand.sets import Box

__all__ = ["split"]

_SWEEPS = 20_000
_CLOSE = 1e-10
#: sweeps between two looks at the residuals; the penalty follows the larger one, less and less often
_LOOK = 10


def split(
    step: Callable[[float, Array], Array],
    anchor: Array,
    kink: Kink | None,
    matrix: Array | None,
    lower: Array,
    upper: Array,
) -> Array:
    """One round, x (n,): ``step(penalty, v)`` minimises F(x) + (penalty/2) ||x - v||^2; anchor of the matrix (n,);
    lower, upper (n,): what the limits of moves allow.
    """
    n = anchor.shape[0]
    box = Box(lower, upper)
    square = np.zeros((n, n)) if matrix is None else matrix
    moves = DenseQuadratic(square, -(square @ anchor))
    size = 1.0 if kink is None else max(float(np.abs(kink.at).max()), 1e-300)
    stiff = float(np.trace(square)) / n
    penalty = stiff if stiff > 0.0 or kink is None else float(np.max(kink.up + kink.down)) / size
    penalty = penalty if penalty > 0.0 else 1.0

    def nearest(v: Array) -> Array:
        if matrix is not None:
            return dense(moves, box, 0.0, penalty, v, kink)
        if kink is not None:
            gone = v - kink.at
            v = kink.at + np.maximum(gone - kink.up / penalty, 0.0) - np.maximum(-gone - kink.down / penalty, 0.0)
        return np.minimum(np.maximum(v, box.lower), box.upper)

    z, force, look, apart = nearest(anchor), np.zeros(n), _LOOK, np.inf
    for sweep in range(1, _SWEEPS + 1):
        x = step(penalty, z - force)
        before, z = z, nearest(x + force)
        force = force + x - z
        if sweep < look:
            continue
        unit = _CLOSE * (float(np.abs(x).max()) + float(np.abs(z).max()))
        apart, moved = float(np.abs(x - z).max()), float(np.abs(z - before).max())
        if apart <= unit and moved <= unit:
            return x
        factor = 2.0 if apart > 5.0 * moved else 0.5 if moved > 5.0 * apart else 1.0
        penalty, force, look = penalty * factor, force / factor, sweep + max(_LOOK, sweep // 5)
    raise SolverError(f"the moves and the cost still differ by {apart:.1e} after {_SWEEPS} sweeps: no action found")
