"""The service decides, by its URL: a real server, the same rounds as in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connect.cases import BEGIN, ROUTE
from serving import Server

ONCE = ("connect", "shop.yaml", "--once", "--format", "json")


@pytest.fixture
def server(shop, tmp_path_factory, run):
    with Server(tmp_path_factory.mktemp("server")) as made:
        code, _, err = run("controller", "create", "shop.yaml", "--url", made.url)
        assert code == 0, err
        yield made


def decisions(run, hours, *more):
    out = []
    for hour in hours:
        code, told, err = run(*ONCE, *more, hour=hour)
        assert code == 0, err
        out.append(json.loads(told)["action"])
    return out


@pytest.mark.parametrize("mode", ["--shadow", "--apply"])
def test_it_decides_the_same(server, cluster, run, mode):
    remote = decisions(run, range(3), mode, "--url", server.url, "--data", "remote")
    cluster.put(ROUTE, cluster.objects[ROUTE]["spec"])
    for ref in cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"]:
        ref["weight"] = 500
    assert decisions(run, range(3), mode) == remote
    stored = server.ask("GET", "/v1/controllers/shop/rounds").json["rounds"]
    assert [one["decision"]["action"] for one in stored] == remote
    assert [one["settlement"] is not None for one in stored] == [True, True, False]
    if mode == "--apply":
        assert stored[0]["settlement"]["applied"] != stored[0]["decision"]["action"]  # whole weights
    told = run("connect", "shop.yaml", "--report", "--data", "remote")[1]
    assert "shop: 3 rounds" in told


def test_the_same_slot_is_decided_once(server, run):
    one = decisions(run, [0, 0], "--url", server.url)
    assert one[0] == one[1]
    assert server.ask("GET", "/v1/controllers/shop/state").json["counts"]["decided"] == 1


def test_a_dry_run_stores_nothing(server, run):
    code, out, _ = run("connect", "shop.yaml", "--dry-run", "--url", server.url)
    assert code == 0
    assert '"method": "PATCH"' in out
    assert server.ask("GET", "/v1/controllers/shop/state").json["counts"]["decided"] == 0
    assert not Path("shop-connect").exists()


def test_misuse_in_one_line(server, run, shop):
    url = server.url
    server.ask("DELETE", "/v1/controllers/shop")
    code, _, err = run(*ONCE, "--url", url)
    assert (code, err) == (2, f"evenhand: 'shop' is not on {url}: evenhand controller create it\n")
    server.kill()
    code, _, err = run(*ONCE, "--url", url)
    assert code == 2
    assert err.startswith(f"evenhand: cannot reach {url}/v1/controllers/shop/state: ")
    assert err.count("\n") == 1
    assert BEGIN
