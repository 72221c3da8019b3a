"""A route with two services behind it, and a configuration that connects it to what it is measured by."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import yaml

from evenhand.connect.link import Server
from live_cases import CONFIG

SITES = ("north", "south")
ABOUT = {"controller": "shop", "round": 3, "time": "2026-05-10T04:00:00Z"}
#: the time of the first round, a multiple of an hour
BEGIN = 1_780_000_200 // 3600 * 3600
ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/shop"


def route(north=500, south=500):
    """A route with two rules; the second one splits between two services."""
    parent = {"name": "gateway", "namespace": "infra"}
    static = {"matches": [{"path": {"type": "PathPrefix", "value": "/static"}}],
              "backendRefs": [{"name": "files", "port": 80}]}  # fmt: skip
    header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "x-split", "value": "1"}]}}
    refs = [{"name": "shop-north", "port": 80, "weight": north}, {"name": "shop-south", "port": 80, "weight": south}]
    split = {"name": "split", "matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "filters": [header],
             "backendRefs": refs, "timeouts": {"request": "10s"}}  # fmt: skip
    return {"parentRefs": [parent], "hostnames": ["shop.example"], "rules": [static, split]}


def hours(*values):
    """Samples on the hour."""
    return [(BEGIN + 3600 * k, value) for k, value in enumerate(values)]


#: two sites and a stranger; at the full hour the price of the south is some ten minutes old, beyond the lookback
SERIES = {
    "price": [({"site": "north"}, hours(40.0, 38.0)), ({"site": "south"}, [(BEGIN + 3010, 55.0)]),
              ({"site": "west"}, hours(1.0, 1.0))],
    "gaps": [({"site": "north"}, [(BEGIN, 1.0), (BEGIN + 60, float("nan"))]), ({"site": "south"}, [(BEGIN, float("inf"))])],
    "demand": [({}, hours(6.0, 8.0))],
    "twice": [({"site": "north", "rack": "1"}, hours(1.0)), ({"site": "north", "rack": "2"}, hours(2.0))],
}  # fmt: skip


def configuration(monitor, kubernetes, **changes):
    """A controller between the two, as its YAML has it."""
    prometheus = {"kind": "prometheus", "server": monitor.url}
    return {
        **deepcopy(CONFIG),
        "name": "shop",
        "connect": {
            "every": 3600,
            "timeout": 120,
            "sources": [
                {**prometheus, "field": "demand", "query": "demand"},
                {**prometheus, "field": "linear", "query": "price", "label": "site"},
                {**prometheus, "field": "carbon", "query": "carbon", "label": "zone", "sites": {"N": "north", "S": "south"}},
            ],
            "targets": [
                {"kind": "httproute", "server": {"url": kubernetes.url, "token_env": "KUBE_TOKEN"}, "namespace": "shop",
                 "name": "shop", "rule": "split", "backends": {"north": "shop-north", "south": "shop-south"},
                 "force": True}
            ],
        },
        **changes,
    }  # fmt: skip


def write(data):
    Path("shop.yaml").write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return data


ONCE = ("connect", "shop.yaml", "--once")


def weights(cluster):
    """What the split gives each service."""
    refs = cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"]
    return {ref["name"]: ref["weight"] for ref in refs}


def entries(name="shop-connect"):
    """The journal."""
    return [json.loads(line) for line in Path(name, "rounds.jsonl").read_text().splitlines()]


def decided(run, hours, *more, name="shop-connect"):
    """Run these hours; the actions of the journal."""
    for hour in hours:
        code, _, err = run(*ONCE, *more, hour=hour)
        assert code == 0, err
    return [entry["action"] for entry in entries(name)]


def plan(target, link, action, sites=SITES):
    return target.plan(target.present(link, sites), action, ABOUT)


def bring(target, link, action, sites=SITES):
    """Plan and send; the requests."""
    sendings = plan(target, link, action, sites)
    for one in sendings:
        target.send(link, one)
    return sendings


def at(server, env="KUBE_TOKEN", **more):
    return Server(server.url, token_env=env, **more)


def changes(server):
    return [asked for asked in server.asked if asked.method != "GET"]
