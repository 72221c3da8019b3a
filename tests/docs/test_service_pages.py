"""The service in README and docs/operate.md: the shell blocks run as they stand, with a server; the files beside them hold.

`evenhand serve` takes a free port, and the following lines speak to it; everything else is what a reader would type.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from evenhand.service.settings import Limits
from serving import ROOT, Server, verified, week

OPERATE = ROOT / "docs" / "operate"
PAGE = (ROOT / "docs" / "operate.md").read_text("utf-8")
SCRIPT = ROOT / "tests" / "service" / "postgres.sh"
#: names of metrics as they stand in an expression
METRIC = re.compile(r"\b(?:evenhand|process)_[a-z_]+")
PRELUDE = """
set -euo pipefail
export EVENHAND_URL=http://localhost:PORT
pip() { :; }
evenhand() {
    if [ "$1" != serve ]; then python -m evenhand "$@"; return; fi
    (echo $BASHPID > server.pid; exec python -m evenhand "$@" --port PORT) &
    curl -fsS --retry 120 --retry-delay 1 --retry-connrefused http://localhost:PORT/readyz
}
trap 'code=$?; if [ -f server.pid ]; then kill "$(cat server.pid)"; fi; wait; exit $code' EXIT
"""


def blocks(text, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S)


def run(folder, script, **more):
    """A script as a reader's shell runs it; what it printed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    text = PRELUDE.replace("PORT", port) + script.replace("localhost:8000", f"localhost:{port}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EVENHAND_")}
    environment = {**inherited, "PYTHONPATH": os.pathsep.join(sys.path), "PATH": path, **more}
    told = subprocess.run(
        ["bash", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    """What a server that decided something tells of itself."""
    rounds, _ = week()
    with Server(tmp_path_factory.mktemp("metrics")) as server:
        server.create()
        for t in range(3):
            server.post({**rounds[t], "round": t})
        server.post({**rounds[0], "round": 0, "demand": 1e9})
        return server.ask("GET", "/metrics").text


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl")
def test_the_quick_start_of_the_service(tmp_path):
    (block,) = [one for one in blocks((ROOT / "README.md").read_text("utf-8"), "sh") if "evenhand serve" in one]
    told = run(tmp_path, block)
    assert '"controller":"my-sites","round":5' in told
    assert "my-sites: 6 rounds" in told
    found = verified(tmp_path / "evenhand-data")["my-sites"]
    assert (found.wrong, found.rounds) == ((), 6)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl")
def test_the_operators_guide(tmp_path):
    told = run(tmp_path, "\n".join(blocks(PAGE, "sh")))
    assert '"controller":"my-sites","round":0' in told
    assert 'evenhand_rounds_decided_total{controller="my-sites"} 1.0' in told
    assert verified(tmp_path / "evenhand-data")["my-sites"].rounds == 1  # the backup's
    assert verified(url=f"sqlite:///{tmp_path}/old/evenhand.sqlite")["my-sites"].rounds == 2


def test_a_dump_is_restored(tmp_path):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are private, PostgreSQL's user must enter
        started = subprocess.run([SCRIPT, "start", folder], capture_output=True, text=True)
        if started.returncode == 3 or shutil.which("pg_dump") is None:
            pytest.skip(f"no PostgreSQL: {started.stderr.strip()}")
        url = started.stdout.strip()
        try:
            rounds, _ = week()
            with Server(tmp_path, "--database", url) as server:
                server.create()
                for t in range(3):
                    assert server.post({**rounds[t], "round": t}).status == 201
            plain = url.replace("+psycopg", "")
            restored = plain.rpartition("/")[0] + "/restored"
            told = run(tmp_path, "\n".join(blocks(PAGE, "sh postgres")), DATABASE=plain, RESTORED=restored)
            assert told == "us: 3 rounds, 6 events, bit for bit\n"
        finally:
            subprocess.run([SCRIPT, "stop", folder], check=True)


def test_the_dashboard_and_the_alarms_ask_for_metrics_that_are_told(metrics):
    told = {re.split(r"[ {]", line)[0] for line in metrics.splitlines() if not line.startswith("#")}
    # families without a sample are told by their type line
    told |= {
        line.split()[2] + ("" if line.endswith("gauge") else "_total")
        for line in metrics.splitlines()
        if "# TYPE" in line
    }
    board = json.loads((OPERATE / "grafana.json").read_text("utf-8"))
    asked = [t["expr"] for panel in board["panels"] for t in panel.get("targets", ())]
    asked += [board["templating"]["list"][1]["definition"]]
    alarms = yaml.safe_load((OPERATE / "alerts.yml").read_text("utf-8"))
    rules = [rule for group in alarms["groups"] for rule in group["rules"]]
    asked += [rule["expr"] for rule in rules]
    assert len(asked) > 30
    for expression in asked:
        names = METRIC.findall(expression)
        assert set(names) <= told or expression.startswith("up"), expression
    labels = {"controller", "site", "kind", "part", "field", "status", "version"}
    legends = {
        name
        for panel in board["panels"]
        for t in panel.get("targets", ())
        for name in re.findall(r"{{(\w+)}}", t["legendFormat"])
    }
    assert legends <= labels | {"instance"}
    for label in labels:
        assert f'{label}="' in metrics
    assert sorted(panel["id"] for panel in board["panels"]) == list(range(1, len(board["panels"]) + 1))


def test_the_guide_names_what_there_is(metrics):
    alarms = yaml.safe_load((OPERATE / "alerts.yml").read_text("utf-8"))
    names = [rule["alert"] for group in alarms["groups"] for rule in group["rules"]]
    assert re.findall(r"^\| `(Evenhand\w+)` \|", PAGE, re.M) == names
    for name in re.findall(r"`((?:evenhand|process)_[a-z_]+)`", PAGE):
        assert name in metrics, name
    for name, value in zip(Limits.__slots__, (1 << 20, 10, 2000, 200, 1000, 1000, 100, 60), strict=True):
        assert getattr(Limits(), name) == value  # as the guide's table says


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with Prometheus")
def test_prometheus_takes_the_alarms():
    told = subprocess.run(["promtool", "check", "rules", OPERATE / "alerts.yml"], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_unit(tmp_path):
    unit = tmp_path / "evenhand.service"
    text = (OPERATE / "evenhand.service").read_text("utf-8")
    unit.write_text(text.replace("/opt/evenhand/.venv/bin/evenhand", sys.executable), encoding="utf-8")
    told = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, ""), told.stderr
