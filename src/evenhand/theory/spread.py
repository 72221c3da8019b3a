"""Z: how far a round's burden can lie from a budget z and from any other round's burden. Source: spec/online.md §1, §5.

The proof uses Z twice: ||d_t|| = ||z_t - A_t x_t|| <= Z in the dual regret, and ||A_t x*_t - y*|| <= Z in the frame
term. `spread_of_sets` bounds both from the data alone, `spread_of_run` takes what a run and a benchmark really did.
"""

from __future__ import annotations

import numpy as np

from evenhand.columns import Array
from evenhand.core import Mirror, Problem
from evenhand.offline.frames import size
from evenhand.policies.dual import Dual
from evenhand.sets import Box, Budget
from evenhand.trajectory import Trajectory

__all__ = ["burden_range", "spread", "spread_of_run", "spread_of_sets"]


def burden_range(problem: Problem) -> tuple[Array, Array]:
    """Least and largest burden of every entity in every round: two (..., T, m).

    Exact on Box and Budget (a linear minimum over the set); on other sets by interval arithmetic over their box.
    """
    if not isinstance(problem.feasible, Box | Budget):
        return problem.impact.range(*problem.feasible.bounds)
    low: list[Array] = []
    high: list[Array] = []
    for unit in np.eye(problem.impact.entities):
        way = problem.impact.tilt(unit)
        low.append(problem.feasible.support(way))
        high.append(-problem.feasible.support(-way))
    return np.stack(low, axis=-1), np.stack(high, axis=-1)


def spread(problem: Problem, lower: Array, upper: Array, mirror: Mirror) -> Array:
    """Z (...) for budgets z in the box lower <= z <= upper (..., m).

    max of ||z - A_t x|| and ||A_t x - A_s y|| over the box, all rounds and all feasible x, y: an upper bound, attained
    entity by entity and so exact in l_inf. In the norm of burdens of ``mirror``.
    """
    low, high = burden_range(problem)
    off = np.maximum(np.abs(high - lower[..., None, :]), np.abs(upper[..., None, :] - low))
    apart = high.max(axis=-2) - low.min(axis=-2)
    return np.maximum(size(off, mirror).max(axis=-1), size(apart, mirror))


def spread_of_sets(problem: Problem, dual: Dual, z: Array) -> Array:
    """Z (...) with the box of the budget step, or in the domain `ball` with the hull of the run's z_t (0 for norms)."""
    setting = problem.setting
    if dual.domain == "ball":
        return spread(problem, z.min(axis=-2), z.max(axis=-2), dual.mirror)
    assert setting.burden_lower is not None
    assert setting.burden_upper is not None
    return spread(problem, setting.burden_lower, setting.burden_upper, dual.mirror)


def spread_of_run(run: Trajectory, best: Trajectory, z: Array, mirror: Mirror) -> Array:
    """max over t of ||z_t - A_t x_t|| and ||A_t x*_t - y*||, as they were: (...)."""
    step = size(z - run.burdens, mirror).max(axis=-1)
    return np.maximum(step, size(best.burdens - best.mean_burden[..., None, :], mirror).max(axis=-1))
