"""The command line, one verb a file."""

from evenhand.cli.app import main

__all__ = ["main"]
