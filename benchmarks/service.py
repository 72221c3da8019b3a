"""The service under load: a real server on loopback, SQLite, every decision on the disk before it is answered.

Twenty controllers of geo7 (n = 7). Bounded in requests and time; the server is stopped at the end, its files removed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from timing import Row, at_most

CONTROLLERS, RATE, SECONDS, FLAT = 20, 100.0, 20.0, 8.0
#: decisions whose memory is measured; EVENHAND_BENCH_STORED=1000000 for all that is promised
STORED = int(os.environ.get("EVENHAND_BENCH_STORED", "100000"))
POLICY = "FairOBD(eta=4e-4, domain='ball')"


def rows() -> list[Row]:
    """p99 at 100 requests/s, decisions/s flat out, a page of rounds, memory."""
    out: list[Row] = []
    for policy in (POLICY, "AdaptiveFairOBD"):
        with serving() as (port, _):
            bodies = asyncio.run(prepared(port, policy))
            name = policy.partition("(")[0]
            asyncio.run(flat_out(port, bodies, 3.0, 1))  # warm
            paced = np.array(asyncio.run(at_rate(port, bodies))) * 1e3
            p50, p99 = np.percentile(paced, [50, 99])
            told = f"p99 {p99:.1f} ms (median {p50:.1f})"
            out.append(Row(f"{name}: {RATE:g} requests/s, {len(paced)} rounds", told, "<= 15 ms", p99 <= 15.0))
            quiet = [body[:-1] + b',"explain":false}' for body in bodies]
            for sent, words in ((bodies, "in words"), (quiet, "without words")):
                for many, lanes in ((1, 32), (25, 8)):
                    speed = asyncio.run(flat_out(port, sent, FLAT, many, lanes))
                    what = f"{name} {words}: flat out, {many} a request, {lanes} at once"
                    out.append(Row(what, f"{speed:,.0f} decisions/s", ">= 1,000/s", speed >= 1000.0))
    return [*out, *stored()]


def stored() -> list[Row]:
    """A long ledger: the time of its pages, and the memory of the server that wrote it."""
    with serving() as (port, pid):
        bodies = asyncio.run(prepared(port, POLICY))
        sizes: list[float] = []
        for _ in range(10):
            asyncio.run(fill(port, bodies, STORED // 10))
            sizes.append(resident(pid))
        spent: list[float] = []
        for start in np.linspace(0, STORED - 100, 20).astype(int):
            begun = time.perf_counter()
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/v1/controllers/site-0/rounds?from={start}&limit=100"
            ) as page:
                page.read()
            spent.append(time.perf_counter() - begun)
    worst = max(spent)
    grown = f"{sizes[-1]:.0f} MB (after each tenth: {', '.join(f'{size:.0f}' for size in sizes)})"
    return [
        at_most(f"a page of 100 of {STORED:,} rounds, the slowest of 20", worst, 0.05),
        Row(f"memory of the server after {STORED:,} decisions", grown, "400 MB", max(sizes) <= 400.0),
    ]


async def fill(port: int, bodies: list[bytes], count: int) -> None:
    """So many rounds into the first controller, many in a request, without words."""
    lane = await Lane.open(port)
    short = [body[:-1] + b',"explain":false}' for body in bodies] * 2
    for done in range(0, count, 100):
        start = done % len(bodies)
        await lane.post(
            "/v1/controllers/site-0/rounds/batch", b'{"rounds":[' + b",".join(short[start : start + 100]) + b"]}"
        )


@contextmanager
def serving(*arguments: str) -> Generator[tuple[int, int]]:
    """A server on a free port, with a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        line = [sys.executable, "-m", "evenhand", "serve", "--data", folder, "--port", str(port), "--max-rate", "1e6"]
        server = subprocess.Popen([*line, *arguments], env={**os.environ})
        try:
            for _ in range(3000):  # the first start of all compiles the kernels
                with suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).close()
                    break
                time.sleep(0.1)
            yield port, server.pid
        finally:
            server.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                server.wait(10)
            server.kill()


async def prepared(port: int, policy: str) -> list[bytes]:
    """Create the controllers; the week's observations as JSON."""
    from evenhand.live.configure import observations_of
    from evenhand.live.observation import plain
    from evenhand.live.replaying import opened

    lane = await Lane.open(port)
    for k in range(CONTROLLERS):
        source = {"name": f"site-{k}", "scenario": "geo7", "policy": policy}
        await lane.post("/v1/controllers", json.dumps(source).encode())
    controller, problem = opened("geo7", policy)
    return [json.dumps(plain(controller.sites, one)).encode() for one in observations_of(controller, problem)]


async def at_rate(port: int, bodies: list[bytes]) -> list[float]:
    """Seconds each request took, sent at the rate whatever the answers do."""
    lanes: asyncio.Queue[Lane] = asyncio.Queue()
    for _ in range(32):
        lanes.put_nowait(await Lane.open(port))
    spent: list[float] = []

    async def one(k: int, due: float) -> None:
        lane = await lanes.get()
        await lane.post(f"/v1/controllers/site-{k % CONTROLLERS}/rounds", bodies[k // CONTROLLERS % len(bodies)])
        spent.append(time.perf_counter() - due)
        lanes.put_nowait(lane)

    start = time.perf_counter()
    tasks: list[asyncio.Task[None]] = []
    for k in range(int(RATE * SECONDS)):
        due = start + k / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(k, due)))
    await asyncio.gather(*tasks)
    return spent


async def flat_out(port: int, bodies: list[bytes], seconds: float, many: int, lanes: int = 32) -> float:
    """Decisions a second, from ``lanes`` connections that each ask again as soon as they are answered."""
    done = 0
    end = time.perf_counter() + seconds
    if many > 1:
        lists = [b'{"rounds":[' + b",".join((bodies * 2)[k : k + many]) + b"]}" for k in range(0, len(bodies), many)]
    else:
        lists = bodies

    async def one(k: int) -> None:
        nonlocal done
        lane, step = await Lane.open(port), 0
        path = f"/v1/controllers/site-{k % CONTROLLERS}/rounds{'/batch' if many > 1 else ''}"
        while time.perf_counter() < end:
            await lane.post(path, lists[step % len(lists)])
            step += 1
            done += many

    start = time.perf_counter()
    await asyncio.gather(*map(one, range(lanes)))
    return done / (time.perf_counter() - start)


class Lane:
    """One open connection that speaks as much HTTP as is needed here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @staticmethod
    async def open(port: int) -> Lane:
        """Connect."""
        return Lane(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, path: str, body: bytes) -> bytes:
        """The answer's body; RuntimeError for a refusal."""
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        told = await self._reader.readuntil(b"\r\n\r\n")
        length = int(told.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        if not told.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(answer.decode())
        return answer


def resident(pid: int) -> float:
    """Megabytes in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6
