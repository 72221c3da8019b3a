"""The command line as a new user with own data meets it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from evenhand.cli import main


def run(folder, *args):
    return subprocess.run(
        [sys.executable, "-m", "evenhand", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_from_an_empty_folder_to_a_comparison(tmp_path):
    made = run(tmp_path, "new-scenario", "my-sites")
    assert made.returncode == 0
    assert "evenhand compare my-sites.yaml" in made.stdout
    done = run(tmp_path, "compare", "my-sites.yaml", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = {row["policy"]: row["ratio"] for row in json.loads(done.stdout)}
    assert rows["OPT"] == 1.0
    assert len(rows) == 6
    assert (tmp_path / "out" / "compare-my-sites" / "comparison.csv").is_file()
    before = (tmp_path / "my-sites.csv").read_text()
    again = run(tmp_path, "new-scenario", "my-sites")
    assert again.returncode == 2
    assert again.stderr == "evenhand: 'my-sites.yaml' exists: choose another name, or move it away\n"
    assert (tmp_path / "my-sites.csv").read_text() == before


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("new-scenario", "a/b"), "name is 'a/b': use letters, digits, - and _"),
        (("compare", "no.yaml"), "cannot read 'no.yaml'"),
        (("compare", "own", "--set", "confi=x"), "did you mean 'config'"),
    ],
)
def test_mistakes_are_one_line_with_a_remedy(tmp_path, monkeypatch, capsys, args, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["evenhand", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert shown.count("\n") == 1


def test_help_imports_nothing_heavy(tmp_path):
    code = (
        "import sys, evenhand.cli.app as c\n"
        "try: c.app(['--help'], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numba', 'pandas', 'matplotlib', 'yaml', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "new-scenario" in done.stdout
    assert done.stdout.strip().endswith("[]")
