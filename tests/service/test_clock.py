"""The server's own clock jumps, by a day back and by years: it is told in the ledger, and nothing depends on it."""

from __future__ import annotations

import os
import sys

from evenhand.service.store.database import open_database, writing
from evenhand.service.tokens import make_token
from serving import Server, verified, week

ROUNDS, ACTIONS = week()
#: a module that Python imports at its start: the clock that the server sees
CLOCK = """
import os, time
real, told = time.time, os.environ["CLOCK"]
time.time = lambda: real() + float(open(told).read())
"""


def test_the_clock_of_the_machine_jumps(tmp_path):
    data, code = tmp_path / "data", tmp_path / "code"
    code.mkdir()
    (code / "sitecustomize.py").write_text(CLOCK)
    told = tmp_path / "seconds"
    told.write_text("0")
    database = open_database(None, data)
    with writing(database) as connection:
        token = {"Authorization": f"Bearer {make_token(connection, 'admin', 'clock')}"}
    database.close()
    jumps = (0.0, -86400.0, 3.2e8, -1.7e9, 0.0)  # a day back, ten years on, to about 1972, and right again
    with Server(data, env={"CLOCK": str(told), "PYTHONPATH": os.pathsep.join((str(code), *sys.path))}) as server:
        server.create(**token)
        for t, jump in enumerate(jumps):
            told.write_text(str(jump))
            answer = server.post({**ROUNDS[t], "round": t}, **token)
            assert list(answer.json["action"].values()) == ACTIONS[t], answer.text
            assert server.post({**ROUNDS[t], "round": t}, **token).text == answer.text
            assert answer.json["notes"] == []
        rows = server.ask("GET", "/v1/controllers/us/rounds", **token).json["rounds"]
        assert server.ask("GET", "/metrics", **token).status == 200
    times = [row["decided_at"] for row in rows]
    assert times[1] < times[0] < times[2]
    assert times[3] < 1e8
    found = verified(data)["us"]
    assert (found.wrong, found.rounds) == ((), len(jumps))
