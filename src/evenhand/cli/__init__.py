"""The command line, one verb a file."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; an interrupt is one line and exit code 130, from the first import on."""
    try:
        from evenhand.cli.app import main as run

        code = run()
    except KeyboardInterrupt:
        print("evenhand: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)
