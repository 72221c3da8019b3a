"""The horizon program solved, in units in which its data are of about one: `offline/units.py` chooses them.

An `Answer` is in those units until `Answer.back`. Its accuracy is not taken on trust: callers prove a gap from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from evenhand.columns import Array, rebuild, same
from evenhand.conic import Epigraph, set_form
from evenhand.core import Problem, Round
from evenhand.costs.convex import Convex
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import InfeasibleError, SolverError
from evenhand.offline.chained import Chained, chained
from evenhand.offline.convex import by_cvxpy
from evenhand.offline.horizon import Horizon, build
from evenhand.offline.moves import MoveRows, move_rows
from evenhand.proximal import moved, proximal
from evenhand.sets import Box, Budget, Polytope
from evenhand.solvers import ConicAnswer, conic
from evenhand.units import Units

__all__ = ["Answer", "FramePrices", "answered", "forces_of", "near", "restored", "solved", "unpacked", "whole"]


#: relative excess over a curved set that is left as it is
WITHIN = 1e-10
#: an end this many units away is not expected to matter
FAR = 1e4


@final
@dataclass(frozen=True, slots=True)
class FramePrices:
    """Multipliers of (6): what every round of frame k pays above kappa (..., K, m), and lambda delta (...).

    For any p_k with ||p_k||_* <= lambda, sum_k p_k . u_k <= lambda delta on (R, delta)-feasible sequences; with
    u_k = sum_{frame} A_t x_t - R y the rounds of frame k see the price p_k - mean p. ``above`` holds that difference.
    """

    above: Array
    charge: Array

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """Feasible actions (T, n), the multiplier kappa (m,) of the burdens, with a memory (T, m), and those of (6) where
    it was asked for.

    pushes (T, n): what every move is pushed with by prices and limits, held (T, n) the limits' part of it; None where
    moves have neither.
    """

    actions: Array
    kappa: Array
    iterations: int
    frames: FramePrices | None = None
    pushes: Array | None = None
    held: Array | None = None

    __eq__ = same

    def back(self, action: float, money: float, burden: Array) -> Answer:
        """In the user's units."""
        price, frames = money / burden, self.frames
        if frames is not None:
            frames = FramePrices(frames.above * price, frames.charge * money)
        forces = (None if part is None else part * (money / action) for part in (self.pushes, self.held))
        return Answer(self.actions * action, self.kappa * price, self.iterations, frames, *forces)


def whole(view: Problem, cost_of_y: Epigraph | None = None, *, general: bool = False) -> Answer:
    """The minimiser of (1), with another cost of y than the problem's g where one is given.

    general: by the general conic solver in any case.
    """
    fast = None if general else chained(view, [Units(1.0, 1.0, np.ones(view.impact.entities))], cost_of_y)
    if fast is not None and fast.fine[0]:
        return fast_answer(view, fast, 0)
    if isinstance(view.cost, Convex):
        try:
            actions, kappa, z, iterations = by_cvxpy(rebuild(view, {"feasible": near(view.feasible)}), cost_of_y)
        except SolverError:
            actions, kappa, z, iterations = by_cvxpy(view, cost_of_y)
        forces = forces_of(view, move_rows(view.setting, view.horizon), z)
        return Answer(restored(view, actions), kappa, iterations, None, *forces)
    return unpacked(view, *answered(view, cost_of_y=cost_of_y))


def fast_answer(view: Problem, fast: Chained, index: int) -> Answer:
    """One of the answers, its actions feasible."""
    moves = view.setting.switching.moves
    forces = (fast.push[index], fast.held[index]) if moves.kinked or moves.limited else (None, None)
    return Answer(restored(view, fast.actions[index]), fast.kappa[index], int(fast.steps[index]), None, *forces)


def unpacked(view: Problem, program: Horizon, answer: ConicAnswer) -> Answer:
    """Actions and kappa of a conic answer, the actions feasible."""
    actions = answer.x[: program.n_x].reshape(view.horizon, -1)
    forces = forces_of(view, program.moves, answer.z[program.moved_rows])
    kappa = program.link.prices(answer.z[program.burden_rows])
    return Answer(restored(view, actions), kappa, answer.iterations, None, *forces)


def forces_of(view: Problem, rows: MoveRows, z: Array) -> tuple[Array | None, Array | None]:
    """`Answer.pushes` and `Answer.held` from the multipliers of the rows of moves."""
    moves = view.setting.switching.moves
    if not (moves.kinked or moves.limited):
        return None, None
    push, held = (force.reshape(view.horizon, -1) for force in rows.pushes(z))
    return push, held


def answered(
    view: Problem, alter: Callable[[Horizon], Horizon] = lambda program: program, cost_of_y: Epigraph | None = None
) -> tuple[Horizon, ConicAnswer]:
    """The horizon program, altered, and its answer; ends that only say "no limit" are left out unless they matter.

    Raises as `conic`. Whether the answer is one of the whole problem is for the caller's proof to say.
    """
    within = near(view.feasible)
    if within is not view.feasible:
        try:
            program = alter(build(rebuild(view, {"feasible": within}), cost_of_y))
            return program, solved(program)
        except (InfeasibleError, SolverError):
            pass  # what was left out may be what bounds the cost
    program = alter(build(view, cost_of_y))
    return program, solved(program)


def near(feasible: Any) -> Any:
    """The set without ends beyond FAR: tolerances are relative to the largest number that a solver sees."""
    if type(feasible) not in (Box, Budget, Polytope):
        return feasible  # a user's own: its columns may mean anything
    change: dict[str, Array] = {}
    for name, sign in (("lower", -1.0), ("upper", 1.0), ("low", -1.0), ("high", 1.0), ("total", 1.0)):
        end = getattr(feasible, name, None)
        if end is None or (name == "total" and feasible.equal):
            continue
        far = np.isfinite(end) & (np.abs(end) > FAR)
        if name in ("low", "high"):
            far &= feasible.low != feasible.high
        far &= end * sign > 0.0  # an end on the other side of 0 is not one that nobody reaches
        if far.any():
            change[name] = np.where(far, sign * np.inf, end)
    return rebuild(feasible, change) if change else feasible


def solved(program: Horizon) -> ConicAnswer:
    """The conic solver's answer; where it stops short of 1e-10, as it may at curved cones, that of shorter steps."""
    try:
        return conic(program.P, program.q, program.A, program.b, program.cones)
    except SolverError:
        return conic(program.P, program.q, program.A, program.b, program.cones, careful=True)


def restored(view: Problem, actions: Array) -> Array:
    """Each action projected on its set: what the solver left outside is rounding, afterwards nothing is."""
    nearest = Quadratic(np.zeros(actions.shape[-1]))
    if set_form(view.feasible).curved is not None:  # no exact projection there: it would lose more than it mends
        inside = view.feasible.violation(actions) <= WITHIN
        if inside.all():
            return actions
        nearer = proximal(Round(0, nearest, view.impact, view.feasible), 0.0, 1.0, actions)
        return np.where(inside[..., None], actions, nearer)
    if view.setting.switching.moves.limited:
        try:
            return _within_limits(view, actions)
        except InfeasibleError:
            pass  # rounding left no way on; it is then of the size of rounding
    return proximal(Round(0, nearest, view.impact, view.feasible), 0.0, 1.0, actions)


def _within_limits(view: Problem, actions: Array) -> Array:
    """Round after round, each action projected on what can be reached from the one before."""
    out, last = np.empty_like(actions), view.setting.initial
    one = np.ones(actions.shape[-1])
    for round in view.rounds:
        near_it = replace(round, cost=Quadratic(-actions[round.index], one))
        out[round.index] = last = moved(view.setting, near_it, last, weight=0.0)
    return out
