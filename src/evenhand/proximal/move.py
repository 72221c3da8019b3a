"""The step from the last action: the oracle with a switching cost of any family. Source: spec/online.md §2 (3), §9.

    argmin over x in X_t of  f_t(x) + tilt . x + weight s(x, previous) + (pull/2) |x - towards|^2

|.| is the norm of the quadratic part of s: rho and matrix of its `Moves`. Prices per unit of move put a kink at the
last action, which the separable routes take as one more piece of an agent and DAQP as a hinge; limits cut the bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array, stretch, take_lead
from evenhand.core import Round, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import InfeasibleError
from evenhand.proximal.kink import Kink
from evenhand.proximal.limits import blame, cut, cuttable, reach
from evenhand.proximal.oracle import Route, proximal, route_of
from evenhand.proximal.separable import quadratic_moved
from evenhand.proximal.split import split
from evenhand.sets import Box, Budget
from evenhand.switching.moves import Moves

__all__ = ["moved"]


def moved(
    setting: Setting,
    round: Round,
    previous: Array,
    tilt: Array | float = 0.0,
    *,
    weight: float = 1.0,
    pull: Any = 0.0,
    towards: Any = 0.0,
    hold: Any = 0.0,
    point: Any = 0.0,
) -> Array:
    """Step (3): minimise f_t(x) + tilt . x + weight s(x, previous) + (pull/2) |x - towards|^2 over X_t: (..., n).

    hold (..., 1) adds (hold/2) ||x - point||^2, as a plan does; it does not go with a matrix.

    weight scales all of s but its limits, which always hold; weight = 0 is a policy that ignores what moves cost.
    pull acts in the quadratic part of s alone, (beta/2) ||x - towards||^2 where s is squared: nothing where it has
    none. Raises InfeasibleError, naming round, site and limit, where no action can be reached.
    """
    moves = setting.switching.moves.at(round.index)
    if type(pull) is not float or pull:
        both = weight + pull
        rho, anchor = both * moves.rho, (weight * previous + pull * towards) / both
    else:
        both, anchor = weight, previous
        rho = moves.rho if weight == 1.0 else weight * moves.rho
    if type(hold) is not float:
        rho, anchor = rho + hold, (rho * anchor + hold * point) / (rho + hold)
    if moves.smooth:
        return proximal(round, tilt, rho, anchor)
    cost, feasible = round.cost, round.feasible
    if type(cost) is Quadratic and moves.matrix is None and type(feasible) in (Budget, Box):
        spread = rho if rho.ndim else rho[None]
        x = quadratic_moved(cost, feasible, tilt, spread, anchor, previous, weight, moves.terms)  # pyright: ignore[reportArgumentType]
        if moves.limited and np.isnan(x).any():
            cut(setting, round, previous, previous, moves)
        return x
    return _general(setting, round, previous, moves, tilt, rho, anchor, weight, both)


def _general(
    setting: Setting,
    round: Round,
    previous: Array,
    moves: Moves,
    tilt: Any,
    rho: Any,
    anchor: Array,
    weight: float,
    both: Any,
) -> Array:
    cost: Any = round.cost
    feasible: Any = round.feasible
    route = route_of(cost, feasible)
    kink = Kink(previous, weight * moves.up, weight * moves.down) if moves.kinked and weight else None
    matrix = None
    if moves.matrix is not None and np.any(both):
        matrix = (both[..., None] if np.ndim(both) else both) * moves.matrix
    whole = not moves.limited or cuttable(feasible)
    if moves.limited and whole:
        feasible = cut(setting, round, previous, previous, moves)
    try:
        if whole and matrix is None and (kink is None or route.kink):
            extra = () if kink is None else (kink,)
            return route.step(cost, feasible, tilt, rho, anchor, *extra)
        if whole and route.dense is not None:
            return route.dense(cost, feasible, tilt, rho, anchor, kink, matrix)
    except InfeasibleError:
        raise blame(setting, round, previous, moves) from None
    return _each(
        route, cost, feasible, tilt, rho, anchor, kink, matrix, None if whole else reach(moves, previous, previous)
    )


def _each(
    route: Route,
    cost: Any,
    feasible: Any,
    tilt: Any,
    rho: Any,
    anchor: Array,
    kink: Kink | None,
    matrix: Array | None,
    limits: tuple[Array, Array] | None,
) -> Array:
    """Round by round, so that a batch gives the bits of its elements."""
    n = anchor.shape[-1]
    low, _ = feasible.bounds
    lead = np.broadcast_shapes(
        anchor.shape[:-1], np.shape(tilt)[:-1], np.shape(rho)[:-1], low.shape[:-1], cost.value(np.zeros(n)).shape
    )
    costs, sets = (stretch(part, lead, part.core) for part in (cost, feasible))
    out = np.empty((*lead, n))
    for index in np.ndindex(*lead):

        def at(value: Any, where: tuple[int, ...] = index) -> Array:
            return np.broadcast_to(value, (*lead, n))[where]

        f, x_t, p, r, a = take_lead(costs, index), take_lead(sets, index), at(tilt), at(rho), at(anchor)
        here = None if kink is None else Kink(at(kink.at), kink.up, kink.down)
        square = None if matrix is None else np.broadcast_to(matrix, (*lead, n, n))[index]

        stiff = r[:1] if (r == r[0]).all() else r  # routes of plugins may take one number where rho is the same for all

        def step(
            penalty: float, v: Array, f: Any = f, x_t: Any = x_t, p: Array = p, r: Array = stiff, a: Array = a
        ) -> Array:
            both = r + penalty
            return route.step(f, x_t, p, both, (r * a + penalty * v) / both)

        far = np.full(n, np.inf)
        ends = (-far, far) if limits is None else (at(limits[0]), at(limits[1]))
        out[index] = split(step, a, here, square, *ends)
    return out
