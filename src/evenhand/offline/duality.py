"""Proved lower bounds on (1) from any sequence and any price, by weak duality. Source: spec/online.md (11)."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array, numbers
from evenhand.core import Problem, Round
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ProblemError, expect
from evenhand.fairness.dual import supported
from evenhand.kernels import reduce
from evenhand.offline.cuts import least_by_cuts
from evenhand.offline.moves import move_floor, telescoped
from evenhand.offline.program import FramePrices
from evenhand.offline.remembered import charged, each_round
from evenhand.proximal import proximal
from evenhand.sets import Box, Budget
from evenhand.trajectory import Trajectory, evaluate, moved_from

__all__ = ["exact", "lower_bound_at"]


def lower_bound_at(
    problem: Problem,
    actions: Array,
    kappa: Array,
    frames: FramePrices | None = None,
    run: Trajectory | None = None,
    pushes: Array | None = None,
) -> Array:
    """A proved lower bound on (1) over all feasible sequences, from any sequence and any kappa: (...).

    For kappa in dom g*, g(y) >= kappa . y - g*(kappa), so phi(x) = hitting + switching + kappa . avg(A x) -
    g*(kappa) <= cost(x);
    phi is convex, so phi(x) >= phi(x^) + grad phi(x^) . (x - x^), and the right side is minimised exactly, round by
    round, over the sets; hitting costs with kinks are not replaced by a tangent. Moves with a price per unit or a limit
    are bounded by what any force v_t pushes them with (`offline/moves.py`). At the optimum and its multipliers the
    bound is tight. Weak duality as in spec/online.md (11).
    With a memory there is a price for every round, kappa (..., T, m), or (m,) for the same in each, and a round pays
    what is remembered of it later (`offline/remembered.py`).
    With the multipliers ``frames`` of (6) it bounds (R, delta)-OPT: a round of frame k then pays kappa + above_k.
    run: the sequence as `evaluate` prices it, where it is there already. pushes: v (..., T, n), the solver's where
    there is one; else the prices of the moves made, which is proved all the same, and tight where every move is made.
    """
    expect("problem", problem, Problem, 'a Problem, such as load("geo7").window(0)')
    setting, kappa = problem.setting, numbers("kappa", kappa)
    expect("frames", frames, (FramePrices, type(None)), "the multipliers of (6), or None")
    expect("run", run, (Trajectory, type(None)), "what evaluate gives, or None")
    run = evaluate(problem, actions) if run is None else run
    if np.shape(actions) != run.actions.shape:
        raise ProblemError(f"actions has shape {np.shape(actions)}: the run has {run.actions.shape}, they must agree")
    m, g = problem.impact.entities, setting.fairness
    if kappa.shape[-1:] != (m,):
        raise ProblemError(f"kappa has shape {kappa.shape}: give one price for each of {m} entities, (..., {m})")
    price, charge = supported(g, each_round(problem, kappa))
    horizon = problem.horizon
    before = moved_from(setting, actions)
    force, paid_moves = move_floor(setting.switching.moves, actions, before, pushes)
    moving = reduce.total(reduce.total(force * (actions - before)) - paid_moves)
    paid, more = charged(problem, price, charge)
    if frames is not None:
        paid = paid + np.repeat(frames.above, horizon // frames.above.shape[-2], axis=-2)
    slope = telescoped(force, setting.initial)[0] + problem.impact.tilt(paid)
    smooth = isinstance(problem.cost, Quadratic | DenseQuadratic)
    if not smooth:  # at a kink one tangent is not enough: the cost stays as it is
        least = _least(problem, slope, actions, run.hitting)
        here, linear = moving, least - reduce.total(slope * actions)
    else:
        slope += problem.cost.gradient(actions)
        here = reduce.total(run.hitting) + moving
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
    return (here + reduce.total(linear)) / horizon + priced + more


def exact(cost: Any, feasible: Any) -> bool:
    """Whether the oracle minimises these rounds exactly, kinks and all, so that its minimum is one."""
    return isinstance(cost, Unserved | Pooled | UtilityCost) and isinstance(feasible, Box | Budget)


def _least(problem: Problem, slope: Array, actions: Array, hitting: Array) -> Any:
    """min over X_t of f_t(x) + slope . x: (..., T), by an exact kernel or by cuts that are proved."""
    if not exact(problem.cost, problem.feasible):
        return least_by_cuts(problem.cost, problem.feasible, slope, actions, hitting)
    lowest = proximal(Round(0, problem.cost, problem.impact, problem.feasible), slope)
    return problem.cost.value(lowest) + reduce.inner(slope, lowest)
