"""README and every page of docs: the Python blocks run as they stand, one after the other, and the commands do.

A number in a comment behind an expression is what the expression gives.
"""

import ast
import re
import shlex
import sys
from pathlib import Path

import pytest

from evenhand import cli

ROOT = Path(__file__).parents[2]
PAGES = {page.name: page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
BLOCK = re.compile(r"```python\n(.*?)```", re.S)
#: a command as it stands on a page: indented or in a block of sh, with or without a prompt
COMMAND = re.compile(r"^(?: {4}|(?<=\n))(?:\$ )?(evenhand [^\n]*?)(?: {2,}#[^\n]*)?$", re.M)
#: what is not run here: it takes minutes, needs a cluster, or is run elsewhere
ELSEWHERE = (
    "evenhand connect",
    "evenhand reproduce",
    "evenhand theory",
    "evenhand sweep geo7",
    "evenhand compare fleet",
    "--cluster",
)
#: what needs a server, run in test_service_pages.py
SERVED = (
    "evenhand serve",
    "evenhand controller",
    "evenhand token",
    "evenhand replay my-sites.yaml --url",
    "--verify --data",
)
#: commands that a page takes to have been run before it
BEFORE = {
    **dict.fromkeys(("own-data.md", "live.md"), ("evenhand new-scenario my-sites",)),
    "extending.md": ("evenhand new cost my_cost.py", "evenhand new utility my_utility.py"),
}
#: pages whose commands are run elsewhere, with what they print
READ = ("operate.md", "extending.md")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the examples in it, as beside a checkout, and their data, as after a copy."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for file in (ROOT / "examples" / "data").iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command, monkeypatch):
    """Exit code of one command."""
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    try:
        cli.main()
    except SystemExit as end:
        return end.code or 0
    return 0


def quick(command):
    """The same on one window, where a page compares all of a scenario that ships."""
    return command if not command.startswith("evenhand compare ") or ".yaml" in command else f"{command} --windows 0"


def promised(block):
    """(expression, number) where a comment behind an expression begins with a number of at least four digits."""
    lines = block.splitlines()
    for node in ast.parse(block).body:
        if isinstance(node, ast.Expr):
            told = re.search(r"# (\d+\.\d{3,})", lines[(node.end_lineno or 1) - 1])
            if told and not ast.unparse(node).startswith("print("):
                yield ast.unparse(node), told[1]


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if "```python" in page.read_text("utf-8")])
def test_every_block_runs_as_it_stands(name, folder, monkeypatch):
    for command in BEFORE.get(name, ()):
        assert run(command, monkeypatch) == 0
    names = {}
    for block in BLOCK.findall(PAGES[name].read_text("utf-8")):
        exec(compile(block, name, "exec"), names)
        for expression, number in promised(block):
            digits = len(number.partition(".")[2])
            assert f"{float(eval(expression, names)):.{digits}f}" == number, expression


@pytest.mark.parametrize("name", PAGES)
def test_no_python_stands_outside_a_block(name):
    """An indented block is not found by the test above: code is fenced, and says that it is Python."""
    rest = re.sub(r"```.*?```", "", PAGES[name].read_text("utf-8"), flags=re.S)
    assert not re.search(r"^ {4}(import |from \w+ import|\w+ = eh\.|eh\.)", rest, re.M)


@pytest.mark.parametrize(
    "name", [name for name, page in PAGES.items() if name not in READ and COMMAND.search(page.read_text("utf-8"))]
)
def test_commands_run_as_they_stand(name, folder, monkeypatch, capsys):
    for command in dict.fromkeys(COMMAND.findall(PAGES[name].read_text("utf-8"))):
        if not command.endswith("\\") and not any(word in command for word in ELSEWHERE + SERVED):
            assert run(quick(command), monkeypatch) == 0, (command, capsys.readouterr().err)


def test_a_figure_makes_its_folder(tmp_path):
    import evenhand as eh

    problem = eh.load("synthetic").window(0)
    eh.simulate(problem, eh.FairOBD()).plot(str(tmp_path / "out" / "week.png"))
    assert (tmp_path / "out" / "week.png").stat().st_size > 5000
    with pytest.raises(eh.ParameterError, match=r"\.png, \.svg, \.pdf"):
        eh.simulate(problem, eh.FairOBD()).plot(str(tmp_path / "week.foo"))
