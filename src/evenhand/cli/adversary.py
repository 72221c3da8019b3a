"""`evenhand adversary`: policies in the environments that no policy beats."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from evenhand.cli.common import Figure, choice, draw, drawable, numbers_of, print_table
from evenhand.errors import EvenhandError

__all__ = ["adversary"]


def adversary(
    kind: Annotated[str, typer.Argument(help="regret or ratio.")],
    policy: Annotated[str, typer.Option(help="Name(parameter=value), or all.")] = "all",
    rounds: Annotated[str, typer.Option(help="Horizons T, even, by commas.")] = "64,256,1024,4096",
    out: Figure = None,
) -> None:
    """Play policies in the adversary that no policy beats; print the measured regret or ratio beside the bound.

    Example: evenhand adversary ratio --policy all --rounds 64,256,1024,4096 --out ratio.png
    """
    choice("KIND", kind, ("regret", "ratio"))
    place = drawable(out)
    from evenhand.registry import parse
    from evenhand.report.theory import every_policy
    from evenhand.theory.adversaries import ConstantRegret, LinearRatio, duel

    horizons = numbers_of(rounds)
    make = ConstantRegret if kind == "regret" else LinearRatio
    environments = [make(count) for count in horizons]
    players = every_policy() if policy == "all" else {policy: parse("policies", policy)}
    measured: dict[str, list[float]] = {}
    for label, player in players.items():
        try:
            measured[label] = [duel(e, player).measured for e in environments]
        except EvenhandError as error:
            if policy != "all":
                raise
            print(f"{label} was not played: {error}", file=sys.stderr)
    lines = [(label, *(f"{v:.4f}" for v in values)) for label, values in measured.items()]
    lines.append(("proved: at least", *(f"{e.proved:.4f}" for e in environments)))
    what = "cost - OPT per round" if kind == "regret" else "cost / OPT"
    print_table(f"Adversary of {kind}: measured {what}", ("policy", *(f"T = {count}" for count in horizons)), lines)
    draw(place, "adversary", kind, horizons, measured)
