"""Rounds from end to end: Prometheus in, an HTTPRoute out, the shadow first."""

from __future__ import annotations

import json
from pathlib import Path

from connect.cases import ROUTE

ONCE = ("connect", "shop.yaml", "--once")


def weights(cluster):
    refs = cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"]
    return {ref["name"]: ref["weight"] for ref in refs}


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
