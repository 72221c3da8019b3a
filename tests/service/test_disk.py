"""A disk that is really full: a file system of a few megabytes, filled to the last byte, and freed again."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from evenhand.service.store.checkpoint import LARGE, checkpoint, restart
from evenhand.service.store.database import open_database
from serving import Server, command, verified, week

ROUNDS, ACTIONS = week()


@pytest.fixture
def small(tmp_path):
    """A file system of 6 MB, which only root can mount."""
    folder = tmp_path / "small"
    folder.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.getuid() or subprocess.run(line, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """To the last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    return filler


def post(server, t):
    return server.post({**ROUNDS[t], "round": t})


def test_full_while_it_serves_and_freed_again(small):
    with Server(small) as server:
        server.create()
        assert list(post(server, 0).json["action"].values()) == ACTIONS[0]
        filler = fill(small)
        t = 1
        while (told := post(server, t)).status == 201:  # what fits in pages that are there already
            assert list(told.json["action"].values()) == ACTIONS[t]
            t += 1
        assert told.status == 503
        assert "ask again with the same round number or key" in told.json["error"]["message"]
        assert {post(server, t).status for _ in range(3)} == {503}
        assert server.ask("POST", "/v1/controllers/us/pause").status == 503
        assert server.ask("GET", "/healthz").status == 200
        assert server.ask("GET", "/v1/controllers/us/state").json["counts"]["decided"] == t
        assert len(server.ask("GET", "/v1/controllers/us/rounds").json["rounds"]) == t
        metrics = server.ask("GET", "/metrics").text
        assert 'evenhand_refused_total{controller="us",kind="UnavailableError"} 4.0' in metrics
        filler.unlink()
        for k in range(t, t + 5):
            assert list(post(server, k).json["action"].values()) == ACTIONS[k]
    found = verified(small)["us"]
    assert (found.wrong, found.rounds) == ((), t + 5)


def test_full_at_the_start_is_one_line(small):
    filler = fill(small)
    code, _, told = command(small, "serve", "--port", "0")
    assert code == 2
    assert told.count("\n") == 1
    filler.unlink()
    with Server(small) as server:
        assert server.create().status == 201


def test_a_log_that_cannot_be_copied_is_kept(small, tmp_path):
    """The database may not grow: the log keeps every commit, and is copied when there is room again."""
    database = open_database(None, small)
    with database.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.exec_driver_sql("CREATE TABLE held (body BLOB)")
        connection.exec_driver_sql("INSERT INTO held VALUES (zeroblob(1000000))")
    filler = fill(small)
    checkpoint(database, "TRUNCATE")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT length(body) FROM held").scalar() == 1_000_000
    filler.unlink()
    checkpoint(database, "TRUNCATE")
    assert database.log_bytes == 0
    restart(database)
    assert database.log_bytes < LARGE
    database.close()
    with closing(sqlite3.connect(small / "evenhand.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_locked_at_the_start_is_one_line(tmp_path):
    open_database(None, tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "evenhand.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        code, _, told = command(tmp_path, "token", "list")
        assert code == 2
        assert "locked" in told
        assert told.count("\n") == 1
        other.execute("ROLLBACK")
    assert command(tmp_path, "token", "list")[0] == 0


def test_two_servers_on_one_file_decide_no_round_twice(tmp_path):
    """Started by mistake: the lock of the file and the versions of the states keep them apart."""
    answers = [dict[int, list[float]](), dict[int, list[float]]()]
    news = [0, 0]

    def race(k, server):
        for t in range(40):
            told = post(server, t)
            assert told.status in (200, 201), told.text
            answers[k][t] = list(told.json["action"].values())
            news[k] += told.status == 201

    with Server(tmp_path) as one, Server(tmp_path) as other:
        one.create()
        racers = [threading.Thread(target=race, args=pair) for pair in enumerate((one, other))]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
    assert answers[0] == answers[1] == dict(enumerate(ACTIONS[:40]))
    assert sum(news) == 40
    assert verified(tmp_path)["us"].wrong == ()
