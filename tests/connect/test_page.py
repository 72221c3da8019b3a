"""docs/connect.md: its quick start, every block of YAML as it stands there, its plugin."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from evenhand.connect.config import read_connections
from evenhand.own.template import config_text
from evenhand.registry import load_plugin

PAGE = (Path(__file__).parents[2] / "docs" / "connect.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
START, SERVERS, *REST = BLOCKS
BURDENS = [{"signal": {"sites": {"north": 1, "south": 2}}, "name": name} for name in ("carbon", "water")]
CONFIG = {
    "name": "page",
    "sites": ["north", "south"],
    "demand": 5.0,
    "capacity": 8.0,
    "linear": 1.0,
    "burdens": BURDENS,
}


def test_the_quick_start(folder, run):
    assert run("new-scenario", "my-sites")[0] == 0
    Path("my-sites.yaml").write_text(config_text("my-sites") + START, encoding="utf-8")
    code, out, err = run("connect", "my-sites.yaml", "--once")
    assert (code, err) == (0, "")
    assert "would send: split.json: north" in out
    code, out, _ = run("connect", "my-sites.yaml", "--dry-run", hour=1)
    assert code == 0
    assert '"method": "WRITE"' in out
    assert run("connect", "my-sites.yaml", "--once", "--apply", hour=1)[0] == 0
    action = json.loads(Path("split.json").read_text())["action"]
    assert sum(action.values()) == pytest.approx(7.0)
    assert run("connect", "my-sites.yaml", "--once", "--apply", hour=2)[0] == 0
    code, out, err = run("connect", "my-sites.yaml", "--report", "--out", "week")
    assert code == 0, err
    assert "my-sites: 2 rounds" in out
    assert "left out: 1 rounds before it was read for the first time" in out
    assert len(list(Path("week").iterdir())) == 3


@pytest.mark.parametrize("block", REST)
def test_every_block_is_read(folder, block):
    section = yaml.safe_load(block)
    for one in section.get("sources", []) or [None]:
        for target in section.get("targets", []) or [None]:
            connect = {"sources": [one] if one else [], "targets": [target] if target else []}
            Path("page.yaml").write_text(yaml.safe_dump({**CONFIG, "connect": connect}), encoding="utf-8")
            read = read_connections(Path("page.yaml"))
            assert len(read.sources) + len(read.targets) == 1


@pytest.mark.parametrize("line", SERVERS.strip().splitlines())
def test_every_server_is_read(folder, line):
    server = yaml.safe_load(line)["server"]
    target = {"kind": "webhook", "server": server}
    Path("page.yaml").write_text(yaml.safe_dump({**CONFIG, "connect": {"targets": [target]}}), encoding="utf-8")
    assert read_connections(Path("page.yaml")).targets


def test_the_plugin_of_the_page(folder, run, monkeypatch):
    monkeypatch.setattr("evenhand.registry._PLUGINS", [])
    Path("mine.py").write_text(re.search(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[1], encoding="utf-8")
    load_plugin("mine.py")
    connect = {
        "sources": [{"kind": "clock", "field": "demand", "day": 6}],
        "targets": [{"kind": "file", "path": "split.json"}],
    }
    Path("page.yaml").write_text(yaml.safe_dump({**CONFIG, "demand": "demand", "connect": connect}), encoding="utf-8")
    code, _, err = run("connect", "page.yaml", "--once", "--apply")
    assert (code, err) == (0, "")
    assert round(sum(json.loads(Path("split.json").read_text())["action"].values()), 12) in (1.0, 6.0)
