"""`evenhand certify`: how far a run is at most above the best in hindsight."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.common import Figure, Settings, Windows, choice, draw, drawable, episodes_of, percent, print_table
from evenhand.errors import ParameterError

__all__ = ["certify"]


def certify(
    subject: Annotated[
        str,
        typer.Argument(
            help="A folder that `evenhand compare` wrote (out/compare-geo7), a scenario, or your own .yaml or .toml."
        ),
    ],
    policy: Annotated[str, typer.Option(help="A policy of that run, a prefix of some, or all.")] = "all",
    windows: Windows = "all",
    set_: Settings = None,
    format_: Annotated[str, typer.Option("--format", help="table or csv on stdout.")] = "table",
    out: Figure = None,
) -> None:
    """Prove, window by window, how far a run is at most above the best possible in hindsight.

    A run that was written is played again as it was; a scenario is played under its line-up, or under --policy.

    Examples:

      evenhand certify out/compare-geo7 --policy FairOBD

      evenhand certify my-sites.yaml
    """
    choice("--format", format_, ("table", "csv"))
    place = drawable(out)
    from evenhand.offline.bound import lower_bound
    from evenhand.report.certify import play_again, read_run

    if _written(subject):
        if windows != "all" or set_:
            raise ParameterError(
                f"{subject!r} is a run, with windows and settings of its own: leave out --windows, --set"
            )
        replay = read_run(subject)
        labels = replay.labels(policy)
    else:
        episodes, _, chosen = episodes_of(subject, windows, set_)
        replay = play_again(episodes, policy, chosen)
        labels = replay.labels("all")
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


def _written(subject: str) -> bool:
    """Whether that is a folder that `compare` wrote, or should be one: no scenario, no configuration of a user's."""
    from evenhand.own import SUFFIXES
    from evenhand.registry import catalogue

    place = Path(subject)
    if (place / "run.json").is_file():
        return True
    own = subject.lower().endswith(SUFFIXES) or any(path for suffix in SUFFIXES for path in place.glob(f"*{suffix}"))
    plain = subject.lower().replace("_", "").replace("-", "")
    return not own and plain not in {name.lower() for name in catalogue("scenarios")}
