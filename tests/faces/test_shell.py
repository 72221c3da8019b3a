"""`python -m evenhand`, its workers, and completion in three shells."""

import os
import subprocess
import sys

import pytest


def run(*arguments, cwd=None, **environment):
    return subprocess.run(
        [sys.executable, "-m", "evenhand", *arguments],
        capture_output=True, text=True, cwd=cwd, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_as_a_module_it_is_the_command():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("evenhand ")
    assert run("nonsense").returncode == 2


def test_as_a_module_it_has_workers(tmp_path):
    done = run(
        "sweep", "geo7", "--policy", "FairOBD", "--grid", "eta=0.01,0.1", "--windows", "0", "--jobs", "2", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("FairOBD") == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_verbs_and_options_are_completed(shell):
    how = {"_EVENHAND_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    for line, wanted in (("evenhand comp", "compare"), ("evenhand compare --win", "--windows")):
        done = run(**how, COMP_WORDS=line, COMP_CWORD=str(line.count(" ")), _TYPER_COMPLETE_ARGS=line)
        assert wanted in done.stdout
        assert "advise" not in done.stdout
        assert (done.returncode, done.stderr) == (0, "")


def test_the_script_is_shown_and_installed(tmp_path):
    without = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path)}
    shown = run("--show-completion", "bash", **without)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "complete -o default -F _evenhand_completion evenhand" in shown.stdout
    installed = run("--install-completion", "bash", **without)
    assert installed.returncode == 0, installed.stderr
    assert "evenhand" in (tmp_path / ".bashrc").read_text()
