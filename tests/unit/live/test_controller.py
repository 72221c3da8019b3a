"""A live controller is `simulate`, taken apart: same bits, whatever happens between two rounds."""

import json
from dataclasses import replace

import numpy as np
import pytest

import evenhand as eh
from evenhand.core import Round
from evenhand.errors import InfeasibleError, ProblemError
from evenhand.live.bounds import Bounds
from evenhand.live.certificate import hindsight, recorded
from evenhand.live.configure import controller_from, controller_of, observations_of
from evenhand.live.controller import decide, reconfigure, settle, skip, start
from evenhand.live.observation import observe
from evenhand.live.records import Controller
from evenhand.live.sites import Sites
from evenhand.memory.half_life import HalfLife
from evenhand.memory.window import Window
from evenhand.offline.bound import RunningBound, lower_bound
from evenhand.offline.optimum import optimum
from evenhand.own.episodes import Own
from evenhand.own.template import sample
from evenhand.registry import to_plain
from latest import Latest
from live_cases import ZERO, again, controller, data, kinds, same, seen

GEO7 = eh.load("geo7").window(3)
POLICIES = {
    "adaptive": eh.AdaptiveFairOBD(),
    "ball": eh.FairOBD(eta=1e-3, domain="ball"),
    "free": eh.FairOBD(eta=1e-2),
    "balanced": eh.ROBD(),
    "dmd": eh.DMD(eta=1e-2),
    "hitmin": eh.HitMin(),
    "greedy": eh.Greedy(),
    "receding": eh.RecedingHorizon(period=24),
}


def check_replay(problem, policy):
    """Controller and state go through JSON at every half round; actions, prices and costs are those of simulate."""
    run = eh.simulate(problem, policy)
    live = again(controller_of(problem, policy))
    state = start(live)
    for t, observation in enumerate(observations_of(live, problem)):
        decision, state = decide(live, again(state), again(observation))
        np.testing.assert_array_equal(decision.action, run.actions[t])
        if run.price is not None and decision.price is not None:
            np.testing.assert_array_equal(decision.price, run.price[t])
        settlement, state = settle(live, again(state))
        np.testing.assert_array_equal(settlement.burden, run.burdens[t])
        same(again(decision), decision)
        same(again(settlement), settlement)
    np.testing.assert_array_equal(
        settlement.mean, [run.cost.hitting, run.cost.switching, run.cost.fairness], strict=False
    )
    assert settlement.bound <= float(eh.optimum(problem).cost.total) * (1 + 1e-9)
    assert settlement.gap >= 0


@pytest.mark.parametrize("name", POLICIES)
def test_geo7_live_is_simulate_bit_for_bit(name):
    check_replay(GEO7, POLICIES[name])


@pytest.mark.parametrize("name", ["adaptive", "ball", "greedy"])
def test_own_data_live_is_simulate_bit_for_bit(name):
    check_replay(Own().problem(), POLICIES[name])


def test_own_data_with_unserved_demand_live_is_simulate_bit_for_bit():
    check_replay(Own(None, None, {}).problem(), POLICIES["greedy"])
    config, frames = sample()
    problem = Own({**config, "unserved": {"price": 60, "curvature": 3}}, frames).problem()
    check_replay(problem, POLICIES["ball"])


@pytest.mark.parametrize("more", [{}, {"memory": {"half_life": 2}}, {"memory": {"window": 3}}])
def test_a_configuration_makes_the_same_rounds_as_its_data(more):
    """The template without a horizon, played from its configuration alone, is its problem played as it is."""
    config, frames = sample()
    config = {**config, **more}
    problem = Own(config, frames).problem()
    endless = replace(problem, setting=replace(problem.setting, horizon=None))
    live = controller_from({**config, "sites": ["north", "south"], "policy": "AdaptiveFairOBD()"})
    run, state = eh.simulate(endless, eh.AdaptiveFairOBD()), start(live)
    for t, observation in enumerate(observations_of(live, problem)):
        decision, state = decide(live, state, observation)
        np.testing.assert_array_equal(decision.action, run.actions[t])
        _, state = settle(live, state)


def test_what_was_applied_and_measured_is_what_counts():
    """Half of the decision was applied: the next decision is that of the policy settled so by hand."""
    live = controller()
    state = start(live)
    decision, state = decide(live, state, seen(live))
    half = decision.action / 2
    settlement, state = settle(live, state, half, [9.0, 2.0])
    assert kinds(settlement) == ["altered", "outside"]
    assert state.counts.altered == 1
    np.testing.assert_array_equal(state.action, half)
    np.testing.assert_array_equal(state.burden, [9.0, 2.0])
    assert settlement.switching == 4.0 / 2 * float((half**2).sum())  # from x_0 = 0, beta = 4
    assert settlement.hitting == 41.0 * half[0] + 58.0 * half[1] + float((half**2).sum())
    policy, setting = live.policy, live.setting
    round = live.sites.round(0, decision.signals)
    x, by_hand = policy.decide(setting, policy.init(setting), round)
    by_hand = policy.settle(setting, by_hand, round, x / 2, np.array([9.0, 2.0]))
    following, _ = policy.decide(setting, by_hand, live.sites.round(1, decision.signals))
    np.testing.assert_array_equal(decide(live, state, seen(live, 1))[0].action, following)


def test_turns_are_kept():
    live = controller()
    state = start(live)
    with pytest.raises(ProblemError, match="no round is open after 0 rounds"):
        settle(live, state)
    with pytest.raises(ProblemError, match="nothing was measured yet"):
        skip(live, state)
    _, open_ = decide(live, state, seen(live))
    with pytest.raises(ProblemError, match="round 0 is decided and not settled"):
        decide(live, open_, seen(live, 1))
    with pytest.raises(ProblemError, match="round 0 is decided and not settled"):
        skip(live, open_)
    with pytest.raises(ProblemError, match=r"applied has shape \(3,\): it must be \(2,\)"):
        settle(live, open_, [1.0, 2.0, 3.0])
    with pytest.raises(ProblemError, match=r"burden\[1\] is nan"):
        settle(live, open_, None, [1.0, np.nan])
    _, settled = settle(live, open_)
    with pytest.raises(ProblemError, match="no round is open after 1 rounds"):
        settle(live, settled)


def test_a_round_that_was_missed_counts_with_the_last_action():
    live = controller()
    first, state = decide(live, start(live), seen(live))
    _, state = settle(live, state)
    settlement, state = skip(live, state)
    assert kinds(settlement) == ["missed"]
    np.testing.assert_array_equal(settlement.applied, first.action)
    assert settlement.switching == 0.0
    assert (state.round, state.counts.skipped, state.counts.held) == (2, 1, 0)
    known, state = skip(live, state, seen(live, 2, demand=9.0), [7.0, 7.0])
    np.testing.assert_array_equal(known.burden, [7.0, 7.0])
    assert kinds(known) == ["missed", "outside"]  # the action was made for a demand of 7
    assert state.seen[0] == 9.0
    assert (state.round, state.counts.skipped, state.time) == (3, 2, 2.0)
    np.testing.assert_array_equal(state.burden, 2 * first.action * [3.0, 1.0] + 7.0)


def test_the_kill_switch_holds_the_last_action_and_says_so():
    live = controller()
    first, state = decide(live, start(live), seen(live))
    _, state = settle(live, state)
    off = replace(live, held=True)
    state = reconfigure(live, state, off)
    decision, state = decide(off, state, seen(off, 1, demand=9.0))
    np.testing.assert_array_equal(decision.action, first.action)
    assert decision.held
    assert kinds(decision) == ["held", "outside"]
    assert decision.wanted.sum() == pytest.approx(9.0, rel=1e-12)
    settlement, state = settle(off, state)
    assert settlement.switching == 0.0
    on = reconfigure(off, state, live)
    assert not decide(live, on, seen(live, 2))[0].held


def test_what_may_change_while_it_runs():
    live = controller()
    _, state = decide(live, start(live), seen(live))
    assert reconfigure(live, state, replace(live, bounds=Bounds(1.0))) is state
    other = controller(policy="Greedy")
    with pytest.raises(ProblemError, match="round 0 is open: settle it before the policy changes"):
        reconfigure(live, state, other)
    settled = settle(live, state)[1]
    changed = reconfigure(live, settled, other)
    np.testing.assert_array_equal(changed.policy.action, settled.action)
    assert changed.round == 1
    for change in ({"beta": 5.0}, {"sites": ["north", "west"], "capacity": 5.0}, {"mu": 2.0}, {"curvature": 3.0}):
        with pytest.raises(ProblemError, match="create a new controller"):
            reconfigure(live, settled, controller(**change))


def test_errors_leave_everything_as_it_was():
    live = controller()
    state = start(live)
    before = json.dumps(eh.to_plain(state))
    with pytest.raises(InfeasibleError, match="above the total capacity 13"):
        decide(live, state, seen(live, demand=14.0))
    with pytest.raises(ProblemError, match="linear of 'south' was never measured"):
        decide(live, state, observe(live.sites, {**data(), "linear": {"north": 1.0}}))
    other = controller(sites=["a", "b", "c"], capacity=5.0)
    with pytest.raises(ProblemError, match="was made for other sites"):
        decide(other, start(other), seen(live))
    assert json.dumps(eh.to_plain(state)) == before


def test_more_demand_than_capacity_is_served_as_far_as_it_goes_where_that_has_a_price():
    live = controller(unserved={"price": 500.0})
    decision, _ = decide(live, start(live), seen(live, demand=14.0))
    np.testing.assert_array_equal(decision.action, [5.0, 8.0])


def test_one_site_and_a_round_of_nothing():
    live = controller_from(
        {"sites": ["a"], "demand": "d", "capacity": 4, "burdens": [{"signal": 1}], "beta": 1, "policy": "Greedy"}
    )
    decision, state = decide(live, start(live), observe(live.sites, {"time": 0, "demand": 0}))
    np.testing.assert_array_equal(decision.action, ZERO[:1])
    settlement, _ = settle(live, state)
    assert settlement.cost == 0.0
    assert settlement.gap is None


def test_hindsight_proves_what_opt_is():
    """Of a whole replay: the bound of `lower_bound`, to the gap of OPT; the cost is the run's."""
    live = controller_of(GEO7, POLICIES["adaptive"])
    state, settled = start(live), []
    for observation in observations_of(live, GEO7):
        _, state = decide(live, state, observation)
        settlement, state = settle(live, state)
        settled.append(settlement)
    told, best = hindsight(live, settled), float(eh.optimum(GEO7).cost.total)
    assert float(told.cost.total) == pytest.approx(settlement.cost, rel=1e-13)  # sums in another order
    assert told.bound == pytest.approx(best, rel=1e-6)
    assert told.bound <= best * (1 + 1e-12)
    assert told.gap == pytest.approx(settlement.cost / best - 1, abs=1e-6)
    assert settlement.bound < told.bound
    late = hindsight(live, settled[24:])  # begins at the action before it
    window = recorded(live, settled[24:])
    np.testing.assert_array_equal(window.setting.initial, settled[23].applied)
    assert late.bound <= float(late.cost.total)
    with pytest.raises(ProblemError, match="each once and in order"):
        hindsight(live, [])
    with pytest.raises(ProblemError, match="each once and in order"):
        hindsight(live, [settled[0], settled[2]])


def test_hindsight_counts_missed_rounds_and_measured_burdens():
    live = controller()
    _, state = decide(live, start(live), seen(live))
    first, state = settle(live, state, [2.0, 5.0], [9.0, 4.0])
    second, state = skip(live, state, seen(live, 1, demand=9.0), [1.0, 1.0])
    told = hindsight(live, [first, second])
    assert told.rounds == 2
    assert float(told.cost.fairness) == 0.5 * 5.0  # 0.5 max((9 + 1) / 2, (4 + 1) / 2)
    assert float(told.cost.switching) == pytest.approx(4 / 2 * 29.0 / 2, rel=1e-14)


def test_a_bound_speaks_of_what_was_applied():
    """The bound does not move with what is applied, the cost does."""
    live = controller()
    _, state = decide(live, start(live), seen(live))
    as_decided, _ = settle(live, state)
    otherwise, _ = settle(live, state, [2.0, 5.0])
    assert as_decided.bound == otherwise.bound
    assert otherwise.cost > as_decided.cost
    assert otherwise.gap > as_decided.gap >= 0


def test_with_a_memory_fairness_is_charged_on_what_is_remembered():
    live = controller()
    memory = HalfLife(1, start=[0.0, 0.0])  # y_t = (y_{t-1} + b_t) / 2
    live = replace(live, setting=replace(live.setting, memory=memory))
    state = start(live)
    for t, burden in enumerate(([8.0, 0.0], [0.0, 2.0])):
        _, state = decide(live, state, seen(live, t, linear=(0.0, 0.0)))
        settlement, state = settle(live, state, None, burden)
    np.testing.assert_array_equal(memory.remembered(state.burden), [2.0, 1.0])
    assert float(settlement.mean[2]) == 0.5 * (4.0 + 2.0) / 2  # mu max: of (4, 0), then of (2, 1)
    # without a price, x = 3.5 each is the cheapest: 2 * 3.5^2 / 2 each, and fairness costs nothing
    floor = 2 * 3.5**2
    assert RunningBound(ZERO[None], np.zeros(1), 2, state.floors[:1], None).value == pytest.approx(floor, rel=1e-12)
    assert floor < settlement.bound < settlement.cost


@pytest.mark.parametrize("memory", [HalfLife(6), HalfLife(3, start=0.5), Window(5), HalfLife(np.inf), Window(1)])
def test_with_a_memory_the_bound_so_far_is_below_opt_of_the_rounds_so_far(memory):
    """And is that of `RunningBound` with the controller's prices, to the last bit, through JSON or not."""
    live = controller()
    live = replace(live, setting=replace(live.setting, memory=memory))
    rng = np.random.default_rng(4)
    state, settled, bound = start(live), [], RunningBound.start(live.setting, live.prices)
    for t in range(12):
        one = seen(live, t, rng.uniform(1, 9), rng.uniform(20, 60, 2), rng.uniform(0, 9, 2))
        _, state = decide(live, state, one)
        settlement, state = settle(live, again(state))
        settled.append(settlement)
        bound = bound.add(live.sites.round(t, settlement.signals))
        assert settlement.bound == bound.value
        problem = recorded(live, settled)
        assert settlement.bound <= float(optimum(problem).cost.total) * (1 + 1e-9)
    same(again(state), state)
    assert again(state) == state
    no_price = float(lower_bound(problem, ZERO, separable=True).value)
    assert settlement.bound >= no_price
    if memory.rounds not in (np.inf, 12):
        assert settlement.bound > no_price * 1.001


def test_a_memory_that_no_price_bounds_is_bounded_by_none():
    live = controller()
    live = Controller(live.name, live.sites, replace(live.setting, memory=Latest()), live.policy)
    np.testing.assert_array_equal(live.prices, [[0.0, 0.0]])
    _, state = decide(live, start(live), seen(live, linear=(0.0, 0.0)))
    assert settle(live, state)[0].bound == pytest.approx(2 * 3.5**2, rel=1e-12)
    with pytest.raises(ProblemError, match="prices have 2 above 0: with Latest only no price bounds"):
        replace(live, prices=np.eye(2) * 0.1)


def test_a_configuration_says_what_fairness_remembers():
    assert controller(memory={"half_life": 24}).setting.memory == HalfLife(24)
    assert controller(memory={"window": 6}).setting.memory == Window(6)
    assert controller().setting.memory is None


@pytest.mark.parametrize("kinds", [1, 3])
def test_a_round_of_checked_signals_is_the_round_of_its_parts(kinds):
    chance = np.random.default_rng(kinds)
    names, burdens = ("a", "b", "c"), tuple(f"kind {k}" for k in range(kinds))
    sites = Sites(names, burdens, np.full(1 + (3 + kinds) * 3, np.nan), np.array([-1.0, 1.0, 1.0][:kinds]))
    for total in (0.0, 2.5, 3.0, 3.0 * (1 + 1e-12)):
        values = np.concatenate(
            [[total], np.ones(3), chance.normal(size=3), chance.random(3), chance.normal(size=3 * kinds)]
        )
        made, checked = sites.round(4, values), Round(4, *sites.parts(values))
        assert json.dumps(to_plain(made)) == json.dumps(to_plain(checked))
        values[:] = 0.0
        assert made.feasible.total == total
    with pytest.raises(InfeasibleError, match="above the total capacity"):
        sites.round(0, np.concatenate([[3.1], np.ones(6), np.ones(3), np.ones(3 * kinds)]))
