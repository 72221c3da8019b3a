"""A full disk, a database that goes and comes back, clocks that jump, clients that hang: told, and survived."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import sys
import threading
import time
from contextlib import closing

import pytest

from serving import Server, verified, week

ROUNDS, ACTIONS = week()


def post(server, t):
    return server.post({**ROUNDS[t], "round": t})


def right(answer, t):
    return list(answer.json["action"].values()) == ACTIONS[t]


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are set on Linux only")
def test_disk_full_then_not(tmp_path):
    with Server(tmp_path) as server:
        server.create()
        assert right(post(server, 0), 0)
        pid, wal = server.process.pid, tmp_path / "evenhand.sqlite-wal"
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (wal.stat().st_size + 100, hard))
        refused = [post(server, 1) for _ in range(3)]
        assert {told.status for told in refused} == {503}
        assert "ask again with the same round number or key" in refused[0].json["error"]["message"]
        assert server.ask("GET", "/v1/controllers/us/state").json["counts"]["decided"] == 1
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        for t in range(1, 10):
            assert right(post(server, t), t)
    assert verified(tmp_path)["us"].wrong == ()


def test_database_gone_and_back(tmp_path):
    with Server(tmp_path) as server:
        server.create()
        for t in range(3):
            assert right(post(server, t), t)
        away = tmp_path / "away"
        away.mkdir()
        files = [path for path in tmp_path.iterdir() if path.name.startswith("evenhand.sqlite")]
        for path in files:
            path.rename(away / path.name)
        told = post(server, 3)
        assert told.status == 503
        assert "gone" in told.json["error"]["message"]
        assert server.ask("GET", "/readyz").status == 503
        assert server.ask("GET", "/healthz").status == 200
        assert not (tmp_path / "evenhand.sqlite").exists()
        for path in files:
            (away / path.name).rename(path)
        for t in range(3, 6):
            assert right(post(server, t), t)
    assert verified(tmp_path)["us"].wrong == ()


def test_database_put_back_from_a_backup(tmp_path):
    with Server(tmp_path) as server:
        server.create()
        assert right(post(server, 0), 0)
        file, backup = tmp_path / "evenhand.sqlite", tmp_path / "backup"
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        assert right(post(server, 1), 1)
        for path in tmp_path.glob("evenhand.sqlite*"):
            path.unlink()
        shutil.move(backup, file)
        assert server.ask("GET", "/v1/controllers/us/state").json["counts"]["decided"] == 1
        for t in range(1, 4):
            assert right(post(server, t), t)
    assert verified(tmp_path)["us"].wrong == ()


def test_locked_by_another_program(tmp_path):
    with Server(tmp_path) as server:
        server.create()
        other = sqlite3.connect(tmp_path / "evenhand.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        told = post(server, 0)
        assert told.status == 503
        assert "locked" in told.json["error"]["message"]
        assert server.ask("GET", "/v1/controllers/us/rounds").status == 200
        other.execute("ROLLBACK")
        other.close()
        assert right(post(server, 0), 0)


def test_clients_that_hang_send_too_much_or_too_often(tmp_path):
    with Server(tmp_path, "--max-body", "5000", "--max-rate", "50", "--max-wait", "10") as server:
        server.create()
        hanging = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(50)]
        head = b"POST /v1/controllers/us/rounds HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        for one in hanging:
            one.sendall(head)
        begun = time.monotonic()
        for t in range(5):
            assert right(post(server, t), t)
        assert time.monotonic() - begun < 10
        assert b"413" in hanging[0].recv(1000)
        for one in hanging:
            one.close()
        assert server.post(b"x" * 5001).status == 413
        answers = many(server, 1500)
        assert answers.count(b"200") < 1500
        assert set(answers) == {b"200", b"429"}
        time.sleep(1.0)
        assert right(post(server, 5), 5)


def many(server, count):
    """Statuses of so many requests sent at once over one connection."""
    found = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * (count - 1))
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while part := one.recv(1 << 20):
            found += part
    return re.findall(rb"HTTP/1.1 (\d+)", found)


def test_clocks_jump_and_it_stops_in_order_with_streams_open(tmp_path):
    with Server(tmp_path) as server:
        server.create()
        stream = socket.create_connection(("127.0.0.1", server.port))
        stream.sendall(b"GET /v1/controllers/us/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream.recv(1000)
        server.post(ROUNDS[1])
        told = server.post(ROUNDS[0]).json
        assert "clock" in [note["kind"] for note in told["notes"]]
        assert server.post({**ROUNDS[2], "time": 1e300}).status == 422
        threading.Timer(0.2, os.kill, (server.process.pid, signal.SIGINT)).start()
        assert server.process.wait(300) in (0, 130)
        assert "Traceback" not in server.log.read_text()
        stream.close()
