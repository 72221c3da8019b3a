"""The two schedulers' rules: who is served, in closed form; limits of a move; refusals."""

import numpy as np
import pytest

import evenhand as eh
from evenhand import checks
from evenhand.experiment import remembering


def shared(demand, total=10.0, *, equal=True, upper=10.0, switching=None, initial=None):
    demand = np.asarray(demand, dtype=float)
    rounds, n = demand.shape
    setting = eh.Setting(
        rounds, switching=switching, fairness=eh.Norm(1.0), initial=np.zeros(n) if initial is None else initial
    )
    return eh.Problem(
        setting, eh.Unserved(demand), eh.Diagonal(np.ones(n)), eh.Budget(total, np.full(n, upper), equal=equal)
    )


def test_whoever_used_least_of_its_quota_is_served_first():
    problem = shared([[8, 8, 0], [8, 8, 8], [8, 8, 8]], equal=False)
    run = eh.simulate(problem, eh.HalfLifeFairShare(rounds=1.0))
    np.testing.assert_array_equal(run.actions[0], [8, 2, 0])  # nobody has used anything: in order
    np.testing.assert_array_equal(run.actions[1], [0, 2, 8])  # 0, 2, 8 were used: the third first
    # remembered, the first round half: (4, 3, 8) / 1.5
    np.testing.assert_array_equal(run.actions[2], [2, 8, 0])


def test_quotas_weigh_what_was_used():
    problem = shared([[5, 5], [9, 9]], equal=False)
    run = eh.simulate(problem, eh.HalfLifeFairShare(quota=[1.0, 4.0]))
    np.testing.assert_array_equal(run.actions, [[5, 5], [1, 9]])


def test_what_must_be_placed_goes_on_in_the_same_order():
    run = eh.simulate(shared([[1, 1, 1]], total=9.0, upper=5.0), eh.HalfLifeFairShare())
    np.testing.assert_array_equal(run.actions[0], [5, 3, 1])


def test_the_fair_share_of_the_moment_is_max_min():
    problem = shared([[1, 6, 6], [1, 2, 9]], total=9.0)
    run = eh.simulate(problem, eh.RateLimitedFairShare(rate=np.inf))
    np.testing.assert_allclose(run.actions, [[1, 4, 4], [1, 2, 6]], atol=1e-12)
    weighted = eh.simulate(shared([[9, 9]], total=9.0), eh.RateLimitedFairShare(rate=np.inf, quota=[1.0, 2.0]))
    np.testing.assert_allclose(weighted.actions, [[3, 6]], atol=1e-12)
    left_over = eh.simulate(shared([[1, 1]], total=9.0), eh.RateLimitedFairShare(rate=np.inf, quota=[1.0, 2.0]))
    np.testing.assert_allclose(left_over.actions, [[3, 6]], atol=1e-12)  # what nobody asks for is shared alike


def test_it_is_approached_by_the_rate():
    start = np.array([5.0, 5.0])
    problem = shared([[10, 0]] * 8, initial=start)
    run = eh.simulate(problem, eh.RateLimitedFairShare(rate=0.1))  # of quotas of 10: one unit a round
    np.testing.assert_allclose(run.actions[:, 0], [6, 7, 8, 9, 10, 10, 10, 10], atol=1e-12)
    moves = np.abs(np.diff(np.concatenate([start[None], run.actions]), axis=0))
    assert moves.max() <= 1.0 + 1e-12


def test_a_total_out_of_reach_is_reached_all_the_same():
    run = eh.simulate(shared([[9, 9]], initial=np.zeros(2)), eh.RateLimitedFairShare(rate=0.1))
    np.testing.assert_allclose(run.actions[0], [5, 5], atol=1e-12)


@pytest.mark.parametrize("policy", [eh.HalfLifeFairShare(), eh.RateLimitedFairShare()])
def test_hard_limits_of_moves_hold(policy):
    problem = shared([[10, 0], [0, 10]] * 3, switching=eh.Limits(2.0), initial=np.array([5.0, 5.0]))
    run = eh.simulate(problem, policy)
    moves = np.diff(np.concatenate([[[5.0, 5.0]], run.actions]), axis=0)
    assert np.abs(moves).max() <= 2.0 + 1e-9


@pytest.mark.parametrize("policy", [eh.HalfLifeFairShare(), eh.RateLimitedFairShare()])
@pytest.mark.parametrize("name", ["geo7", "tenants", "provisioning"])
def test_run_on_shipped_scenarios(policy, name):
    checks.check_policy(policy, eh.load(name).problem.window(0, 8))


def test_free_agents_are_served_in_a_box():
    problem = eh.Problem(
        eh.Setting(1, 0.0, eh.Norm(1.0), np.zeros(2)),
        eh.Unserved([[3.0, 9.0]]),
        eh.Diagonal([1.0, 1.0]),
        eh.Box([0.0, 0.0], [5.0, 5.0]),
    )
    for policy in (eh.HalfLifeFairShare(), eh.RateLimitedFairShare(rate=np.inf)):
        np.testing.assert_allclose(eh.simulate(problem, policy).actions, [[3.0, 5.0]], atol=1e-12)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: eh.HalfLifeFairShare(rounds=0), "half-life must be above 0"),
        (lambda: eh.HalfLifeFairShare(quota=[1.0, 0.0]), "quota is"),
        (lambda: eh.RateLimitedFairShare(rate=0.0), "rate is 0"),
        (lambda: eh.simulate(shared([[1, 1]]), eh.RateLimitedFairShare(quota=[1.0])), "1 numbers for 2 actions"),
    ],
)
def test_bad_input_is_told_in_one_line(make, says):
    with pytest.raises(eh.EvenhandError, match=says) as told:
        make()
    assert "\n" not in str(told.value)


def test_a_polytope_is_refused():
    problem = checks.sample(3)
    from dataclasses import replace

    whole = replace(problem, feasible=eh.Polytope([[1.0, 1.0, 0.0]], 0.0, 1.0, 0.0, 1.0))
    with pytest.raises(eh.ProblemError, match="Polytope is neither"):
        eh.simulate(whole, eh.HalfLifeFairShare())


def test_they_are_beaten_where_fairness_remembers():
    """Tenants whose shortfall is remembered with half-life 24: prices do better than either rule, plans do best."""
    problem = remembering(eh.load("tenants").problem.window(0, 120), eh.HalfLife(24))
    quota = problem.setting.initial
    rules = eh.HalfLifeFairShare(quota=quota), eh.RateLimitedFairShare(quota=quota), eh.RateLimitedFairShare(1.0, quota)
    theirs = min(float(eh.tally(problem, rule).cost.total) for rule in rules)
    ours = float(eh.tally(problem, eh.FairOBD(eta=1e-2, domain="ball")).cost.total)
    planned = float(eh.tally(problem, eh.AdaptiveFairOBD()).cost.total)
    assert float(eh.optimum(problem).cost.total) < planned < ours < theirs
