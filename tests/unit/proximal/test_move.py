"""The step from the last action by value: thresholds, limits and their errors, batches, units, routes of plugins."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drawn
import moving
from evenhand import (
    DMD,
    AlphaFair,
    Box,
    Budget,
    DenseQuadratic,
    Diagonal,
    Exponential,
    FairOBD,
    Greedy,
    HitMin,
    InfeasibleError,
    Limits,
    Linear,
    Log,
    Norm,
    Polytope,
    Pooled,
    Power,
    Problem,
    ProblemError,
    Quadratic,
    RampDown,
    RampUp,
    Round,
    Setting,
    Squared,
    Sum,
    Unserved,
    UtilityCost,
    Weighted,
    simulate,
    step,
    tally,
)
from evenhand.checks import check_policy, sample
from evenhand.proximal import moved, register
from evenhand.proximal.separable import quadratic_budget


def setting_of(switching, initial, **more):
    return Setting(5, switching=switching, fairness=Norm(1.0), initial=initial, **more)


def round_of(cost, feasible, index=1):
    return Round(index, cost, Diagonal(np.ones(feasible.actions)), feasible)


@given(st.floats(0.1, 5.0), st.floats(-3.0, 3.0), st.floats(0.0, 4.0), st.floats(0.0, 4.0), st.floats(-2.0, 2.0))
def test_one_site_moves_only_beyond_a_threshold(q, target, up, down, before):
    """min q (x - target)^2 / 2 + up (x - a)+ + down (a - x)+: x stays at a while q |target - a| is below the price."""
    x = moved(
        setting_of(Sum(RampUp(up), RampDown(down)), [0.0]),
        round_of(Quadratic([-q * target], q), Box([-10.0], [10.0])),
        np.array([before]),
    )
    want = target - up / q if target - up / q > before else target + down / q if target + down / q < before else before
    np.testing.assert_allclose(x, [want], rtol=1e-12, atol=1e-12)


def test_two_sites_trade_only_where_it_pays():
    """Moving one unit from site 0 to site 1 saves 3 and costs 2 c: it pays below c = 1.5, to the bound."""
    before, cost = np.array([1.0, 1.0]), Quadratic([3.0, 0.0])
    for c, want in ((1.4, [0.5, 1.5]), (1.6, [1.0, 1.0])):
        x = moved(setting_of(Linear(c), before), round_of(cost, Budget(2.0, [2.0, 1.5])), before)
        np.testing.assert_array_equal(x, want)


def test_who_does_not_move_stays_to_the_bit():
    rng = np.random.default_rng(5)
    before = rng.uniform(0.0, 1.0, 7) / 3.0
    cost = Quadratic(rng.normal(size=7), rng.uniform(0.5, 1.0, 7))
    setting = setting_of(Linear(50.0), before)
    np.testing.assert_array_equal(moved(setting, round_of(cost, Box(np.zeros(7), np.ones(7))), before), before)
    # the total is a rounded sum: one action takes the last bit of it, for the budget is met to rounding
    x = moved(setting, round_of(cost, Budget(before.sum(), np.ones(7))), before)
    assert np.abs(x - before).sum() <= np.spacing(before.sum())


FAMILIES = (
    Squared(2.0),
    Weighted([2.0, 0.0, 1.0]),
    Weighted([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]),
    Linear(0.7),
    RampUp([0.3, 0.0, 1.0]),
    Sum(RampDown(0.5), Squared(0.1), Limits(rise=0.2, fall=0.3)),
    Limits(rise=0.2, fall=[0.3, np.inf, 0.1], from_start=False),
)


def case(seed, rounds=6):
    rng = np.random.default_rng(seed)
    upper = rng.uniform(0.5, 2.0, 3)
    impact = Diagonal(rng.uniform(0.2, 2.0, (rounds, 3)))
    return rng, upper, impact


def problem_of(kind, switching, rounds=6):
    rng, upper, impact = case(3, rounds)
    linear, bend = rng.uniform(-1.0, 1.0, (rounds, 3)), rng.uniform(0.3, 1.0, (rounds, 3))
    cost = {
        "quadratic": lambda: Quadratic(linear, bend),
        "dense": lambda: DenseQuadratic(np.eye(3) + 0.3, linear),
        "unserved": lambda: Unserved(rng.uniform(0, 1, (rounds, 3)), 1.0, 0.5, linear, bend),
        "pooled": lambda: Pooled(rng.uniform(0, 2, rounds), linear, bend, 1.0, 0.5, 1.0),
        "utility": lambda: UtilityCost(Power(np.array([0.3, 0.5, 0.7])), rng.uniform(0.5, 2, (rounds, 3)), 0.1, 4.0),
    }[kind]()
    start = 0.4 * upper
    total = start.sum() * (1.0 + 0.02 * np.sin(np.arange(rounds)))
    return Problem(
        Setting(rounds, switching=switching, fairness=Norm(1.0), initial=start), cost, impact, Budget(total, upper)
    )


@pytest.mark.parametrize("kind", ["quadratic", "dense", "unserved", "pooled", "utility"])
@pytest.mark.parametrize("switching", FAMILIES, ids=repr)
def test_policies_conform(kind, switching):
    """Batched as one by one, resumed from JSON, inside sets and limits, the same bits every time."""
    problem = problem_of(kind, switching)
    for policy in (HitMin(), Greedy(), FairOBD(lambda2=0.5), DMD()):
        run = simulate(problem, policy)
        before = np.concatenate([problem.setting.initial[None], run.actions[:-1]])
        off = [
            problem.setting.switching.moves.at(t).violation(run.actions[t], before[t]) for t in range(problem.horizon)
        ]
        assert max(off) <= 1e-9
    windows = problem.windows(3)
    batch = simulate(windows, FairOBD(lambda2=0.5))
    for k in range(4):
        np.testing.assert_array_equal(simulate(problem.window(k, 3), FairOBD(lambda2=0.5)).actions, batch.actions[k])


@pytest.mark.parametrize("switching", FAMILIES[-3:], ids=repr)
def test_public_checks_hold(switching):
    problem = problem_of("quadratic", switching, 8)
    for policy in (HitMin(), DMD(), FairOBD()):
        check_policy(policy, problem)


def test_a_policy_without_limits_keeps_nothing():
    problem = sample()
    for policy in (HitMin(), DMD()):
        state = policy.init(problem.setting)
        _, state = step(policy, problem.setting, state, problem.rounds[0])
        assert state.action is None


@settings(max_examples=60)
@given(st.integers(0, 2**20), drawn.scales, drawn.scales)
def test_units_do_not_matter(seed, money, size):
    """Money and actions in other units: the same action in them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    before, upper = rng.uniform(0, 1, n), rng.uniform(1, 2, n)
    linear, bend = rng.normal(size=n), rng.uniform(0.1, 1.0, n)
    up, down, rho, rise = (rng.uniform(0, 1, n) for _ in range(4))
    total = before.sum() + 0.2 * rise.sum()

    def solve(m, s):
        switching = Sum(RampUp(up * m / s), RampDown(down * m / s), Weighted(rho * m / s**2), Limits(rise=rise * s))
        round = round_of(Quadratic(linear * m / s, bend * m / s**2), Budget(total * s, upper * s))
        return moved(setting_of(switching, before * s), round, before * s) / s

    np.testing.assert_allclose(solve(money, size), solve(1.0, 1.0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("limits", "feasible", "words"),
    [
        (Limits(rise=1.0), Box([5.0, 0.0], [9.0, 9.0]), ["round 1", "'north'", "rise = 1", "at most 2", "least, 5"]),
        (
            Limits(fall=[9.0, 0.5]),
            Box([0.0, 0.0], [9.0, 0.25]),
            ["'south'", "fall = 0.5", "at least 0.5", "most, 0.25"],
        ),
        (Limits(rise=[1.0, 2.0]), Budget(8.0, [9.0, 9.0]), ["total is 8", "above", "5", "rise = 1", "'north'"]),
        (Limits(fall=0.25), Budget(1.0, [9.0, 9.0], equal=False), ["total is 1", "below", "1.5", "fall = 0.25"]),
        (Limits(rise=0.5), Polytope([[1.0, 1.0]], 4.0, 9.0, 0.0, 9.0), ["round 1", "rise = 0.5", "lacks 1"]),
    ],
)
def test_an_empty_cut_names_round_site_and_limit(limits, feasible, words):
    before = np.array([1.0, 1.0])
    setting = setting_of(limits, before, actions=("north", "south"))
    for cost in (Quadratic([1.0, 0.5], 1.0), DenseQuadratic(np.eye(2), [1.0, 0.5])):
        with pytest.raises(InfeasibleError) as caught:
            moved(setting, round_of(cost, feasible), before)
        text = str(caught.value)
        assert all(word in text for word in words), text


def test_a_round_can_become_infeasible_through_earlier_ones():
    problem = Problem(
        Setting(3, switching=Limits(rise=1.0), fairness=Norm(0.0), initial=[1.0, 1.0]),
        Quadratic(np.tile([1.0, 2.0], (3, 1))),
        Diagonal(np.ones((3, 2))),
        Budget([2.0, 2.0, 4.5], [4.0, 2.0]),
    )
    with pytest.raises(InfeasibleError, match=r"round 2: total is 4\.5, above the most"):
        simulate(problem, HitMin())  # it emptied action 1, whose capacity is then out of reach


def test_waived_limits_let_the_first_round_go():
    limits = Limits(rise=1.0, from_start=False)
    round = round_of(Quadratic([-5.0], 1.0), Box([0.0], [9.0]), index=0)
    assert moved(setting_of(limits, [0.0]), round, np.zeros(1))[0] == 5.0
    later = replace(round, index=1)
    assert moved(setting_of(limits, [0.0]), later, np.zeros(1))[0] == 1.0


def test_limits_met_up_to_rounding():
    """0.7 + 0.1 is below 0.8 by one unit in the last place: the set comes first."""
    assert 0.7 + 0.1 < 0.8
    x = moved(setting_of(Limits(rise=0.1), [0.7]), round_of(Quadratic([0.0]), Box([0.8], [1.0])), np.array([0.7]))
    np.testing.assert_array_equal(x, [0.8])


@dataclass(frozen=True, slots=True)
class Foreign:
    """A budget of somebody else's, without bounds as columns."""

    inner: Budget

    @property
    def actions(self):
        return self.inner.actions

    @property
    def core(self):
        return {}

    @property
    def bounds(self):
        return self.inner.bounds

    def violation(self, x):
        return self.inner.violation(x)

    def support(self, direction):
        return self.inner.support(direction)


register(Quadratic, Foreign, lambda cost, feasible, *rest: quadratic_budget(cost, feasible.inner, *rest))


@pytest.mark.parametrize("switching", FAMILIES, ids=repr)
def test_a_plugins_route_takes_every_family(switching):
    rng = np.random.default_rng(8)
    before, upper = np.array([0.3, 0.5, 0.2]), np.array([1.0, 1.0, 1.0])
    cost = Quadratic(rng.normal(size=3), rng.uniform(0.5, 1.0, 3))
    inner, setting = Budget(1.1, upper), setting_of(switching, before)
    own = moved(setting, round_of(cost, Foreign(inner)), before, 0.0, weight=0.7)
    # alternating steps agree to 1e-10 of the actions' size
    np.testing.assert_allclose(own, moved(setting, round_of(cost, inner), before, 0.0, weight=0.7), atol=1e-8)


@dataclass(frozen=True, slots=True)
class Careless:
    """A policy that forgets limits."""

    def init(self, setting):
        return 0

    def decide(self, setting, state, round):
        return round.feasible.upper * (round.feasible.total / round.feasible.upper.sum()), state

    def settle(self, setting, state, round, applied, burden):
        return state


def test_a_policy_that_breaks_a_limit_is_told():
    problem = problem_of("quadratic", Limits(rise=1e-3, fall=1e-3))
    for play in (simulate, tally):
        with pytest.raises(ProblemError, match="moved beyond a limit in round 1"):
            play(problem, Careless())


UTILITIES = (
    lambda rng, n: Power(rng.uniform(0.3, 0.9, n)),
    lambda rng, n: AlphaFair(rng.uniform(0.3, 3.0)),
    lambda rng, n: Log(),
    lambda rng, n: Exponential(1.0, rng.uniform(0.5, 2.0, n)),
)


@settings(max_examples=60)
@given(st.integers(0, 2**20), st.sampled_from(range(len(UTILITIES))), st.sampled_from(moving.FAMILIES))
def test_utilities_on_a_polytope_that_is_a_budget(seed, which, family):
    """One problem by two routes that share nothing: the conic solver on rows, water-filling on the same total."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    cost = UtilityCost(UTILITIES[which](rng, n), rng.uniform(0.2, 3, n), rng.uniform(0.1, 0.5, n), 3.0)
    previous, upper = rng.uniform(0.1, 1.0, n), np.full(n, 2.0)
    setting = Setting(3, switching=moving.switching_of(family, n, rng), fairness=Norm(1.0), initial=previous)
    total, tilt, impact = previous.sum(), rng.normal(size=n), Diagonal(np.ones(n))
    sets = Budget(total, upper, equal=False), Polytope(np.ones((1, n)), -np.inf, [total], 0.0, upper)
    best, found = (moved(setting, Round(1, cost, impact, feasible), previous, tilt) for feasible in sets)
    moves = setting.switching.moves
    assert sets[1].violation(found) <= 1e-9
    assert moves.violation(found, previous) <= 1e-9
    value, least = (cost.value(x) + tilt @ x + moves.value(x, previous) for x in (found, best))
    assert abs(value - least) <= 1e-8 * (1.0 + abs(least))
