"""``python -m evenhand``: the command line."""

from evenhand.cli.app import main

main()
