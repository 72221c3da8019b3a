"""A real server on loopback for tests: started, asked, killed, started again on the same folder."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

POLICY = "FairOBD(eta=4e-4, domain='ball')"
ROOT = Path(__file__).parents[1]


class Answer:
    """Status, headers, text and JSON of an answer."""

    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)


class Server:
    """`evenhand serve` in a folder, on a port of its own."""

    def __init__(self, folder, *arguments, env=None, wait=True):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = Path(folder)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / "server.log"
        line = [sys.executable, "-m", "evenhand", "serve", "--data", str(folder), "--port", str(self.port), *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(line, stdout=log, stderr=log, cwd=folder, env=environment)
        if wait:
            self.wait()

    def wait(self, seconds=600.0):
        """Until it is ready, or dead; the first start of all compiles its kernels."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with suppress(OSError):
                if self.ask("GET", "/healthz").status == 200:
                    return
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the server did not start: {self.log.read_text()}")

    def ask(self, method, path, data=None, **headers):
        """One request; OSError where nobody answers."""
        body = data if isinstance(data, bytes | None) else json.dumps(data).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())
        except (ConnectionError, TimeoutError, http.client.HTTPException) as error:  # killed, maybe within an answer
            raise OSError(str(error)) from None

    def create(self, name="us", policy=POLICY, **headers):
        """A controller of geo7."""
        told = self.ask("POST", "/v1/controllers", {"name": name, "scenario": "geo7", "policy": policy}, **headers)
        assert told.status in (200, 201), told.text
        return told

    def post(self, data, name="us", **headers):
        return self.ask("POST", f"/v1/controllers/{name}/rounds", data, **headers)

    def kill(self):
        """As if the power went."""
        self.process.kill()
        self.process.wait(30)

    def stop(self):
        """As Ctrl-C does."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def week(policy=POLICY):
    """geo7: its observations as JSON, and the actions of an uninterrupted `simulate`."""
    import evenhand as eh
    from evenhand.live.configure import observations_of
    from evenhand.live.observation import plain
    from evenhand.live.replaying import opened

    controller, problem = opened("geo7", policy)
    rounds = [plain(controller.sites, one) for one in observations_of(controller, problem)]
    return rounds, eh.simulate(problem, controller.policy).actions.tolist()


def verified(folder=None, url=None):
    """What `evenhand replay --verify` finds, by controller."""
    from evenhand.service.store.database import open_database
    from evenhand.service.store.reading import reading
    from evenhand.service.verifying import verify

    database = open_database(url, Path(folder or "."), migrate=False)
    try:
        with reading(database, whole=True) as connection:
            return {one.name: one for one in verify(connection)}
    finally:
        database.close()
