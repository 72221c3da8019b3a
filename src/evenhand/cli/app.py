"""The command line: arguments to the registry to one verb to text. Source of truth for nothing.

One verb a file, its function's docstring is its help; `VERBS` attaches them all.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand import __version__
from evenhand.cli import interrupted
from evenhand.cli.adversary import adversary
from evenhand.cli.advise import advise
from evenhand.cli.allocate import allocate
from evenhand.cli.bound import bound
from evenhand.cli.certify import certify
from evenhand.cli.check import check
from evenhand.cli.common import Interrupted
from evenhand.cli.compare import compare
from evenhand.cli.connect import connect
from evenhand.cli.controller import controller
from evenhand.cli.fit import fit
from evenhand.cli.info import info
from evenhand.cli.list_ import list_
from evenhand.cli.network import network
from evenhand.cli.new import new
from evenhand.cli.new_scenario import new_scenario
from evenhand.cli.next import next_
from evenhand.cli.periodicity import periodicity
from evenhand.cli.replay import replay
from evenhand.cli.reproduce import reproduce
from evenhand.cli.serve import serve
from evenhand.cli.sweep import sweep
from evenhand.cli.theory import theory
from evenhand.cli.token import token
from evenhand.cli.warmup import warmup
from evenhand.errors import EvenhandError

__all__ = ["VERBS", "app", "main"]

#: verb -> what it runs, in the order of `evenhand --help`
VERBS: dict[str, Callable[..., None]] = {
    "advise": advise,
    "compare": compare,
    "list": list_,
    "info": info,
    "warmup": warmup,
    "allocate": allocate,
    "fit": fit,
    "network": network,
    "sweep": sweep,
    "reproduce": reproduce,
    "new-scenario": new_scenario,
    "new": new,
    "check": check,
    "next": next_,
    "replay": replay,
    "serve": serve,
    "connect": connect,
    "certify": certify,
    "bound": bound,
    "periodicity": periodicity,
    "adversary": adversary,
    "theory": theory,
}

#: what Typer raises for a wrong option or argument; reached through a public subclass, its own module is not public
_UsageError: Any = typer.BadParameter.__mro__[1]

app: typer.Typer = typer.Typer(
    name="evenhand",
    help="Allocate shared resources with an even hand (fair) and a steady one (smooth).",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> int:
    """Run the command line and give its exit code.

    An EvenhandError, or what the system refuses, is one line on stderr and exit code 2; an interrupt is 130.
    """
    if sys.stderr is None:  # closed by the caller
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        return _refuse("standard output is closed: send it to a file, or to /dev/null")
    if isinstance(sys.stdout, io.TextIOWrapper):  # a letter that the terminal does not have is no reason to stop
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.formatwarning = lambda message, *_: " ".join(f"evenhand: {message}".split()) + "\n"
    return _run(sys.argv[1:] or ["--help"])


def _run(arguments: list[str]) -> int:
    try:
        code = app(arguments, prog_name="evenhand", standalone_mode=False) or 0
        sys.stdout.flush()
        if code == 130:  # interrupted while Typer read the arguments
            return interrupted("interrupted")
    except (EvenhandError, _UsageError) as error:
        return _refuse(getattr(error, "format_message", error.__str__)())
    except (Interrupted, KeyboardInterrupt, typer.Abort) as error:
        return interrupted(str(error) if isinstance(error, Interrupted) else "interrupted")
    except SystemExit as leaving:
        if not leaving.code:  # the shell was told how to complete
            return 0
        # what Typer and Rich make of a reader that went away
        return _refuse("cannot write to standard output: its reader is gone")
    except OSError as error:
        name = f"{str(error.filename)!r}: " if error.filename else ""
        if not name and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF):
            name = "cannot write to standard output: "
        return _refuse(f"{name}{error.strerror or error}")
    except MemoryError as error:
        return _refuse(f"not enough memory: {str(error) or 'ask for less at once'}")
    except RecursionError:
        return _refuse("what was given is nested too deeply")
    return code


def _refuse(told: str) -> int:
    print(f"evenhand: {told}".replace("\n", " "), file=sys.stderr)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        return 2
    # what is left in the buffer has nowhere to go: the interpreter would try again at its end, and complain
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 2


def _version(show: bool) -> None:
    if show:
        print(f"evenhand {__version__}")
        raise typer.Exit


def _interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt is behind an error; inside an import it comes out as an ImportError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _guarded(function: Callable[..., None]) -> Callable[..., None]:
    """The verb, its interrupts out of Typer's sight, which ends without a word."""

    @functools.wraps(function)
    def run(**arguments: Any) -> None:
        try:
            function(**arguments)
        except Interrupted:
            raise
        except BaseException as error:
            if _interrupt(error):
                raise Interrupted("interrupted") from None
            raise

    return run


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


for _verb, _function in VERBS.items():
    app.command(_verb)(_guarded(_function))
for _group in (controller, token):
    for _each in _group.registered_commands:
        assert _each.callback is not None
        _each.callback = _guarded(_each.callback)
    app.add_typer(_group)
