"""`evenhand periodicity`: how periodic a trace is."""

from __future__ import annotations

from typing import Annotated

import typer

from evenhand.cli.common import Figure, Scenario, Settings, Windows, draw, drawable, episodes_of, print_table

__all__ = ["periodicity"]


def periodicity(
    scenario: Scenario,
    windows: Windows = "all",
    mirror: Annotated[str, typer.Option(help="euclidean, or entropy (burdens in l_inf).")] = "euclidean",
    set_: Settings = None,
    out: Figure = None,
) -> None:
    """Print the delta that OPT attains for each frame length R: how periodic the trace is.

    Example: evenhand periodicity geo7
    """
    place = drawable(out)
    from evenhand.offline.frames import periodicity as measure
    from evenhand.offline.optimum import optimum
    from evenhand.registry import construct

    _, batch, _ = episodes_of(scenario, windows, set_)
    rounds = batch.horizon
    found = measure(optimum(batch).trajectory, construct("mirrors", mirror, {}))
    lines = [
        (str(r), f"{d.mean():.2f}", f"{d.min():.2f}", f"{d.max():.2f}", f"{d.mean() / rounds:.3f}")
        for r, d in found.items()
    ]
    count = next(iter(found.values())).size
    title = f"{scenario}: delta attained by OPT, {count} window{'s' * (count != 1)} of {rounds} rounds"
    print_table(title, ("frame R", "delta (mean)", "least", "largest", "delta / T"), lines)
    draw(place, "periodicity", found, rounds)
