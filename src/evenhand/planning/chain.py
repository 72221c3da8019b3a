"""A horizon split in two: the moves on one side, everything else on the other. Source: spec/online.md (1), §9.

    minimise  sum_s f_s(z_s) + tilt_s . z_s  over z_s in X_s   +   sum_s s(x_s - x_{s-1}),     x = z

Alternating directions, over-relaxed, with one penalty: the moves are an exact proximal step, action by action
(`kernels/moving.py`; with a matrix along its eigenvectors), everything else is one call of the oracle for all rounds,
whatever the cost and set. So whatever the oracle can do, can be planned. Diagonal quadratics on a budget or box with
one quadratic weight on moves run the same sweeps in one compiled kernel (`kernels/chain.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from evenhand.columns import Array
from evenhand.core import Round
from evenhand.costs.quadratic import Quadratic
from evenhand.costs.unserved import Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.kernels import reduce
from evenhand.kernels.chain import RELAX, chain
from evenhand.kernels.moving import moving, sweep
from evenhand.proximal import proximal
from evenhand.sets import Box, Budget
from evenhand.switching.moves import Moves

__all__ = ["Chain", "chain_of", "plannable"]

#: where between its bounds an action is taken to be when the curvature of a cost is measured
QUARTERS = (0.25, 0.75)

#: sweeps on (actions, force) under a tilt, all (..., h, n)
Sweep = Callable[[Array, Array, Array], tuple[Array, Array]]


class Chain(NamedTuple):
    """A horizon ready to be swept: curvatures of the costs (..., h, n), of the moves, and the penalty (...).

    stiff is the curvature of separable costs, and at most that of others, so that a price's effect is not underrated.
    """

    stiff: Array
    beta: float | Array
    penalty: Array
    sweep: Sweep


def plannable(moves: Moves) -> bool:
    """Whether moves can be planned: all but a matrix together with prices per unit of move or limits."""
    return moves.matrix is None or not (moves.kinked or moves.limited)


def chain_of(moves: Moves, future: Round, last: Array, tilted: Array, sweeps: int) -> Chain:
    """The chain of a future with a time axis from ``last``, x_{t-1}; ``tilted``: a tilt, for its shape."""
    cost, feasible = future.cost, future.feasible
    if moves.smooth and not moves.rho.ndim and isinstance(cost, Quadratic) and isinstance(feasible, Budget | Box):
        return _compiled(float(moves.rho), cost, feasible, last, tilted, sweeps)
    return _general(moves, future, last, tilted, sweeps)


def _compiled(beta: float, cost: Quadratic, feasible: Budget | Box, last: Array, tilted: Array, sweeps: int) -> Chain:
    lower, upper = feasible.bounds
    total = feasible.total if isinstance(feasible, Budget) else np.full(lower.shape[:-1], np.inf)
    equal = float(isinstance(feasible, Budget) and feasible.equal)
    penalty = _penalty(cost.curvature, np.abs(cost.linear), beta)
    lead = np.broadcast_shapes(cost.linear.shape, tilted.shape, total[..., None].shape)
    stiff = np.broadcast_to(cost.curvature, lead)

    def run(actions: Array, force: Array, tilt: Array) -> tuple[Array, Array]:
        linear = cost.linear + tilt
        return chain(stiff, linear, lower, upper, total, equal, beta, last, penalty, float(sweeps), actions, force)

    return Chain(stiff, beta, penalty, run)


def _general(moves: Moves, future: Round, last: Array, tilted: Array, sweeps: int) -> Chain:
    low, width = _extent(future, last)
    points = [low + q * width for q in QUARTERS]
    slopes = [future.cost.gradient(point) for point in points]
    apart = points[1] - points[0]
    rise = np.divide(slopes[1] - slopes[0], apart, out=np.zeros(np.broadcast_shapes(slopes[0].shape, apart.shape)),
                     where=apart > 0)  # fmt: skip
    lead = np.broadcast_shapes(rise.shape, tilted.shape, low.shape)
    bend = np.broadcast_to(np.where(np.isfinite(rise), np.maximum(rise, 0.0), 0.0), lead)
    size = reduce.total(width).mean(axis=-1) / width.shape[-1]
    beta = _weight(moves, size)
    penalty = np.broadcast_to(_penalty(bend, np.abs(slopes[1]), beta), lead[:-2])
    least = np.broadcast_to(future.cost.strong_convexity()[..., None], lead)
    stiff = bend if isinstance(future.cost, Quadratic | Unserved | UtilityCost) else least
    if (fast := _piecewise(moves, future, lead, last, penalty, sweeps)) is not None:
        return Chain(stiff, beta, penalty, fast)
    step = _moves(moves, future, penalty, lead, last)
    rho = penalty[..., None, None]

    def run(actions: Array, force: Array, tilt: Array) -> tuple[Array, Array]:
        z, u = (np.broadcast_to(v, lead) for v in (actions, force))
        for _ in range(sweeps):
            u = u + RELAX * step(z - u) + (1.0 - RELAX) * z
            z = np.broadcast_to(proximal(future, tilt, rho, u), lead)
            u = u - z
        return z, u

    return Chain(stiff, beta, penalty, run)


def _piecewise(
    moves: Moves, future: Round, lead: tuple[int, ...], last: Array, penalty: Array, sweeps: int
) -> Sweep | None:
    """The same sweeps in one compiled kernel, for diagonal quadratics with or without unserved demand; else None."""
    cost, feasible = future.cost, future.feasible
    if moves.matrix is not None or not isinstance(feasible, Budget | Box):
        return None
    lower, upper = (_wide(end, lead) for end in feasible.bounds)
    if isinstance(cost, Quadratic):
        demand, price, weight = lower, np.zeros(()), np.zeros(())
    elif isinstance(cost, Unserved):
        demand, price, weight = cost.demand, cost.price, cost.weight
    else:
        return None
    demand, price, weight, curvature = (_wide(value, lead) for value in (demand, price, weight, cost.curvature))
    total = feasible.total if isinstance(feasible, Budget) else np.array(np.inf)
    total = np.broadcast_to(total, lead[:-1])
    equal = float(isinstance(feasible, Budget) and feasible.equal)
    terms = _terms(moves, future, lead[-1])

    def run(actions: Array, force: Array, tilt: Array) -> tuple[Array, Array]:
        linear = _wide(cost.linear + tilt, lead)
        return sweep(
            curvature, linear, demand, price, weight, lower, upper, total, equal, terms, last, penalty, float(sweeps),
            _wide(actions, lead), _wide(force, lead),
        )  # fmt: skip

    return run


def _wide(value: Array, shape: tuple[int, ...]) -> Array:
    return value if value.shape == shape else np.broadcast_to(value, shape)


def _extent(future: Round, last: Array) -> tuple[Array, Array]:
    """The low end and the width of what actions may be; where they are not bounded, by the size of the last one."""
    low, high = future.feasible.bounds
    size = np.abs(last) + np.abs(last).max(axis=-1, keepdims=True)
    size = np.where(size > 0.0, size, 1.0)[..., None, :]
    if isinstance(future.feasible, Budget):
        high = np.minimum(high, np.maximum(low, 0.0) + np.abs(future.feasible.total)[..., None])
    floor = np.where(np.isfinite(low), low, np.minimum(high, 0.0) - size)
    return floor, np.where(np.isfinite(high), high, floor + size) - floor


def _weight(moves: Moves, size: Array) -> Any:
    """A quadratic weight on moves of about the strength of the true one over the extent ``size`` (...)."""
    rho = float(np.mean(moves.terms[0]))
    if moves.matrix is not None:
        rho += float(np.trace(moves.matrix)) / len(moves.matrix)
    if not moves.kinked:
        return rho
    price = float(np.mean(np.maximum(moves.terms[1], moves.terms[2])))
    return rho + np.divide(price, size, out=np.zeros_like(size), where=size > 0)


def _terms(moves: Moves, future: Round, n: int) -> Array:
    """What kernels read, (5, n), or (7, n) where the limits of the first move are others."""
    first = moves.at(future.index)
    free = np.broadcast_to(first.terms[3:], (2, moves.terms.shape[1]))
    terms = moves.terms if first is moves else np.concatenate([moves.terms, free])
    return np.broadcast_to(terms, (len(terms), n))


def _moves(moves: Moves, future: Round, penalty: Array, lead: tuple[int, ...], last: Array) -> Callable[[Array], Array]:
    """The exact proximal step of the moves, from points (..., h, n)."""
    weight = np.broadcast_to(penalty[..., None, None], lead)
    if moves.matrix is None:
        terms = _terms(moves, future, lead[-1])
        return lambda point: moving(weight, point, terms, last)
    values, vectors = np.linalg.eigh(moves.matrix + np.diag(np.broadcast_to(moves.terms[0], lead[-1:])))
    terms = np.zeros((5, lead[-1]))
    terms[0], terms[3:] = np.maximum(values, 0.0), np.inf
    turned = reduce.apply(vectors.T, last)
    return lambda point: reduce.apply(vectors, moving(weight, reduce.apply(vectors.T, point), terms, turned))


def _penalty(curvature: Array, slope: Array, beta: Any) -> Array:
    """rho (...): the geometric mean of the chain's extreme curvatures, from the data alone."""
    h, n = slope.shape[-2:]
    bend = reduce.total(curvature).mean(axis=-1) / n
    low = bend + beta * (0.5 * np.pi / h) ** 2
    rho = np.sqrt(low * (bend + 4.0 * beta))
    size = reduce.total(slope).mean(axis=-1) / n
    return np.where(rho > 0, rho, np.where(size > 0, size, 1.0))
