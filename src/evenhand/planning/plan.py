"""Plan the rounds to come: actions for a forecast horizon and the price kappa of its projected burden.

    min over x_1..x_h   sum_s f_s(x_s) + (beta/2) ||x_s - x_{s-1}||^2  +  T g( (S + (R/h) sum_s A_s x_s) / T )

S is the burden so far, R >= h the rounds left that the plan stands for, T = rounds played + R; with a memory the last
term is that of `planning/charge.py`, and there is a kappa for every planned round. Saddle point in (x, kappa): sweeps
of the chain kernel at fixed kappa, then a proximal step on kappa in the metric of the chain's own response to a price,
so there is no learning rate and every step scales with the data. Source: spec/online.md (1), (2), §10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, count, same
from evenhand.core import Fairness, Round, Setting
from evenhand.errors import ParameterError, expect
from evenhand.fairness.norm import Norm
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.impacts import Diagonal
from evenhand.kernels import reduce
from evenhand.kernels.ascent import ascend
from evenhand.kernels.chain import response
from evenhand.planning.chain import Chain, chain_of
from evenhand.planning.charge import Charge
from evenhand.planning.history import History
from evenhand.proximal import moved

__all__ = ["Plan", "begin", "blank", "counted", "first_action", "improve", "of_phases", "shift", "start"]

#: rounds of a pattern or of a plan, and steps: beyond, a round takes minutes
LONGEST, STEPS = 100_000, 10_000
#: accelerated projected gradient steps on one kappa subproblem; its condition is the ratio of the responses, so this
#: is ample, and what is left of it is taken up in the next round
PROJECTIONS = 20


def counted(planner: Any, *names: str) -> None:
    """Check the counts among the parameters of a planner. Raises ParameterError."""
    for name in names:
        high = STEPS if name in ("first_steps", "steps", "sweeps") else LONGEST
        object.__setattr__(planner, name, count(name, getattr(planner, name), high=high))


def of_phases(history: Any, phases: int) -> None:
    """Raise ParameterError where the history given to a planner is none, or has other phases."""
    expect("history", history, (History, type(None)), "what planning.history.remember gives, or None")
    if history is not None and history.count.shape[-1] != phases:
        raise ParameterError(f"history has {history.count.shape[-1]} phases, period is {phases}: they must agree")


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """Planned actions (..., h, n), the multipliers of their sets (..., h, n) scaled by the penalty (...) that they were
    found with, and kappa (..., m), with a memory (..., h, m).
    """

    actions: Array
    force: Array
    kappa: Array
    penalty: Array

    __eq__ = same


def blank(setting: Setting, future: Round, kappa: Array) -> Plan:
    """A plan before the first sweep: nothing done, at the price kappa (..., m)."""
    low, _ = future.feasible.bounds
    shape = np.broadcast_shapes(low.shape, future.impact.tilt(kappa[..., None, :]).shape)
    if setting.memory is not None:
        kappa = np.broadcast_to(kappa[..., None, :], (*kappa.shape[:-1], shape[-2], kappa.shape[-1]))
    return Plan(np.zeros(shape), np.zeros(shape), kappa, np.ones(shape[:-2]))


def start(fairness: Fairness, m: int) -> Array:
    """The price that a plan begins with: the centre of the dual ball (m,)."""
    return fairness.project(fairness.centre(m))


def begin(setting: Setting) -> Array | None:
    """`start` where the setting tells how many entities there are, None until the first round does."""
    return None if setting.count is None else start(setting.fairness, setting.count)


def shift(setting: Setting, plan: Plan, length: int) -> Plan:
    """The plan one round later, cut or continued by its last round to ``length`` rounds."""
    pick = np.minimum(np.arange(1, length + 1), plan.actions.shape[-2] - 1)
    kappa = plan.kappa if setting.memory is None else plan.kappa[..., pick, :]
    return Plan(plan.actions[..., pick, :], plan.force[..., pick, :], kappa, plan.penalty)


def improve(
    setting: Setting,
    future: Round,
    last: Array,
    charge: Charge,
    plan: Plan,
    *,
    sweeps: int,
    steps: int,
) -> Plan:
    """``steps`` times (``sweeps`` chain sweeps, one step on kappa), then the sweeps once more.

    future: a Round with a time axis, the round at hand first; last: x_{t-1}; charge: what fairness costs.
    """
    tilt = future.impact.tilt(charge.price(plan.kappa))
    swept = chain_of(setting.switching.moves, future, last, tilt, sweeps)
    give = _give(future, swept, plan.kappa.shape[-1])
    if charge.stiffness.ndim:
        give = give[..., None, :, :]
    give = charge.stiffness[..., None, None] * give
    # forces are scaled by the penalty they were found with: the multipliers are what carries over
    actions, force, kappa = plan.actions, plan.force * (plan.penalty / swept.penalty)[..., None, None], plan.kappa
    for k in range(steps + 1):
        actions, force = swept.sweep(actions, force, future.impact.tilt(charge.price(kappa)))
        if k < steps:
            projected = charge.project(future.impact.burden(actions))
            kappa = _ascend(setting.fairness, kappa, projected, give, charge.weight)
    return Plan(actions, force, kappa, swept.penalty)


def first_action(setting: Setting, round: Round, last: Array, plan: Plan, price: Array) -> Array:
    """x_t, exact: f_t and price . A_t x, moves from x_{t-1} and to the plan's next round; price (..., m), the plan's.

    Quadratic moves: step (3) with its pull towards the planned x_{t+1} in place of v_t. Moves with prices or limits:
    the price of the planned move to come, from the multipliers of the rounds behind it, and the plan's own penalty,
    which holds x_t near the planned one; at a converged plan both give the planned action.
    """
    tilt, moves = round.impact.tilt(price), setting.switching.moves
    if plan.actions.shape[-2] == 1:
        return moved(setting, round, last, tilt)
    if (moves.kinked or moves.limited) and moves.matrix is None:
        hold = plan.penalty[..., None]
        coming = hold * (reduce.mean_rows(plan.force) * plan.force.shape[-2] - plan.force[..., 0, :])
        return moved(setting, round, last, tilt + coming, hold=hold, point=plan.actions[..., 0, :])
    return moved(setting, round, last, tilt, pull=1.0, towards=plan.actions[..., 1, :])


def _give(future: Round, swept: Chain, m: int) -> Array:
    """H = A (diag q + beta D'D)^-1 A' of the planned rounds, (..., m, m): above the Hessian of the dual function."""
    beta = np.asarray(swept.beta)
    floor = np.where(beta > 0.0, 0.0, swept.penalty)  # what does not move for free has no endless answer to a price
    stiff = np.maximum(swept.stiff, floor[..., None, None])
    if isinstance(future.impact, Diagonal):  # an entity's price pushes its own action alone: H is diagonal
        weight = np.broadcast_to(future.impact.weight, stiff.shape)
        own = reduce.total_rows(weight * response(stiff, beta, weight))
        return own[..., None] * np.eye(m)
    shape = (m, *stiff.shape[:-2], stiff.shape[-2] * stiff.shape[-1])
    units = np.eye(m).reshape(m, *(1,) * (stiff.ndim - 1), m)
    rows = future.impact.tilt(np.broadcast_to(units, (m, *stiff.shape[:-1], m)))
    answers = response(stiff, beta, rows).reshape(shape)
    matrix = np.moveaxis(rows.reshape(shape), 0, -2)
    return np.ascontiguousarray(np.moveaxis(reduce.apply(matrix, answers), 0, -1))


def _even(fairness: Fairness) -> tuple[Norm, Any, float] | None:
    """Where the budget on the dual ball is the same at every price: its norm, the budget, 1 if prices are >= 0."""
    if isinstance(fairness, Norm):
        return fairness, 0.0, 0.0
    if isinstance(fairness, Target):
        return fairness.norm, fairness.target, 0.0
    return (fairness.norm, -fairness.quota, 1.0) if isinstance(fairness, Shortfall) else None


def _ascend(fairness: Fairness, kappa: Array, projected: Array, give: Array, weight: Array) -> Array:
    """argmax over the dual ball of ``k . y - weight g*(k) - (k - kappa)' give (k - kappa) / 2``, y the projected."""
    counts = weight[..., None]
    if (even := _even(fairness)) is not None:
        norm, budget, cut = even
        slack = projected - counts * budget
        w = np.broadcast_to(norm.weights, kappa.shape[-1:])
        return ascend(kappa, slack, give, w, norm.mu, norm.dual_exponent, cut, float(PROJECTIONS))
    top = reduce.total(np.abs(give)).max(axis=-1)[..., None]
    rate = np.divide(1.0, top, out=np.zeros_like(top), where=top > 0)
    now = look = kappa
    pace = 1.0
    for _ in range(PROJECTIONS):
        slope = projected - counts * fairness.budget_ball(look) - reduce.apply(give, look - kappa)
        new = fairness.project(look + rate * slope)
        coming = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * pace * pace))
        look = new + ((pace - 1.0) / coming) * (new - now)
        now, pace = new, coming
    return now
