"""The least value of a convex function of a few positive numbers, known by values and slopes: a level bundle.

Every evaluation gives a plane below the function. The next point is the one nearest to the best so far at which all
planes are at or below a level between the best value and what is known to be a lower bound; where there is none, the
level itself is a lower bound (Lemaréchal, Nemirovskii, Nesterov 1995). Kinks are no trouble, and are where a dual
function without concavity has its least value (`spec/allocation.md §10`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from evenhand.columns import Array, same

__all__ = ["Least", "minimise"]

_LEVEL = 0.3  # of the way from the lower bound to the best: between 0.2 and 0.5 all do much the same
_SHORT, _NEAR = 0.1, 1e-9  # the least fraction of a number that a step leaves of it; where there is no such step
_SCALE = 1e-3  # of the start: smaller numbers are not told apart any better, so that they can grow again


@final
@dataclass(frozen=True, slots=True, eq=False)
class Least:
    """The best point (K,), its value, a lower bound of every value, and the evaluations spent."""

    point: Array
    value: float
    low: float
    passes: int

    __eq__ = same


def minimise(
    evaluate: Callable[[Array], tuple[float, Array]], start: Array, low: float, tol: float, passes: int
) -> Least:
    """Minimise over positive points from start (K,), until value − low ≤ tol |value| or the passes are spent.

    evaluate: value and a subgradient (K,) at a point. low: a number that no value is below.
    """
    best, (value, slope) = start, evaluate(start)
    slopes, heights = [slope], [value - float(slope @ start)]
    spent = 1
    while spent < passes and value - low > tol * abs(value):
        level = low + _LEVEL * (value - low)
        scale = np.maximum(best, _SCALE * start)
        rows, ceiling = np.array(slopes) * scale, level - np.array(heights)
        u = None
        for least in (_SHORT, _NEAR):
            if u is None:
                u = _nearest(best / scale, rows, ceiling, value - low, least)
        if u is None:
            low = level
            continue
        point = scale * u
        found, slope = evaluate(point)
        spent += 1
        slopes.append(slope)
        heights.append(found - float(slope @ point))
        if found < value:
            best, value = point, found
    return Least(best, value, low, spent)


def _nearest(center: Array, rows: Array, ceiling: Array, size: float, least: float) -> Array | None:
    """The u ≥ least · center nearest to center with rows · u ≤ ceiling; None where there is none. size: of rows · u."""
    import daqp

    k = center.size
    sense = np.zeros(k + len(rows), dtype=np.int32)
    upper = np.concatenate((np.full(k, 1e30), (ceiling - rows @ center) / size))
    lower = np.concatenate(((least - 1.0) * center, np.full(len(rows), -1e30)))
    away, _, flag, _ = daqp.solve(np.eye(k), np.zeros(k), np.ascontiguousarray(rows / size), upper, lower, sense)
    return center + away if flag == 1 else None
