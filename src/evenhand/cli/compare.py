"""`evenhand compare`: policies on a scenario, or allocators on a one-shot scenario, side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli.common import Scenario, known_format, refused, settings_of, show, wrote
from evenhand.errors import ParameterError

__all__ = ["compare"]


def compare(
    scenario: Scenario,
    policies: Annotated[
        str, typer.Option(help="Comma-separated: labels of the line-up, or Name(parameter=value).")
    ] = "",
    windows: Annotated[str, typer.Option(help="all, 12, 0,24,48 or 0:97:24 (starts).")] = "all",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="name=value, any setting of the scenario; repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default out/compare-SCENARIO.")] = None,
    format_: Annotated[str, typer.Option("--format", help="table, json or csv on stdout.")] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no list of files.")] = False,
) -> None:
    """Replay a scenario under several policies and set them beside the optimum in hindsight.

    Examples:

      evenhand compare geo7

      evenhand compare geo7 --policies OPT,HITMIN,FairOBD --windows 0:97:24

      evenhand compare fleet --set fairness=1 --policies "ours,uniform,Proportional(to=need)"

      evenhand compare my-sites.yaml

      evenhand compare geo7 --set mu=1.667 --policies "OPT,FairOBD(eta=0.03, domain=ball)" --format csv --quiet

    Writes comparison.csv, comparison.md, run.json, trajectories.parquet, cost_by_policy.png, burden_by_site.png.
    A one-shot scenario (fleet) is compared by allocators: comparison.csv, comparison.md, cases.csv,
    utility_by_allocator.png.
    """
    known_format(format_)
    if not quiet:
        from evenhand.diagnose import announce_compilation

        announce_compilation()
    from evenhand.experiment import names_own, scenario_named

    if not names_own(scenario) and hasattr(scenario_named(scenario), "fleets"):
        _compare_fleets(scenario, settings_of(set_), policies, windows, out, format_, quiet)
        return
    from evenhand.experiment import HINDSIGHT, load, pick_policies, pick_windows, windows_of
    from evenhand.experiment import compare as run
    from evenhand.report import compare as report

    episodes = load(scenario, **settings_of(set_))
    chosen, hindsight = (None, list(HINDSIGHT)) if not policies else pick_policies(episodes, policies)
    starts = pick_windows(windows, len(episodes))
    line_up = episodes.scenario.line_up() if chosen is None else chosen
    folder = out or Path("out") / f"compare-{Path(episodes.name).name}"
    lost = refused(folder)
    count = len(windows_of(episodes, windows))
    steps = count * (len(line_up) + len({"OPT", *hindsight}))

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    live = not quiet and sys.stderr.isatty()
    with Progress(
        TextColumn("{task.description:>18}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not live, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("windows", total=steps)
        result = run(
            episodes,
            chosen,
            starts,
            hindsight,
            lambda label, done: bar.update(task, advance=done, description=label),
        )
    if format_ == "csv":
        print(report.as_csv(result), end="")
    elif format_ == "json":
        print(report.as_json(result), end="")
    else:
        show(report.as_terminal(result))
        note = getattr(episodes.scenario, "note", "")
        if note and not quiet:
            print(note)
    sys.stdout.flush()
    files = [] if lost else report.write_comparison(result, folder)
    without = {"OPT": "No OPT, so no ratios: "}
    told = [f"{without.get(name, f'No {name}: ')}{why}" for name, why in result.missing.items()]
    if not result.no_opt:
        told.insert(0, f"OPT proved to {result.gap:.0e} relative")
    wrote(files, quiet, f"{'. '.join(told)}. ")


def _compare_fleets(
    name: str, settings: dict[str, Any], policies: str, windows: str, out: Path | None, format_: str, quiet: bool
) -> None:
    """`compare` for a one-shot scenario: allocators instead of policies."""
    if windows != "all":
        raise ParameterError(f"--windows {windows!r}: {name} is one-shot, it has cases and no windows; leave it out")
    from evenhand.one_shot import compare_allocators, pick_allocators
    from evenhand.registry import construct
    from evenhand.report import compare_fleets as report

    scenario = construct("scenarios", name, settings)
    chosen = pick_allocators(scenario, policies) if policies else None
    folder = out or Path("out") / f"compare-{name}"
    lost = refused(folder)
    tell = None if quiet else lambda label, cases: print(f"{label}: {cases} cases", file=sys.stderr)
    result = compare_allocators(name, scenario, chosen, tell)
    if format_ == "csv":
        print(result.to_frame().to_csv(index=False), end="")
    elif format_ == "json":
        print(result.to_frame().to_json(orient="records", indent=2))
    else:
        show(report.as_terminal(result))
        print("\n".join(report.gains_in_words(result)))
        if not quiet:
            print(getattr(scenario, "note", ""))
    sys.stdout.flush()
    wrote([] if lost else report.write_splits(result, folder), quiet)
