"""The horizon program solved, in units in which its data are of about one: `offline/units.py` chooses them.

An `Answer` is in those units until `Answer.back`. Its accuracy is not taken on trust: callers prove a gap from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from evenhand.columns import Array
from evenhand.core import Problem, Round
from evenhand.costs.convex import Convex
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import SolverError
from evenhand.offline.convex import by_cvxpy
from evenhand.offline.horizon import Horizon, build
from evenhand.proximal import proximal
from evenhand.solvers import ConicAnswer, conic

__all__ = ["Answer", "FramePrices", "restored", "solved", "unpacked", "whole"]


@final
@dataclass(frozen=True, slots=True)
class FramePrices:
    """Multipliers of (6): what every round of frame k pays above kappa (..., K, m), and lambda delta (...).

    For any p_k with ||p_k||_* <= lambda, sum_k p_k . u_k <= lambda delta on (R, delta)-feasible sequences; with
    u_k = sum_{frame} A_t x_t - R y the rounds of frame k see the price p_k - mean p. ``above`` holds that difference.
    """

    above: Array
    charge: Array


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """Feasible actions (T, n), the multiplier kappa (m,) of the burdens, and those of (6) where it was asked for."""

    actions: Array
    kappa: Array
    iterations: int
    frames: FramePrices | None = None

    def back(self, action: float, money: float, burden: Array) -> Answer:
        """In the user's units."""
        price, frames = money / burden, self.frames
        if frames is not None:
            frames = FramePrices(frames.above * price, frames.charge * money)
        return Answer(self.actions * action, self.kappa * price, self.iterations, frames)


def whole(view: Problem) -> Answer:
    """The minimiser of (1)."""
    if isinstance(view.cost, Convex):
        actions, kappa, iterations = by_cvxpy(view)
        return Answer(restored(view, actions), kappa, iterations)
    program = build(view)
    return unpacked(view, program, solved(program))


def unpacked(view: Problem, program: Horizon, answer: ConicAnswer) -> Answer:
    """Actions and kappa of a conic answer, the actions feasible."""
    actions = answer.x[: program.n_x].reshape(view.horizon, -1)
    return Answer(restored(view, actions), -answer.z[program.burden_rows], answer.iterations)


def solved(program: Horizon) -> ConicAnswer:
    """The conic solver's answer; where it stops short of 1e-10, as it may at curved cones, that of shorter steps."""
    try:
        return conic(program.P, program.q, program.A, program.b, program.cones)
    except SolverError:
        return conic(program.P, program.q, program.A, program.b, program.cones, careful=True)


def restored(view: Problem, actions: Array) -> Array:
    """Each action projected on its set: what the solver left outside is rounding, afterwards nothing is."""
    nearest = Quadratic(np.zeros(actions.shape[-1]))
    return proximal(Round(0, nearest, view.impact, view.feasible), 0.0, 1.0, actions)
