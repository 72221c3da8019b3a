"""`evenhand serve --demo`: a week is there at once, more follows, and nothing is left when it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from evenhand.service.client import Client, RefusedError
from evenhand.service.demo import _at


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_runs_and_leaves_nothing(tmp_path, how):
    line = [sys.executable, "-m", "evenhand", "serve", "--demo", "--port", "0", "--speed", "50"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as process:
        try:
            assert process.stdout is not None
            told = ""
            while "Ctrl-C" not in told:
                told += (last := process.stdout.readline())
                assert last, told
            found = re.search(r"(http://127\.0\.0\.1:\d+)/#token=(eh_\S+)", told)
            assert found
            with closing(Client(found[1], found[2])) as client:
                end = time.monotonic() + 60
                while (decided := client.ask("GET", "/v1/controllers/geo7/state")["counts"]["decided"]) <= 180:
                    assert time.monotonic() < end, decided
                    time.sleep(0.05)
                page = client.ask("GET", "/v1/controllers/geo7/rounds?from=160&limit=20")["rounds"]
            with closing(Client(found[1])) as client, pytest.raises(RefusedError, match="a token is needed"):
                client.ask("GET", "/v1/controllers")
            process.send_signal(how)
            assert process.wait(300) == 0
        finally:
            process.kill()
    times = [row["decision"]["time"] for row in page]
    assert times == sorted(times)
    assert not any(note["kind"] == "clock" for row in page for note in row["decision"]["notes"])
    assert not list(tmp_path.glob("evenhand-demo-*"))
    assert not (tmp_path / "evenhand-data").exists()


def test_a_week_goes_on_a_week_later():
    week = [{"time": f"2024-05-10T0{k}:00Z", "demand": k} for k in range(3)]
    assert [_at(week, t)["time"][11:16] for t in range(7)] == [f"0{t}:00" for t in range(7)]
    assert [_at(week, t)["demand"] for t in range(7)] == [0, 1, 2, 0, 1, 2, 0]
    assert _at(week, 5)["round"] == 5
