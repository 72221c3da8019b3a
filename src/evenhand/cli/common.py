"""What the verbs of the command line share."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.errors import ParameterError, UnknownNameError

__all__ = [
    "Csv",
    "Figure",
    "Settings",
    "Windows",
    "choice",
    "draw",
    "episodes_of",
    "form_of",
    "known_format",
    "numbers_of",
    "percent",
    "print_table",
    "settings_of",
    "show",
]

Settings = Annotated[list[str] | None, typer.Option("--set", help="name=value, any setting of the scenario.")]
Windows = Annotated[str, typer.Option(help="all, 12, 0,24,48 or 0:97:24 (starts).")]
Csv = Annotated[
    list[str] | None,
    typer.Option("--csv", help="separator=; or tab, decimal=, or encoding=cp1252; repeatable, guessed when left out."),
]
Figure = Annotated[Path | None, typer.Option(help="Also draw a figure into this file (.png, .svg, .pdf).")]


def settings_of(items: list[str] | None) -> dict[str, Any]:
    """Read ``name=value`` pairs; values are Python literals, inf, or text."""
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
        except (ValueError, SyntaxError):
            out[name] = value
    return out


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


def show(table: Any) -> None:
    """Print a Rich table, 120 columns wide where there is no terminal."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 120).print(table)


def episodes_of(scenario: str, windows: str, set_: list[str] | None) -> tuple[Any, Any, list[int]]:
    """The scenario's episodes, the chosen windows as one batch, and their starts."""
    from evenhand.experiment import load, pick_windows

    episodes = load(scenario, **settings_of(set_))
    starts = pick_windows(windows, len(episodes))
    chosen = list(range(len(episodes))) if starts is None else starts
    return episodes, episodes.windows().select(chosen), chosen


def choice(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise ParameterError for a value that is not allowed."""
    if value not in allowed:
        raise ParameterError(f"{name} is {value!r}: it must be {' or '.join(allowed)}")


def numbers_of(text: str) -> list[int]:
    """Read whole numbers by commas."""
    try:
        return [int(item) for item in text.split(",")]
    except ValueError:
        raise ParameterError(f"--rounds is {text!r}: write whole numbers by commas, such as 64,256,1024") from None


def percent(value: float) -> str:
    """A share in per cent."""
    return f"{100.0 * value:.2f} %" if value < 10.0 else f"{100.0 * value:,.0f} %"


def print_table(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print rows of text as a table, 140 columns wide where there is no terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for k, name in enumerate(head):
        table.add_column(name, justify="left" if k == 0 else "right", overflow="fold")
    for line in lines:
        table.add_row(*line)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def draw(out: Path | None, name: str, *data: Any) -> None:
    """Draw a figure of `report.theory_plots` into a file, where one is asked for."""
    if out is None:
        return
    from evenhand.files import writing
    from evenhand.report import theory_plots

    if not out.parent.is_dir():
        raise ParameterError(f"--out {str(out)!r}: the folder {str(out.parent)!r} does not exist")
    with writing(out) as temporary:
        getattr(theory_plots, name)(*data, temporary)
    print(f"Wrote {out}", file=sys.stderr)
