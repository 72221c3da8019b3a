"""What stands on a page, run as a reader would: its blocks one after the other in one folder, what comes out compared with what is shown.

    ```python      one namespace a page; `print(...)  # 1.02` and `x  # 1.02` give what the comment says (", then ": more lines)
    ```console     `$ command`, then what it prints; `...` stands for anything, white space and widths of tables do not count
    ```sh          commands alone

A remark on the line above a block says what else holds, and why:

    <!-- not run: WHY -->         minutes, a cluster, a machine of one's own
    <!-- first window: WHY -->    comparisons with `--windows 0`, and so without their output
    <!-- run by: FILE -->         another test runs it
    <!-- output -->               shown from what the last command printed
    <!-- file: NAME -->           shown from a file in the folder
    <!-- first: COMMAND -->       a page may take it to have been run
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evenhand import cli, registry

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"((?:^<!-- .*? -->\n)*)^```([^\n{]+)\n(.*?)^```$", re.M | re.S)
REMARK = re.compile(r"^<!-- (not run|first window|run by|output|file|first)(?:: (.*?))? -->$", re.M)
SAID = re.compile(r"print\(.*\)  # (.*)$", re.M)
NUMBER = re.compile(r"  # (\d+\.\d+)(?![\d.]| or )")
#: what installs is not run again
INSTALLS = ("pip ", "make ")
#: what a reader does beside
BESIDE = ("cat", "sed")
#: what a page shows of a command, when this stands for anything
ANYTHING = re.compile(r"\s*(?:^\s*\.\.\.\s*$|\.\.\.$)\s*", re.M)


@dataclass(slots=True)
class Block:
    """One block of a page: its kind, its text, its remarks."""

    kind: str
    text: str
    remarks: dict[str, str]

    def commands(self) -> Iterator[tuple[str, str]]:
        """(command, what is shown below it) of a block of console or sh."""
        text = self.text.replace("\\\n", " ")
        if self.kind == "console":
            for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
                command, _, shown = part.partition("\n")
                yield re.sub(r" {2,}# .*$", "", command), shown
        else:
            for line in text.splitlines():
                if line and not line.startswith("#"):
                    yield re.sub(r" {2,}# .*$", "", line), ""


def blocks(text: str) -> list[Block]:
    """Every fenced block of a page in its order; directives of the documentation are none."""
    return [Block(kind, body, dict(REMARK.findall(remarks))) for remarks, kind, body in FENCE.findall(text)]


def plain(text: str) -> str:
    """Text in which white space, the widths of tables and the size of rounding errors do not count."""
    text = re.sub(r"\b\d(\.\d+)?e-(09|[1-9]\d)\b|\b0e\+00\b", "tiny", text)
    return " ".join(re.sub(r"([━─┃│])\1+", r"\1", text).split())


def agree(shown: str, printed: str) -> str:
    """What of the lines shown was not printed, in this order; empty where all was."""
    left = plain(printed)
    for part in ANYTHING.split(shown):
        if wanted := plain(part):
            before, found, left = left.partition(wanted)
            if not found:
                return f"shown: {wanted}\nprinted: {before}"
    return ""


@dataclass(slots=True)
class Reader:
    """Runs blocks; `printed` gives what came out since it was last asked."""

    folder: Path
    printed: Callable[[], str]
    names: dict[str, Any] = field(default_factory=dict)
    last: str = ""
    compared: int = 0

    def take(self, block: Block) -> None:
        """Run one block and compare. Raises AssertionError where it is not as shown."""
        why = block.remarks
        if "first" in why:
            self.command(why["first"])
        if "run by" in why:
            assert (ROOT / why["run by"]).is_file(), f"no test {why['run by']}"
        elif "not run" in why:
            assert len(why["not run"]) > 8, f"why is this not run?\n{block.text}"
        elif "output" in why:
            self.same(block.text, self.last)
        elif "file" in why:
            self.same(block.text, (self.folder / why["file"]).read_text("utf-8"))
        elif block.kind == "python":
            self.python(block.text)
        elif block.kind in ("console", "sh"):
            for command, shown in block.commands():
                self.command(command, "first window" in why, shown)
                if shown.strip() and "first window" not in why:
                    self.same(shown, self.last)

    def same(self, shown: str, printed: str) -> None:
        """Compare, and count."""
        wrong = agree(shown, printed)
        assert not wrong, wrong
        self.compared += 1

    def command(self, command: str, first: bool = False, shown: str = "") -> None:
        """One command, in this process, with the plugins that it names alone; its exit code is that of what is shown."""
        if command.startswith(INSTALLS):
            return
        name, *arguments = shlex.split(command)
        if name in BESIDE:
            self.last = subprocess.run([name, *arguments], check=True, capture_output=True, text=True).stdout
            return
        assert name == "evenhand", f"say why it is not run: {command}"
        if first and arguments[0] == "compare":
            arguments += ["--windows", "0"]
        self.printed()
        sys.argv = [name, *arguments]
        registry._PLUGINS.clear()
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        self.last = self.printed()
        expected = 2 if shown.startswith("evenhand: ") else int(bool(re.search(r" [1-9]\d* broken$", shown, re.M)))
        assert code == expected, f"{command}: {self.last}"

    def python(self, text: str) -> None:
        """One block, statement by statement."""
        lines = text.splitlines()
        for node in ast.parse(text).body:
            self.printed()
            exec(compile(ast.Module([node], []), "page", "exec", dont_inherit=True), self.names)
            out = self.printed()
            source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            if said := [part for line in SAID.findall(source) for part in line.split(", then ")]:
                assert [plain(line) for line in out.splitlines()] == [plain(part) for part in said], source
                self.compared += 1
            elif isinstance(node, ast.Expr) and (told := NUMBER.search(lines[(node.end_lineno or 1) - 1])):
                digits = len(told[1].partition(".")[2])
                value = eval(compile(ast.Expression(node.value), "page", "eval", dont_inherit=True), self.names)
                assert f"{float(value):.{digits}f}" == told[1], source
                self.compared += 1
