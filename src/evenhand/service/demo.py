"""A server to look at: data of its own that go when it stops, and a week of geo7 posted to it again and again."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evenhand.errors import EvenhandError
from evenhand.service.client import Client, path_of
from evenhand.service.serve import serve
from evenhand.service.settings import Settings
from evenhand.service.store.database import open_database, writing
from evenhand.service.tokens import make_token

__all__ = ["demo"]

#: the scenario that is replayed, rounds in one request
SOURCE, MANY = "geo7", 50
#: seconds in which a server comes up, and in which it ends
PATIENCE, GRACE = 600.0, 10.0


def demo(settings: Settings, speed: float) -> None:
    """Serve a controller that decides ``speed`` rounds a second until interrupted. Raises as `serve`."""
    stop = threading.Event()
    with TemporaryDirectory(prefix="evenhand-demo-") as folder:
        own = replace(settings, data=Path(folder), database=None, workers=1)
        database = open_database(None, own.data)
        try:
            with writing(database) as connection:
                token = make_token(connection, "admin", "demo")
        finally:
            database.close()
        driver = threading.Thread(target=lambda: _drive(address[0], token, speed, stop), name="evenhand-demo")
        address: list[str] = []

        def listening(url: str) -> None:
            address.append(url)
            driver.start()

        try:
            serve(own, listening)
        finally:
            stop.set()
            if driver.ident is not None:
                driver.join()


def _drive(url: str, token: str, speed: float, stop: threading.Event) -> None:
    """Post a first week at once, then one round after another."""
    try:
        with closing(Client(url, token)) as client:
            _wait(client, stop)
            week = _week()
            client.ask("POST", "/v1/controllers", {"name": SOURCE, "scenario": SOURCE})
            first = [_at(week, t) for t in range(len(week))]
            for start in range(0, len(first), MANY):
                client.ask("POST", path_of(SOURCE, "rounds", "batch"), {"rounds": first[start : start + MANY]})
            _tell(url, token, speed)
            t = len(week)
            while not stop.wait(1.0 / speed):
                client.ask("POST", path_of(SOURCE, "rounds"), _at(week, t))
                t += 1
    except EvenhandError as error:
        if not stop.wait(GRACE):  # a server that is being stopped refuses, too
            print(f"evenhand: the replay stopped: {error}", file=sys.stderr, flush=True)


def _wait(client: Client, stop: threading.Event) -> None:
    """Until the server answers."""
    end = time.monotonic() + PATIENCE
    while not stop.wait(0.1):
        try:
            client.ask("GET", "/readyz")
            return
        except EvenhandError:
            if time.monotonic() > end:
                raise


def _week() -> list[dict[str, Any]]:
    from evenhand.live.configure import observations_of
    from evenhand.live.observation import plain
    from evenhand.live.replaying import opened

    controller, problem = opened(SOURCE)
    return [plain(controller.sites, one) for one in observations_of(controller, problem)]


def _at(week: list[dict[str, Any]], t: int) -> dict[str, Any]:
    """Round t of a week that repeats: the same signals, a week later."""
    lap, place = divmod(t, len(week))
    begins, second, ends = (datetime.fromisoformat(str(week[k]["time"])) for k in (0, 1, -1))
    length: timedelta = ends - begins + (second - begins)
    time = datetime.fromisoformat(str(week[place]["time"])) + lap * length
    return {**week[place], "time": time.isoformat(), "round": t}


def _tell(url: str, token: str, speed: float) -> None:
    print(
        f"""
  the page    {url}/#token={token}
  the API     {url}/openapi.json
  a question  curl -H 'Authorization: Bearer {token}' {url}{path_of(SOURCE, "state")}

  A week of {SOURCE} is decided; {speed:g} rounds a second follow. Ctrl-C stops it, and nothing of it is kept.
""",
        flush=True,
    )
