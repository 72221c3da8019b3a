"""`evenhand certify`: how far a run is at most above the best in hindsight."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.common import Figure, choice, draw, drawable, percent, print_table

__all__ = ["certify"]


def certify(
    folder: Annotated[Path, typer.Argument(help="A folder that `evenhand compare` wrote, such as out/compare-geo7.")],
    policy: Annotated[str, typer.Option(help="A policy of that comparison, a prefix of some, or all.")] = "all",
    format_: Annotated[str, typer.Option("--format", help="table or csv on stdout.")] = "table",
    out: Figure = None,
) -> None:
    """Prove, window by window, how far a run is at most above the best possible in hindsight.

    Example: evenhand certify out/compare-geo7 --policy FairOBD
    """
    choice("--format", format_, ("table", "csv"))
    place = drawable(out)
    from evenhand.offline.bound import lower_bound
    from evenhand.report.certify import read_run

    replay = read_run(folder)
    labels = replay.labels(policy)
    proved = lower_bound(replay.problem)
    costs = {label: replay.play(label).cost.total for label in labels}
    excess = {label: proved.excess(cost) for label, cost in costs.items()}
    if format_ == "csv":
        print("policy,window,cost,lower_bound,at_most_above")
        rows = csv.writer(sys.stdout, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        for label in labels:
            for k, window in enumerate(replay.windows):
                numbers = (float(v[k]) for v in (costs[label], proved.value, excess[label]))
                rows.writerow([label, window, *numbers])
    else:
        head = ("window", "best proved", *(f"{label}: cost, at most above" for label in labels))
        lines = [
            (str(window), f"{proved.value[k]:.2f}", *(f"{costs[x][k]:.2f}  {percent(excess[x][k])}" for x in labels))
            for k, window in enumerate(replay.windows)
        ]
        print_table(f"{replay.episodes.name}: proved distance to the best possible in hindsight", head, lines)
        for label in labels:
            mean = float(costs[label].mean() / proved.value.mean() - 1.0)
            worst = int(excess[label].argmax())
            print(
                f"{label}: at most {percent(mean)} above the best possible in hindsight, proved "
                f"(worst window {replay.windows[worst]}: {percent(excess[label][worst])})"
            )
    draw(place, "certificates", excess, replay.windows)
