"""Old and missing signals, clocks that jump, bounds on moves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenhand as eh
from evenhand.errors import EvenhandError, ParameterError, ProblemError, UnknownNameError
from evenhand.live.bounds import Bounds, within
from evenhand.live.controller import decide, settle, start
from evenhand.live.observation import Observation, observe, plain
from evenhand.live.staleness import Rule
from evenhand.switching.moves import Moves
from live_cases import controller, data, kinds, seen


def after_one(live, time=0, **more):
    """The state after one round."""
    _, state = decide(live, start(live), seen(live, time, **more))
    return settle(live, state)[1]


def missing(live, time, *fields):
    given = data(time)
    return observe(live.sites, {k: v for k, v in given.items() if k not in fields})


@pytest.mark.parametrize(
    ("then", "kind", "held"), [("hold", "stale", True), ("last_seen", "stale", False), ("refuse", None, None)]
)
def test_a_signal_beyond_its_limit(then, kind, held):
    live = controller(live={"stale_after": 10, "when_stale": then})
    state = after_one(live)
    within_limit, _ = decide(live, state, missing(live, 10, "linear"))
    assert kinds(within_limit) == ["last_seen"]
    assert within_limit.notes[0].field == "linear"
    assert not within_limit.held
    if kind is None:
        with pytest.raises(ProblemError, match="linear is 11 old, the limit is 10: send a newer reading"):
            decide(live, state, missing(live, 11, "linear"))
        return
    decision, after = decide(live, state, missing(live, 11, "linear"))
    assert kinds(decision) == [kind]
    assert decision.held is held
    assert np.array_equal(decision.action, state.action) is held
    assert after.counts.filled == 1
    np.testing.assert_array_equal(decision.signals, state.last.signals)  # the prices seen last stand in
    if not held:
        full, _ = decide(live, state, seen(live, 11))
        np.testing.assert_array_equal(decision.action, full.action)


def test_rules_by_field_and_by_kind_of_burden():
    live = controller(live={"stale_after": 10, "signals": {"carbon": {"stale_after": 100, "when_stale": "refuse"}}})
    state = after_one(live)
    assert kinds(decide(live, state, missing(live, 100, "burdens"))[0]) == ["last_seen"]
    with pytest.raises(ProblemError, match=r"burdens.carbon is 101 old"):
        decide(live, state, missing(live, 101, "burdens"))
    with pytest.raises(UnknownNameError, match="did you mean 'carbon'"):
        controller(live={"signals": {"carbn": {}}})


def test_times_of_single_readings():
    """One site's price is older than the limit, the other is not; the note names the one, with its age in words."""
    live = controller(live={"stale_after": "15min"})
    now = "2026-05-10T04:00Z"
    linear = {"north": 41, "south": {"value": 58, "at": "2026-05-10T03:44:59Z"}}
    decision, _ = decide(live, start(live), observe(live.sites, {**data(now), "linear": linear}))
    assert decision.notes[0].sites == ("south",)
    assert decision.notes[0].text == "linear of 'south' is 901 s old, the limit is 15 min: the last action is held"
    linear["south"]["at"] = "2026-05-10T03:45Z"
    assert not decide(live, start(live), observe(live.sites, {**data(now), "linear": linear}))[0].notes


def test_a_clock_that_goes_back_is_said_and_nothing_else_changes():
    live = controller(live={"stale_after": 10})
    state = after_one(live, 1000)
    back, after = decide(live, state, seen(live, 400))
    on, _ = decide(live, state, seen(live, 1005))
    assert kinds(back) == ["clock"]
    assert "went back by 600" in back.notes[0].text
    np.testing.assert_array_equal(back.action, on.action)
    assert after.time == 400.0
    from_the_future, _ = decide(live, state, missing(live, 400, "linear"))  # measured 600 after this round
    assert kinds(from_the_future) == ["clock", "stale"]
    assert from_the_future.held


def test_fixed_signals_do_not_age_and_may_be_overruled():
    live = controller(live={"stale_after": 1})
    state = after_one(live)
    decision, state = decide(live, state, seen(live, 50))
    assert not decision.notes
    assert state.last.signals[1] == 5.0
    _, state = settle(live, state)
    less, _ = decide(live, state, observe(live.sites, {**data(51), "capacity": {"north": 2.0}}))
    assert less.action[0] <= 2.0
    back, _ = decide(live, state, seen(live, 52))
    assert back.signals[1] == 5.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"demand": -1}, "demand is -1: it must be at least 0"),
        ({"demand": "7"}, "demand is '7': give a number"),
        ({"demand": True}, "demand is True: give a number"),
        ({"demand": float("nan")}, "demand is nan: give a finite number"),
        ({"demand": 1e101}, "larger unit"),
        ({"demand": 10**400}, "larger unit"),
        ({"linear": {"nrth": 1}}, "unknown site in linear 'nrth': did you mean 'north'"),
        ({"linear": {"north": {"value": 1, "when": 2}}}, "unknown key of linear of 'north'"),
        ({"linear": {"north": {"value": 1, "at": "yesterday"}}}, "at of linear of 'north' is 'yesterday'"),
        ({"linear": [1, 2]}, "give an object with one entry per site: north, south"),
        ({"burdens": {"carbn": {}}}, "unknown kind of burden in burdens 'carbn'"),
        ({"burdens": 3}, "burdens is 3"),
        ({"capacity": {"south": -2}}, "capacity of 'south' is -2: it must be at least 0"),
        ({"time": None}, "time is None"),
        ({"time": float("inf")}, "time is inf"),
        ({"time": float("nan")}, "time is nan"),
        ({"time": 10**400}, "write a time such as"),
        ({"tme": 1}, "unknown field of an observation 'tme': did you mean 'time'"),
    ],
)
def test_what_is_no_observation(change, words):
    live = controller()
    with pytest.raises(EvenhandError, match=words):
        observe(live.sites, {**data(), **change})


def test_an_observation_has_a_time_and_is_an_object():
    live = controller()
    with pytest.raises(ProblemError, match="time is missing"):
        observe(live.sites, {"demand": 1})
    with pytest.raises(ProblemError, match="object of fields"):
        observe(live.sites, [1, 2])


def test_one_number_is_for_all_sites():
    live = controller()
    both = observe(live.sites, {**data(), "linear": 3.0, "capacity": {"value": 4, "at": -5}})
    np.testing.assert_array_equal(both.value[live.sites.part("linear")], [3.0, 3.0])
    np.testing.assert_array_equal(both.at[live.sites.part("capacity")], [-5.0, -5.0])


reading = st.one_of(st.none(), st.floats(0, 1e100), st.integers(0, 10**6))


@given(demand=reading, north=reading, south=reading, time=st.floats(-1e12, 1e12), at=st.floats(-1e12, 1e12))
def test_observations_go_to_json_and_back(demand, north, south, time, at):
    live = controller()
    given = {"time": time, "demand": demand, "linear": {"north": north, "south": {"value": south, "at": at}}}
    one = observe(live.sites, given)
    other = observe(live.sites, plain(live.sites, one))
    np.testing.assert_array_equal(one.value, other.value)
    np.testing.assert_array_equal(one.at, other.at)
    assert one.time == other.time


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_a_bound_on_every_site_holds_and_demand_is_served():
    live = controller(
        live={"max_move": {"sites": {"north": 0.25, "south": 1.0}}}, initial={"sites": {"north": 4, "south": 3}}
    )
    decision, state = decide(live, start(live), seen(live, linear=(80.0, 10.0)))
    assert decision.wanted[0] < 3.75  # the policy would move farther
    np.testing.assert_allclose(decision.action, [3.75, 3.25], rtol=1e-12)
    assert kinds(decision) == ["bound"]
    assert decision.notes[0].sites == ("north", "south") or decision.notes[0].sites == ("north",)
    assert state.counts.bounded == 1


def test_bounds_that_do_not_bind_change_no_bit():
    free, bound = controller(), controller(live={"max_move": 100, "max_total_move": 100})
    one, other = decide(free, start(free), seen(free))[0], decide(bound, start(bound), seen(bound))[0]
    np.testing.assert_array_equal(one.action, other.action)
    assert not other.notes


def test_bounds_give_way_to_demand_as_little_as_possible():
    live = controller(live={"max_move": 1.0}, initial={"sites": {"north": 1, "south": 1}})
    decision, _ = decide(live, start(live), seen(live, demand=7.0))
    np.testing.assert_allclose(decision.action, [3.5, 3.5], rtol=1e-12)  # 2 + 1.5 each, whatever the policy wants
    assert kinds(decision) == ["bound", "gave_way"]


def test_a_bound_on_all_moves_together():
    live = controller(live={"max_total_move": 0.5}, initial={"sites": {"north": 4, "south": 3}})
    decision, _ = decide(live, start(live), seen(live, linear=(80.0, 10.0)))
    np.testing.assert_allclose(decision.action, [3.75, 3.25], rtol=1e-12)
    more, _ = decide(live, start(live), seen(live, demand=9.0, linear=(80.0, 10.0)))
    np.testing.assert_allclose(more.action, [5.0, 4.0], rtol=1e-12)  # demand needs 2, shared evenly
    assert kinds(more) == ["bound", "gave_way"]


def test_a_bound_of_nothing_is_a_hold():
    live = controller(live={"max_move": 0}, initial={"sites": {"north": 4, "south": 3}})
    decision, _ = decide(live, start(live), seen(live))
    np.testing.assert_array_equal(decision.action, [4.0, 3.0])
    assert kinds(decision) == ["bound"]


def test_hard_limits_of_moves_never_give_way():
    """South must not rise by more than 1: what its bound cuts from north goes there only so far, the rest stays."""
    feasible, before, wanted = eh.Budget(9.0, [9.0, 9.0]), np.array([4.0, 4.0]), np.array([7.0, 2.0])
    round = eh.Round(0, eh.Quadratic(np.zeros(2)), eh.Diagonal(np.ones(2)), feasible)
    free, _ = within(Bounds(0.5), round, Moves(), ("a", "b"), before, wanted)
    np.testing.assert_allclose(free, [4.5, 4.5], rtol=1e-15)
    limited, notes = within(Bounds(0.5), round, Moves(rise=[9.0, 0.25]), ("a", "b"), before, wanted)
    np.testing.assert_allclose(limited, [4.75, 4.25], rtol=1e-15)
    assert [note.kind for note in notes] == ["bound", "gave_way"]


@pytest.mark.parametrize(("from_start", "first"), [(True, [1.0, 3.0]), (False, [2.0, 2.0])])
def test_limits_waived_in_the_first_round_do_not_guard_it(from_start, first):
    """North is to take all from 0; its limit is 1 and the bound 2, from the second round on at least."""
    live = controller(live={"max_move": 2.0}, initial={"sites": {"north": 0, "south": 4}})
    limits = eh.Limits(rise=1.0, from_start=from_start)
    live = replace(live, setting=replace(live.setting, switching=limits), policy=eh.HitMin())
    decision, state = decide(live, start(live), seen(live, demand=4.0, linear=(0.0, 90.0)))
    np.testing.assert_allclose(decision.action, first, atol=1e-12)
    _, state = settle(live, state)
    decision, _ = decide(live, state, seen(live, 1, demand=4.0, linear=(0.0, 90.0)))
    np.testing.assert_allclose(decision.action, [first[0] + 1.0, first[1] - 1.0], atol=1e-12)


actions = st.lists(st.floats(0, 10), min_size=3, max_size=3).map(np.array)


@given(
    before=actions,
    wanted=actions,
    upper=st.lists(st.floats(0.1, 10), min_size=3, max_size=3).map(np.array),
    site=st.floats(0, 10),
    total=st.floats(0, 30),
    scale=st.sampled_from([1e-9, 1.0, 1e9]),
)
def test_bounds_hold_or_say_that_they_gave_way(before, wanted, upper, site, total, scale):
    """What comes out is feasible; without "gave_way" it keeps the bounds, but for what a smaller capacity forces."""
    wanted = np.minimum(wanted, upper)
    before, wanted, upper, site, total = before * scale, wanted * scale, upper * scale, site * scale, total * scale
    feasible = eh.Budget(wanted.sum(), upper)
    round = eh.Round(0, eh.Quadratic(np.zeros(3)), eh.Diagonal(np.ones(3)), feasible)
    action, notes = within(Bounds(site, total), round, Moves(), ("a", "b", "c"), before, wanted)
    assert float(feasible.violation(action)) <= 1e-9
    said = {note.kind for note in notes}
    if "gave_way" not in said:
        forced = np.maximum(before - upper, 0.0)
        size = 1e-8 * max(scale, 1e-300) * 10
        assert (np.abs(action - before) <= np.maximum(site, forced) + size).all()
        assert np.abs(action - before).sum() <= total + size
    if not said:
        assert action is wanted


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Rule(after=0), "after is 0: give an age above 0"),
        (lambda: Rule(then="guess"), "then is 'guess': it must be hold, last_seen or refuse"),
        (lambda: Bounds(site=-1), "site"),
        (lambda: Bounds(total=-1), "total is -1"),
        (lambda: controller(live={"max_move": -1}), "live.max_move is -1: it must be at least 0"),
        (lambda: controller(live={"max_move": "price"}), "live.max_move may not change over time"),
        (lambda: controller(live={"stale_after": "soon"}), "write a distance such as 15min"),
        (lambda: controller(live={"stale_after": -5}), "write a distance such as 15min"),
        (lambda: controller(live={"when_stale": "guess"}), "live.when_stale is 'guess': write 'hold', 'last_seen'"),
        (lambda: controller(live={"max_mve": 1}), "unknown key in configuration 'max_mve': did you mean 'max_move'"),
        (lambda: controller(policy="FairOB"), "did you mean 'FairOBD'"),
        (lambda: controller(policy="FairOBD(eta=-1)"), "eta is -1"),
        (lambda: controller(policy="__import__('os')"), "write a name, or Name"),
        (lambda: controller(sites=None, capacity=5), "sites are not listed"),
        (lambda: controller(unserved="penalty"), "unserved has no price"),
        (lambda: start(controller(policy="FairOBD(eta=0.01)")), "domain 'free' needs finite burden_lower"),
    ],
)
def test_configurations_that_cannot_be(make, words):
    with pytest.raises(EvenhandError, match=words):
        make()


def test_an_unknown_field_of_a_rule_is_refused():
    live = controller()
    with pytest.raises(ParameterError, match="staleness has field 'x'"):
        replace(live, staleness=(Rule(field="x"),))


def test_nothing_of_the_caller_is_kept():
    value, at = np.ones(3), np.ones(3)
    one = Observation(0.0, "0", value, at)
    value[:] = 5.0
    np.testing.assert_array_equal(one.value, np.ones(3))
