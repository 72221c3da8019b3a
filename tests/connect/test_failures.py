"""Whatever fails, hangs or lies: it is reported, the rules of staleness decide, and the loop goes on."""

from __future__ import annotations

import re
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from connect.cases import BEGIN, ONCE, decided, entries, weights, write
from connect.loopback import Loopback
from evenhand.connect.config import read_connections
from evenhand.connect.gather import Gatherer
from evenhand.connect.link import Link, Patience
from evenhand.connect.records import Reading


@pytest.mark.parametrize(
    ("rule", "code", "words"),
    [
        ("hold", 0, "linear is 1 h old, the limit is 30 min: the last action is held"),
        ("last_seen", 0, "linear is 1 h old, the limit is 30 min: the value seen last is used"),
        ("refuse", 2, "no decision: linear is 1 h old, the limit is 30 min: send a newer reading, or another rule"),
    ],
)
def test_a_source_that_fails_is_left_to_the_rules_of_staleness(shop, monitor, cluster, run, rule, code, words):
    shop["live"] = {"stale_after": "30min", "when_stale": rule}
    write(shop)
    decided(run, [0], "--apply")
    before = weights(cluster)
    monitor.answer.series["price"] = []
    got, _, err = run(*ONCE, "--apply", hour=1)
    assert got == code
    assert words in err
    assert "linear: no reading for north, south" in err
    assert (weights(cluster) == before) == (rule != "last_seen")
    if code:
        assert err.count("\n") == 1
        assert len(entries()) == 1
    else:
        assert any("linear: no reading" in told for told in entries()[-1]["told"])


def test_a_source_that_hangs_is_left_behind(shop, run):
    free = threading.Event()
    with Loopback(lambda _: (free.wait(600), 200, {})[1:]) as silent:
        shop["connect"] |= {"timeout": 0.2, "attempts": 1, "targets": [{"kind": "file", "path": "split.json"}]}
        shop["connect"]["sources"] = [{"kind": "http", "server": silent.url, "field": "carbon", "value": ""}]
        write(shop | {"demand": 7.0, "linear": {"sites": {"north": 40, "south": 55}}})
        code, _, err = run(*ONCE, "--apply")
        assert code == 2
        told = r"no decision: burdens\.carbon of 'north' was never measured.*; carbon: .*(does|did) not answer"
        assert re.search(told, err)
        assert err.count("\n") == 1
        assert not Path("split.json").exists()
        free.set()


def test_a_source_of_anybodys_making_may_do_anything(shop, monkeypatch, run, tmp_path):
    """A plugin is one file; whatever it raises, or gives, ends no loop."""
    Path("mine.py").write_text(
        textwrap.dedent("""
        from dataclasses import dataclass
        from typing import ClassVar
        from evenhand.connect.records import Present, Reading

        @dataclass(frozen=True)
        class Mine:
            known_as: ClassVar[str] = "mine"
            field: str
            does: str = "fine"

            def gather(self, link, sites, now):
                if self.does == "fail":
                    raise RuntimeError("out of\\nluck")
                return [Reading(float(self.does) if self.does != "fine" else 7.0)]

        @dataclass(frozen=True)
        class Paper:
            known_as: ClassVar[str] = "paper"

            def present(self, link, sites):
                return Present(dict.fromkeys(sites, 1.0), True)

            def plan(self, present, action, about):
                return ()

            def send(self, link, sending):
                raise AssertionError
        """)
    )
    monkeypatch.setattr("evenhand.registry._PLUGINS", [])
    shop["connect"]["sources"][0] = {"kind": "mine", "field": "demand"}
    shop["connect"]["targets"] = [{"kind": "paper"}]
    write(shop)
    code, out, err = run("--plugin", "mine.py", *ONCE)
    assert (code, err) == (0, "")
    for hour, does, words in ((1, "fail", "demand: RuntimeError: out of luck"), (2, "nan", "demand: it gives nan")):
        shop["connect"]["sources"][0]["does"] = does
        write(shop)
        code, _, err = run("--plugin", "mine.py", *ONCE, hour=hour)
        assert code == 0
        assert words in err
    code, out, _ = run("--plugin", "mine.py", "connect", "shop.yaml", "--report")
    assert code == 0
    assert "shop: 3 rounds" in out


def test_a_source_that_still_hangs_is_not_asked_again(shop):
    begun, free, asked = threading.Event(), threading.Event(), []

    class Silent:
        field = "demand"

        def gather(self, link, sites, now):
            asked.append(now)
            begun.set()
            free.wait(600)
            return [Reading(7.0)]

    connections = read_connections(Path("shop.yaml"))
    connections = replace(connections, sources=(Silent(),), fields=("demand",), patience=Patience(0.01))
    gatherer = Gatherer(connections, Link(Path()))
    for _ in range(2):
        assert gatherer.gather(BEGIN).told == ("demand: it does not answer",)
    begun.wait(600)
    assert len(asked) == 1
    free.set()
    for thread in gatherer._hanging.values():
        thread.join(600)
    while gatherer.gather(BEGIN).told:  # a slow machine may need more than the patience of a moment
        pass
    assert len(asked) >= 2


@pytest.mark.parametrize(
    ("readings", "field", "words"),
    [
        ([Reading(-1.0)], "demand", "it gives -1"),
        ([Reading(1e101)], "linear", "it gives 1e\\+101"),
        ([Reading(1.0, "north"), Reading(2.0, "south")], "demand", "several numbers, and demand is one"),
        ([Reading(1.0, "west")], "linear", "a reading for 'west', which is no site"),
        ([Reading(1.0, None, 1e300)], "linear", "it gives the time 1e\\+300"),
        ([Reading(-1.0, "north")], "capacity", "it gives -1"),
    ],
)
def test_readings_that_no_observation_takes_are_not_taken(shop, readings, field, words):
    connections = read_connections(Path("shop.yaml"))

    class Odd:
        def gather(self, link, sites, now):
            return readings

    odd = Odd()
    odd.field = field
    connections = replace(connections, sources=(odd,), fields=(field,))
    seen = Gatherer(connections, Link(Path())).gather(BEGIN)
    assert re.search(words, seen.told[0])
    assert seen.observation == {"time": "2026-05-28T20:00:00Z"}


def test_a_target_that_fails_is_reported_and_tried_again(shop, cluster, run):
    shop["connect"]["targets"][0]["force"] = False
    write(shop)
    code, out, err = run(*ONCE, "--apply")
    assert code == 2
    assert "  not sent: HTTPRoute shop/shop: shop-north 500 →" in out
    assert re.search(r'not sent: the list of rules of HTTPRoute shop/shop is managed by "kubectl"', err)
    assert weights(cluster) == {"shop-north": 500, "shop-south": 500}
    assert any("not sent" in told for told in entries()[0]["told"])
    cluster.tokens = ()
    code, _, err = run(*ONCE, "--apply", hour=1)
    assert code == 2
    assert "target 0 cannot be read" in err
    assert run(*ONCE, hour=1)[0] == 0  # in the shadow nothing had to be sent
    cluster.tokens = ("sesame",)
    shop["connect"]["targets"][0]["force"] = True
    write(shop)
    assert run(*ONCE, "--apply", hour=2)[2] == ""
    assert weights(cluster)["shop-north"] != 500


def test_the_loop_goes_on_after_a_failure_and_stops_when_told(shop, monitor, run, monkeypatch):
    naps = []
    monkeypatch.setattr("time.sleep", naps.append)
    monitor.answer.series["demand"] = []
    code, out, err = run("connect", "shop.yaml", "--rounds", "2")
    assert code == 0
    assert err.count("no decision: demand was never measured") == 2
    assert out == ""
    assert naps == [3595.0]  # from five seconds past the hour to the next
