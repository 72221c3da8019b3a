"""Several workers on one PostgreSQL never decide a round twice; a server that goes is told, and used again."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from evenhand.service.store.database import open_database
from serving import Server, verified, week

ROUNDS, ACTIONS = week()
SCRIPT = Path(__file__).with_name("postgres.sh")
#: rounds that two workers race for: a few hundred here, EVENHAND_RACES=2000 for the whole of what is promised
RACES = int(os.environ.get("EVENHAND_RACES", "150"))


@pytest.fixture(scope="module")
def home():
    """A folder that another user may enter: PostgreSQL refuses root, and pytest's own folders are private."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def own(home):
    """A server of our own, where its programs are installed; else these tests skip."""
    told = subprocess.run([SCRIPT, "start", home / "server"], capture_output=True, text=True)
    if told.returncode == 3:
        pytest.skip(f"no PostgreSQL: {told.stderr.strip()}; install Debian's postgresql, or set EVENHAND_TEST_POSTGRES")
    assert told.returncode == 0, told.stderr
    yield told.stdout.strip()
    subprocess.run([SCRIPT, "stop", home / "server"], check=True)


@pytest.fixture(scope="module")
def url(request):
    """That of EVENHAND_TEST_POSTGRES, or of our own."""
    return os.environ.get("EVENHAND_TEST_POSTGRES") or request.getfixturevalue("own")


def fresh(server, name):
    server.ask("DELETE", f"/v1/controllers/{name}")
    server.create(name)


def test_two_workers_race_for_the_same_rounds(url, tmp_path):
    answers = [dict[int, list[float]](), dict[int, list[float]]()]
    news = [0, 0]

    def race(k, server):
        for t in range(RACES):
            told = server.post({**ROUNDS[t % 168], "round": t}, "race")
            assert told.status in (200, 201), told.text
            answers[k][t] = list(told.json["action"].values())
            news[k] += told.status == 201

    with Server(tmp_path, "--database", url) as one, Server(tmp_path, "--database", url) as other:
        fresh(one, "race")
        racers = [threading.Thread(target=race, args=pair) for pair in enumerate((one, other))]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
    assert answers[0] == answers[1]
    assert sum(news) == RACES
    assert [answers[0][t] for t in range(min(RACES, 168))] == ACTIONS[: min(RACES, 168)]
    found = verified(url=url)["race"]
    assert (found.wrong, found.rounds) == ((), RACES)


def test_workers_of_one_server_and_rounds_without_numbers(url, tmp_path):
    count, done = 60, list[int]()
    with Server(tmp_path, "--database", url, "--workers", "2") as server:
        fresh(server, "shared")

        def post():
            for _ in range(count // 4):
                told = server.post(ROUNDS[len(done) % 168], "shared")
                assert told.status == 201, told.text
                done.append(told.json["round"])

        posters = [threading.Thread(target=post) for _ in range(4)]
        for poster in posters:
            poster.start()
        for poster in posters:
            poster.join()
        text = server.ask("GET", "/metrics").text
        assert f'evenhand_rounds_decided_total{{controller="shared"}} {float(count)}' in text
        assert f"evenhand_decision_seconds_count {float(count)}" in text
    assert sorted(done) == list(range(count))
    assert verified(url=url)["shared"].wrong == ()


def test_killed_workers_lose_nothing(url, tmp_path):
    t = 0
    for point in ("after-write", "after-commit"):
        with Server(tmp_path, "--database", url, env={"EVENHAND_KILL_AT": f"{point}:4"}) as server:
            if t == 0:
                fresh(server, "killed")
            with suppress(OSError):
                while t < 100:
                    told = server.post({**ROUNDS[t], "round": t}, "killed")
                    assert list(told.json["action"].values()) == ACTIONS[t]
                    t += 1
            assert server.process.wait(300) == -9
    with Server(tmp_path, "--database", url) as server:
        for k in range(t, t + 3):
            assert list(server.post({**ROUNDS[k], "round": k}, "killed").json["action"].values()) == ACTIONS[k]
    assert verified(url=url)["killed"].wrong == ()


def test_database_gone_and_back(own, home, tmp_path):
    with Server(tmp_path, "--database", own) as server:
        fresh(server, "back")
        assert server.post({**ROUNDS[0], "round": 0}, "back").status == 201
        subprocess.run([SCRIPT, "stop", home / "server"], check=True)
        refused = server.post({**ROUNDS[1], "round": 1}, "back")
        assert refused.status == 503
        assert server.ask("GET", "/readyz").status == 503
        port = (home / "server" / "port").read_text()
        subprocess.run(
            [SCRIPT, "start", home / "server"], check=True, env={**os.environ, "EVENHAND_PORT": port.strip()}
        )
        told = server.post({**ROUNDS[1], "round": 1}, "back")
        assert list(told.json["action"].values()) == ACTIONS[1]


def test_restarted_while_rounds_are_posted(own, home, tmp_path):
    """At every stage of a request: refused or answered, and what is asked again is found or decided, once."""
    stop, t, refused = threading.Event(), 0, 0
    port = (home / "server" / "port").read_text().strip()

    def restart():
        for _ in range(2):
            subprocess.run([SCRIPT, "stop", home / "server"], check=True)
            subprocess.run([SCRIPT, "start", home / "server"], check=True, env={**os.environ, "EVENHAND_PORT": port})
        stop.set()

    with Server(tmp_path, "--database", own) as server:
        fresh(server, "restarted")
        restarting = threading.Thread(target=restart)
        restarting.start()
        while not stop.is_set() or t < 10:
            told = server.post({**ROUNDS[t % 168], "round": t}, "restarted")
            assert told.status in (200, 201, 503), told.text
            refused += told.status == 503
            if told.status != 503:
                if t < 168:
                    assert list(told.json["action"].values()) == ACTIONS[t]
                t += 1
        restarting.join()
        assert server.ask("GET", "/readyz").status == 200
    assert refused > 0
    found = verified(url=own)["restarted"]
    assert (found.wrong, found.rounds) == ((), t)


def test_a_database_that_stands_still_is_told_and_used_again(own, home, tmp_path):
    """It neither answers nor closes its connections: a machine that swaps, a disk that hangs."""
    main = int((home / "server" / "data" / "postmaster.pid").read_text().split()[0])

    def send(number):
        for pid in family(main):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    with Server(tmp_path, "--database", own, "--max-answer", "2") as server:
        fresh(server, "still")
        assert server.post({**ROUNDS[0], "round": 0}, "still").status == 201
        send(signal.SIGSTOP)
        try:
            told = server.post({**ROUNDS[1], "round": 1}, "still")
            assert told.status == 503
            assert "the database did not answer within 2 s" in told.json["error"]["message"]
            assert server.ask("GET", "/v1/controllers/still/state").status == 503
            assert server.ask("GET", "/readyz").status == 503
            assert server.ask("GET", "/healthz").status == 200
        finally:
            send(signal.SIGCONT)
        until(lambda: server.ask("GET", "/readyz").status == 200)
        for t in range(1, 4):
            until(lambda t=t: server.post({**ROUNDS[t], "round": t}, "still").status in (200, 201))
            told = server.post({**ROUNDS[t], "round": t}, "still")
            assert list(told.json["action"].values()) == ACTIONS[t]
    found = verified(url=own)["still"]
    assert (found.wrong, found.rounds) == ((), 4)


def test_a_row_that_another_program_locks_is_told(url, tmp_path):
    database = open_database(url, tmp_path)
    quick = f"{url}{'&' if '?' in url else '?'}options=-c%20lock_timeout%3D500"
    with Server(tmp_path, "--database", quick) as server:
        fresh(server, "locked")
        fresh(server, "free")
        with database.engine.connect() as other, other.begin():
            other.exec_driver_sql("SELECT 1 FROM states FOR UPDATE")
            told = server.post({**ROUNDS[0], "round": 0}, "locked")
            assert told.status == 503
            assert "lock timeout" in told.json["error"]["message"]
            assert server.ask("GET", "/v1/controllers/locked/state").status == 200
        told = server.post({**ROUNDS[0], "round": 0}, "locked")
        assert list(told.json["action"].values()) == ACTIONS[0]
    database.close()


def test_a_commit_is_on_the_disk_whatever_the_server_prefers(url, tmp_path):
    for options in ("", "?options=-c%20search_path%3Dpublic"):
        database = open_database(url + options, tmp_path)
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
            assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "15s"
        database.close()


def family(pid):
    """A process and its children."""
    children = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and parent(folder / "stat") == pid
    ]
    return [pid, *children]


def parent(stat):
    with suppress(OSError):
        return int(stat.read_text().rpartition(")")[2].split()[1])
    return 0


def until(holds, seconds=60.0):
    """Within a second on an idle machine."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
