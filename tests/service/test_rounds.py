"""The life of a controller over HTTP: the same bits as `simulate`, idempotent, explained, paged, previewed."""

from __future__ import annotations

import http.client
import itertools
import json
import re

import pytest

from evenhand.live.certificate import hindsight
from evenhand.live.configure import controller_from
from evenhand.live.explain import explain
from evenhand.live.replaying import opened, played
from evenhand.own.template import config_text
from serving import POLICY, Server, verified, week

ROUNDS, ACTIONS = week()
COUNT = itertools.count()
PAIR = {
    "sites": ["north", "south"],
    "demand": "demand",
    "capacity": {"sites": {"north": 5, "south": 8}},
    "linear": "price",
    "beta": 4.0,
    "burdens": [{"signal": "carbon", "name": "carbon", "weight": 0.5}],
    "policy": "FairOBD(eta=0.01, domain='ball')",
}


def seen(time, demand=7.0, **more):
    return {
        "time": time,
        "demand": demand,
        "linear": {"north": 41.0, "south": 58.0},
        "burdens": {"carbon": {"north": 3.0, "south": 1.0}},
        **more,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("rounds")) as running:
        yield running


@pytest.fixture
def pair(server, request):
    """A fresh controller of two sites."""
    name = f"{re.sub('[^a-z_]+', '-', request.node.name)}{next(COUNT)}"
    told = server.ask("POST", "/v1/controllers", {**PAIR, "name": name})
    assert told.status == 201, told.text
    return name


def test_a_week_is_simulate_bit_for_bit(server):
    server.create("week")
    answers = [server.post(one, "week").json for one in ROUNDS]
    assert [list(a["action"].values()) for a in answers] == ACTIONS
    assert server.ask("POST", "/v1/controllers/week/rounds/167/settle", {}).status == 200
    controller, problem = opened("geo7", POLICY)
    truth = list(played(controller, problem))
    state = server.ask("GET", "/v1/controllers/week/state").json
    assert state["mean"]["total"] == truth[-1][2].cost
    solved = server.ask("GET", "/v1/controllers/week/certificate?last=168").json
    proved = hindsight(controller, [settlement for _, _, settlement, _ in truth])
    assert solved["rounds"] == 168
    assert solved["bound"] == proved.bound
    assert solved["gap"] == pytest.approx(proved.gap, rel=1e-12)
    kept = server.ask("GET", "/v1/controllers/week/certificate").json
    assert kept["bound"] == truth[-1][2].bound < solved["bound"]
    for t in (0, 1, 100, 167):
        why = server.ask("GET", f"/v1/controllers/week/rounds/{t}/why").json
        decision = truth[t][1]
        after = truth[t - 1][3] if t else None
        assert why == json.loads(json.dumps(explain(controller, decision, after).plain))
        assert why["text"].splitlines() == answers[t]["why"]


def test_batches_are_the_same_bits(server):
    server.create("many")
    path = "/v1/controllers/many/rounds/batch"
    numbered = [{**one, "round": k} for k, one in enumerate(ROUNDS)]
    first = server.ask("POST", path, {"rounds": numbered[:100]}).json
    assert first["error"] is None
    again = server.ask("POST", path, {"rounds": numbered[50:]}).json
    assert again["rounds"][:50] == first["rounds"][50:]
    assert [list(a["action"].values()) for a in first["rounds"] + again["rounds"][50:]] == ACTIONS


def test_a_batch_stops_at_the_first_refusal(server, pair):
    path = f"/v1/controllers/{pair}/rounds/batch"
    told = server.ask("POST", path, {"rounds": [seen(0), seen(1, demand=99.0), seen(2)]}).json
    assert len(told["rounds"]) == 1
    assert told["error"]["kind"] == "infeasible"
    assert server.ask("GET", f"/v1/controllers/{pair}/state").json["counts"]["decided"] == 1
    assert server.ask("POST", path, {"rounds": [seen(1, demand=99.0), seen(2)]}).status == 422


def test_the_same_request_gives_the_stored_answer(server, pair):
    first = server.post({**seen(0), "round": 0}, pair)
    assert first.status == 201
    again = server.post({"round": 0, **seen(0)}, pair)
    assert (again.status, again.headers["Idempotent-Replay"]) == (200, "true")
    assert again.text == first.text
    other = server.post({**seen(0, demand=6.0), "round": 0}, pair)
    assert other.status == 409
    assert other.json["error"]["expected"]["next_round"] == 1
    ahead = server.post({**seen(0), "round": 7}, pair)
    assert (ahead.status, ahead.json["error"]["expected"]) == (409, {"round": 1})


@pytest.mark.parametrize("header", [True, False])
def test_keys(server, pair, header):
    def post(data, key):
        return server.post(data, pair, Idempotency_Key=key) if header else server.post({**data, "key": key}, pair)

    first, second = post(seen(0), "a"), post(seen(1), "b")
    assert (first.status, second.status) == (201, 201)
    assert post(seen(0), "a").text == first.text
    assert post(seen(1), "b").text == second.text
    assert post(seen(2), "a").status == 409
    assert server.ask("GET", f"/v1/controllers/{pair}/rounds").json["rounds"][1]["key"] == "b"


def test_settled_as_it_happened(server, pair):
    path = f"/v1/controllers/{pair}/rounds/0/settle"
    assert server.ask("POST", path, {}).status == 404
    server.post(seen(0), pair)
    told = {"applied": {"north": 4.0, "south": 3.0}, "burden": {"carbon": {"north": 11.0}}}
    first = server.ask("POST", path, told)
    assert first.json["applied"] == {"north": 4.0, "south": 3.0}
    assert first.json["burden"] == {"north": 11.0, "south": 3.0}
    assert server.ask("POST", path, told).text == first.text
    other = server.ask("POST", path, {"applied": {"north": 3.0}})
    assert other.status == 409
    assert other.json["error"]["expected"]["outcome"] == told
    assert server.post(seen(1), pair).json["previous"] == {"north": 4.0, "south": 3.0}


def test_previous_says_what_came_of_the_open_round(server, pair):
    assert server.post({**seen(0), "previous": {"applied": {"north": 1.0}}}, pair).status == 409
    server.post(seen(0), pair)
    told = server.post({**seen(1), "previous": {"applied": {"north": 4.0, "south": 3.0}}}, pair)
    assert told.json["previous"] == {"north": 4.0, "south": 3.0}
    again = server.ask("POST", f"/v1/controllers/{pair}/rounds/0/settle", {"applied": {"north": 4.0, "south": 3.0}})
    assert again.status == 200
    assert server.ask("POST", f"/v1/controllers/{pair}/rounds/0/settle", {}).status == 409


def test_missed_rounds_hold_the_last_action(server, pair):
    assert server.post({"missed": True}, pair).status == 422
    server.post(seen(0), pair)
    told = server.post({"missed": True}, pair).json
    assert told["held"]
    assert told["action"] == told["previous"]
    assert server.post({**seen(2), "missed": True}, pair).status == 201
    state = server.ask("GET", f"/v1/controllers/{pair}/state").json
    assert (state["rounds"], state["open"], state["counts"]["skipped"]) == (3, False, 2)
    assert server.post(seen(3), pair).status == 201


def test_preview_stores_nothing(server, pair):
    server.post(seen(0), pair)
    before = server.ask("GET", f"/v1/controllers/{pair}/state").text
    shown = server.ask("POST", f"/v1/controllers/{pair}/preview", seen(1)).json
    assert server.ask("GET", f"/v1/controllers/{pair}/state").text == before
    assert server.post(seen(1), pair).json == shown


def test_pause_holds_and_says_so(server, pair):
    first = server.post(seen(0), pair).json
    assert server.ask("POST", f"/v1/controllers/{pair}/pause").json["held"]
    told = server.post(seen(1, demand=9.0), pair).json
    assert told["held"]
    assert told["action"] == first["action"]
    assert "held" in [note["kind"] for note in told["notes"]]
    assert not server.ask("POST", f"/v1/controllers/{pair}/resume").json["held"]
    assert not server.post(seen(2), pair).json["held"]
    assert server.ask("GET", f"/v1/controllers/{pair}").json["version"] == 3


def test_a_source_that_hangs_is_held_with_its_reason(server):
    live = {"stale_after": 2, "signals": {"linear": {"stale_after": 1, "when_stale": "hold"}}}
    server.ask("POST", "/v1/controllers", {**PAIR, "name": "hung", "live": live})
    server.post(seen(0), "hung")
    within = server.post({**seen(1, demand=8.0), "linear": None}, "hung").json
    assert (within["held"], within["notes"][0]["kind"]) == (False, "last_seen")
    beyond = server.post({**seen(3, demand=9.0), "linear": None}, "hung").json
    assert (beyond["held"], beyond["action"]) == (True, within["action"])
    assert "linear is 3 old, the limit is 1: the last action is held" in [note["text"] for note in beyond["notes"]]
    assert not server.post(seen(4), "hung").json["held"]


def test_configurations_have_versions(server, pair):
    path = f"/v1/controllers/{pair}"
    server.post(seen(0), pair)
    server.ask("POST", f"{path}/rounds/0/settle", {})
    changed = {**PAIR, "live": {"max_move": 0.5}}
    assert server.ask("PUT", path, changed).json["version"] == 2
    assert server.ask("PUT", path, changed).json["version"] == 2
    told = server.post(seen(1, demand=9.0), pair).json
    assert {"bound", "gave_way"} <= {note["kind"] for note in told["notes"]}
    refused = server.ask("PUT", path, {**PAIR, "beta": 5.0})
    assert refused.status == 422
    assert "create a new controller" in refused.json["error"]["message"]


def test_created_twice_and_deleted(server, pair):
    path = f"/v1/controllers/{pair}"
    assert server.ask("POST", "/v1/controllers", {**PAIR, "name": pair}).status == 200
    other = server.ask("POST", "/v1/controllers", {**PAIR, "name": pair, "beta": 1.0})
    assert other.status == 409
    server.post(seen(0), pair)
    assert server.ask("DELETE", path).status == 204
    assert server.ask("GET", path).status == 404
    assert server.ask("POST", "/v1/controllers", {**PAIR, "name": pair, "beta": 1.0}).status == 201
    assert server.ask("GET", f"{path}/rounds").json == {"rounds": [], "next": None}
    what = [entry["what"] for entry in server.ask("GET", "/v1/audit?limit=1000").json["entries"]]
    assert {"create", "delete"} <= set(what)


def test_pages(server):
    server.create("paged")
    numbered = [{**one, "explain": False} for one in ROUNDS[:30]]
    server.ask("POST", "/v1/controllers/paged/rounds/batch", {"rounds": numbered})
    first = server.ask("GET", "/v1/controllers/paged/rounds?limit=20").json
    rest = server.ask("GET", f"/v1/controllers/paged/rounds?from={first['next']}&limit=20").json
    assert [row["round"] for row in first["rounds"] + rest["rounds"]] == list(range(30))
    assert rest["next"] is None
    assert rest["rounds"][-1]["settlement"] is None
    assert "why" not in first["rounds"][0]["decision"]
    assert server.ask("GET", "/v1/controllers/paged/rounds/29").json == rest["rounds"][-1]
    assert server.ask("GET", "/v1/controllers/paged/rounds/30").status == 404
    assert server.ask("GET", "/v1/controllers/paged/rounds?limit=100000").status == 413


def test_events_go_on_where_they_broke(server, pair):
    path = f"/v1/controllers/{pair}/events"
    server.post(seen(0), pair)
    server.post(seen(1), pair)
    events = told_events(server.ask("GET", f"{path}?follow=false").text)
    assert [(id, kind) for id, kind, _ in events] == [
        ("1", "created"),
        ("2", "decided"),
        ("3", "settled"),
        ("4", "decided"),
    ]
    assert json.loads(events[1][2])["round"] == 0
    rest = told_events(server.ask("GET", f"{path}?follow=false", Last_Event_ID="3").text)
    assert rest == events[3:]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers={"Last-Event-ID": "4"})
    stream = connection.getresponse()
    assert stream.readline() == b"retry: 2000\n"
    server.post(seen(2), pair)
    lines = [stream.readline().decode().strip() for _ in range(9)]
    connection.close()
    assert lines[1:3] == ["id: 5", "event: settled"]
    assert lines[5:7] == ["id: 6", "event: decided"]


def told_events(text):
    parts = [part.splitlines() for part in text.split("\n\n")[1:] if part]
    return [tuple(line.split(": ", 1)[1] for line in part) for part in parts]


def test_metrics(server, pair):
    server.post(seen(0), pair)
    server.post(seen(1, demand=99.0), pair)
    text = server.ask("GET", "/metrics").text
    for line in (
        f'evenhand_rounds_decided_total{{controller="{pair}"}} 1.0',
        f'evenhand_refused_total{{controller="{pair}",kind="InfeasibleError"}} 1.0',
        f'evenhand_open{{controller="{pair}"}} 1.0',
    ):
        assert line in text
    assert f'evenhand_price{{controller="{pair}",kind="carbon",site="north"}}' in text
    assert "evenhand_decision_seconds_bucket" in text


def test_allocate(server):
    agents = [{"agent": "a", "family": "log", "weight": 2}, {"agent": "b", "family": "log", "weight": 1}]
    told = server.ask("POST", "/v1/allocate", {"agents": agents, "capacity": 90})
    assert told.status == 200, told.text
    assert told.json["status"] == "certified"
    assert server.ask("POST", "/v1/allocate", {"agents": [{"agent": "a"}], "capacity": 90}).status == 422
    assert server.ask("POST", "/v1/allocate", {"agents": agents}).status == 422


def test_own_configuration_is_that_of_the_file(server):
    import yaml

    source = {**yaml.safe_load(config_text("own")), "sites": ["north", "south"]}
    shown = server.ask("POST", "/v1/controllers", source).json
    assert shown["configuration"] == source
    assert shown["entities"] == list(controller_from(source).setting.entities)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"{", 422),
        (b"[1]", 422),
        (b'{"time": NaN}', 422),
        (b'{"time": 0, "round": 1.5}', 422),
        (b'{"time": 0, "round": true}', 422),
        (b'{"time": 0, "key": ""}', 422),
        (b'{"time": 0, "explain": 1}', 422),
        (b'{"time": 0, "previous": 3}', 422),
        (b'{"time": 0, "demand": 1e300}', 422),
        (b"[" * 5000, 422),
        (b'{"time": 0, "demand": 7, "unknown": 1}', 422),
    ],
)
def test_bad_rounds_change_nothing(server, pair, data, status):
    told = server.post(data, pair)
    assert told.status == status, told.text
    assert "\n" not in told.json["error"]["message"]
    assert server.ask("GET", f"/v1/controllers/{pair}/state").json["counts"]["decided"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/b"},
        {"name": ""},
        {"policy": "__import__('os').system('true')"},
        {"policy": "Own(path='/etc/passwd')"},
        {"policy": "(" * 300},
        {"sites": [f"s{k}" for k in range(300)]},
        {"data": "/etc/passwd", "sites": None, "capacity": "capacity"},
        {"scenario": "geo7"},
        {"burdens": []},
    ],
)
def test_bad_configurations(server, change):
    told = server.ask("POST", "/v1/controllers", {**PAIR, "name": "bad", **change})
    assert told.status in (413, 422), told.text
    assert server.ask("GET", "/v1/controllers/bad").status == 404


def test_everything_comes_out_again(server):
    found = verified(server.folder)
    assert len(found) > 10
    assert {name: one.wrong for name, one in found.items() if one.wrong} == {}
