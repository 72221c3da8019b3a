"""The canonical form of a switching cost: what the oracle, OPT, the bounds and the planner understand.

Every family of spec/online.md §9 is one of these, in the move d = x - x_prev:

    s = sum_i rho_i d_i^2 / 2 + d' matrix d / 2 + sum_i up_i max(d_i, 0) + down_i max(-d_i, 0),   -fall <= d <= rise
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from evenhand.columns import Array, kept

__all__ = ["Moves"]


@final
@dataclass(frozen=True, slots=True)
class Moves:
    """rho, up, down >= 0 and the limits rise, fall in [0, inf]: () or (n,); matrix (n, n) positive semidefinite.

    rho, matrix: cost per unit of action squared; up, down: cost per unit; rise, fall: units of action. The families
    that build it have checked the numbers. kinked: some move has a price per unit; limited: some move has a limit;
    smooth: a diagonal quadratic and nothing else. terms: rho, up, down, rise, fall as rows, (5, 1) or (5, n).
    """

    rho: Array
    up: Array
    down: Array
    rise: Array
    fall: Array
    matrix: Array | None
    kinked: bool = field(init=False, repr=False, compare=False)
    limited: bool = field(init=False, repr=False, compare=False)
    smooth: bool = field(init=False, repr=False, compare=False)
    terms: Array = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        rho: ArrayLike = 0.0,
        up: ArrayLike = 0.0,
        down: ArrayLike = 0.0,
        rise: ArrayLike = np.inf,
        fall: ArrayLike = np.inf,
        matrix: Array | None = None,
    ) -> None:
        parts = {"rho": rho, "up": up, "down": down, "rise": rise, "fall": fall}
        arrays = {name: kept(value) for name, value in parts.items()}
        kinked = bool(arrays["up"].any() or arrays["down"].any())
        limited = bool(np.isfinite(arrays["rise"]).any() or np.isfinite(arrays["fall"]).any())
        flags = {"kinked": kinked, "limited": limited, "smooth": not (kinked or limited or matrix is not None)}
        terms = kept(np.stack(np.broadcast_arrays(*(np.atleast_1d(a) for a in arrays.values()))))
        for name, value in {**arrays, "matrix": matrix, **flags, "terms": terms}.items():
            object.__setattr__(self, name, value)
