"""The command line, one verb a file."""

import _thread
import os
import signal
import sys
import threading
from typing import Any

__all__ = ["main"]

INTERRUPTED = 130  # as a shell tells it


def main() -> None:
    """Run the command line; an interrupt is one line and exit code 130, from the first import on."""
    sys.unraisablehook = _again
    try:
        from evenhand.cli.app import main as run

        code = run()
    except KeyboardInterrupt:
        code = interrupted("interrupted")
    if code == INTERRUPTED:  # a compiler cut off in its work can crash the interpreter on the ordinary way out
        os._exit(code)
    sys.exit(code)


def interrupted(told: str) -> int:
    """Say that an interrupt ended the run, in one line, and give its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would only break the way out
    # what was cut off while it was being made (an import, a compiler's handle) complains when it is thrown away
    sys.unraisablehook = lambda _: None
    print(f"evenhand: {told}", file=sys.stderr, flush=True)
    return INTERRUPTED


def _again(lost: Any) -> None:
    """An interrupt that fell where nothing can be raised, as in a compiler's callback, comes again a moment later."""
    if isinstance(lost.exc_value, KeyboardInterrupt):
        threading.Timer(0.01, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(lost)
