"""docs/extending.md from top to bottom: every command of a console block runs, and prints what stands under it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from evenhand import cli, registry

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


def steps(text):
    """(command, lines it prints) of every console block, in order."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.S | re.M):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *told = part.rstrip().split("\n")
            yield command, told


def printed(command, monkeypatch, capsys):
    """What one command prints, each as a process of its own would: no plugin of the one before is there."""
    if not command.startswith("evenhand "):
        subprocess.run(shlex.split(command), check=True)
        return []
    monkeypatch.setattr(registry, "_PLUGINS", [])
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    try:
        cli.main()
    except SystemExit as end:
        code = end.code or 0
    out = capsys.readouterr()
    said = (out.out + out.err).rstrip().split("\n")
    expected = 2 if said[0].startswith("evenhand: ") else int(bool(re.search(r" [1-9]\d* broken$", said[-1])))
    assert code == expected, (command, said)
    return [line.rstrip() for line in said]


def test_every_command_prints_what_stands_under_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    found = list(steps(PAGE.read_text("utf-8")))
    assert len(found) > 15
    for command, told in found:
        assert printed(command, monkeypatch, capsys) == told, command
