"""`evenhand list`: what is known of a kind."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["list_"]


def list_(
    kind: Annotated[str, typer.Argument(help="policies, allocators, scenarios, utilities, fairness, costs, sets, ...")],
) -> None:
    """List what is known of a kind, with its parameters.

    Example: evenhand list policies
    """
    import inspect

    from evenhand.registry import catalogue

    for name, member in sorted(catalogue(kind).items()):
        signature = ", ".join(
            p.name if p.default is p.empty else f"{p.name}={p.default!r}"
            for p in inspect.signature(member).parameters.values()
        )
        first = (inspect.getdoc(member) or "").split("\n\n")[0].replace("\n", " ")
        print(f"{name}({signature})\n    {first}")
