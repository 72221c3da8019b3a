"""The connect: section: what is wrong with it is told in one line, with its place and the nearest name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connect.cases import write
from evenhand.connect.config import kinds_of, read_connections
from evenhand.errors import EvenhandError
from evenhand.service.sending import source_of


def source(k, **changes):
    return lambda data: data["connect"]["sources"][k].update(changes)


def target(**changes):
    return lambda data: data["connect"]["targets"][0].update(changes)


def section(**changes):
    return lambda data: data["connect"].update(changes)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data.pop("connect"), "shop.yaml has no connect: section"),
        (lambda data: data.pop("sites"), "shop.yaml: sites are not listed"),
        (section(evry=5), "unknown key in shop.yaml, connect 'evry': did you mean 'every'"),
        (section(every=0), "shop.yaml, connect: every is 0: write a distance"),
        (section(timeout=-1), "connect: timeout is -1"),
        (section(attempts=0), "connect: attempts is 0: Input should be greater than or equal to 1"),
        (section(sources=7), "connect: sources is 7: Input should be a valid tuple"),
        (source(0, kind="prometeus"), "unknown kind in shop.yaml, connect.sources.0 'prometeus': did you mean 'prometheus'"),
        (lambda data: data["connect"]["sources"][0].pop("kind"), "unknown kind in shop.yaml, connect.sources.0 'None'"),
        (source(1, lable="x"), r"unknown key in shop.yaml, connect.sources.1 \(prometheus\) 'lable': did you mean 'label'"),
        (lambda data: data["connect"]["sources"][1].pop("query"), "connect.sources.1: query is missing"),
        (source(1, field="prize"), "unknown field in shop.yaml, connect.sources.1 'prize'"),
        (source(2, field="linear"), "connect.sources give linear 2 times"),
        (lambda data: data["connect"]["sources"].pop(1), "shop.yaml: linear is measured, and no source gives it"),
        (source(0, server="prometheus:9090"), "connect.sources.0: server: write http://host:port"),
        (source(0, server={"url": "http://x", "token": "secret"}), "unknown key in shop.yaml, connect.sources.0 'server.token'"),
        (source(0, server={"url": "http://me:secret@x"}), "no names or passwords in a URL"),
        (source(0, range="soon"), "connect.sources.0: range is 'soon': write a distance such as 15min"),
        (target(kind="route"), "unknown kind in shop.yaml, connect.targets.0 'route': did you mean 'httproute'"),
        (target(total=0), "connect.targets.0: total is 0"),
        (target(total=2_000_000), "connect.targets.0: total is 2000000"),
        (target(guard={"least": -1}), "connect.targets.0: guard is .*: least is -1"),
        (target(guard={"last": 1}), "unknown key in shop.yaml, connect.targets.0 'guard.last'"),
        (target(backends={}), "backends name each site's backend"),
        (target(backends={"north": "a", "south": "a"}), "and each once"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(shop, spoil, words):
    spoil(shop)
    write(shop)
    with pytest.raises(EvenhandError, match=words) as stop:
        read_connections(Path("shop.yaml"))
    assert "\n" not in str(stop.value)
    assert "secret" not in str(stop.value)


LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["1h", "http://x", "in-cluster", "north", "https://u:p@h", "http://[::1", "http://x:99999"]),
)  # fmt: skip
ANYTHING = st.recursive(
    LEAF,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(["north", "url", "least"]), part),
    max_leaves=5,
)


@given(st.data())
@settings(max_examples=150)
def test_any_value_is_read_or_refused(data):
    what = data.draw(st.sampled_from(["sources", "targets"]))
    kind = data.draw(st.sampled_from(sorted(kinds_of(what))))
    keys = sorted(kinds_of(what)[kind].__dataclass_fields__)  # pyright: ignore[reportAttributeAccessIssue]
    one = {"kind": kind, **data.draw(st.dictionaries(st.sampled_from(keys), ANYTHING))}
    section = {what: [one], **data.draw(st.dictionaries(st.sampled_from(["every", "timeout", "attempts"]), ANYTHING))}
    burdens = [{"signal": "carbon", "name": "carbon"}]
    config = {"sites": ["north", "south"], "demand": 5.0, "capacity": 8.0, "burdens": burdens, "connect": section}
    with suppress(EvenhandError):
        read_connections(config)


def test_distances_are_seconds(shop):
    shop["connect"] |= {"every": "15min", "timeout": "5s"}
    write(shop)
    read = read_connections(Path("shop.yaml"))
    assert (read.every, read.patience.seconds) == (900.0, 5.0)
    assert read.fields == ("demand", "linear", "burdens.carbon")


def test_the_service_is_not_told_who_reads_and_sends(shop):
    assert "connect" not in source_of(Path("shop.yaml"))


def test_the_command_line_refuses_in_one_line(shop, run):
    shop["connect"].pop("every")
    write(shop)
    for argv, words in (
        (("connect", "shop.yaml"), "connect.every is not set: say how often"),
        (("connect", "shop.yaml", "--once", "--out", "x"), "--out is for --report"),
        (("connect", "shop.yaml", "--report"), "'shop-connect/rounds.jsonl' is not there: no round was decided yet"),
        (("connect", "shop.yaml", "--once", "--format", "csv"), "--format is 'csv': it must be text or json"),
        (("connect", "shop.yaml", "--once", "--url", "nowhere"), "--url is 'nowhere': write http://host:port"),
        (("connect", "shop.yml", "--once"), "cannot read 'shop.yml'"),
        (("connect", "shop.yaml", "--once", "--data", "shop.yaml"), "cannot write to 'shop.yaml'"),
    ):
        code, out, err = run(*argv)
        assert (code, out) == (2, ""), argv
        assert words in err
        assert err.count("\n") == 1
