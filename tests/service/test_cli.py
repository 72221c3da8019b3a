"""The verbs that speak to a server: controllers from a file, a trace through them, and everything verified after."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from evenhand.cli.app import main
from evenhand.live.replaying import opened, played
from evenhand.own.template import DATA, config_text
from serving import POLICY, Server, week


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("cli")) as running:
        yield running


@pytest.fixture
def run(monkeypatch, capsys, tmp_path, server):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_URL", server.url)
    monkeypatch.delenv("EVENHAND_TOKEN", raising=False)

    def call(*argv):
        monkeypatch.setattr(sys, "argv", ["evenhand", *map(str, argv)])
        code = main()
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@contextmanager
def writing(folder):
    with closing(sqlite3.connect(folder / "evenhand.sqlite")) as connection, connection:
        yield connection


def sites(name):
    Path(f"{name}.yaml").write_text(config_text(name), encoding="utf-8")
    Path(f"{name}.csv").write_text(DATA, encoding="utf-8")
    return f"{name}.yaml"


def test_the_life_of_a_controller(run):
    config = sites("mine")
    assert run("controller", "create", config)[1].startswith("mine: 2 sites")
    assert run("controller", "create", config)[0] == 0
    code, out, _ = run("controller", "show", "mine")
    assert code == 0
    shown = json.loads(out)
    assert shown["sites"] == ["north", "south"]
    assert shown["state"]["rounds"] == 0
    assert "paused" in run("controller", "pause", "mine")[1]
    assert "mine" in run("controller", "list")[1]
    assert json.loads(run("controller", "list", "--format", "json")[1])[0]["held"] in (True, False)
    assert "decides" in run("controller", "resume", "mine")[1]
    text = Path(config).read_text(encoding="utf-8") + "live: {max_move: 1.0}\n"
    Path(config).write_text(text, encoding="utf-8")
    assert run("controller", "configure", config)[1] == "mine: version 4\n"
    assert run("controller", "delete", "mine")[0] == 0
    assert run("controller", "show", "mine") == (
        2,
        "",
        "evenhand: no controller is called 'mine': GET /v1/controllers lists them\n",
    )


def test_replay_drives_a_server_to_the_same_bits(run, server):
    config = sites("driven")
    code, out, err = run("replay", config, "--url", server.url, "--format", "json")
    assert code == 0, err
    told = [json.loads(line) for line in out.splitlines()]
    controller, problem = opened(config)
    truth = [decision.action.tolist() for _, decision, _, _ in played(controller, problem)]
    assert [list(answer["action"].values()) for answer in told] == truth
    assert run("replay", config, "--url", server.url, "--format", "json") == (0, "", "")
    state = server.ask("GET", "/v1/controllers/driven/state").json
    assert (state["rounds"], state["open"]) == (5, False)


def test_replay_of_a_scenario_at_a_pace(run, server):
    code, out, err = run("replay", "geo7", "--policy", POLICY, "--url", server.url, "--speed", "500", "--format", "csv")
    assert code == 0, err
    _, actions = week()
    assert [float(line.rsplit(",", 1)[1]) for line in out.splitlines()[1:]] == [x for row in actions for x in row]
    code, out, err = run("replay", "geo7", "--policy", "Greedy", "--url", server.url)
    assert (code, out) == (2, "")
    assert "exists with another configuration" in err


def test_everything_is_verified_and_a_single_bit_is_seen(run, server, tmp_path):
    code, out, err = run("replay", "--verify", "--data", server.folder)
    assert code == 0, err
    assert "bit for bit" in out
    copy = tmp_path / "copy"
    copy.mkdir()
    with closing(sqlite3.connect(server.folder / "evenhand.sqlite")) as source, writing(copy) as target:
        source.backup(target)
        t, answer = target.execute("SELECT t, answer FROM rounds WHERE t = 3").fetchone()
        other = answer.replace('"hitting":', '"hitting":1', 1)
        target.execute("UPDATE rounds SET answer = ? WHERE answer = ?", (other, answer))
    code, _, err = run("replay", "--verify", "--data", copy)
    assert code == 2
    assert f"the decision of round {t} comes out otherwise" in err
    with writing(copy) as target:
        target.execute("DELETE FROM events WHERE number = 3")
    assert "event 3 is missing" in run("replay", "--verify", "--data", copy)[2]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("controller", "list", "--url", "http://127.0.0.1:1"), "cannot reach http://127.0.0.1:1"),
        (("controller", "list", "--url", "nowhere"), "write http://host:port"),
        (("controller", "list", "--token", "a\nb"), "the token holds letters"),
        (("controller", "show", "a/b c"), ""),
        (("controller", "create", "missing.yaml"), "cannot read 'missing.yaml'"),
        (("replay", "geo7", "--url", "http://127.0.0.1:1"), "cannot reach"),
        (("replay", "geo7", "--url", "x", "--speed", "fast"), "--speed is 'fast'"),
        (("replay", "--verify", "--data", "nowhere"), "there is no evenhand.sqlite"),
    ],
)
def test_misuse_is_one_line(run, argv, told):
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
