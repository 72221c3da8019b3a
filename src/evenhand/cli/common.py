"""What the verbs of the command line share."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.errors import EvenhandError, ParameterError, UnknownNameError

__all__ = [
    "Csv",
    "Figure",
    "Interrupted",
    "Scenario",
    "Settings",
    "Windows",
    "choice",
    "draw",
    "drawable",
    "episodes_of",
    "form_of",
    "known_format",
    "numbers_of",
    "percent",
    "print_table",
    "refused",
    "settings_of",
    "show",
    "wrote",
]


class Interrupted(Exception):
    """The user stopped a verb; the text says what is kept."""


Scenario = Annotated[
    str, typer.Argument(help="Name of a scenario (`evenhand list scenarios`), or your own .yaml or .toml file.")
]
Settings = Annotated[list[str] | None, typer.Option("--set", help="name=value, any setting of the scenario.")]
Windows = Annotated[str, typer.Option(help="all, 12, 0,24,48 or 0:97:24 (starts).")]
Csv = Annotated[
    list[str] | None,
    typer.Option("--csv", help="separator=; or tab, decimal=, or encoding=cp1252; repeatable, guessed when left out."),
]
Figure = Annotated[Path | None, typer.Option(help="Also draw a figure into this file (.png, .svg, .pdf).")]


def settings_of(items: list[str] | None) -> dict[str, Any]:
    """Read ``name=value`` pairs; values are Python literals, inf, costs such as ``Linear(2.0)``, or text."""
    out: dict[str, Any] = {}
    for item in items or []:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise ParameterError(f"--set {item!r}: write name=value, such as --set mu=1.5")
        if value in ("inf", "-inf"):
            out[name] = float(value)
            continue
        try:
            out[name] = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            out[name] = _record(value)
    return out


def _record(text: str) -> Any:
    """A cost or a memory written as ``Linear(2.0)``, ``Norm(mu=1.0)`` or ``HalfLife(24)``; other text as it is."""
    from evenhand.registry import catalogue, literal

    title, bracket, _ = text.partition("(")
    if bracket and any(title.strip() in catalogue(kind) for kind in ("switching", "fairness", "memory")):
        return literal(text)
    return text


def form_of(items: list[str] | None) -> Any:
    """Read ``separator=;``, ``decimal=,`` and ``encoding=cp1252`` into how a CSV is written."""
    from evenhand.tables import Format

    said: dict[str, str] = {}
    for item in items or []:
        name, _, value = item.partition("=")
        if name not in ("separator", "decimal", "encoding"):
            raise UnknownNameError("part of --csv", name, ("separator", "decimal", "encoding"))
        said[name] = {"tab": "\t", "\\t": "\t"}.get(value, value)
    return Format(**said)


def known_format(name: str) -> None:
    """Raise ParameterError for an unknown --format."""
    if name not in ("table", "json", "csv"):
        raise ParameterError(f"--format is {name!r}: it must be table, json or csv")


def show(table: Any, width: int = 120) -> None:
    """Print a Rich table as wide as the terminal, where there is none as COLUMNS says, else ``width`` columns wide."""
    from rich.console import Console

    from evenhand.report.fitting import fitting

    told = os.environ.get("COLUMNS", "")
    there = None if sys.stdout.isatty() else int(told) if told.isdecimal() and int(told) > 0 else width
    console = Console(width=there)
    for part in fitting(table, console.width):
        console.print(part)


def refused(folder: Path) -> bool:
    """Whether results cannot be written to a folder: told at once, before anything is computed.

    The table is printed all the same; the verb then ends with exit code 2.
    """
    from evenhand.files import check_folder

    return not told(check_folder, folder)


def told(check: Callable[[Path], Any], path: Path) -> bool:
    """Whether a check of a path passes; if not, the reason is told on stderr in one line."""
    try:
        check(path)
    except ParameterError as error:
        print(f"evenhand: {error}".replace("\n", " "), file=sys.stderr, flush=True)
        return False
    return True


def wrote(files: Sequence[Path], quiet: bool, before: str = "") -> None:
    """Say on stderr which files were written; exit code 2 where none could be (`refused` has said why)."""
    if not files:
        raise typer.Exit(2)
    if not quiet:
        print(f"{before}Wrote {', '.join(str(f) for f in files)}", file=sys.stderr)


def episodes_of(scenario: str, windows: str, set_: list[str] | None) -> tuple[Any, Any, list[int]]:
    """The scenario's episodes, the chosen windows as one batch, and their starts."""
    from evenhand.experiment import load, windows_of

    episodes = load(scenario, **settings_of(set_))
    chosen = windows_of(episodes, windows)
    return episodes, episodes.windows().select(chosen), list(chosen)


def choice(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise ParameterError for a value that is not allowed."""
    if value not in allowed:
        raise ParameterError(f"{name} is {value!r}: it must be {' or '.join(allowed)}")


def numbers_of(text: str) -> list[int]:
    """Read horizons of the adversaries: even whole numbers by commas."""
    from evenhand.columns import whole

    try:
        found = [whole("--rounds", int(item), low=2, high=10**6) for item in text.split(",")]
        if not any(count % 2 for count in found):
            return found
        raise ParameterError(f"--rounds is {text!r}: an adversary needs an even number of rounds")
    except ValueError as error:
        if isinstance(error, EvenhandError):
            raise
        raise ParameterError(f"--rounds is {text!r}: write whole numbers by commas, such as 64,256,1024") from None


def percent(value: float) -> str:
    """A share in per cent."""
    return f"{100.0 * value:.2f} %" if value < 10.0 else f"{100.0 * value:,.0f} %"


def print_table(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print rows of text as a table, 140 columns wide where there is no terminal."""
    from evenhand.report.text import add, table

    shown = table(title, head)
    for line in lines:
        add(shown, line)
    show(shown, 140)


def drawable(out: Path | None) -> Path | None:
    """Where a figure goes, seen before anything is computed: ``out``, or None where none is asked for.

    Raises ParameterError for a suffix that no figure has. Where it cannot be written, that is told at once, the table
    is printed all the same, and `draw` ends with exit code 2.
    """
    from evenhand.files import check_figure, figure_kind

    if out is None:
        return None
    figure_kind(out)
    return out if told(check_figure, out) else Path()


def draw(out: Path | None, name: str, *data: Any) -> None:
    """Draw a figure of `report.theory_plots` into the file that `drawable` gave."""
    if out is None:
        return
    if out == Path():
        raise typer.Exit(2)
    from evenhand.report import theory_plots

    getattr(theory_plots, name)(*data, out)
    print(f"Wrote {out}", file=sys.stderr)
