"""OPT, (R, delta)-OPT and FairOPT: the best sequences in hindsight, with a duality gap that does not trust the solver.

Source: spec/online.md §3, §4, §5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from evenhand.columns import Array
from evenhand.core import CostBreakdown, Mirror, Problem, Round
from evenhand.costs.convex import Convex
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.errors import InfeasibleError, ParameterError, SolverError
from evenhand.kernels import reduce
from evenhand.mirror import Euclidean
from evenhand.offline.convex import by_cvxpy
from evenhand.offline.frames import (
    FramePrices,
    burden_exponent,
    check_frame,
    frame_prices,
    least_deviation,
    with_frames,
)
from evenhand.offline.horizon import Horizon, build
from evenhand.proximal import proximal
from evenhand.solvers import ConicAnswer, clarabel, conic
from evenhand.trajectory import Trajectory, evaluate

__all__ = ["Optimum", "fair_optimum", "lower_bound_at", "optimum", "solved"]

#: weight of g against the other costs in FairOPT: large enough to come first (to 1e-6 of its value), small enough
#: for the solver
FAIRNESS_FIRST = 1e6


@final
@dataclass(frozen=True, slots=True)
class Optimum:
    """A hindsight optimum: its trajectory, the multiplier kappa (..., m) of the burdens,
    and a proved lower bound (...).
    """

    trajectory: Trajectory
    kappa: Array
    lower_bound: Array
    iterations: NDArray[np.int64]

    @property
    def cost(self) -> CostBreakdown:
        """The three parts of (1), recomputed from the actions."""
        return self.trajectory.cost

    @property
    def gap(self) -> Array:
        """(cost - lower bound) / max(1, |cost|) >= 0: how far from optimal the answer can be, proved."""
        total = self.cost.total
        return (total - self.lower_bound) / np.maximum(1.0, np.abs(total))


def optimum(
    problem: Problem,
    *,
    frame: int | None = None,
    deviation: float = np.inf,
    mirror: Mirror = Euclidean(),
    progress: Callable[[], None] | None = None,
) -> Optimum:
    """OPT: the minimiser of (1), all rounds known; each leading element on its own, ``progress`` called after each.

    With ``frame`` R and ``deviation`` delta >= 0, (R, delta)-OPT: the minimiser of (1) under (6), burdens measured in
    the Euclidean norm, or in l_inf for ``mirror=Entropy()``. Its lower bound then holds for every (R, delta)-feasible
    sequence. OPT is (R, delta)-OPT with an infinite delta.

    Gives an Optimum whose actions satisfy the sets to rounding and whose lower bound comes from weak duality
    (`lower_bound_at`), not from the solver. Raises ParameterError where R does not divide T or delta < 0,
    InfeasibleError (naming the least delta where there is one) or SolverError (gap above 1e-6).
    """
    if frame is None and deviation != np.inf:
        raise ParameterError(f"deviation is {deviation!r} without a frame: give frame=R, a divisor of the rounds")
    if frame is None:
        return _each(problem, _solve_total, 1e-6, progress)
    length = check_frame(frame, problem.horizon)
    burden_exponent(mirror)
    if not deviation >= 0.0:
        raise ParameterError(f"deviation is {deviation!r}: delta must lie in [0, inf]")
    if deviation == np.inf:
        return _each(problem, _solve_total, 1e-6, progress)
    return _each(problem, lambda one: _solve_frames(one, length, float(deviation), mirror), 1e-6, progress)


def fair_optimum(problem: Problem, *, progress: Callable[[], None] | None = None) -> Optimum:
    """FairOPT: least fairness cost g, and among those the least total cost (lexicographic: g alone has many
    minimisers).

    "Least" holds to 1e-5 relative, proved by weak duality; SolverError otherwise (1e-6 is typical).

    Its lower bound is OPT's kind of bound and says how far FairOPT's total is from the best total. Raises as `optimum`.
    """
    return _each(problem, _solve_fair, np.inf, progress)


def _each(problem: Problem, solve: Any, limit: float, progress: Callable[[], None] | None) -> Optimum:
    lead = problem.lead
    horizon, n, m = problem.horizon, problem.setting.initial.shape[0], problem.impact.entities
    actions = np.empty((*lead, horizon, n))
    kappa = np.empty((*lead, m))
    prices: list[FramePrices] = []
    iterations = np.empty(lead, dtype=np.int64)
    for index in np.ndindex(*lead):
        one = problem.episode(index) if lead else problem
        actions[index], kappa[index], iterations[index], *rest = solve(one)
        prices += rest
        if progress is not None:
            progress()
    actions = _restore(problem, actions)
    found = evaluate(problem, actions)
    frames = None
    if prices:
        above = np.stack([p.above for p in prices]).reshape(*lead, -1, m)
        frames = FramePrices(above, np.stack([p.charge for p in prices]).reshape(lead))
    result = Optimum(found, kappa, lower_bound_at(problem, actions, kappa, frames), iterations)
    if not (result.gap <= limit).all():
        raise SolverError(f"the optimum's duality gap is {np.max(result.gap):.1e}, above {limit:.0e}")
    return result


def _solve_total(problem: Problem) -> tuple[Array, Array, int]:
    if isinstance(problem.cost, Convex):
        return by_cvxpy(problem)
    program = build(problem)
    return _unpack(problem, program, solved(program))


def _solve_frames(problem: Problem, frame: int, deviation: float, mirror: Mirror) -> Any:
    plain = build(problem)
    rows = plain.b.shape[0]
    program = with_frames(plain, problem, frame, deviation, mirror)
    try:
        answer = solved(program)
    except InfeasibleError:
        least = least_deviation(problem, frame, mirror)
        raise InfeasibleError(
            f"no sequence has deviation {deviation:g} for frames of {frame} rounds: the least is {least:.6g}"
        ) from None
    prices, mean = frame_prices(answer.z[rows:], program.m, problem.horizon // frame, deviation, mirror)
    actions, kappa, iterations = _unpack(problem, program, answer)
    return actions, kappa + mean, iterations, prices


def _solve_fair(problem: Problem) -> tuple[Array, Array, int]:
    """One solve of (1) with g weighted so heavily that it comes first, else two: g alone, then the rest under it.

    That g came first is proved by weak duality, not taken from the solver.
    """
    blind = evaluate(problem, proximal(Round(0, problem.cost, problem.impact, problem.feasible)))
    size, unfair = float(blind.cost.hitting + blind.cost.switching), float(blind.cost.fairness)
    if unfair > 0 and size != 0:
        factor = FAIRNESS_FIRST * abs(size) / unfair
        try:
            actions, kappa, iterations = _solve_total(rescaled(problem, factor))
            price = problem.setting.fairness.project(kappa / factor)
            if _excess(problem, actions, price)[0] <= 0:
                return actions, price, iterations
        except SolverError:
            pass  # costs of very different size: one stage after the other
    actions, kappa, iterations = _two_stages(problem)
    price = problem.setting.fairness.project(kappa)
    excess, reached = _excess(problem, actions, price)
    if excess > 0:
        raise SolverError(f"FairOPT's fairness cost {reached:g} is not proved least, by {excess:.1e}")
    return actions, price, iterations


def _excess(problem: Problem, actions: Array, price: Array) -> tuple[float, float]:
    """What separates the fairness cost reached from "least to 1e-5 relative", by weak duality, and that cost.

    min g over the sets >= min of kappa . avg(A x) - g*(kappa) for any kappa in dom g*: a linear minimum per round.
    """
    g = problem.setting.fairness
    floor = float(np.mean(problem.feasible.support(problem.impact.tilt(price))) - g.conjugate(price))
    floor = max(floor, -float(g.conjugate(np.zeros_like(price))))  # what g cannot go below anywhere
    burdens = problem.impact.burden(_restore(problem, actions))
    reached = float(g.value(reduce.mean_rows(burdens)))
    span = np.abs(problem.impact.range(*problem.feasible.bounds)).max(axis=(0, 1))
    small = 1e-8 * float(g.value(np.where(np.isfinite(span), span, 1.0)))  # solver's rounding where the least is 0
    return reached - floor - 1e-5 * reached - small, reached


def _two_stages(problem: Problem) -> tuple[Array, Array, int]:
    program = build(problem)
    aside = np.zeros_like(program.q)  # T g alone
    own = slice(program.n_x + program.m, program.n_x + program.m + program.epigraph.cost.shape[0])
    aside[own] = program.q[own]
    first = solved(replace(program, P=sp.csc_matrix(program.P.shape), q=aside))
    scale = max(1.0, float(np.abs(aside).max()))
    room = 1e-7 * abs(float(aside @ first.x)) + 1e-9 * scale
    second = solved(
        replace(
            program,
            q=program.q - aside,
            A=sp.vstack([program.A, sp.csr_matrix(aside / scale)], format="csc"),
            b=np.append(program.b, (float(aside @ first.x) + room) / scale),
            cones=[*program.cones, clarabel().NonnegativeConeT(1)],
        )
    )
    return _unpack(problem, program, second)[0], -first.z[program.burden_rows], first.iterations + second.iterations


def solved(program: Horizon) -> ConicAnswer:
    """The conic solver's answer; where it stops short of 1e-10, as it may at curved cones, that of shorter steps.

    Its accuracy is not taken on trust: the caller proves a duality gap from it.
    """
    try:
        return conic(program.P, program.q, program.A, program.b, program.cones)
    except SolverError:
        return conic(program.P, program.q, program.A, program.b, program.cones, careful=True)


def _unpack(problem: Problem, program: Horizon, answer: ConicAnswer) -> tuple[Array, Array, int]:
    actions = answer.x[: program.n_x].reshape(problem.horizon, -1)
    return actions, -answer.z[program.burden_rows], answer.iterations


def _restore(problem: Problem, actions: Array) -> Array:
    """Project each action on its set: what the solver left outside is rounding, afterwards nothing is."""
    n = actions.shape[-1]
    nearest = Quadratic(np.zeros(n))
    return proximal(Round(0, nearest, problem.impact, problem.feasible), 0.0, 1.0, actions)


def lower_bound_at(problem: Problem, actions: Array, kappa: Array, frames: FramePrices | None = None) -> Array:
    """A proved lower bound on (1) over all feasible sequences, from any sequence and any kappa: (...).

    For kappa in dom g*, g(y) >= kappa . y - g*(kappa), so phi(x) = hitting + switching + kappa . avg(A x) -
    g*(kappa) <= cost(x);
    phi is convex, so phi(x) >= phi(x^) + grad phi(x^) . (x - x^), and the right side is minimised exactly, round by
    round, over the sets; hitting costs with kinks are not replaced by a tangent. At the optimum and its multiplier the
    bound is tight. Weak duality as in spec/online.md (11).
    With the multipliers ``frames`` of (6) it bounds (R, delta)-OPT: a round of frame k then pays kappa + above_k.
    """
    setting = problem.setting
    g = setting.fairness
    price = g.project(kappa)
    horizon = problem.horizon
    run = evaluate(problem, actions)
    before = np.concatenate(
        [np.broadcast_to(setting.initial, (*actions.shape[:-2], 1, actions.shape[-1])), actions[..., :-1, :]],
        axis=-2,
    )
    move = setting.beta * (actions - before)
    paid = price[..., None, :]
    if frames is not None:
        paid = paid + np.repeat(frames.above, horizon // frames.above.shape[-2], axis=-2)
    slope = move + problem.impact.tilt(paid)
    slope[..., :-1, :] -= move[..., 1:, :]
    smooth = isinstance(problem.cost, Quadratic | DenseQuadratic)
    if not smooth:  # at a kink one tangent is not enough: the cost stays as it is and the oracle finds its minimum
        lowest = proximal(Round(0, problem.cost, problem.impact, problem.feasible), slope)
        least = problem.cost.value(lowest) + reduce.inner(slope, lowest)
        here, linear = reduce.total(run.switching), least - reduce.total(slope * actions)
    else:
        slope += problem.cost.gradient(actions)
        here = reduce.total(run.hitting) + reduce.total(run.switching)
        linear = problem.feasible.support(slope) - reduce.total(slope * actions)
    modulus = problem.cost.strong_convexity()
    if smooth and np.isneginf(linear).any() and (modulus > 0).all():  # an unbounded set: phi curves at least as f does
        nearest = proximal(
            Round(0, Quadratic(slope), problem.impact, problem.feasible), 0.0, modulus[..., None], actions
        )
        curved = reduce.total(slope * (nearest - actions)) + 0.5 * modulus * reduce.squared_distance(nearest, actions)
        linear = np.where(np.isneginf(linear), curved, linear)
    priced = reduce.total(reduce.mean_rows(np.broadcast_to(paid, run.burdens.shape) * run.burdens))
    if frames is not None:
        priced = priced - frames.charge / horizon
    return (here + reduce.total(linear)) / horizon + priced - g.conjugate(price)


def rescaled(problem: Problem, factor: float) -> Problem:
    """The same problem with ``factor`` times its fairness cost."""
    return replace(problem, setting=replace(problem.setting, fairness=problem.setting.fairness.scaled(factor)))
