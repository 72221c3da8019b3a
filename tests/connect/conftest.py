"""Fakes that serve, a configuration on disk, and the command line at a time of a test's choosing."""

from __future__ import annotations

import sys

import pytest

from connect.cases import BEGIN, ROUTE, configuration, hours, route, write
from connect.fakes import Kubernetes, Prometheus
from connect.loopback import Loopback
from evenhand import cli
from evenhand.connect.link import Link, Patience


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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBE_TOKEN", "sesame")
    return tmp_path


@pytest.fixture
def shop(folder, monitor, kubernetes):
    """The configuration, written to shop.yaml."""
    return write(configuration(monitor, kubernetes))


@pytest.fixture
def link(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBE_TOKEN", "sesame")
    monkeypatch.setenv("LITELLM_KEY", "sk-master")
    made = Link(tmp_path, Patience(60.0, 3, 0.0), sleep=lambda _: None)
    yield made
    made.close()


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
