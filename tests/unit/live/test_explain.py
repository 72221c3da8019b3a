"""Explanations by value: prices, marginal costs against differences of optimal values, neighbours."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenhand as eh
from evenhand.errors import EvenhandError
from evenhand.live.answer import decision_answer, outcome, settlement_answer, standing_answer
from evenhand.live.configure import controller_of, observations_of
from evenhand.live.controller import decide, settle, start
from evenhand.live.explain import explain
from evenhand.live.observation import observe
from evenhand.proximal import proximal
from live_cases import controller, data, seen


def best(live, decision, demand=0.0, capacity=(0.0, 0.0)):
    """The value of step (3) at the price in force, with more demand or capacity: by the oracle itself."""
    signals = decision.signals.copy()
    signals[0] += demand
    signals[1:3] += capacity
    round = live.sites.round(0, signals)
    tilt = round.impact.tilt(decision.price)
    x = proximal(round, tilt, live.setting.beta, decision.previous)
    moving = live.setting.switching.moves.value(x, decision.previous)
    return float(round.cost.value(x) + moving + tilt @ x)


@given(
    demand=st.floats(0.5, 12.5),
    prices=st.tuples(st.floats(0, 100), st.floats(0, 100)),
    carbon=st.tuples(st.floats(0, 20), st.floats(0, 20)),
)
def test_one_more_unit_is_the_derivative_of_the_optimal_value(demand, prices, carbon):
    live = controller(policy="FairOBD(eta=0.01, domain='ball')")
    decision, state = decide(live, start(live), seen(live, 0, demand, prices, carbon))
    why = explain(live, decision, state)
    step = 1e-6
    low, high = (best(live, decision, demand=d) for d in (-step, step))
    here = best(live, decision)
    assert (here - low) / step - 1e-3 <= why.demand <= (high - here) / step + 1e-3  # curvature 6 a unit: 6e-6 at most
    for i in range(2):
        extra = np.eye(2)[i] * step
        saved = (here - best(live, decision, capacity=extra)) / step
        assert saved - 1e-3 <= why.capacity[i] <= saved + 1e-3


def test_neighbours_are_greedy_and_hitmin():
    problem = eh.load("geo7").window(0)
    live = controller_of(problem, eh.FairOBD(eta=1e-2, domain="ball"))
    state = start(live)
    for observation in observations_of(live, problem)[:20]:
        decision, state = decide(live, state, observation)
        why = explain(live, decision, state)
        round = problem.rounds[decision.round]
        np.testing.assert_array_equal(
            why.hitmin, eh.HitMin().decide(live.setting, eh.HitMin().init(live.setting), round)[0]
        )
        settled = replace(eh.Greedy().init(live.setting), action=decision.previous)
        np.testing.assert_array_equal(why.greedy, eh.Greedy().decide(live.setting, settled, round)[0])
        np.testing.assert_array_equal(why.tilt, round.impact.tilt(decision.price))
        np.testing.assert_allclose(why.charges.sum(axis=0), why.tilt, rtol=1e-15)
        _, state = settle(live, state)


def test_in_words():
    live = controller(initial={"sites": {"north": 4, "south": 3}}, policy="FairOBD(eta=1e9, domain='ball')")
    decision, state = decide(live, start(live), seen(live, linear=(50.0, 50.0), carbon=(9.0, 1.0)))
    _, state = settle(live, state)
    decision, state = decide(live, state, seen(live, 1, linear=(50.0, 50.0), carbon=(9.0, 1.0)))
    why = explain(live, decision, state)
    # kappa is 0.5 on north alone, so a unit there is charged 4.5; without it both are pulled together
    assert why.price.tolist() == [0.5, 0.0]
    assert why.tilt.tolist() == [4.5, 0.0]
    gain = why.greedy[0] - decision.action[0]
    assert gain == pytest.approx(4.5 / (2 * (2 + 4)), rel=1e-12)
    assert f"north is spared {gain:.4g} against a decision blind to fairness" in why.text
    assert "a unit there is charged 4.5 for its burden, of which it bore" in why.text
    assert "(the most of all sites)" in why.text
    assert "One more unit of demand would cost" in why.text
    assert json.loads(json.dumps(why.plain))["fairness_charge"] == {"north": 4.5, "south": 0.0}


def test_words_for_no_price_full_sites_and_credits():
    live = controller(policy="Greedy")
    decision, state = decide(live, start(live), seen(live, demand=13.0))
    text = explain(live, decision, state).text
    assert "No burden has a price" in text
    assert "could not be served: every site is full" in text
    quota = controller(
        burdens=[{"signal": "carbon", "name": "carbon", "weight": 5.0, "quota": 10}],
        policy="FairOBD(eta=1e9, domain='ball')",
    )
    _, state = decide(quota, start(quota), seen(quota))
    _, state = settle(quota, state)
    decision, state = decide(quota, state, seen(quota, 1, linear=(50.0, 50.0)))
    assert "credited" in explain(quota, decision, state).text


def test_unserved_demand_prices_one_more_unit():
    live = controller(unserved={"price": 500.0, "curvature": 2.0}, policy="Greedy")
    decision, _ = decide(live, start(live), seen(live, demand=15.0))
    why = explain(live, decision)
    assert why.demand == 504.0  # 2 units unserved: 500 + 2 * 2
    slopes = np.array([41.0, 58.0]) + (2.0 + 4.0) * np.array([5.0, 8.0])
    np.testing.assert_array_equal(why.capacity, 504.0 - slopes)


def test_answers_name_sites_and_entities():
    live = controller()
    decision, state = decide(live, start(live), seen(live))
    told = decision_answer(live, decision)
    assert told["action"] == dict(zip(("north", "south"), decision.action.tolist(), strict=True))
    assert told["round"] == 0
    assert standing_answer(live, state) == {
        "rounds": 0, "open": True, "action": {"north": 0.0, "south": 0.0},
        "counts": {"decided": 1, "skipped": 0, "held": 0, "filled": 0, "bounded": 0, "altered": 0},
    }  # fmt: skip
    settlement, state = settle(live, state)
    told = json.loads(json.dumps(settlement_answer(live, settlement)))
    assert told["mean"]["total"] == settlement.cost
    assert told["gap"] == settlement.gap
    assert standing_answer(live, state)["mean"] == told["mean"]


def test_what_was_applied_as_json():
    live = controller()
    decision, _ = decide(live, start(live), seen(live))
    x = decision.action
    assert outcome(live, decision, {}) == (None, None)
    applied, burden = outcome(live, decision, {"round": 0, "applied": {"north": 1.5}})
    np.testing.assert_array_equal(applied, [1.5, x[1]])
    assert burden is None
    for told in ({"carbon": {"south": 2.5}}, {"south": 2.5}):
        _, burden = outcome(live, decision, {"burden": told})
        np.testing.assert_array_equal(burden, [3.0 * x[0], 2.5])
    _, burden = outcome(live, decision, {"applied": {"north": 1.5}, "burden": {"south": None}})
    np.testing.assert_array_equal(burden, [4.5, x[1]])
    quota = controller(burdens=[{"signal": "carbon", "name": "carbon", "quota": 10}])
    decision, _ = decide(quota, start(quota), seen(quota))
    np.testing.assert_array_equal(outcome(quota, decision, {"burden": {"north": 4, "south": 3}})[1], [-4.0, -3.0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "is an object"),
        ({"aplied": {}}, "did you mean 'applied'"),
        ({"round": 3}, "round is 3: the round decided last is 0"),
        ({"applied": {"nrth": 1}}, "did you mean 'north'"),
        ({"applied": {"north": "x"}}, "applied at 'north' is 'x': give a finite number"),
        ({"applied": {"north": float("nan")}}, "applied at 'north' is nan"),
        ({"applied": {"north": True}}, "applied at 'north' is True"),
        ({"applied": 3}, "applied is 3: give an object by site"),
        ({"burden": 3}, "burden of carbon is 3: give an object by site"),
        ({"burden": {"carbon": {"x": 1}}}, "unknown site in burden of carbon 'x'"),
    ],
)
def test_what_cannot_have_happened(given, words):
    live = controller()
    decision, _ = decide(live, start(live), seen(live))
    with pytest.raises(EvenhandError, match=words):
        outcome(live, decision, given)


def test_a_held_decision_is_explained_without_blame():
    live = controller(live={"hold": True})
    decision, state = decide(live, start(live), observe(live.sites, data()))
    text = explain(live, decision, state).text
    assert "The controller is switched off: the last action is held." in text
    assert "spared" not in text


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_words_do_not_depend_on_units(scale):
    """Actions in other units: the same moves are told, the same sites are full."""
    told = []
    for unit in (1.0, scale):
        live = controller(
            capacity={"sites": {"north": 5 * unit, "south": 8 * unit}}, curvature=2 / unit, beta=4 / unit, mu=1.0
        )
        decision, state = decide(live, start(live), seen(live, 0, 12.0 * unit))
        why = explain(live, decision, state)
        told.append((why.demand, why.capacity.tolist(), "spared" in why.text, why.text.count("(+")))
    assert told[0][1][0] > 0
    assert told[0][2:] == told[1][2:]
    np.testing.assert_allclose(told[0][0], told[1][0], rtol=1e-9)
    np.testing.assert_allclose(told[0][1], told[1][1], rtol=1e-9)
