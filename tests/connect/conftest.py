"""A route with two services behind it, what it is measured by, and a configuration that connects them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from fakes import Kubernetes, Prometheus
from loopback import Loopback

from evenhand import cli

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


@pytest.fixture
def cluster():
    """A Kubernetes with the route."""
    made = Kubernetes()
    made.put(ROUTE, route())
    return made


@pytest.fixture
def kubernetes(cluster):
    with Loopback(cluster) as server:
        yield server


@pytest.fixture
def monitor():
    """A Prometheus with demand, price and carbon of three hours."""
    series = {
        "demand": [({}, hours(6.0, 8.0, 7.0))],
        "price": [({"site": "north"}, hours(40.0, 38.0, 42.0)), ({"site": "south"}, hours(55.0, 60.0, 50.0)),
                  ({"site": "west"}, hours(1.0, 1.0, 1.0))],
        "carbon": [({"zone": "N"}, hours(3.0, 3.2, 3.5)), ({"zone": "S"}, hours(1.2, 1.1, 1.3))],
    }  # fmt: skip
    with Loopback(Prometheus(series)) as server:
        yield server


def configuration(monitor, kubernetes, **changes):
    """A controller between the two, as its YAML has it."""
    prometheus = {"kind": "prometheus", "server": monitor.url}
    return {
        "name": "shop",
        "sites": ["north", "south"],
        "demand": "demand",
        "capacity": {"sites": {"north": 5, "south": 8}},
        "linear": "price",
        "curvature": 2.0,
        "beta": 4.0,
        "burdens": [{"signal": "carbon", "name": "carbon", "weight": 0.5}],
        "policy": "FairOBD(eta=0.01, domain='ball')",
        "connect": {
            "every": 3600,
            "timeout": 30,
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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBE_TOKEN", "sesame")
    return tmp_path


@pytest.fixture
def shop(folder, monitor, kubernetes):
    """The configuration, written to shop.yaml."""
    return write(configuration(monitor, kubernetes))


def write(data):
    Path("shop.yaml").write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return data


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command line at a time: code, stdout, stderr."""

    def call(*argv, hour=0):
        monkeypatch.setattr(sys, "argv", ["evenhand", *map(str, argv)])
        monkeypatch.setattr("time.time", lambda: BEGIN + 3600 * hour + 5.0)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        told = capsys.readouterr()
        return int(stop.value.code or 0), told.out, told.err

    return call
