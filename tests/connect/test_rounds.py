"""Rounds from end to end: Prometheus in, an HTTPRoute out, the shadow first."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import evenhand as eh
from connect.cases import BEGIN, ONCE, ROUTE, decided, entries, hours, weights, write
from evenhand import cli
from evenhand.connect.compare import compared
from evenhand.connect.config import read_connections
from evenhand.connect.journal import read_entries
from evenhand.connect.targets.httproute import HttpRoute


def test_the_shadow_sends_nothing_and_reports(shop, cluster, kubernetes, run):
    for hour in range(3):
        code, out, err = run(*ONCE, hour=hour)
        assert (code, err) == (0, "")
        assert f"round {hour}:" in out
        assert "would send: HTTPRoute shop/shop: shop-north 500 →" in out
    assert weights(cluster) == {"shop-north": 500, "shop-south": 500}
    assert {asked.method for asked in kubernetes.asked} == {"GET"}
    code, out, _ = run("connect", "shop.yaml", "--report", "--out", "told", hour=3)
    assert code == 0
    assert "shop: 3 rounds" in out
    assert "evenhand would have paid" in out
    assert "cost of moving" in out
    assert "proved: evenhand was at most" in out
    assert sorted(p.name for p in Path("told").iterdir()) == ["comparison.png", "rounds.csv", "summary.csv"]
    assert Path("told/rounds.csv").read_text().count("\n") == 7
    code, out, err = run("replay", "--verify", "--ledger", "shop-connect/ledger.jsonl")
    assert code == 0, err


def test_applying_changes_the_weights_and_nothing_else(shop, cluster, kubernetes, run):
    before = json.loads(json.dumps(cluster.objects[ROUTE]))
    code, out, err = run(*ONCE, "--apply", "--format", "json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    now = weights(cluster)
    assert sum(now.values()) == 1000
    assert abs(now["shop-north"] - 1000 * told["action"]["north"] / 6.0) <= 1.0
    after = json.loads(json.dumps(cluster.objects[ROUTE]))
    for ref in after["spec"]["rules"][1]["backendRefs"]:
        ref["weight"] = 500
    assert after["spec"] == before["spec"]
    patch = next(asked for asked in kubernetes.asked if asked.method == "PATCH")
    assert patch.query == {"fieldManager": "evenhand", "force": "true", "fieldValidation": "Strict"}
    assert patch.json["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert list(patch.json["spec"]) == ["rules"]
    code, out, err = run(*ONCE, "--apply")  # the same slot again: decided once, and there already
    assert (code, err) == (0, "")
    assert "nothing to send" in out
    assert sum(asked.method == "PATCH" for asked in kubernetes.asked) == 1
    run(*ONCE, "--apply", hour=1)
    state = json.loads(Path("shop-connect/state.json").read_text())["state"]
    assert state["round"] == 1


def test_the_shadow_is_simulate_bit_for_bit(shop, run):
    """Nobody applies what it decides, so it plays on as if it had been."""
    prices, carbon, demand = [[40, 55], [38, 60], [42, 50]], [[3, 1.2], [3.2, 1.1], [3.5, 1.3]], [6, 8, 7]
    setting = eh.Setting(None, 4.0, eh.Norm(mu=0.5), np.zeros(2))
    problem = eh.Problem(
        setting,
        eh.Quadratic(np.array(prices, float), np.full((3, 2), 2.0)),
        eh.Diagonal(np.array(carbon, float)),
        eh.Budget(np.array(demand, float), np.tile([5.0, 8.0], (3, 1))),
    )
    expected = eh.simulate(problem, eh.FairOBD(eta=0.01, domain="ball")).actions
    actions = decided(run, range(3))
    assert [list(action.values()) for action in actions] == expected.tolist()


def test_when_applied_a_round_is_settled_by_what_is_in_force(shop, cluster, run):
    decided(run, [0], "--apply")
    refs = cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"]
    cluster.edit(ROUTE, lambda spec: [ref.update(weight=500) for ref in spec["rules"][1]["backendRefs"]])
    decided(run, [1], "--apply")
    ledger = [json.loads(line) for line in Path("shop-connect/ledger.jsonl").read_text().splitlines()]
    settled = next(event for event in ledger if event["type"] == "Settled")
    assert settled["applied"]["data"] == [3.0, 3.0]  # half of a demand of 6 each
    decision = next(event for event in reversed(ledger) if event["type"] == "Decided")["decision"]
    assert decision["previous"]["data"] == [3.0, 3.0]
    assert sum(ref["weight"] for ref in refs) == 1000
    assert run("replay", "--verify", "--ledger", "shop-connect/ledger.jsonl")[0] == 0


def test_a_source_of_what_was_applied_and_borne_goes_first(shop, monitor, run):
    monitor.answer.series |= {
        "served": [({"site": "north"}, hours(2.5, 2.0)), ({"site": "south"}, hours(3.5, 6.0))],
        "grams": [({"site": "north"}, hours(8.0, 7.0))],
    }
    more = [{"kind": "prometheus", "server": monitor.url, "label": "site", "field": field, "query": query}
            for field, query in (("applied", "served"), ("borne.carbon", "grams"))]  # fmt: skip
    shop["connect"]["sources"] += more
    write(shop)
    decided(run, [0, 1], "--apply")
    ledger = [json.loads(line) for line in Path("shop-connect/ledger.jsonl").read_text().splitlines()]
    settled = next(event for event in ledger if event["type"] == "Settled")
    assert settled["applied"]["data"] == [2.0, 6.0]
    assert settled["burden"]["data"] == pytest.approx([7.0, 1.2 * 6.0])  # the south was not measured: as modelled
    found = compared(read_connections(Path("shop.yaml")).controller, read_entries(Path("shop-connect/rounds.jsonl")))
    assert found.present.actions[0].tolist() == [2.0, 6.0]


def test_stopped_between_decision_and_sending_it_goes_on(shop, cluster, kubernetes, run, monkeypatch):
    """The decision is on the disk: the next run in the same slot sends it, one in the next slot settles what is."""

    class Stop(BaseException):
        pass

    def stop(*_):
        raise Stop

    with monkeypatch.context() as patched:
        patched.setattr(HttpRoute, "plan", stop)
        patched.setattr("time.time", lambda: BEGIN + 5.0)
        patched.setattr(sys, "argv", ["evenhand", *ONCE, "--apply"])
        with pytest.raises(Stop):
            cli.main()
    assert weights(cluster) == {"shop-north": 500, "shop-south": 500}
    state = json.loads(Path("shop-connect/state.json").read_text())["state"]
    assert (state["round"], state["open"]) == (0, True)
    code, out, _ = run(*ONCE, "--apply")
    assert code == 0
    assert "round 0" in out
    assert sum(weights(cluster).values()) == 1000
    assert weights(cluster)["shop-north"] != 500
    assert [entry["round"] for entry in entries()] == [0]


def test_a_dry_run_prints_the_request_and_leaves_nothing(shop, cluster, kubernetes, run):
    for more in ((), ("--apply",)):
        code, out, err = run("connect", "shop.yaml", "--dry-run", *more)
        assert (code, err) == (0, "")
        request = json.loads(next(line for line in out.splitlines() if line.startswith('  {"method"')))
        assert request["method"] == "PATCH"
        assert request["to"] == ROUTE.removeprefix("/")
        assert request["query"] == {"fieldManager": "evenhand", "force": "true", "fieldValidation": "Strict"}
        refs = request["body"]["spec"]["rules"][1]["backendRefs"]
        assert sum(ref["weight"] for ref in refs) == 1000
    assert "sesame" not in out
    assert not Path("shop-connect").exists()
    assert {asked.method for asked in kubernetes.asked} == {"GET"}
    decided(run, [0])
    before = {path.name: path.read_bytes() for path in Path("shop-connect").iterdir()}
    assert run("connect", "shop.yaml", "--dry-run", hour=1)[0] == 0
    assert {path.name: path.read_bytes() for path in Path("shop-connect").iterdir()} == before


def test_nothing_written_tells_a_secret(shop, run):
    decided(run, [0], "--apply")
    for path in Path().rglob("*"):
        assert not path.is_file() or b"sesame" not in path.read_bytes()


def test_two_targets_of_one_route(shop, cluster, run):
    """The second is read after the first was sent, so it does not undo it."""
    spec = cluster.objects[ROUTE]["spec"]
    spec["rules"].append(
        {
            "backendRefs": [
                {"name": "api-north", "port": 80, "weight": 50},
                {"name": "api-south", "port": 80, "weight": 50},
            ]
        }
    )
    cluster.put(ROUTE, spec)
    second = {**shop["connect"]["targets"][0], "rule": 2, "backends": {"north": "api-north", "south": "api-south"}}
    shop["connect"]["targets"].append(second)
    write(shop)
    code, out, err = run(*ONCE, "--apply")
    assert (code, err) == (0, "")
    assert out.count("sent: HTTPRoute") == 2
    rules = cluster.objects[ROUTE]["spec"]["rules"]
    assert [sum(ref["weight"] for ref in rules[k]["backendRefs"]) for k in (1, 2)] == [1000, 100]
    assert rules[1]["backendRefs"][0]["weight"] != 500
    assert rules[2]["backendRefs"][0]["weight"] != 50
