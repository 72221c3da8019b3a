"""Tuning: near the best of a fine grid, the same answer again, after a stop too, and what is wrong is told."""

import sys

import numpy as np
import pytest

import evenhand as eh
from evenhand.errors import MissingExtraError, SolverError
from evenhand.sweeps import tune as module

WEEK = eh.load("geo7")
WINDOWS = [0, 48]
SPACE = {"eta": (1e-4, 1.0, "log")}


def test_the_rate_found_is_near_the_best_of_a_grid():
    found = eh.tune(WEEK, eh.FairOBD(), SPACE, trials=20, windows=WINDOWS)
    batch = WEEK.windows().select(WINDOWS)
    grid = [float(eh.tally(batch, eh.FairOBD(eta=eta)).cost.mean().total) for eta in np.geomspace(1e-4, 1.0, 41)]
    assert found.cost <= min(grid) * 1.002
    assert found.cost == float(eh.tally(batch, found.policy).cost.mean().total)
    assert found.policy == eh.FairOBD(eta=found.parameters["eta"])
    assert found.trials == 20


def tuner(path, seed=3):
    return eh.Tuner(WEEK, eh.FairOBD(), {**SPACE, "lambda2": [0.0, 0.1]}, windows=WINDOWS, seed=seed, path=path)


def tried(tuner):
    return [(trial.params, trial.value) for trial in tuner.study.trials]


def run(tuner, trials):
    while tuner.finished < trials:
        trial = tuner.ask()
        tuner.tell(trial, tuner.cost(trial.policy))
    return tuner


def test_the_same_seed_gives_the_same_trials_and_a_stop_changes_none(tmp_path):
    want = run(tuner(tmp_path / "whole.study"), 14)
    assert tried(run(tuner(None), 14)) == tried(want)
    assert tried(run(tuner(None, seed=4), 2)) != tried(want)[:2]
    path = tmp_path / "parts" / "stopped.study"
    run(tuner(path), 5)
    asked = tuner(path).ask()  # and then the machine is lost
    again = tuner(path)
    assert again.ask() == again.ask() == asked
    run(again, 12)
    got = run(tuner(path), 14)
    assert tried(got) == tried(want)
    assert got.best() == want.best()
    assert len(got.study.trials) == 14


def test_choices_may_be_records_and_whole_numbers(tmp_path):
    space = {"mirror": [eh.Euclidean(), eh.Entropy()], "domain": ["ball", "free"]}
    found = eh.tune(WEEK, eh.FairOBD(eta=0.01), space, trials=3, windows=[0], path=tmp_path / "a.study")
    assert found.policy.mirror in space["mirror"]
    assert eh.tune(WEEK, eh.FairOBD(eta=0.01), space, trials=3, windows=[0], path=tmp_path / "a.study") == found
    found = eh.tune(WEEK, eh.AdaptiveFairOBD(period=24), {"period": (12, 24)}, trials=2, windows=[0])
    assert isinstance(found.parameters["period"], int)


def test_a_failed_trial_counts_and_is_not_the_best(monkeypatch):
    real, calls = module.tally, []

    def fails_once(problem, policy):
        calls.append(policy)
        if len(calls) == 1:
            raise SolverError("no answer")
        return real(problem, policy)

    monkeypatch.setattr(module, "tally", fails_once)
    found = eh.tune(WEEK, eh.FairOBD(), SPACE, trials=3, windows=[0])
    assert found.trials == 3
    assert found.policy != calls[0]


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({}, "space is empty"),
        ({"etta": (0.1, 1.0)}, "did you mean 'eta'"),
        ({"eta": (1.0, 0.1)}, "low < high"),
        ({"eta": (0.0, 0.1, "log")}, "positive for 'log'"),
        ({"eta": []}, "a list of values"),
        ({"eta": 0.3}, "a list of values"),
        ({"eta": (-1.0, 0.1)}, "eta"),
        ({"lambda1": [0.5, 2.0]}, "lambda1"),
    ],
)
def test_a_space_that_cannot_be_is_refused_at_once(space, told):
    with pytest.raises(eh.EvenhandError, match=told):
        eh.Tuner(WEEK, eh.FairOBD(), space)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "one.study"
    tuner(path)
    with pytest.raises(eh.ParameterError, match="holds another study"):
        tuner(path, seed=9)
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(eh.ParameterError, match="is no study"):
        tuner(tmp_path / "text")
    with pytest.raises(eh.ParameterError, match="ask and tell first"):
        tuner(None).best()


def test_without_optuna_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'evenhand\[tune\]'"):
        tuner(None)


def test_nothing_is_said_on_the_way(capfd):
    eh.tune(WEEK, eh.FairOBD(), SPACE, trials=1, windows=[0])
    assert capfd.readouterr() == ("", "")
