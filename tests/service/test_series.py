"""What the page watches: rounds as columns, one of each stretch where there are many; levels; every controller at a glance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import watched
from evenhand.live.configure import controller_from
from evenhand.live.controller import settle, start
from evenhand.live.replaying import opened
from evenhand.service.fair import fair_levels
from evenhand.service.series import sampled
from serving import Server


@given(st.integers(0, 1000), st.integers(0, 5000), st.integers(1, 300))
def test_one_round_of_each_stretch_and_the_last(first, count, points):
    told, stride = sampled(first, first + count, points)
    assert len(told) == (count if count <= points else -(-count // stride)) <= points
    assert told == sorted(set(told))
    assert all(first <= t < first + count for t in told)
    if count:
        assert told[-1] == first + count - 1
        assert stride == max(1, -(-count // points))
    for k, t in enumerate(told[:-1]):
        assert (t - first) // stride == k


@pytest.mark.parametrize("stride", [24, 168, 96])
def test_no_period_is_hit_again_and_again(stride):
    told, found = sampled(0, 500 * stride, 500)
    assert found == stride
    assert len({t % 24 for t in told}) == 24
    counts = np.bincount([t % 24 for t in told], minlength=24)
    assert counts.max() <= 2 * counts.mean()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("series")) as running:
        watched.geo7(running)
        watched.shadow(running, count=12)
        watched.create(running, "fresh", watched.PAIR)
        yield running


def test_columns_are_the_stored_rounds(server):
    told = server.ask("GET", "/v1/controllers/geo7/series").json
    rows = server.ask("GET", "/v1/controllers/geo7/rounds?limit=168").json["rounds"]
    assert (told["rounds"], told["stride"], told["round"]) == (168, 1, list(range(168)))
    assert told["time"] == [row["decision"]["time"] for row in rows]
    assert told["settled"] == [True] * 168
    for site, column in told["action"].items():
        assert column == pytest.approx([row["decision"]["action"][site] for row in rows], rel=1e-5)
        assert told["applied"][site] == [None] * 168
    for part, column in told["mean"].items():
        assert column == pytest.approx([row["settlement"]["mean"][part] for row in rows], rel=1e-5)
    assert told["gap"] == pytest.approx([row["settlement"]["gap"] for row in rows], rel=1e-5)
    assert told["hitting"] == pytest.approx([row["settlement"]["cost"]["hitting"] for row in rows], rel=1e-5)
    for entity, column in told["burden"].items():
        borne = np.array([row["settlement"]["burden"][entity] for row in rows])
        means = np.cumsum(borne)[:-1] / np.arange(1, 168)
        assert column[0] is None
        assert column[1:] == pytest.approx(means, rel=1e-5, abs=1e-12)
        assert told["price"][entity] == pytest.approx([row["decision"]["price"][entity] for row in rows], rel=1e-5)


def test_a_part_and_a_thinned_whole(server):
    part = server.ask("GET", "/v1/controllers/geo7/series?from=160").json
    assert part["round"] == list(range(160, 168))
    thin = server.ask("GET", "/v1/controllers/geo7/series?points=20").json
    assert thin["stride"] == 9
    assert len(thin["round"]) == 19
    assert thin["round"][-1] == 167
    assert server.ask("GET", "/v1/controllers/geo7/series?from=168").json["round"] == []
    assert server.ask("GET", "/v1/controllers/geo7/series?points=0").status == 422
    empty = server.ask("GET", "/v1/controllers/fresh/series").json
    assert (empty["round"], empty["price"], empty["rounds"]) == ([], None, 0)


def test_what_was_applied_stands_where_it_differs(server):
    told = server.ask("GET", "/v1/controllers/shadow/series").json
    assert told["settled"] == [True] * 11 + [False]
    rows = server.ask("GET", "/v1/controllers/shadow/rounds").json["rounds"]
    differs = [row["settlement"] is not None and "altered" in str(row["settlement"]["notes"]) for row in rows]
    assert any(differs)
    told_differs = [any(told["applied"][site][k] is not None for site in told["applied"]) for k in range(12)]
    assert told_differs == differs
    assert ["altered" in notes for notes in told["notes"]] == differs
    assert told["mean"]["hitting"][-1] is None


def test_every_controller_at_a_glance(server):
    told = server.ask("GET", "/v1/overview").json
    by = {one["name"]: one for one in told["controllers"]}
    assert list(by) == ["fresh", "geo7", "shadow"]
    state = server.ask("GET", "/v1/controllers/geo7/state").json
    assert by["geo7"]["cost"] == state["mean"]["total"]
    assert by["geo7"]["gap"] == state["gap"]
    assert by["geo7"]["rounds"] == 168
    assert by["fresh"]["cost"] is by["fresh"]["time"] is None
    assert (by["shadow"]["open"], by["shadow"]["holding"]) == (True, False)
    assert all(0 <= told["now"] - one["at"] < 3600 for one in by.values())


def test_levels():
    controller, _ = opened("geo7", None)
    state = start(controller)
    before = fair_levels(controller, state)
    assert before["fair"] is None
    assert before["fair_is"] == {"burden": "even"}
    assert before["memory"] == "the mean of all rounds"

    burdens = [{"signal": 2.0, "name": "a", "target": 3.0}, {"signal": 1.0, "name": "b", "quota": 4.0}]
    given = {**watched.PAIR, "burdens": burdens, "linear": 1.0, "demand": 7.0, "memory": {"window": 5}}
    own = controller_from(given)
    levels = fair_levels(own, start(own))
    assert levels["fair_is"] == {"a": "target", "b": "quota"}
    assert list(levels["fair"].values()) == [3.0] * 3 + [-4.0] * 3
    assert levels["memory"] == "the last 5 rounds"


def test_even_is_the_mean_of_a_kind(server):
    state = server.ask("GET", "/v1/controllers/shadow/state").json
    assert state["memory"] == "half-life of 24 rounds"
    for kind in ("carbon", "water"):
        mine = [value for entity, value in state["burden"].items() if entity.endswith(kind)]
        assert [v for e, v in state["fair"].items() if e.endswith(kind)] == pytest.approx([np.mean(mine)] * 3)


def test_a_live_controller_remembers_as_it_is_configured():
    from evenhand.live.controller import decide
    from evenhand.live.observation import observe

    controller = controller_from({**watched.PAIR, "memory": {"half_life": 1}})
    state = start(controller)
    for t, burden in enumerate(([8.0] * 6, [0.0] * 6)):
        _, state = decide(controller, state, observe(controller.sites, watched.seen(t)))
        _, state = settle(controller, state, None, burden)
    # weights 1/2 and 1, scaled to sum to 1: a third of 8
    assert controller.setting.memory.remembered(state.burden) == pytest.approx([8.0 / 3.0] * 6)
