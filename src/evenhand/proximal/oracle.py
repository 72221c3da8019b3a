"""The one oracle: the tilted proximal step (12), dispatched on structure here and nowhere else.

    argmin over x in X_t of  f_t(x) + tilt . x + (rho / 2) ||x - anchor||^2

HITMIN asks it with tilt = 0, rho = 0; ROBD and FairOBD with rho = (lambda1 + lambda2) beta; DMD with rho = 0.
Separable quadratics and utilities with one budget go to the water-filling kernels, polytopes and dense quadratics to
DAQP, costs written in CVXPY to CVXPY, and whatever brings its conic form to the conic solver.
Where the minimiser is not unique (no curvature, ties) it is one of them, the same on every call. Source:
spec/online.md §8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from evenhand.columns import Array
from evenhand.core import Round
from evenhand.costs.convex import Convex
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ProblemError
from evenhand.proximal.convex import convex
from evenhand.proximal.dense import dense
from evenhand.proximal.modelled import modelled
from evenhand.proximal.pieces import pooled_box, pooled_budget, unserved_box, unserved_budget
from evenhand.proximal.separable import quadratic_box, quadratic_budget
from evenhand.proximal.utility import utility
from evenhand.sets import Box, Budget, Polytope

__all__ = ["Route", "proximal", "register", "route_of"]

Step = Callable[..., Array]


class Route(NamedTuple):
    """How a pair of cost and set is solved: step(cost, set, tilt, rho, anchor), with a `Kink` as sixth argument where
    ``kink``; dense(cost, set, tilt, rho, anchor, kink, matrix), None for a pair without.
    """

    step: Step
    kink: bool
    dense: Step | None


_ROUTES: dict[tuple[type, type], Route] = {}
_GENERAL = Route(modelled, kink=True, dense=modelled)


def proximal(round: Round, tilt: Array | float = 0.0, rho: Array | float = 0.0, anchor: Array | float = 0.0) -> Array:
    """Minimise f_t(x) + tilt . x + (rho/2) ||x - anchor||^2 over X_t: (..., n).

    tilt, anchor (..., n) or 0; rho a number, (..., 1) or (..., n). Raises ProblemError for a pair of cost and set that
    no route knows, SolverError when a solver fails.
    """
    return route_of(round.cost, round.feasible).step(round.cost, round.feasible, tilt, rho, anchor)


def route_of(cost: Any, feasible: Any) -> Route:
    """The route of a pair; the general one for what brings conic forms. Raises ProblemError where none knows it."""
    route = _ROUTES.get((type(cost), type(feasible)))
    if route is None and hasattr(cost, "conic") and hasattr(feasible, "conic"):
        return _GENERAL
    if route is None:
        known = ", ".join(f"{c.__name__} on {s.__name__}" for c, s in _ROUTES)
        bare = " and ".join(type(part).__name__ for part in (cost, feasible) if not hasattr(part, "conic"))
        raise ProblemError(
            f"no proximal step for {type(cost).__name__} on {type(feasible).__name__}: give {bare} a method conic() "
            f"(docs/extending.md), or register a step; known: {known}"
        )
    return route


def register(cost: type, feasible: type, step: Step, *, kink: bool = False, dense: Step | None = None) -> None:
    """Teach the oracle a pair of cost family and action set: step(cost, set, tilt, rho, anchor) -> (..., n).

    rho is 0, a number, (..., 1) or (..., n). Switching costs with prices per unit of move, limits or a matrix then
    work too, by alternating with that step (`proximal/split.py`); faster and exact where the step takes a `Kink` as its
    sixth argument (``kink=True``), or another step takes kink and matrix (``dense``).
    """
    _ROUTES[cost, feasible] = Route(step, kink, dense)


register(Quadratic, Budget, quadratic_budget, dense=dense)
register(Quadratic, Box, quadratic_box, dense=dense)
register(UtilityCost, Budget, utility, kink=True, dense=modelled)
register(UtilityCost, Box, utility, kink=True, dense=modelled)
register(Unserved, Budget, unserved_budget, kink=True, dense=dense)
register(Unserved, Box, unserved_box, kink=True, dense=dense)
register(Pooled, Budget, pooled_budget, kink=True, dense=dense)
register(Pooled, Box, pooled_box, kink=True, dense=dense)
for _set in (Box, Budget, Polytope):
    register(DenseQuadratic, _set, dense, kink=True, dense=dense)
    register(Convex, _set, convex, kink=True, dense=convex)
for _cost in (Quadratic, Unserved, Pooled):
    register(_cost, Polytope, dense, kink=True, dense=dense)
