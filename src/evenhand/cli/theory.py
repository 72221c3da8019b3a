"""`evenhand theory`: every claim of the theory, computed."""

from __future__ import annotations

from typing import Annotated

import typer

from evenhand.cli.common import Figure, draw, drawable, numbers_of, print_table
from evenhand.errors import ParameterError

__all__ = ["theory"]


def theory(
    drawn: Annotated[int, typer.Option(help="Number of drawn instances.")] = 200,
    rounds: Annotated[str, typer.Option(help="Horizons T of the adversaries.")] = "64,256,1024,4096",
    out: Figure = None,
) -> None:
    """Compute every claim of the theory and print it beside what was measured; exit code 1 if one fails.

    With --out, draw what vanishes as T grows and what does not.
    """
    place = drawable(out)
    from evenhand.columns import whole
    from evenhand.report.theory import claims
    from evenhand.theory.asymptotics import excess_on_periodic, regret_in_adversary

    horizons = numbers_of(rounds)
    whole("--drawn", drawn, high=10**6)
    if len([count for count in horizons if count >= 64]) < 2:
        raise ParameterError(f"--rounds is {rounds!r}: a decay needs two of them, at least 64")
    found = list(claims(drawn=drawn, rounds=horizons))
    lines = [(c.text, c.measured, c.required, "yes" if c.holds else "NO") for c in found]
    print_table("Claims, computed now", ("claim", "measured", "required", "holds"), lines)
    if place is not None:
        draw(place, "vanishing", excess_on_periodic(horizons), regret_in_adversary(horizons))
    if not all(c.holds for c in found):
        raise typer.Exit(1)
