"""Two histories of the same signals: every number by its formula, and both gaps proved by one bound."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import evenhand as eh
from evenhand.connect.compare import compared
from evenhand.connect.journal import Entry, append, read_entries
from evenhand.connect.report import draw, plain, sentences, write
from evenhand.errors import ProblemError
from live_cases import controller, data

HOURS = 6
RNG = np.random.default_rng(5)
DEMAND = RNG.uniform(4.0, 9.0, HOURS)
PRICE = RNG.uniform(30.0, 60.0, (HOURS, 2))
CARBON = RNG.uniform(1.0, 4.0, (HOURS, 2))
NAMES = ("north", "south")


def history(decide, present, mode="shadow"):
    """A journal: decide(t) and present(t) give actions or weights."""
    out = []
    for t in range(HOURS):
        seen = data(t, float(DEMAND[t]), PRICE[t].tolist(), CARBON[t].tolist())
        action = dict(zip(NAMES, np.asarray(decide(t)).tolist(), strict=True))
        out.append(Entry(t, str(t), mode, seen, action, present(t), None, {}))
    return out


def shared(t, north=0.4):
    return DEMAND[t] * np.array([north, 1.0 - north])


def weights(t, north=40.0):
    return {"values": {"north": north, "south": 100.0 - north}, "share": True}


def test_every_number_by_its_formula():
    """f = price x + 2 x^2 / 2, moves (4 / 2) |d|^2, g = 0.5 max of the mean burden; both begin at what was in force."""
    made = compared(controller(), history(lambda t: shared(t, 0.7), weights))
    for found, north in ((made.evenhand, 0.7), (made.present, 0.4)):
        x = DEMAND[:, None] * np.array([north, 1.0 - north])
        before = np.vstack([shared(0, 0.4), x[:-1]])
        np.testing.assert_allclose(found.actions, x, rtol=1e-14)
        assert found.hitting == pytest.approx((PRICE * x + x**2).sum() / HOURS, rel=1e-12)
        assert found.switching == pytest.approx(2.0 * ((x - before) ** 2).sum() / HOURS, rel=1e-12)
        assert found.fairness == pytest.approx(0.5 * (CARBON * x).mean(axis=0).max(), rel=1e-12)
        assert found.moved == pytest.approx(np.abs(x - before).sum() / HOURS, rel=1e-12)
        assert found.gap == pytest.approx(found.total / made.bound - 1.0)
    assert made.evenhand.outside == pytest.approx(made.evenhand.outside)
    assert (made.carried, made.left_out, made.shadow) == (0, 0, 6)


def test_the_bound_is_below_any_history_and_met_by_the_optimum():
    made = compared(controller(), history(shared, weights))
    assert made.bound is not None
    setting = replace(controller().setting, horizon=HOURS, initial=shared(0))
    problem = eh.Problem(
        setting, eh.Quadratic(PRICE, np.full((HOURS, 2), 2.0)), eh.Diagonal(CARBON), eh.Budget(DEMAND, np.tile([5.0, 8.0], (HOURS, 1)))
    )  # fmt: skip
    best = eh.optimum(problem)
    assert made.bound <= float(best.trajectory.cost.total) * (1 + 1e-9)
    assert made.bound == pytest.approx(float(best.trajectory.cost.total), rel=1e-5)
    assert made.present.gap is not None
    assert made.present.gap >= -1e-9


def test_the_same_history_twice_is_told_so():
    made = compared(controller(), history(shared, weights))
    assert plain(made)["evenhand"] == plain(made)["in_force"]
    assert "the same." in sentences(made)[0]


def test_what_could_not_be_read_is_carried_on():
    """Weights stay until somebody sets them: with another demand they are another action."""
    read = [None, weights(1), None, weights(3, 60.0), None, None]
    made = compared(controller(), history(shared, lambda t: read[t]))
    assert (made.left_out, made.carried, len(made.times)) == (1, 3, 5)
    np.testing.assert_allclose(made.present.actions[1], shared(2, 0.4))
    np.testing.assert_allclose(made.present.actions[4], shared(5, 0.6))
    amounts = {"values": {"north": 2.0, "south": 3.0}, "share": False}
    made = compared(controller(), history(shared, lambda t: amounts if t in (0, 3) else None))
    np.testing.assert_allclose(made.present.actions, np.tile([2.0, 3.0], (6, 1)))
    told = sentences(made)
    assert any("what was in force left the action set in some round" in line for line in told)
    with pytest.raises(ProblemError, match="what is in force was never read"):
        compared(controller(), history(shared, lambda t: None))
    partly = {"values": {"north": 2.0}, "share": False}
    with pytest.raises(ProblemError, match="what is in force was never read"):
        compared(controller(), history(shared, lambda t: partly))


def test_signals_are_filled_in_as_they_were_when_it_decided():
    journal = history(shared, weights)
    journal[2] = replace(journal[2], observation={"time": 2, "demand": float(DEMAND[2])})
    made = compared(controller(), journal)
    price = np.vstack([PRICE[:2], PRICE[1], PRICE[3:]])
    x = made.present.actions
    assert made.present.hitting == pytest.approx((price * x + x**2).sum() / HOURS, rel=1e-12)


def test_a_memory_is_valued_as_a_memory():
    kept = controller(memory={"half_life": 2})
    made = compared(kept, history(lambda t: shared(t, 0.7), weights))
    memory = kept.setting.memory
    assert memory is not None
    held, costs = memory.begin(2), []
    for t in range(HOURS):
        held = memory.add(held, CARBON[t] * shared(t, 0.7))
        costs.append(float(kept.setting.fairness.value(memory.remembered(held))))
    assert made.evenhand.fairness == pytest.approx(np.mean(costs), rel=1e-12)


def test_files_and_figure(tmp_path):
    two = controller(
        burdens=[
            {"signal": "carbon", "name": "carbon"},
            {"signal": {"sites": {"north": 900, "south": 10}}, "name": "water"},
        ]
    )
    made = compared(two, history(lambda t: shared(t, 0.7), weights))
    files = write(made, tmp_path / "out")
    rows, more = ([*csv.DictReader(path.read_text().splitlines())] for path in files[:2])
    assert len(rows) == 2 * HOURS
    assert float(rows[0]["evenhand"]) == made.evenhand.actions[0, 0]
    summary = {row["what"]: row for row in more}
    assert float(summary["total"]["in_force"]) == made.present.total
    assert "mean burden of north water" in summary
    assert files[2].read_bytes().startswith(b"\x89PNG")
    assert json.dumps(plain(made))
    assert len([line for line in sentences(made) if "bears most" in line]) == 2
    assert draw(compared(two, history(shared, weights)[:1])).axes


class TestJournal:
    def test_a_line_that_was_cut_off_is_dropped_and_the_later_one_counts(self, tmp_path):
        path = tmp_path / "rounds.jsonl"
        first, second = history(shared, weights)[:2]
        append(path, first)
        with path.open("ab") as file:
            file.write(b'{"round": 1, "ti')
        append(path, second)
        append(path, replace(second, told=("again",)))
        assert read_entries(path) == [first, replace(second, told=("again",))]

    @pytest.mark.parametrize(
        ("text", "words"),
        [("", "has no rounds"), ("[1]\n", "line 1 is no round"), ('{"a": 1}\n', "line 1 is no round")],
    )
    def test_files_that_are_none(self, tmp_path, text, words):
        path = Path(tmp_path, "rounds.jsonl")
        with pytest.raises(ProblemError, match="is not there: no round was decided yet"):
            read_entries(path)
        path.write_text(text)
        with pytest.raises(ProblemError, match=words):
            read_entries(path)
