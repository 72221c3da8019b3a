"""The one oracle: the tilted proximal step (12), dispatched on structure here and nowhere else.

    argmin over x in X_t of  f_t(x) + tilt . x + (rho / 2) ||x - anchor||^2

HITMIN asks it with tilt = 0, rho = 0; ROBD and FairOBD with rho = (lambda1 + lambda2) beta; DMD with rho = 0.
Separable quadratics and utilities with one budget go to the water-filling kernels, polytopes and dense quadratics to
DAQP, other costs to CVXPY.
Where the minimiser is not unique (no curvature, ties) it is one of them, the same on every call. Source:
spec/online.md §8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evenhand.columns import Array
from evenhand.core import Round, Setting
from evenhand.costs.convex import Convex
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ProblemError
from evenhand.proximal.convex import convex
from evenhand.proximal.dense import dense
from evenhand.proximal.pieces import pooled_box, pooled_budget, unserved_box, unserved_budget
from evenhand.proximal.separable import quadratic_box, quadratic_budget
from evenhand.proximal.utility import utility
from evenhand.sets import Box, Budget, Polytope

__all__ = ["moved", "proximal", "register"]

Step = Callable[[Any, Any, Array | float, Array | float, Array | float], Array]
_ROUTES: dict[tuple[type, type], Step] = {}


def proximal(round: Round, tilt: Array | float = 0.0, rho: Array | float = 0.0, anchor: Array | float = 0.0) -> Array:
    """Minimise f_t(x) + tilt . x + (rho/2) ||x - anchor||^2 over X_t: (..., n).

    tilt, anchor (..., n) or 0; rho a number, (..., 1), or (..., n): one for each action. Raises ProblemError for a
    pair of cost and set no route knows, SolverError when a solver fails.
    """
    route = _ROUTES.get((type(round.cost), type(round.feasible)))
    if route is None:
        known = ", ".join(f"{c.__name__} on {s.__name__}" for c, s in _ROUTES)
        raise ProblemError(
            f"no proximal step for {type(round.cost).__name__} on {type(round.feasible).__name__}; known: {known}"
        )
    return route(round.cost, round.feasible, tilt, rho, anchor)


def moved(
    setting: Setting,
    round: Round,
    previous: Array,
    tilt: Array | float = 0.0,
    *,
    weight: float = 1.0,
    pull: Any = 0.0,
    towards: Any = 0.0,
) -> Array:
    """Step (3): minimise f_t(x) + tilt . x + weight s(x, previous) + pull (rho/2) ||x - towards||^2 over X_t: (..., n).

    rho is the quadratic part of the switching cost, beta where it is squared.
    """
    moves = setting.switching.moves
    if type(pull) is not float or pull:
        both = weight + pull
        return proximal(round, tilt, both * moves.rho, (weight * previous + pull * towards) / both)
    return proximal(round, tilt, moves.rho if weight == 1.0 else weight * moves.rho, previous)


def register(cost: type, feasible: type, step: Step) -> None:
    """Teach the oracle a pair of cost family and action set: step(cost, set, tilt, rho, anchor) -> (..., n)."""
    _ROUTES[cost, feasible] = step


register(Quadratic, Budget, quadratic_budget)
register(Quadratic, Box, quadratic_box)
register(UtilityCost, Budget, utility)
register(UtilityCost, Box, utility)
register(Unserved, Budget, unserved_budget)
register(Unserved, Box, unserved_box)
register(Pooled, Budget, pooled_budget)
register(Pooled, Box, pooled_box)
for _set in (Box, Budget, Polytope):
    register(DenseQuadratic, _set, dense)
    register(Convex, _set, convex)
register(Quadratic, Polytope, dense)
