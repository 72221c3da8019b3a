"""`python -m evenhand`, what workers import, and completion in three shells."""

import os
import runpy
import subprocess
import sys

import pytest


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "evenhand", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_as_a_module_it_is_the_command():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("evenhand ")
    assert run("nonsense").returncode == 2


def test_workers_that_import_the_module_do_not_run_the_command():
    runpy.run_module("evenhand.__main__", run_name="__mp_main__")


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
