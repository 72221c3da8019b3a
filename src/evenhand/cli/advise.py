"""`evenhand advise`: which policy to run on a user's own data, and what it costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.common import Settings, known_format, refused, settings_of, wrote
from evenhand.errors import ParameterError

__all__ = ["advise"]


def advise(
    scenario: Annotated[
        str, typer.Argument(help="Your own .yaml or .toml file, or a scenario (`evenhand list scenarios`).")
    ],
    policies: Annotated[
        str, typer.Option(help="Try these, by commas, in place of the sensible ones: FairOBD(eta=0.03, domain=ball).")
    ] = "",
    period: Annotated[
        int | None, typer.Option(help="Rounds in a pattern that repeats; a day when left out, if times tell it.")
    ] = None,
    set_: Settings = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report; default out/advise-SCENARIO.")] = None,
    format_: Annotated[str, typer.Option("--format", help="table, json or csv on stdout.")] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no list of files.")] = False,
) -> None:
    """Say which policy to run: replay a trace, choose on its first half, report on its second.

    Examples:

      evenhand advise my-sites.yaml

      evenhand advise my-sites.yaml --period 96 --set mu=2

      evenhand advise geo7

    In ten lines: the policy and the line for your configuration, how far from the best in hindsight (proved), what
    fairness costs, how much moves. Writes advice.html (self-contained), advice.csv, advice.json and policy.yaml.
    """
    known_format(format_)
    if not quiet:
        from evenhand.diagnose import announce_compilation

        announce_compilation()
    from evenhand.advice.advise import advise as run
    from evenhand.experiment import load, names_own, pick_policies, scenario_named
    from evenhand.report import advise as report

    if not names_own(scenario) and hasattr(scenario_named(scenario), "fleets"):
        raise ParameterError(
            f"{scenario} is one-shot, it has no rounds to choose on: use `evenhand compare {scenario}`"
        )
    episodes = load(scenario, **settings_of(set_))
    chosen = pick_policies(episodes, policies)[0] if policies else None
    folder = out or Path("out") / f"advise-{Path(episodes.name).name}"
    lost = refused(folder)

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description:>24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=quiet or not sys.stderr.isatty(), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("replays", total=None)
        advice = run(
            episodes,
            chosen,
            period,
            lambda label, done, steps: bar.update(task, completed=done, total=steps, description=label),
        )
    if format_ == "csv":
        print(report.as_csv(advice), end="")
    elif format_ == "json":
        print(report.as_json(advice), end="")
    else:
        print("\n".join(report.in_words(advice)))
    sys.stdout.flush()
    wrote([] if lost else report.write_advice(advice, folder), quiet)
