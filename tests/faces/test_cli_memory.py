"""Fairness with a memory, from the command line and in own data."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import evenhand as eh
from evenhand.experiment import remembering
from evenhand.own.template import sample
from evenhand.report.compare_plots import trajectory


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    from evenhand import cli

    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["evenhand", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def rows(text):
    return {row["policy"]: float(row["total"]) for row in csv.DictReader(io.StringIO(text))}


COMPARE = ("compare", "geo7", "--windows", "0", "--policies", "OPT,Greedy", "--quiet", "--format", "csv")


@pytest.mark.parametrize("text", ["HalfLife(24)", "Window(rounds=12)"])
def test_compare_and_certify(run, text):
    code, out, _ = run(*COMPARE, "--set", f"memory={text}", "--out", "there")
    assert code == 0
    memory = eh.HalfLife(24) if text.startswith("Half") else eh.Window(12)
    problem = eh.load("geo7", memory=memory).window(0)
    assert problem.setting.memory == memory
    assert rows(out)["Greedy"] == pytest.approx(float(eh.simulate(problem, eh.Greedy()).cost.total), rel=1e-12)
    assert rows(out)["OPT"] == pytest.approx(float(eh.optimum(problem).cost.total), rel=1e-12)
    assert {row["published_total"] for row in csv.DictReader(io.StringIO(out))} == {""}
    code, out, _ = run("certify", "there", "--policy", "OPT", "--format", "csv")
    assert code == 0
    assert float(next(csv.DictReader(io.StringIO(out)))["at_most_above"]) < 1e-6
    plain = json.loads(Path("there/run.json").read_text(encoding="utf-8"))
    assert plain["memory"]["rounds"] == memory.rounds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("HalfLife(0)", "rounds is 0: the half-life must be above 0"),
        ("Window(0)", "rounds is 0: it must be a whole number, at least 1"),
        ("24", "memory is 24: give HalfLife(24)"),
        ("half", "memory is 'half': give HalfLife(24)"),
    ],
)
def test_refused_in_one_line(run, text, says):
    code, out, err = run(*COMPARE, "--set", f"memory={text}")
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_none_is_no_memory(run):
    first, second = run(*COMPARE)[1], run(*COMPARE, "--set", "memory=None")[1]
    assert first == second


def test_listed(run):
    code, out, _ = run("list", "memory")
    assert code == 0
    assert "HalfLife(rounds" in out
    assert "Window(rounds" in out


def test_swept(run):
    code, _, _ = run(
        "sweep", "tenants", "--policy", "Greedy", "--set", "memory=HalfLife(6),Window(24)", "--windows", "0",
        "--quiet", "--out", "swept",
    )  # fmt: skip
    assert code == 0
    problem = eh.load("tenants", memory=eh.Window(24)).window(0)
    total = float(eh.tally(problem, eh.Greedy()).cost.total)
    with open("swept/summary.csv", encoding="utf-8", newline="") as file:
        found = [float(row["total"]) for row in csv.DictReader(file) if row["policy"] == "Greedy"]
    assert any(value == pytest.approx(total, rel=1e-9) for value in found)


def test_own_data_say_what_is_remembered():
    config, frames = sample()
    own = eh.load_own({**config, "memory": {"half_life": 24}}, frames=frames)
    assert own.problem.setting.memory == eh.HalfLife(24)
    assert eh.load_own({**config, "memory": {"window": 6}}, frames=frames).problem.setting.memory == eh.Window(6)
    assert eh.load_own(config, frames=frames).problem.setting.memory is None
    run = eh.simulate(own.problem, eh.FairOBD(eta=1e-3, domain="ball"))
    assert run.cost.fairness == pytest.approx(np.mean(own.problem.setting.fairness.value(run.remembered)))


@pytest.mark.parametrize(
    ("memory", "says"),
    [
        ({"half_life": 0}, "memory.half_life"),
        ({"half_life": 3, "window": 2}, "give half_life or window"),
        ({}, "give half_life or window"),
        ({"window": 0}, "memory.window"),
        ({"halflife": 2}, "did you mean 'half_life'"),
    ],
)
def test_own_data_refused(memory, says):
    config, frames = sample()
    with pytest.raises(eh.EvenhandError, match=says) as told:
        eh.load_own({**config, "memory": memory}, frames=frames)
    assert "\n" not in str(told.value)


def test_a_run_draws_what_is_remembered_and_its_level():
    problem = remembering(
        eh.load("geo7").window(
            0,
        ),
        eh.HalfLife(24),
    )
    run = eh.simulate(problem, eh.FairOBD())
    names = [axes.get_ylabel() for axes in trajectory(run).axes]
    assert names[-2:] == ["burden remembered", "fairness cost"]
    level = trajectory(run).axes[-1].lines[0].get_ydata()
    np.testing.assert_array_equal(level, problem.setting.fairness.value(run.remembered))
