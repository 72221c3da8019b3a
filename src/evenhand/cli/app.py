"""The command line: arguments to the registry to one verb to text. Source of truth for nothing.

One verb a file, its function's docstring is its help; `VERBS` attaches them all.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand import __version__
from evenhand.cli.adversary import adversary
from evenhand.cli.allocate import allocate
from evenhand.cli.bound import bound
from evenhand.cli.certify import certify
from evenhand.cli.compare import compare
from evenhand.cli.fit import fit
from evenhand.cli.info import info
from evenhand.cli.list_ import list_
from evenhand.cli.new_scenario import new_scenario
from evenhand.cli.periodicity import periodicity
from evenhand.cli.reproduce import reproduce
from evenhand.cli.sweep import sweep
from evenhand.cli.theory import theory
from evenhand.cli.warmup import warmup
from evenhand.errors import EvenhandError

__all__ = ["VERBS", "app", "main"]

#: verb -> what it runs, in the order of `evenhand --help`
VERBS: dict[str, Callable[..., None]] = {
    "compare": compare,
    "list": list_,
    "info": info,
    "warmup": warmup,
    "allocate": allocate,
    "fit": fit,
    "sweep": sweep,
    "reproduce": reproduce,
    "new-scenario": new_scenario,
    "certify": certify,
    "bound": bound,
    "periodicity": periodicity,
    "adversary": adversary,
    "theory": theory,
}

#: what Typer raises for a wrong option or argument; reached through a public subclass, its own module is not public
_UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="evenhand",
    help="Allocate shared resources with an even hand (fair) and a steady one (smooth).",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; an EvenhandError is one line on stderr and exit code 2, a warning one line."""
    warnings.formatwarning = lambda message, *_: f"evenhand: {message}\n"
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False))
    except (EvenhandError, _UsageError) as error:
        told = getattr(error, "format_message", error.__str__)
        print(f"evenhand: {told()}".replace("\n", " "), file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("evenhand: interrupted", file=sys.stderr)
        sys.exit(130)


def _version(show: bool) -> None:
    if show:
        print(f"evenhand {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="A Python file with policies, costs, ... of your own.")
    ] = None,
) -> None:
    """Read the options that stand before the verb."""
    for path in plugin or []:
        from evenhand.registry import load_plugin

        load_plugin(path)


for verb, function in VERBS.items():
    app.command(verb)(function)
