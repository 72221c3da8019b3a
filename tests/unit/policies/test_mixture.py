"""Mixture and the automatic rate, by value; forecasts from outside; what happens beyond a decision."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import evenhand as eh
from evenhand import checks, registry
from evenhand.errors import ParameterError, ProblemError
from evenhand.planning.history import remember

EXPERTS = (eh.FairOBD(), eh.ROBD(), eh.HitMin())


def line(targets, *, beta=0.0, mu=2.0):
    """One site that would be at its target: f_t = (x - v_t)^2 / 2 on [0, 10], burden x."""
    v = np.array(targets)[:, None]
    setting = eh.Setting(len(targets), beta, eh.Norm(mu), np.zeros(1))
    cost = eh.Quadratic(-v, 1.0, 0.5 * v[:, 0] ** 2)
    return eh.Problem(setting, cost, eh.Diagonal(np.ones(1)), eh.Box(np.zeros(1), 10.0))


def test_the_automatic_rate_by_hand():
    """m = 1, L = 2: D^2 = max over {0, 2} of (k - 2)^2 / 2 = 2; kappa_1 = 2, at the top; then kappa falls by nothing."""
    steps = list(eh.play(line([5.0, 5.0, 1.0]), eh.FairOBD(kappa1=[0.5])))
    # x_1 = 4.5, kappa_2 = 0.5 + sqrt(2) = 1.914..., x_2 = 5 - kappa_2, kappa_3 = min(2, ...) = 2, x_3 = max(1 - 2, 0)
    second = 5.0 - 0.5 - np.sqrt(2.0)
    np.testing.assert_allclose([s.action[0] for s in steps], [4.5, second, 0.0], rtol=1e-15)
    np.testing.assert_allclose([float(s.state.rate.energy) for s in steps], np.cumsum([4.5**2, second**2, 0.0]))
    np.testing.assert_allclose(float(steps[0].state.rate.reach), np.sqrt(2.0))
    assert float(steps[-1].state.kappa[0]) == 2.0


def test_the_automatic_rate_with_entropy():
    """Three entities: sigma = 1 / mu and max V = mu log 3, so D = sqrt(log 3); |d| is the largest burden."""
    problem = checks.sample(6)
    problem = replace(problem, setting=replace(problem.setting, fairness=eh.Norm(0.7)))
    step = next(iter(eh.play(problem, eh.FairOBD(mirror=eh.Entropy()))))
    m = step.burden.shape[-1]
    np.testing.assert_allclose(step.state.rate.reach, np.sqrt(max(np.log(m), 1.0)), rtol=1e-12)
    np.testing.assert_allclose(step.state.rate.energy, np.abs(step.burden).max() ** 2)


def test_the_dual_regret_of_the_automatic_rate_is_below_its_bound():
    rng = np.random.default_rng(3)
    for _ in range(40):
        T, m = int(rng.integers(1, 40)), int(rng.integers(1, 6))
        weight = rng.exponential(1.0, (T, m)) ** 3
        setting = eh.Setting(T, 0.0, eh.Norm(1.0, rng.choice([1.0, 2.0, np.inf])), np.zeros(m))
        problem = eh.Problem(
            setting, eh.Quadratic(rng.uniform(0, 2, (T, m)), 1.0), eh.Diagonal(weight), eh.Budget(1.0, np.ones(m))
        )
        run = eh.simulate(problem, eh.FairOBD())
        state = list(eh.play(problem, eh.FairOBD()))[-1].state
        aim = setting.fairness.subgradient(run.mean_burden)
        far = 0.5 * ((run.price - aim) ** 2).sum(axis=-1).max()
        regret = ((aim - run.price) * run.burdens).sum()
        assert regret <= (far / state.rate.reach + state.rate.reach) * np.sqrt(state.rate.energy) * (1 + 1e-9) + 1e-12


def test_a_rate_of_zero_keeps_the_prior_and_a_great_one_follows_the_leader():
    problem = line([5.0, 5.0, 1.0], beta=1.0)
    kept = list(eh.play(problem, eh.Mixture(EXPERTS, [1, 2, 1], rate=0.0)))[-1].state.opinions
    assert kept.weights.tolist() == [0.25, 0.5, 0.25]
    led = list(eh.play(problem, eh.Mixture(EXPERTS, rate=1e9)))[-1].state.opinions
    assert led.weights.tolist() == np.eye(3)[int(np.argmin(led.losses))].tolist()


def test_one_expert_is_that_expert():
    problem = checks.sample(10)
    for expert in (eh.FairOBD(eta=0.1), eh.AdaptiveFairOBD(), eh.ROBD()):
        assert np.array_equal(eh.simulate(problem, eh.Mixture((expert,))).actions, eh.simulate(problem, expert).actions)


@pytest.mark.parametrize("memory", [None, eh.HalfLife(3), eh.Window(3)])
def test_mixtures_conform(memory):
    problem = checks.sample(10)
    problem = replace(problem, setting=replace(problem.setting, memory=memory))
    nested = eh.Mixture((eh.Mixture(EXPERTS[:2]), eh.AdaptiveFairOBD(period=3, reach=4)), [1, 2], rate=5.0)
    checks.check_policy(eh.Mixture(EXPERTS), problem)
    checks.check_policy(nested, problem)
    checks.check_policy(nested, replace(problem, setting=replace(problem.setting, horizon=None)))


def test_what_goes_beyond_a_decision_goes_beyond_every_expert():
    """The mixture of the experts' own trajectories stays what was applied, and of their burdens what was borne."""
    problem = checks.sample(10)
    policy = eh.Mixture(EXPERTS)
    state, rng = policy.init(problem.setting), np.random.default_rng(0)
    total = 0.0
    for round in problem.rounds:
        x, state = policy.decide(problem.setting, state, round)
        applied, burden = x + rng.uniform(0.0, 0.1, x.shape), round.impact.burden(x) + 0.2
        state = policy.settle(problem.setting, state, round, applied, burden)
        w, told = state.opinions.weights, state.opinions
        np.testing.assert_allclose(w @ told.actions, applied, rtol=1e-12)
        total = total + 0.2
        assert told.borne is not None


def test_limits_of_moves_hold_when_weights_move():
    problem = checks.sample(12)
    limits = eh.Sum(eh.Squared(0.1), eh.Limits(rise=1.5, fall=1.5, from_start=False))
    limited = replace(problem, setting=replace(problem.setting, switching=limits))
    eh.simulate(limited, eh.Mixture(EXPERTS, rate=1e6))  # which checks every move


def test_a_perfect_forecast_is_worth_its_while_and_survives_json():
    week = eh.load("geo7").problem
    problem = week.window(90, 40)
    told = eh.Forecast(0, problem.cost, problem.impact, problem.feasible)
    blind = eh.AdaptiveFairOBD()
    seeing = eh.AdaptiveFairOBD(forecasts=(told,))
    best = float(eh.optimum(problem).cost.total)
    costs = [float(eh.tally(problem, policy).cost.total) for policy in (blind, seeing)]
    assert best < costs[1] < costs[0]
    steps = list(eh.play(problem.window(0, 6), seeing))
    back = registry.from_plain(json.loads(json.dumps(registry.to_plain(steps[2]))))
    for a, b in zip(steps[3:], eh.play(problem.window(0, 6), seeing, after=back), strict=True):
        assert np.array_equal(a.action, b.action)


def test_a_forecast_handed_in_by_the_round_is_that_of_the_whole_run():
    problem = eh.load("geo7").problem.window(0, 8)
    whole = eh.AdaptiveFairOBD(forecasts=(eh.Forecast(0, feasible=problem.feasible),), reach=5)
    asked = eh.AdaptiveFairOBD(forecasts=(eh.Forecast(),), reach=5)
    state, actions = asked.init(problem.setting), []
    for t, round in enumerate(problem.rounds):
        rest = problem.feasible.total[t : t + 5]
        state = asked.hear(state, eh.Forecast(t, feasible=eh.Budget(rest, problem.feasible.upper[t : t + 5])))
        x, state = eh.step(asked, problem.setting, state, round)
        actions.append(x)
    np.testing.assert_array_equal(actions, eh.simulate(problem, whole).actions)


def test_a_forecast_of_nothing_is_no_worse_than_the_usual():
    problem = eh.load("geo7").problem.window(0, 8)
    once = eh.simulate(problem, eh.AdaptiveFairOBD(forecasts=(eh.Forecast(),), reach=5)).actions
    late = eh.Forecast(100, feasible=eh.Budget(np.zeros(3), np.zeros((3, 7))))  # of rounds that never come
    assert np.array_equal(once, eh.simulate(problem, eh.AdaptiveFairOBD(forecasts=(late,), reach=5)).actions)


def test_history_without_phases_is_that_of_everything_seen():
    from evenhand.planning.history import observe, pooled

    week = checks.sample(10)
    by_phase, plain = remember(week, 4, [7]), None
    for round in list(week.rounds)[:7]:
        plain = observe(plain, round, 1)
    flat = pooled(by_phase)
    assert flat is not None
    assert plain is not None
    for one, other in zip((*flat.means, *flat.peaks), (*plain.means, *plain.peaks), strict=True):
        np.testing.assert_allclose(one[0], other, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: eh.Mixture(()), "experts"),
        (lambda: eh.Mixture((eh.FairOBD,)), "experts"),
        (lambda: eh.Mixture(3), "experts"),
        (lambda: eh.Mixture(EXPERTS, [1.0, 1.0]), "prior"),
        (lambda: eh.Mixture(EXPERTS, [1.0, 1.0, 0.0]), "prior"),
        (lambda: eh.Mixture(EXPERTS, rate=-1.0), "rate"),
        (lambda: eh.AdaptiveFairOBD(forecasts=(3,)), "forecasts"),
        (lambda: eh.AdaptiveFairOBD(prior=[1.0]), "prior"),
        (lambda: eh.AdaptiveFairOBD().hear(eh.AdaptiveFairOBD().init(line([1.0]).setting), eh.Forecast()), "places"),
    ],
)
def test_refuses(make, words):
    with pytest.raises(ParameterError, match=words):
        make()


def test_a_forecast_of_another_kind_is_refused():
    problem = line([1.0, 1.0])
    wrong = eh.Forecast(0, feasible=eh.Budget(np.ones(2), np.ones((2, 1))))
    with pytest.raises(ProblemError, match="Budget"):
        eh.simulate(problem, eh.AdaptiveFairOBD(forecasts=(wrong,)))
    with pytest.raises(ProblemError, match="feasible"):
        eh.Forecast(0, feasible=3)  # type: ignore[arg-type]


def test_a_forecast_begins_before_the_round_at_hand_and_ends_before_the_plan():
    """Rounds that it covers are its own, the round at hand is the one revealed, the rest is the usual."""
    from evenhand.planning.told import heeded

    problem = eh.load("geo7").problem.window(0, 9)
    future = eh.core.view(3, *(eh.columns.span(p, 3, 9) for p in (problem.cost, problem.impact, problem.feasible)))
    total = np.linspace(1.0, 2.0, 4)
    said = eh.Forecast(2, cost=eh.Quadratic(np.ones(7), 0.5), feasible=eh.Budget(total, np.full(7, 2.0)))
    got = heeded(said, future)
    assert got.feasible.total.tolist() == [future.feasible.total[0], total[2], total[3], *future.feasible.total[3:]]
    assert (got.cost.linear[1:] == 1.0).all()
    assert np.array_equal(got.cost.linear[0], future.cost.linear[0])
    assert got.impact is future.impact
