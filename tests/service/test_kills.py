"""Killed at any moment, the server goes on with the identical next action: none lost, none decided twice."""

from __future__ import annotations

import os
import random
import threading

import pytest

from evenhand.service.killing import POINTS
from serving import Server, verified, week

#: kills at random moments: a handful here, EVENHAND_KILLS=200 for the whole of what is promised
KILLS = int(os.environ.get("EVENHAND_KILLS", "2"))
ROUNDS, ACTIONS = week()


def drive(server, first, last, answers, settle=False):
    """Post rounds with their numbers until the server dies; the next round to be posted."""
    for t in range(first, last):
        try:
            if settle and t:
                told = server.ask("POST", f"/v1/controllers/us/rounds/{t - 1}/settle", {})
                assert told.status == 200, told.text
            told = server.post({**ROUNDS[t % 168], "round": t})
        except OSError:
            return t
        assert told.status in (200, 201), told.text
        seen = list(told.json["action"].values())
        assert answers.setdefault(t, seen) == seen, f"round {t} was answered twice, and not the same"
        if t < 168:
            assert seen == ACTIONS[t], f"round {t} is not that of an uninterrupted run"
    return last


def test_every_point_of_the_commit_path(tmp_path):
    answers, t = {}, 0
    for k, point in enumerate(POINTS):
        with Server(tmp_path, env={"EVENHAND_KILL_AT": f"{point}:{3 + k % 3}"}) as server:
            server.create()
            reached = drive(server, t, t + 6, answers, settle=bool(k % 2))
            assert server.process.wait(300) == -9, f"{point} was not passed"
            assert reached < t + 6
            t = reached
    with Server(tmp_path) as server:
        t = drive(server, t, t + 3, answers)
        page = server.ask("GET", "/v1/controllers/us/rounds?limit=1000").json["rounds"]
    assert [row["round"] for row in page] == list(range(t)) == sorted(answers)
    assert all(list(row["decision"]["action"].values()) == answers[row["round"]] for row in page)
    checked = verified(tmp_path)["us"]
    assert checked.wrong == ()
    assert checked.rounds == t


def test_random_moments(tmp_path):
    answers, t = {}, 0
    chance = random.Random(11)
    for k in range(KILLS):
        server = Server(tmp_path, forked=KILLS > 10 and k % 10 > 0)  # every tenth from its imports on
        server.create()
        killer = threading.Timer(chance.uniform(0.0, 0.3), server.kill)
        killer.start()
        t = drive(server, t, t + 10_000, answers)
        killer.join()
        server.stop()
    with Server(tmp_path) as server:
        t = drive(server, t, t + 3, answers)
    checked = verified(tmp_path)["us"]
    assert checked.wrong == ()
    assert checked.rounds == t == len(answers)


@pytest.mark.parametrize("point", ["", "nowhere", "after-write:x"])
def test_only_known_points_are_armed(point, monkeypatch):
    from evenhand.service import killing

    monkeypatch.setenv("EVENHAND_KILL_AT", point)
    assert killing._armed() == {}
