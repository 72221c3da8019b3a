"""FairOPT where demand may go unserved: least unserved, then fairness; against closed forms and linear programs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import evenhand as eh
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.errors import ProblemError
from evenhand.sets import Box, Budget, Polytope

# FairOPT's "least" is proved to 1e-5 relative, hence the tolerances


def _problem(cost, weight, upper, switching=None, initial=None, fairness=None):
    upper = np.asarray(upper, dtype=float)
    horizon, n = cost.demand.shape[0], upper.shape[-1]
    setting = eh.Setting(
        horizon=horizon,
        switching=switching or eh.Squared(0.0),
        fairness=fairness or eh.Norm(1.0),
        initial=np.zeros(n) if initial is None else initial,
    )
    return eh.Problem(setting, cost, eh.Diagonal(np.asarray(weight, dtype=float)), Box(np.zeros(n), upper))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_all_that_can_be_served_is_served_in_the_fairest_way(scale):
    """Two sites of burdens 1 and 2, room for 2 each: of a demand of 3 the fairest split is 2 and 1."""
    problem = _problem(Pooled([3.0 * scale], [1.0, 1.0]), [1.0, 2.0], [2.0 * scale, 2.0 * scale])
    best = eh.fair_optimum(problem)
    np.testing.assert_allclose(best.trajectory.actions, [[2.0 * scale, scale]], rtol=1e-6)
    np.testing.assert_allclose(float(best.cost.fairness), 2.0 * scale, rtol=1e-6)


def test_demand_above_capacity_fills_it_and_no_demand_serves_nobody():
    problem = _problem(Pooled([9.0, 0.0], [1.0, 1.0]), [1.0, 2.0], [2.0, 3.0])
    np.testing.assert_allclose(
        eh.fair_optimum(problem).trajectory.actions, [[2.0, 3.0], [0.0, 0.0]], rtol=1e-5, atol=1e-5
    )


def test_a_demand_of_ones_own_is_served_in_a_box_and_shared_by_fairness_in_a_budget():
    cost = Unserved([[1.0, 5.0], [2.0, 0.5]], curvature=0.1)
    problem = _problem(cost, [1.0, 1.0], [3.0, 3.0])
    np.testing.assert_allclose(
        eh.fair_optimum(problem).trajectory.actions, [[1.0, 3.0], [2.0, 0.5]], rtol=1e-5, atol=1e-5
    )
    setting = eh.Setting(horizon=2, fairness=eh.Shortfall(1.0, 2.0), initial=np.zeros(2))
    shared = eh.Problem(setting, cost, eh.Diagonal([-1.0, -1.0]), Budget(4.0, [4.0, 4.0]))
    best = eh.fair_optimum(shared)
    np.testing.assert_allclose(best.trajectory.actions.mean(axis=0), [2.0, 2.0], atol=1e-6)


def test_limits_outside_a_box_are_refused():
    setting = eh.Setting(horizon=1, switching=eh.Limits(rise=1.0), fairness=eh.Norm(1.0), initial=np.zeros(2))
    problem = eh.Problem(setting, Pooled([3.0], [1.0, 1.0]), eh.Diagonal([1.0, 1.0]), Budget(4.0, [2, 2], equal=False))
    with pytest.raises(ProblemError, match="known in a Box alone, not in a Budget"):
        eh.fair_optimum(problem)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 3),
    rounds=st.integers(1, 5),
    limited=st.booleans(),
    fits=st.booleans(),
    inside=st.booleans(),
)
def test_it_is_what_two_linear_programs_find(seed, n, rounds, limited, fits, inside):
    """First the least total unserved, with the limits on moves; then the least largest burden that leaves no more."""
    rng = np.random.default_rng(seed)
    upper, weight = rng.uniform(0.5, 2.0, n), rng.uniform(0.5, 3.0, (rounds, n))
    rate = rng.uniform(0.5, 2.0, n)
    demand = rng.uniform(0.0, 0.8 if fits else 1.6, rounds) * (rate * upper).sum()
    initial = rng.uniform(0.0, 1.0, n) * upper
    moves = eh.Limits(rise=rng.uniform(0.1, 1.0, n), fall=rng.uniform(0.1, 1.0, n)) if limited else None
    cost = Pooled(demand, rng.uniform(0.1, 1.0, n), 0.1, rate)
    problem = _problem(cost, weight, np.broadcast_to(upper, (rounds, n)), moves, initial)
    if inside and not limited:  # the same set, with a row that never binds
        room = Polytope(np.ones((1, n)), high=[10.0 * upper.sum()], lower=np.zeros(n), upper=upper)
        problem = eh.Problem(problem.setting, cost, problem.impact, room)
    best = eh.fair_optimum(problem)

    size = rounds * n
    served = np.kron(np.eye(rounds), rate)
    rows, ends = [np.hstack([-served, -np.eye(rounds), np.zeros((rounds, 1))])], [-demand]
    if limited:
        step = np.eye(size) - np.eye(size, k=-n)
        start = np.concatenate([initial, np.zeros(size - n)])
        pad = np.zeros((size, rounds + 1))
        rows += [np.hstack([step, pad]), np.hstack([-step, pad])]
        ends += [np.tile(moves.rise, rounds) + start, np.tile(moves.fall, rounds) - start]
    bounds = [(0, u) for u in np.tile(upper, rounds)] + [(0, None)] * rounds + [(0, None)]
    total = np.concatenate([np.zeros(size), np.ones(rounds), [0.0]])
    first = linprog(total, np.vstack(rows), np.concatenate(ends), bounds=bounds)
    left = np.maximum(demand - best.trajectory.actions @ rate, 0.0).sum()
    np.testing.assert_allclose(left, first.fun, atol=2e-8 * demand.sum() + 1e-9)

    burden = np.hstack([np.hstack([np.diag(w) for w in weight]) / rounds, np.zeros((n, rounds)), -np.ones((n, 1))])
    rows += [burden, total[None]]
    ends += [np.zeros(n), [first.fun + 1e-9]]
    second = linprog(np.eye(size + rounds + 1)[-1], np.vstack(rows), np.concatenate(ends), bounds=bounds)
    np.testing.assert_allclose(float(best.cost.fairness), second.fun, rtol=2e-5, atol=1e-7)
