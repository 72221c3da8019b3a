"""`evenhand new`: a working file for something of one's own."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from evenhand.errors import ParameterError

__all__ = ["new"]


def new(
    kind: Annotated[str, typer.Argument(help="policy, fairness, switching, cost, utility or scenario.")],
    file: Annotated[Path, typer.Argument(help="The Python file to write; its class is named after it.")],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a working, commented file for a policy, a cost of any kind, a utility or a scenario of your own.

    Examples:

      evenhand new policy my_policy.py && evenhand check my_policy.py

      evenhand new fairness our_levels.py

      evenhand new scenario my_sites.py --force

    my_policy.py holds the class MyPolicy. The file runs and passes its checks as it is: change it from there.
    """
    from evenhand.files import writing
    from evenhand.templates import written

    text = written(kind, file)
    if file.exists() and not force:
        raise ParameterError(f"{str(file)!r} exists: choose another name, or write over it with --force")
    with writing(file, "FILE") as path:
        path.write_text(text, "utf-8", newline="\n")
    print(f"Wrote {file}. Check it: evenhand check {shlex.quote(str(file))}")
