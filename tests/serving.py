"""A real server on loopback for tests: started, asked, killed, started again on the same folder."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

POLICY = "FairOBD(eta=4e-4, domain='ball')"
ROOT = Path(__file__).parents[1]
#: method, an example of the path, and the scope that it needs
RIGHTS = [
    ("GET", "/v1/controllers", "read"),
    ("POST", "/v1/controllers", "admin"),
    ("GET", "/v1/controllers/us", "read"),
    ("PUT", "/v1/controllers/us", "admin"),
    ("DELETE", "/v1/controllers/us", "admin"),
    ("POST", "/v1/controllers/us/pause", "admin"),
    ("POST", "/v1/controllers/us/resume", "admin"),
    ("GET", "/v1/controllers/us/state", "read"),
    ("GET", "/v1/controllers/us/certificate", "read"),
    ("GET", "/v1/controllers/us/series", "read"),
    ("GET", "/v1/controllers/us/events?follow=false", "read"),
    ("GET", "/v1/controllers/us/rounds", "read"),
    ("GET", "/v1/controllers/us/rounds/0", "read"),
    ("GET", "/v1/controllers/us/rounds/0/why", "read"),
    ("POST", "/v1/controllers/us/rounds", "decide"),
    ("POST", "/v1/controllers/us/rounds/batch", "decide"),
    ("POST", "/v1/controllers/us/rounds/0/settle", "decide"),
    ("POST", "/v1/controllers/us/preview", "read"),
    ("POST", "/v1/allocate", "read"),
    ("GET", "/v1/overview", "read"),
    ("GET", "/v1/audit", "admin"),
    ("GET", "/metrics", "read"),
]


class Answer:
    """Status, headers, text and JSON of an answer."""

    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)


class Server:
    """`evenhand serve` in a folder, on a port of its own; forked: from this process, which has imported it already."""

    def __init__(self, folder, *arguments, env=None, wait=True, forked=False):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = Path(folder)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / "server.log"
        line = [sys.executable, "-m", "evenhand", "serve", "--data", str(folder), "--port", str(self.port), *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})}
        with self.log.open("ab") as log:
            if forked:
                self.process = Forked(line[3:], log)
            else:
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
        self.process.wait(300)

    def stop(self):
        """As Ctrl-C does."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Forked:
    """A server that begins as a copy of this process: real to the last signal, without the seconds of its imports."""

    def __init__(self, arguments, log):
        from evenhand.cli.app import main
        from evenhand.diagnose import compile_all
        from evenhand.service.api import app  # noqa: F401

        compile_all()
        self.returncode = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads that hold nothing
            self.pid = os.fork()
        if self.pid:
            return
        code = 1
        try:
            for number in (1, 2):
                os.dup2(log.fileno(), number)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            sys.argv = ["evenhand", *arguments]
            code = main()
        finally:
            os._exit(code)

    def poll(self):
        return self._reap(os.WNOHANG)

    def wait(self, timeout=None):
        return self._reap(0)

    def _reap(self, how):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def kill(self):
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def terminate(self):
        if self.returncode is None:
            os.kill(self.pid, signal.SIGTERM)


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


def command(folder, *arguments):
    """Exit code, stdout and stderr of a verb on the database in a folder."""
    from evenhand.cli.app import main

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["evenhand", *arguments, "--data", str(folder)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main()
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()
