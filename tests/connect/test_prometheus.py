"""A real Prometheus, where one is installed: it reads as the fake does, and the connection reads it.

Its samples are written before it starts, so nothing here waits for a scrape.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress

import pytest

from connect.cases import BEGIN, SERIES
from connect.fakes import Prometheus as Fake
from connect.loopback import Loopback
from evenhand.connect.link import Link, Patience, Server
from evenhand.connect.sources.prometheus import Prometheus

SITES = ("north", "south")


def metrics():
    """The same samples as OpenMetrics."""
    lines = []
    for name, series in SERIES.items():
        lines.append(f"# TYPE {name} gauge")
        for labels, samples in series:
            told = ",".join(f'{key}="{value}"' for key, value in labels.items())
            for at, value in samples:
                number = {"nan": "NaN", "inf": "+Inf"}.get(str(value), str(value))
                lines.append(f"{name}{{{told}}} {number} {at}")
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The address of a server that holds the samples."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip("no Prometheus here: install Debian's prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "samples").write_text(metrics())
    (folder / "prometheus.yml").write_text("global: {}\n")
    made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "samples", folder / "data"]
    subprocess.run(made, check=True, capture_output=True, timeout=300)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(line, stdout=log, stderr=log, cwd=folder, env={**os.environ, "no_proxy": "*"})
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 300
        while not _ready(url):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)


def _ready(url):
    with suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=30) as answer:
        return answer.status == 200
    return False


def asked(url, path, **query):
    """Status and JSON; series in order of their labels, without the name of the metric, numbers as numbers."""
    address = f"{url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            status, found = answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["errorType"]
    result = found["data"]["result"]
    if found["data"]["resultType"] == "scalar":
        return status, (result[0], str(float(result[1])))
    out = []
    for one in result:
        labels = tuple(sorted((k, v) for k, v in one["metric"].items() if k != "__name__"))
        out.append((labels, [(at, str(float(v))) for at, v in one.get("values", [one.get("value")])]))
    return status, sorted(out)


QUERIES = [
    ("query", {"query": "price", "time": BEGIN}),
    ("query", {"query": "price", "time": BEGIN + 3600}),
    ("query", {"query": "price", "time": BEGIN + 299.5}),
    ("query", {"query": "timestamp(price)", "time": BEGIN + 200}),
    ("query", {"query": "scalar(demand)", "time": BEGIN + 200}),
    ("query", {"query": "scalar(nothing)", "time": BEGIN}),
    ("query", {"query": "nothing", "time": BEGIN}),
    ("query", {"query": "gaps", "time": BEGIN + 70}),
    ("query", {"query": "sum(", "time": BEGIN}),
    ("query", {"query": "", "time": BEGIN}),
    ("query_range", {"query": "price", "start": BEGIN + 7, "end": BEGIN + 3600, "step": 60}),
    ("query_range", {"query": "gaps", "start": BEGIN - 600, "end": BEGIN + 90, "step": 30}),
    ("query_range", {"query": "price", "start": BEGIN, "end": BEGIN + 3600, "step": 0}),
    ("query_range", {"query": "price", "start": BEGIN, "end": BEGIN + 86400, "step": 1}),
]


@pytest.mark.parametrize(("path", "query"), QUERIES)
def test_the_fake_answers_as_the_real_one(real, path, query):
    with Loopback(Fake(SERIES)) as fake:
        assert asked(fake.url, path, **query) == asked(real, path, **query)


@pytest.fixture
def link(tmp_path):
    made = Link(tmp_path, Patience(300.0, 3))
    yield made
    made.close()


def test_the_connection_reads_it(real, link):
    at = Server(real)
    price = Prometheus("linear", at, "price", label="site", range=3600, step=60)
    found = {(r.site, r.value, r.at) for r in price.gather(link, SITES, BEGIN + 3600)}
    assert found == {("north", 38.0, BEGIN + 3600), ("south", 55.0, BEGIN + 3300)}
    exact = Prometheus("linear", at, "price", label="site", timestamps="timestamp(price)")
    assert {(r.site, r.value, r.at) for r in exact.gather(link, SITES, BEGIN + 250)} == {("north", 40.0, BEGIN)}
    total = Prometheus("demand", at, "sum(demand) * 2")
    assert [(r.site, r.value) for r in total.gather(link, SITES, BEGIN)] == [(None, 12.0)]
