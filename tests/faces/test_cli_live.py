"""`evenhand next` and `evenhand replay` as cron and people meet them: files, exit codes, kills and races."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import evenhand as eh
from evenhand import cli
from evenhand.live import keep
from evenhand.live.staleness import Rule
from evenhand.live.tables import open_tables
from evenhand.own.template import DATA, config_text
from evenhand.registry import to_plain

ROOT = Path(__file__).parents[2]
HEAD, *ROWS = DATA.splitlines(keepends=True)
NEXT = ("next", "my.yaml", "--state", "s.json")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my.yaml").write_text(config_text("my"), encoding="utf-8")
    rows(1)
    return tmp_path


def rows(count):
    """The tables as they stand after so many hours."""
    Path("my.csv").write_text(HEAD + "".join(ROWS[: 2 * count]), encoding="utf-8")


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*argv):
        monkeypatch.setattr(sys, "argv", ["evenhand", *map(str, argv)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        told = capsys.readouterr()
        return int(stop.value.code or 0), told.out, told.err

    return call


def answer(run, *more):
    code, out, err = run(*NEXT, *more)
    assert code == 0, err
    return json.loads(out), err


def test_hour_by_hour_is_simulate_bit_for_bit(folder, run):
    problem = eh.load_own(Path("my.yaml")).problem
    rows(5)
    problem = eh.load_own(Path("my.yaml"), horizon=5).problem
    endless = eh.Problem(
        eh.Setting(None, 4.0, problem.setting.fairness, problem.setting.initial,
                   actions=problem.setting.actions, entities=problem.setting.entities),
        problem.cost, problem.impact, problem.feasible,
    )  # fmt: skip
    expected = eh.simulate(endless, eh.AdaptiveFairOBD()).actions
    for hour in range(5):
        rows(hour + 1)
        told, err = answer(run, "--ledger", "l.jsonl")
        assert list(told["action"].values()) == expected[hour].tolist()
        assert told["round"] == hour
        assert ("was not settled: taken as applied as decided" in err) == (hour > 0)
    code, out, _ = run("replay", "--verify", "--ledger", "l.jsonl")
    assert code == 0
    assert "5 rounds, 10 events, every stored answer came out bit for bit" in out


def test_the_same_rows_give_the_same_answer_and_say_so(folder, run):
    first, _ = answer(run)
    before = Path("s.json").read_bytes()
    again, err = answer(run)
    assert again == first
    assert "2024-05-10 was decided already: the same answer" in err
    assert Path("s.json").read_bytes() == before


def test_what_was_applied_is_settled(folder, run):
    first, _ = answer(run)
    Path("a.json").write_text(json.dumps({"round": 0, "applied": {"north": 2.0, "south": 4.0}}))
    code, out, _ = run(*NEXT, "--settle", "a.json")
    assert code == 0
    assert json.loads(out)["applied"] == {"north": 2.0, "south": 4.0}
    code, _, err = run(*NEXT, "--settle", "a.json")
    assert (code, err) == (2, "evenhand: round 0 is settled already: decide the next one first\n")
    rows(2)
    second, err = answer(run)
    assert second["previous"] == {"north": 2.0, "south": 4.0}
    assert second["previous"] != first["action"]
    assert err == ""


def test_hours_that_were_missed_are_counted_with_their_rows(folder, run):
    answer(run)
    rows(4)
    told, err = answer(run, "--format", "json")
    assert told["round"] == 3
    assert told["so_far"]["counts"]["skipped"] == 2
    assert "rounds missed: 2, from 2024-05-10T01:00" in err


def test_tables_that_lost_rows_are_not_decided_on(folder, run):
    rows(3)
    answer(run)
    rows(2)
    code, _, err = run(*NEXT)
    assert code == 2
    assert err.startswith("evenhand: the tables end before 2024-05-10T02:00, which was decided")


def test_an_empty_cell_was_not_measured(folder, run):
    answer(run)
    Path("my.csv").write_text(HEAD + "".join(ROWS[:3]) + ROWS[3].replace(",60,", ",,"))
    told, _ = answer(run)
    assert [(n["kind"], n["field"], n["sites"]) for n in told["notes"]] == [("last_seen", "linear", ["south"])]
    assert "Linear of 'south' is 1 h old: the value seen last is used" in told["why"][1]


def test_a_row_that_is_wrong_is_named(folder, run):
    answer(run)
    before = Path("s.json").read_bytes()
    Path("my.csv").write_text(HEAD + "".join(ROWS[:3]) + ROWS[3].replace(",60,", ",sixty,"))
    code, _, err = run(*NEXT)
    assert (code, err) == (2, "evenhand: my.csv, line 5, column 'price' is sixty: write a finite number\n")
    assert Path("s.json").read_bytes() == before


def test_the_configuration_may_change_where_that_means_something(folder, run):
    answer(run, "--ledger", "l.jsonl")
    rows(2)
    Path("my.yaml").write_text(config_text("my") + "live: {hold: true}\n")
    told, _ = answer(run, "--ledger", "l.jsonl")
    assert told["held"]
    assert told["action"] == told["previous"]
    Path("my.yaml").write_text(config_text("my").replace("beta: 4.0", "beta: 5.0"))
    again, err = answer(run, "--ledger", "l.jsonl")
    assert again == told
    assert "the configuration was changed since" in err
    rows(3)
    code, _, err = run(*NEXT, "--ledger", "l.jsonl")
    assert code == 2
    assert "create a new controller" in err
    Path("my.yaml").write_text(config_text("my") + "policy: Greedy\n")
    told, err = answer(run, "--ledger", "l.jsonl")
    assert not told["held"]
    assert "was not settled" in err  # with the policy that decided it
    code, out, _ = run("replay", "--verify", "--ledger", "l.jsonl")
    assert code == 0
    assert "3 rounds, 8 events" in out


@pytest.mark.parametrize("where", ["ledger", "state", "rename"])
def test_a_kill_at_any_moment_leaves_the_round_before(folder, run, monkeypatch, where):
    """What was begun is dropped, and the next run decides as if nothing had happened."""
    answer(run, "--ledger", "l.jsonl")
    before = Path("s.json").read_bytes()
    rows(2)

    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        if where == "ledger":
            patch.setattr(keep.os, "fsync", die)
        elif where == "state":
            patch.setattr(keep.json, "dump", die)
        else:
            patch.setattr("evenhand.files.os.replace", die)
        monkeypatch.setattr(sys, "argv", ["evenhand", *NEXT, "--ledger", "l.jsonl"])
        with pytest.raises(Killed):
            cli.main()
    assert Path("s.json").read_bytes() == before
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(".")) == []
    told, _ = answer(run, "--ledger", "l.jsonl")
    assert told["round"] == 1
    assert told["so_far"]["counts"]["decided"] == 2
    code, out, _ = run("replay", "--verify", "--ledger", "l.jsonl")
    assert (code, "2 rounds, 4 events" in out) == (0, True)
    other = run("next", "my.yaml", "--state", "t.json")
    assert other[0] == 0


def test_a_real_kill_before_the_rename(folder, run):
    """Nothing is cleaned up, no lock is given back: the next run decides as if nothing had happened."""
    answer(run, "--ledger", "l.jsonl")
    before = Path("s.json").read_bytes()
    rows(2)
    code = "import os; os.replace = lambda *_: os.kill(os.getpid(), 9); from evenhand.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    killed = subprocess.run([sys.executable, "-c", code, *NEXT, "--ledger", "l.jsonl"], env=environment, check=False)
    assert killed.returncode == -9
    assert Path("s.json").read_bytes() == before
    assert len(Path("l.jsonl").read_text().splitlines()) == 4  # written before the state, and dropped by the next run
    told, _ = answer(run, "--ledger", "l.jsonl")
    assert told["round"] == 1
    assert len(Path("l.jsonl").read_text().splitlines()) == 4
    assert run("replay", "--verify", "--ledger", "l.jsonl")[0] == 0


def test_two_crons_do_not_decide_a_round_twice(folder):
    """Real processes: one decides, the other gives its answer."""
    rows(2)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    line = [sys.executable, "-m", "evenhand", *NEXT, "--ledger", "l.jsonl"]
    with_pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment}
    racing = [subprocess.Popen(line, **with_pipes) for _ in range(2)]
    told = [process.communicate(timeout=600) for process in racing]
    assert [process.returncode for process in racing] == [0, 0]
    assert len({out for out, _ in told}) == 1
    assert sorted(b"decided already" in err for _, err in told) == [False, True]
    assert len(Path("l.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no state of a controller (JSONDecodeError"),
        ("[]", "is no state of a controller (TypeError"),
        ('{"controller": 1, "state": 2, "ledger": null}', "is no state of a controller"),
        ('{"controller": {"type": "Nothing"}, "state": 2, "ledger": null}', "is no state of a controller (UnknownName"),
    ],
)
def test_a_state_that_is_none(folder, run, text, words):
    Path("s.json").write_text(text)
    code, out, err = run(*NEXT)
    assert (code, out) == (2, "")
    assert re.match(r"evenhand: 's\.json' is no state", err)
    assert words in err
    assert Path("s.json").read_text() == text


def test_misuse_in_one_line(folder, run):
    Path("a.json").write_text("{")
    for argv, words in (
        (("next", "my.yaml"), "Missing option '--state'"),
        ((*NEXT, "--settle", "a.json"), "a.json is not JSON"),
        ((*NEXT, "--settle", "b.json"), "cannot read 'b.json': No such file"),
        ((*NEXT, "--format", "csv"), "--format is 'csv': it must be json or table"),
        (("next", "my.yaml", "--state", "nowhere/s.json"), "choose another --state"),
        (("replay", "--verify"), "--verify needs --ledger"),
        (("replay",), "name a configuration or a scenario"),
        (("replay", "--verify", "--ledger", "my.csv"), "my.csv, line 1 is no event"),
        (("replay", "fleet_online"), "a live round is"),
    ):
        code, out, err = run(*argv)
        assert code == 2, (argv, out)
        assert words in err
        assert err.count("\n") == 1
    Path("a.json").write_text("{}")
    code, _, err = run(*NEXT, "--settle", "a.json")
    assert (code, err) == (2, "evenhand: 's.json' is not there: no round was decided yet\n")
    answer(run)
    code, _, err = run(*NEXT, "--ledger", "l.jsonl")
    assert code == 2
    assert "was begun without a ledger" in err


def test_pipes_and_devices_stay_what_they_are(folder, run):
    rows(2)
    os.mkfifo("pipe")
    for argv in (
        ("next", "my.yaml", "--state", "pipe"),
        (*NEXT, "--ledger", "pipe"),
        ("replay", "my.yaml", "--ledger", "pipe"),
    ):
        code, _, err = run(*argv)
        assert (code, err) == (2, "evenhand: 'pipe' is no regular file: choose another name\n")
        assert Path("pipe").is_fifo()
    assert not Path("s.json").exists()


def test_replay_writes_a_ledger_that_verifies_until_it_is_touched(folder, run):
    rows(5)
    code, out, _ = run("replay", "my.yaml", "--ledger", "l.jsonl", "--policy", "Greedy")
    assert code == 0
    assert "my: 5 rounds" in out
    assert "above the best possible in hindsight, proved" in out
    assert run("replay", "--verify", "--ledger", "l.jsonl")[0] == 0
    text = Path("l.jsonl").read_text()
    found = re.search(r'"hitting":(\d+\.\d+)', text)
    assert found
    Path("l.jsonl").write_text(text.replace(found.group(1), repr(float(np.nextafter(float(found.group(1)), 0))), 1))
    code, _, err = run("replay", "--verify", "--ledger", "l.jsonl")
    assert code == 2
    assert "1 of 11 events come out otherwise, first in line 2" in err


def test_replay_of_a_scenario_is_simulate(folder, run):
    code, out, _ = run("replay", "geo7", "--policy", "FairOBD(eta=1e-3, domain='ball')", "--format", "json")
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines()]
    actions = eh.simulate(eh.load("geo7").problem, eh.FairOBD(eta=1e-3, domain="ball")).actions
    assert [list(line["action"].values()) for line in lines] == actions.tolist()


def test_a_table_for_people(folder, run):
    code, out, _ = run(*NEXT, "--format", "table")
    assert code == 0
    assert "my: round 0 (2024-05-10)" in out
    assert "One more unit of demand would cost" in out
    Path("a.json").write_text("{}")
    code, out, _ = run(*NEXT, "--format", "table", "--settle", "a.json")
    assert "Round 0: settled" in out


def test_states_hold_every_bit(folder, run):
    answer(run)
    kept = keep.read_kept(Path("s.json"))
    assert kept is not None
    data = json.loads(Path("s.json").read_text())
    assert data["state"] == json.loads(json.dumps(to_plain(kept.state)))


def test_the_guards_of_the_page_are_read(folder):
    """The block of docs/live.md, as it stands there."""
    page = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
    guards = re.search(r"^```yaml\n(policy:.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert guards
    Path("my.yaml").write_text(config_text("my") + guards[1], encoding="utf-8")
    controller, _ = open_tables("my.yaml")
    assert controller.bounds.site.tolist() == [2.0, 2.0]
    assert controller.bounds.total == 3.0
    assert controller.staleness == (Rule(6 * 3600.0, "last_seen", "linear"), Rule(900.0, "hold"))
    assert not controller.held
