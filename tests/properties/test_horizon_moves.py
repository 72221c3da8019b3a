"""OPT, its certificate and its relatives with every switching cost: against CVXPY, and proved against every sequence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelled
import moving
from evenhand import (
    FairOBD,
    InfeasibleError,
    lower_bound,
    lower_bound_at,
    optimum,
    simulate,
)
from evenhand.trajectory import excess_of_moves

CASES = st.tuples(st.sampled_from(moving.PAIRS), st.sampled_from(moving.FAIRNESS), st.integers(0, 2**20))


@pytest.mark.parametrize("family", moving.FAMILIES)
@settings(max_examples=12)
@given(CASES)
def test_opt_is_that_of_cvxpy_and_proves_itself(family, case):
    (cost, feasible), fairness, seed = case
    problem, rng = moving.problem_of(cost, feasible, family, fairness, seed)
    best = optimum(problem)
    assert -1e-9 <= float(best.gap) <= 1e-6
    assert excess_of_moves(problem.setting, best.trajectory.actions).max() <= 1e-9
    want = modelled.best_horizon(problem)
    assert float(best.cost.total) == pytest.approx(want, abs=2e-6, rel=2e-6)
    # certificates lie below every feasible sequence: here OPT's own, and whatever a policy plays
    bound = lower_bound(problem)
    flat = lower_bound(problem, separable=True)
    low = float(lower_bound(problem, problem.setting.fairness.project(rng.normal(size=best.kappa.shape))).value)
    cost_of_opt = float(best.cost.total)
    slack = 1e-8 * (1 + abs(cost_of_opt))
    assert max(float(flat.value), low) <= cost_of_opt + slack
    assert float(bound.value) >= float(flat.value) - 1e-6 * (1 + abs(cost_of_opt))
    try:
        run = simulate(problem, FairOBD(eta=0.1, domain="ball"))
    except InfeasibleError:
        return
    assert float(bound.value) <= float(run.cost.total) + slack
    assert float(lower_bound_at(problem, run.actions, best.kappa)) <= cost_of_opt + slack
