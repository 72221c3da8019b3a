"""What FairOPT means where demand may go unserved: as much as can be is served first, then fairness decides.

Who serves nobody burdens nobody, so least fairness cost alone would be the empty plan. The sets are therefore cut to
the actions that leave least unserved in every round at once: rate . x_t >= min(demand_t, rate . e_t), where e_t is the
most that round t can reach. Without limits on moves that is the set's own maximum. With limits, actions in a `Box` form
a lattice (the larger of two sequences that keep box and limits keeps them too), so there is one sequence e that is
largest in every round and every action, found by one pass forth and one back. Source: spec/online.md §3, §9.
"""

from __future__ import annotations

import numpy as np

from evenhand.columns import Array, rebuild
from evenhand.conic import set_form
from evenhand.core import Problem
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.errors import ProblemError
from evenhand.sets import Box, Polytope

__all__ = ["serving"]


def serving(problem: Problem) -> Problem:
    """One episode with its sets cut to what leaves least unserved; unchanged for a cost without unserved demand.

    `Unserved` on a `Budget` is unchanged too: there agents compete for the total, and who lacks what is what fairness
    is about. So is a set with a curved part. Raises ProblemError for `Pooled` demand with limits on moves outside a
    Box.
    """
    cost, feasible = problem.cost, problem.feasible
    if isinstance(cost, Unserved) and isinstance(feasible, Box):
        least = np.maximum(feasible.lower, np.minimum(cost.demand, _largest(problem)))
        return rebuild(problem, {"feasible": Box(least, feasible.upper)})
    if not isinstance(cost, Pooled) or set_form(feasible).curved is not None:
        return problem
    if isinstance(feasible, Box):
        most = _largest(problem)
        reach = (cost.rate * most).sum(axis=-1)
        short = cost.demand >= reach  # all that can be had is needed: a row would leave the solver no room
        lower = np.where(short[:, None], np.minimum(most, feasible.upper), feasible.lower)
        floor, inside = np.where(short, -np.inf, cost.demand), Box(lower, feasible.upper)
    elif problem.setting.switching.moves.limited:
        raise ProblemError(
            f"FairOPT serves as much of the demand as it can, and how much that is with limits on moves is known in a "
            f"Box alone, not in a {type(feasible).__name__}"
        )
    else:
        reach = -feasible.support(-cost.rate)
        floor, inside = np.minimum(cost.demand, reach - 1e-9 * np.abs(reach)), feasible
    around = Polytope.around(inside)
    horizon, n = cost.rate.shape
    k = around.rows.shape[-2]
    rows = np.concatenate([np.broadcast_to(around.rows, (horizon, k, n)), cost.rate[:, None, :]], axis=1)
    low = np.concatenate([np.broadcast_to(around.low, (horizon, k)), floor[:, None]], axis=1)
    high = np.concatenate([np.broadcast_to(around.high, (horizon, k)), np.full((horizon, 1), np.inf)], axis=1)
    return rebuild(problem, {"feasible": Polytope(rows, low, high, around.lower, around.upper)})


def _largest(problem: Problem) -> Array:
    """The largest sequence within the box and the limits on moves: (T, n)."""
    most = np.array(np.broadcast_to(problem.feasible.bounds[1], (problem.horizon, problem.cost.actions)))
    moves = problem.setting.switching.moves
    if moves.limited:
        last = problem.setting.initial
        for t in range(problem.horizon):
            most[t] = last = np.minimum(most[t], last + moves.at(t).terms[3])
        for t in range(problem.horizon - 2, -1, -1):
            most[t] = np.minimum(most[t], most[t + 1] + moves.at(t + 1).terms[4])
    return most
