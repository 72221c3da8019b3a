"""Baselines of practice: proportional share, static quota, virtual token counters, adaptive re-solving; by value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand import checks
from evenhand.experiment import remembering

RULES = [eh.ProportionalShare(), eh.StaticQuota(), eh.VirtualTokenCounter()]


def shared(demand, total=10.0, *, equal=False, upper=10.0, lower=0.0, switching=None, initial=None):
    demand = np.asarray(demand, dtype=float)
    rounds, n = demand.shape
    start = np.zeros(n) if initial is None else initial
    budget = eh.Budget(total, np.full(n, upper), lower=np.full(n, lower), equal=equal)
    setting = eh.Setting(rounds, switching=switching, fairness=eh.Norm(1.0), initial=start)
    return eh.Problem(setting, eh.Unserved(demand), eh.Diagonal(np.ones(n)), budget)


def played(problem, policy):
    return eh.simulate(problem, policy).actions


# --- proportional share ---------------------------------------------------------------------------------------------


def test_everybody_gets_the_same_share_of_what_it_asks():
    x = played(shared([[2, 6, 8], [1, 2, 3], [0, 0, 0]], total=8.0), eh.ProportionalShare())
    np.testing.assert_allclose(x, [[1, 3, 4], [1, 2, 3], [0, 0, 0]], atol=1e-12)


def test_who_asks_for_more_than_there_is_still_gets_its_proportion():
    np.testing.assert_allclose(played(shared([[30, 10]], upper=40.0), eh.ProportionalShare()), [[7.5, 2.5]], atol=1e-12)


def test_what_must_be_placed_follows_the_room_that_is_left():
    x = played(shared([[1, 4]], total=9.0, upper=6.0, equal=True), eh.ProportionalShare())
    np.testing.assert_allclose(x, [[1 + 4 * 5 / 7, 4 + 4 * 2 / 7]], atol=1e-12)


def test_floors_come_before_shares():
    x = played(shared([[5, 9]], total=8.0, lower=1.0, equal=True), eh.ProportionalShare())
    np.testing.assert_allclose(x, [[1 + 6 * 4 / 12, 1 + 6 * 8 / 12]], atol=1e-12)


def test_sites_share_by_capacity():
    week = eh.load("geo7").problem.window(0, 5)
    x = played(week, eh.ProportionalShare())
    np.testing.assert_allclose(x, np.repeat(week.feasible.total[:, None] / 7, 7, axis=1), rtol=1e-12)


# --- static quota ---------------------------------------------------------------------------------------------------


def test_quotas_are_kept_whatever_is_asked():
    x = played(shared([[9, 0, 0], [0, 9, 9]]), eh.StaticQuota(quota=[1.0, 1.0, 3.0]))
    np.testing.assert_allclose(x, [[2, 2, 6]] * 2, atol=1e-12)


def test_what_a_bound_keeps_from_one_goes_to_the_others_by_quota():
    x = played(shared([[0, 0, 0]], upper=5.0), eh.StaticQuota(quota=[1.0, 2.0, 7.0]))
    np.testing.assert_allclose(x, [[5 / 3, 10 / 3, 5]], atol=1e-12)


# --- virtual token counters -----------------------------------------------------------------------------------------


def test_equal_demands_are_served_alike_and_weights_weigh():
    x = played(shared([[9, 9, 9]] * 3, total=9.0), eh.VirtualTokenCounter())
    np.testing.assert_allclose(x, np.full((3, 3), 3.0), atol=1e-12)
    x = played(shared([[9, 9]] * 3, total=9.0), eh.VirtualTokenCounter(quota=[1.0, 2.0]))
    np.testing.assert_allclose(x, [[3, 6]] * 3, atol=1e-12)


def test_the_least_counter_is_raised_first():
    # the first received 8 against 2; now it waits until the other has as much
    x = played(shared([[8, 2], [9, 9], [9, 9]]), eh.VirtualTokenCounter(quota=[1.0, 1.0]))
    np.testing.assert_allclose(x, [[8, 2], [2, 8], [5, 5]], atol=1e-12)


def test_a_client_that_comes_back_is_lifted_to_the_least_of_those_queued():
    quota = np.ones(3)
    demand = [[9, 9, 9], [9, 1, 0], [9, 1, 0], [9, 9, 9]]
    problem = shared(demand, total=9.0)
    steps = list(eh.play(problem, eh.VirtualTokenCounter(quota=quota)))
    np.testing.assert_allclose(steps[2].state.counter, [3 + 8 + 8, 3 + 1 + 1, 3], atol=1e-12)
    # the third comes back with 3, is lifted to 5, the least of the others, and shares with the second from there
    np.testing.assert_allclose(steps[3].action, [0, 4.5, 4.5], atol=1e-12)
    np.testing.assert_allclose(steps[3].state.counter, [19, 9.5, 9.5], atol=1e-12)


def test_a_counter_above_the_least_is_not_lowered():
    steps = list(eh.play(shared([[9, 1], [0, 1], [9, 9]]), eh.VirtualTokenCounter(quota=[1.0, 1.0])))
    np.testing.assert_allclose(steps[1].state.counter, [9, 2], atol=1e-12)
    np.testing.assert_allclose(steps[2].action, [1.5, 8.5], atol=1e-12)


def test_where_nobody_is_queued_the_last_that_left_tells_the_level():
    demand = [[6, 4, 0], [0, 0, 0], [0, 0, 9], [9, 9, 9]]
    steps = list(eh.play(shared(demand), eh.VirtualTokenCounter(quota=[1.0, 1.0, 1.0])))
    np.testing.assert_allclose(steps[2].state.counter, [6, 4, 4 + 9], atol=1e-12)
    # now the third is the one queued, at 13, and both others are lifted to it
    np.testing.assert_allclose(steps[3].action, [10 / 3] * 3, atol=1e-12)


def test_what_nobody_asks_for_is_placed_but_not_counted():
    steps = list(eh.play(shared([[1, 2]], equal=True), eh.VirtualTokenCounter(quota=[1.0, 1.0])))
    np.testing.assert_allclose(steps[0].action, [5, 5], atol=1e-12)
    np.testing.assert_allclose(steps[0].state.counter, [1, 2], atol=1e-12)


def test_what_was_applied_is_what_counts():
    policy, problem = eh.VirtualTokenCounter(quota=[1.0, 1.0]), shared([[9, 9], [9, 9]])
    round = problem.rounds[0]
    _, state = policy.decide(problem.setting, policy.init(problem.setting), round)
    state = policy.settle(problem.setting, state, round, np.array([2.0, 6.0]), np.array([2.0, 6.0]))
    x, _ = policy.decide(problem.setting, state, problem.rounds[1])
    np.testing.assert_allclose(x, [7, 3], atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), scale=st.sampled_from([1e-12, 1.0, 1e12]))
def test_backlogged_clients_end_a_round_with_the_same_counter(seed, n, scale):
    """The fluid form of the source's bound: among those left wanting, nobody is ahead of one that was served."""
    rng = np.random.default_rng(seed)
    demand = scale * rng.uniform(0, 4, (12, n)) * (rng.random((12, n)) < 0.7)
    quota = rng.uniform(0.5, 2.0, n)
    problem = shared(demand, total=scale * n, upper=scale * 5)
    for step in eh.play(problem, eh.VirtualTokenCounter(quota=scale * quota)):
        wants = demand[step.index] - step.action > 1e-9 * scale
        served = step.action > 1e-9 * scale
        counter = step.state.counter
        if (wants & served).any():
            level = counter[wants & served]
            np.testing.assert_allclose(level, level[0], rtol=1e-9, atol=1e-9)
            assert (counter[wants] >= level.min() - 1e-9 * (1 + abs(level.min()))).all()
            assert (counter[served] <= level.max() + 1e-9 * (1 + abs(level.max()))).all()
        else:  # whoever still wants something got nothing because the total ran out
            assert not wants.any() or step.action.sum() >= scale * n * (1 - 1e-9)


# --- adaptive re-solving --------------------------------------------------------------------------------------------


def drawn(rounds=20, sites=3, beta=0.0, seed=1, mu=1.5):
    rng = np.random.default_rng(seed)
    upper = rng.uniform(0.5, 2.0, sites)
    return eh.Problem(
        eh.Setting(rounds, beta, eh.Norm(mu), np.zeros(sites)),
        eh.Quadratic(rng.uniform(0.0, 2.0, (rounds, sites)), rng.uniform(0.5, 2.0, (rounds, sites))),
        eh.Diagonal(rng.uniform(0.2, 2.0, (rounds, sites))),
        eh.Budget(rng.uniform(0.3, 0.7, rounds) * upper.sum(), upper),
    )


@pytest.mark.parametrize("after", [1, 7, 19])
def test_the_price_is_that_of_the_empirical_problem(after):
    """Against the conic solver: mu ||S/R + mean burden|| over the rounds seen is what is left of g, times T/R."""
    problem = drawn()
    policy = eh.AdaptiveResolving(steps=60, sweeps=20)
    steps = list(eh.play(problem, policy))[:after]
    borne, left = sum(s.burden for s in steps), problem.horizon - after
    seen = problem.window(0, after)
    target = eh.Setting(after, 0.0, eh.Target(1.5, -borne / left), np.zeros(3))
    best = eh.optimum(eh.Problem(target, seen.cost, seen.impact, seen.feasible))
    empirical = eh.evaluate(best.trajectory.problem, steps[-1].state.plan.actions)
    assert empirical.cost.total <= best.cost.total * (1 + 1e-4)
    bound = eh.lower_bound(best.trajectory.problem, kappa=target.fairness.project(steps[-1].state.kappa))
    assert bound.value >= best.cost.total * (1 - 1e-4)


def test_constant_rounds_are_priced_as_in_hindsight():
    problem = eh.load("synthetic", family="constant").problem
    free = eh.Problem(
        eh.Setting(problem.horizon, 0.0, problem.setting.fairness, problem.setting.initial),
        problem.cost, problem.impact, problem.feasible,
    )  # fmt: skip
    run = eh.simulate(free, eh.AdaptiveResolving(steps=20))
    assert run.cost.total <= eh.optimum(free).cost.total * (1 + 1e-6)


def test_regret_falls_with_the_horizon_where_rounds_are_drawn_alike():
    """O(log T) in total: between 16 and 128 rounds the regret of a round falls by more than the root of 8."""
    regret = []
    for rounds in (16, 128):
        cases = [drawn(rounds, seed=seed) for seed in range(6)]
        gaps = [float(eh.tally(p, eh.AdaptiveResolving()).cost.total - eh.optimum(p).cost.total) for p in cases]
        regret.append(np.mean(gaps))
    assert 0 <= regret[1] < regret[0] / 4


def test_greedy_weighs_the_move_and_blind_does_not():
    problem = drawn(beta=20.0)
    kappa = eh.Norm(1.5).centre(3)
    first = problem.rounds[0]
    greedy, blind = (played(problem, eh.AdaptiveResolving(greedy=g))[0] for g in (True, False))
    tilted = eh.Quadratic(first.cost.linear + kappa * first.impact.weight, first.cost.curvature)
    free = eh.Problem(eh.Setting(1, 0.0, eh.Norm(0.0), np.zeros(3)), tilted, first.impact, first.feasible)
    held = eh.Problem(eh.Setting(1, 20.0, eh.Norm(0.0), np.zeros(3)), tilted, first.impact, first.feasible)
    np.testing.assert_allclose(blind, eh.optimum(free).trajectory.actions[0], atol=1e-6)
    np.testing.assert_allclose(greedy, eh.optimum(held).trajectory.actions[0], atol=1e-6)


def test_a_short_sample_keeps_the_last_rounds():
    problem = drawn(30)
    steps = list(eh.play(problem, eh.AdaptiveResolving(sample=5)))
    linear = steps[20].state.seen[0]
    np.testing.assert_array_equal(linear, problem.cost.linear[16:21])
    assert steps[20].state.plan.actions.shape == (5, 3)


def test_linear_costs_and_ties_are_priced_too():
    week = eh.load("geo7", alpha=0.0, beta=0.0).problem.window(0, 72)
    best = float(eh.optimum(week).cost.total)
    assert float(eh.tally(week, eh.AdaptiveResolving()).cost.total) < 1.04 * best


# --- all of them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [*RULES, eh.AdaptiveResolving(sample=6)], ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("name", ["geo7", "tenants", "provisioning"])
def test_run_on_shipped_scenarios(policy, name):
    problem = eh.load(name).problem.window(0, 8)
    checks.check_policy(policy, problem)
    checks.check_policy(policy, remembering(problem, eh.HalfLife(3)))


@pytest.mark.parametrize("policy", [*RULES, eh.AdaptiveResolving()], ids=lambda p: type(p).__name__)
def test_hard_limits_of_moves_hold(policy):
    start = np.array([5.0, 5.0])
    problem = shared([[10, 0], [0, 10]] * 3, switching=eh.Limits(2.0), initial=start, equal=True)
    moves = np.diff(np.concatenate([[start], played(problem, policy)]), axis=0)
    assert np.abs(moves).max() <= 2.0 + 1e-9


@pytest.mark.parametrize("policy", RULES, ids=lambda p: type(p).__name__)
def test_one_action_one_round_and_nothing_to_share(policy):
    np.testing.assert_allclose(played(shared([[3.0]], total=2.0), policy), [[2.0]], atol=1e-12)
    np.testing.assert_allclose(played(shared([[3.0, 1.0]], total=0.0), policy), [[0.0, 0.0]], atol=1e-12)


@pytest.mark.parametrize("policy", RULES, ids=lambda p: type(p).__name__)
def test_whole_sets_are_refused(policy):
    from dataclasses import replace

    whole = replace(checks.sample(3), feasible=eh.Polytope([[1.0, 1.0, 0.0]], 0.0, 1.0, 0.0, 1.0))
    with pytest.raises(eh.ProblemError, match="Polytope is neither"):
        eh.simulate(whole, policy)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: eh.StaticQuota(quota=[1.0, 0.0]), "quota is"),
        (lambda: eh.VirtualTokenCounter(quota=[[1.0]]), "quota is"),
        (lambda: eh.AdaptiveResolving(sample=0), "sample is 0"),
        (lambda: eh.AdaptiveResolving(steps=1.5), "steps is 1.5"),
        (lambda: eh.AdaptiveResolving(greedy="yes"), "greedy is 'yes'"),
        (lambda: played(shared([[1, 1]]), eh.VirtualTokenCounter(quota=[1.0])), "1 numbers for 2 actions"),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_one_line(make, says):
    with pytest.raises(eh.EvenhandError, match=says) as told:
        make()
    assert "\n" not in str(told.value)
