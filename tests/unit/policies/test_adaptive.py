"""AdaptiveFairOBD and RecedingHorizon: causality, scale, batching, state, edges."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import evenhand as eh
from evenhand import registry
from evenhand.core import Problem, Setting
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.errors import ParameterError
from evenhand.fairness.norm import Norm
from evenhand.impacts import Dense, Diagonal
from evenhand.planning.forecast import BRISK, FADE, ahead
from evenhand.planning.history import observe, remember
from evenhand.policies.adaptive import AdaptiveFairOBD
from evenhand.policies.receding import RecedingHorizon
from evenhand.sets import Box, Budget
from evenhand.simulation import play, simulate

POLICIES = [AdaptiveFairOBD(), AdaptiveFairOBD(period=4), RecedingHorizon(period=4), AdaptiveFairOBD(period=4, reach=3)]


def make(T=12, n=3, seed=0, *, cost=1.0, burden=1.0, mu=2.0, family="diagonal", beta=5.0):
    rng = np.random.default_rng(seed)
    weight = burden * rng.uniform(0.5, 3.0, (T, n))
    dense = burden * rng.uniform(0.0, 2.0, (T, 2, n))
    setting = Setting(T, cost * beta, Norm(cost / burden * mu), np.zeros(n))
    feasible = Box(np.zeros(n), 1.0) if family == "box" else Budget(rng.uniform(0.2, 0.9 * n, T), np.ones(n))
    impact = Dense(dense) if family == "dense" else Diagonal(weight)
    linear = rng.uniform(-1.0 if family == "box" else 0.0, 2.0, (T, n))
    return Problem(setting, Quadratic(cost * linear, cost * 0.7), impact, feasible)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("family", ["diagonal", "dense", "box"])
def test_actions_are_feasible_and_the_price_stays_in_the_ball(policy, family):
    problem = make(family=family)
    run = simulate(problem, policy)
    assert problem.feasible.violation(run.actions).max() <= 1e-9
    for step in play(problem, policy):
        assert np.abs(step.state.kappa).sum() <= 2.0 * (1 + 1e-9)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_future_does_not_change_the_past(policy):
    one, other = make(), make(seed=7)
    k = 6
    mixed = Problem(
        one.setting,
        Quadratic(np.r_[one.cost.linear[:k], other.cost.linear[k:]], 0.7),
        Diagonal(np.r_[one.impact.weight[:k], other.impact.weight[k:]]),
        Budget(np.r_[one.feasible.total[:k], other.feasible.total[k:]], np.ones(3)),
    )
    a, b = simulate(one, policy).actions, simulate(mixed, policy).actions
    assert np.array_equal(a[:k], b[:k])
    assert not np.array_equal(a[k:], b[k:])


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("cost", "burden"), [(1e-6, 1.0), (1e6, 1.0), (1.0, 1e-6), (1.0, 1e6)])
def test_units_do_not_matter(policy, cost, burden):
    reference = simulate(make(), policy).actions
    # 1e-8: rounding of 1e6 is amplified by the sweeps' conditioning, about 1e2, and by clipping
    np.testing.assert_allclose(simulate(make(cost=cost, burden=burden), policy).actions, reference, atol=1e-8)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("family", ["diagonal", "dense", "box"])
def test_a_batch_is_its_elements_bit_for_bit(policy, family):
    windows = make(T=15, family=family).windows(9)
    together = simulate(windows, policy).actions
    for w in range(7):
        assert np.array_equal(together[w], simulate(windows.episode(w), policy).actions)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_state_survives_json(policy):
    problem = make()
    steps = list(play(problem, policy))
    saved = json.dumps(registry.to_plain(steps[4]))
    resumed = list(play(problem, policy, after=registry.from_plain(json.loads(saved))))
    assert len(resumed) == 7
    for a, b in zip(steps[5:], resumed, strict=True):
        assert np.array_equal(a.action, b.action)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("T", "n"), [(1, 3), (1, 1), (5, 1), (2, 2)])
def test_edges(policy, T, n):
    problem = make(T=T, n=n)
    run = simulate(problem, policy)
    assert problem.feasible.violation(run.actions).max() <= 1e-9


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("beta", "mu", "curvature"), [(0.0, 2.0, 0.7), (5.0, 0.0, 0.7), (0.0, 0.0, 0.0), (5.0, 1.0, 0.0)]
)
def test_degenerate_data(policy, beta, mu, curvature):
    problem = make(beta=beta, mu=mu)
    problem = replace(problem, cost=Quadratic(problem.cost.linear, curvature))
    run = simulate(problem, policy)
    assert np.isfinite(run.actions).all()
    assert problem.feasible.violation(run.actions).max() <= 1e-9


def test_history_is_the_past_and_nothing_else():
    week = make(T=20)
    changed = replace(week, cost=Quadratic(np.r_[week.cost.linear[:10], 9.0 + week.cost.linear[10:]], 0.7))
    starts = [0, 3, 10]
    a, b = remember(week, 4, starts), remember(changed, 4, starts)
    assert a is not None
    assert b is not None
    for one, other in zip((a.count, *a.means, *a.peaks), (b.count, *b.means, *b.peaks), strict=True):
        assert np.array_equal(one, other)
    assert a.count.sum(axis=-1).tolist() == [0.0, 3.0, 10.0]
    # window 1 starts at round 3, phase 0 of it is round 3 mod 4, not seen yet; its phase 1 is round 0
    assert a.count[1].tolist() == [0.0, 1.0, 1.0, 1.0]
    (peak,), (total, linear, _) = a.peaks, a.means
    assert peak[1, 1] == week.feasible.total[0]
    assert peak[2, 0] == max(week.feasible.total[[2, 6]])
    assert total[2, 0] == pytest.approx(week.feasible.total[[2, 6]].mean(), rel=1e-15)
    np.testing.assert_allclose(linear[2, 0], week.cost.linear[[2, 6]].mean(axis=0), rtol=1e-15)


def test_where_moving_is_free_re_solving_has_most_of_the_say():
    problem = make(T=15, beta=0.0)
    policy = AdaptiveFairOBD()
    start = policy.init(problem.setting).opinions.weights
    np.testing.assert_allclose(start, [*(0.4 * policy.shares[:-1]), 0.6, 0.4 * policy.shares[-1]], rtol=1e-15)
    steps = list(play(problem, policy))
    own = np.array([step.state.opinions.actions[-2] for step in steps])
    assert np.array_equal(own, simulate(problem, eh.AdaptiveResolving()).actions)
    assert eh.mixture_bound(simulate(problem, policy)).holds
    windows = problem.windows(9)
    assert np.array_equal(simulate(windows, policy).actions[3], simulate(windows.episode(3), policy).actions)
    saved = json.dumps(registry.to_plain(steps[4]))
    resumed = list(play(problem, policy, after=registry.from_plain(json.loads(saved))))
    assert all(np.array_equal(a.action, b.action) for a, b in zip(steps[5:], resumed, strict=True))
    assert policy.init(make().setting).opinions.weights.shape == policy.shares.shape  # moves cost: no such expert


def test_a_fading_forecast_comes_back_to_the_mean():
    """Demands 1, 3, 5, then 9: usual 4.5 with the round at hand, 3 without; 6 above it, less by a fifth a round."""
    asks = np.array([1.0, 3.0, 5.0, 9.0])
    setting = Setting(4, 1.0, Norm(1.0), np.zeros(1))
    problem = Problem(setting, Quadratic(asks[:, None], 1.0), Diagonal(np.ones(1)), Budget(asks, np.full(1, 99.0)))
    before = after = None
    for round in problem.rounds:
        before, after = after, observe(after, round, 1)
    future = ahead(problem.rounds[3], before, after, 4, "fading")
    told = 4.5 + 6.0 * BRISK ** np.arange(4)
    np.testing.assert_allclose(future.feasible.total[1:], told[1:], rtol=1e-15)
    np.testing.assert_allclose(future.cost.linear[1:, 0], told[1:], rtol=1e-15)
    assert future.feasible.total[0] == future.cost.linear[0, 0] == 9.0
    held = ahead(problem.rounds[3], before, after, 4, "held")
    np.testing.assert_allclose(held.feasible.total, 9.0)
    np.testing.assert_allclose(held.cost.linear[1:, 0], 4.5 + 6.0 * FADE ** np.arange(1, 4), rtol=1e-15)


def test_history_warms_a_run():
    week = make(T=20)
    windows = week.windows(8).select([0, 4, 12])
    history = remember(week, 4, [0, 4, 12])
    warm = simulate(windows, AdaptiveFairOBD(period=4, history=history)).actions
    cold = simulate(windows, AdaptiveFairOBD(period=4)).actions
    assert np.array_equal(warm[0], cold[0])
    assert not np.array_equal(warm[1], cold[1])


@pytest.mark.parametrize("policy", [AdaptiveFairOBD(), RecedingHorizon(period=4)])
def test_a_diagonal_written_as_a_dense_cost_is_planned_alike(policy):
    """The general sweeps and the compiled ones differ in their penalty alone: the same plans but for what is left of it."""
    problem = make()
    dense = replace(problem, cost=DenseQuadratic(0.7 * np.eye(3) * np.ones((12, 1, 1)), problem.cost.linear))
    # 2e-2: a few sweeps from plans of the rounds before, under penalties that differ by the measured curvature
    np.testing.assert_allclose(simulate(dense, policy).actions, simulate(problem, policy).actions, atol=2e-2)


@pytest.mark.parametrize("bad", [{"hold": 0}, {"period": 1.5}, {"steps": -1}])
def test_parameters_are_refused_by_name(bad):
    with pytest.raises(ParameterError, match=next(iter(bad))):
        AdaptiveFairOBD(**bad)


MOVES = {
    "weighted": eh.Weighted([1.0, 4.0, 9.0]),
    "matrix": eh.Weighted(np.array([[3.0, 1.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.0, 1.0]])),
    "linear": eh.Linear(0.8),
    "ramp-up": eh.RampUp(1.2),
    "sum": eh.Sum(eh.Squared(2.0), eh.RampUp(0.5), eh.RampDown(0.2)),
    "limits": eh.Sum(eh.Squared(1.0), eh.Limits(rise=0.6, fall=0.9)),
}


@pytest.mark.parametrize("policy", [AdaptiveFairOBD(), RecedingHorizon(period=4)])
@pytest.mark.parametrize("beta", [0.0, 2.0])
def test_a_first_move_without_limit_goes_all_the_way(policy, beta):
    """Nothing changes and moving costs little: the best in hindsight jumps at once, and so does who plans."""
    switching = eh.Sum(eh.Squared(beta), eh.Limits(1.0, 1.0, from_start=False))
    setting = Setting(20, None, Norm(0.0), np.zeros(1), switching=switching)
    problem = Problem(setting, Quadratic(np.full((20, 1), -4.0), 1.0), Diagonal(np.ones(1)), Box(np.zeros(1), 9.0))
    run = simulate(problem, policy)
    best, planned = eh.optimum(problem).trajectory.actions, run.actions
    if isinstance(policy, AdaptiveFairOBD):  # of whose experts FairOBD does not plan: the others jump
        planned = np.array([step.state.opinions.actions[0] for step in play(problem, policy)])
        assert np.abs(run.actions - best).max() <= (0.7 if beta else 1e-6)
    np.testing.assert_allclose(planned, best, atol=0.1 if beta else 1e-6)
    assert planned[0, 0] > 1.9
    held = replace(problem, setting=replace(setting, switching=eh.Sum(eh.Squared(beta), eh.Limits(1.0, 1.0))))
    assert simulate(held, policy).actions[0, 0] <= 1.0


@pytest.mark.parametrize("policy", [AdaptiveFairOBD(), RecedingHorizon(period=4)])
@pytest.mark.parametrize("name", MOVES)
def test_every_switching_cost_is_planned(policy, name):
    """Batched as alone, within the limits, causal by construction, and near the best in hindsight."""
    problem = make(T=15, beta=1.0)
    total = np.linspace(0.4, 1.8, 15) if name == "limits" else problem.feasible.total
    setting = replace(problem.setting, switching=MOVES[name])
    moved = replace(problem, setting=setting, feasible=Budget(total, np.ones(3)))
    run = simulate(moved, policy)
    assert moved.feasible.violation(run.actions).max() <= 1e-9
    steps = np.diff(np.vstack([setting.initial, run.actions]), axis=0)
    terms = setting.switching.moves.terms
    assert (steps <= terms[3] + 1e-9).all()
    assert (-steps <= terms[4] + 1e-9).all()
    windows = moved.windows(9)
    together = simulate(windows, policy).actions
    for k in (0, 3, 6):
        assert np.array_equal(together[k], simulate(windows.episode(k), policy).actions)
    assert run.cost.total <= 1.25 * simulate(moved, eh.Greedy()).cost.total
