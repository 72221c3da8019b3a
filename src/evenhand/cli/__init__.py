"""The command line, one verb a file."""

import signal
import sys

__all__ = ["interrupted", "main"]


def main() -> None:
    """Run the command line; an interrupt is one line and exit code 130, from the first import on."""
    try:
        from evenhand.cli.app import main as run

        code = run()
    except KeyboardInterrupt:
        code = interrupted("interrupted")
    sys.exit(code)


def interrupted(told: str) -> int:
    """Say that an interrupt ended the run, in one line, and give its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would only break the way out
    # what was cut off while it was being made (an import, a compiler's handle) complains when it is thrown away
    sys.unraisablehook = lambda _: None
    print(f"evenhand: {told}", file=sys.stderr)
    return 130
