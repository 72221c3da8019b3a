"""`evenhand sweep`: policies on a grid of parameters, settings and seeds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.cli.common import Interrupted, known_format, show
from evenhand.errors import ParameterError, UnknownNameError

if TYPE_CHECKING:
    from evenhand.sweeps.plan import Job, Plan
    from evenhand.sweeps.shards import Results

__all__ = ["sweep"]


def sweep(
    what: Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Scenarios, and further name=values.")],
    policy: Annotated[
        list[str] | None, typer.Option(help="Name or Name(parameter=value); repeatable, or with commas.")
    ] = None,
    grid: Annotated[list[str] | None, typer.Option(help="name=values of a parameter of the policies.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="name=values of a setting of the scenario.")] = None,
    seeds: Annotated[int, typer.Option(help="Seeds 0 .. N - 1, where something is drawn at random.")] = 1,
    windows: Annotated[str, typer.Option(help="all, 12, 0,24,48 or 0:97:24 (starts).")] = "all",
    jobs: Annotated[int, typer.Option(help="Local processes.")] = 1,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, instead of --jobs.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default out/sweep-SCENARIO.")] = None,
    format_: Annotated[str, typer.Option("--format", help="table, json or csv (of the summary) on stdout.")] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no list of files.")] = False,
) -> None:
    """Play policies on a grid of parameters, settings and seeds, with the ratio to OPT of every window.

    Examples:

      evenhand sweep geo7 --policy FairOBD --grid eta=1e-4:1:log9 lambda2=0,0.1,1 --jobs 2

      evenhand sweep geo7 --policy "FairOBD(domain=ball),DMD" --grid eta=1e-3,1e-2 --set mu=1.667,3.333 --windows 0:97:8

      evenhand sweep geo7 --policy ROBD --grid lambda2=0:1:lin11 --cluster tcp://scheduler:8786

    A grid is start:stop:logN, start:stop:linN, or values with commas. name=values without an option before it
    belongs to the policy or scenario that has the name. A stopped sweep resumes: run the same command again.

    Writes results.parquet (a row per episode), summary.csv, pareto.png and, while it runs, parts/.
    """
    known_format(format_)
    from evenhand.files import writing
    from evenhand.registry import split_items
    from evenhand.report.sweep_plots import pareto
    from evenhand.sweeps.plan import make_plan

    scenarios = [item for item in what if "=" not in item]
    if not scenarios:
        raise ParameterError("no scenario is named: see `evenhand list scenarios`")
    policies = [name for item in policy or [] for name in split_items(item)]
    if not policies:
        raise ParameterError("no policy is named: give at least one, such as --policy FairOBD")
    axes, settings = _axes(scenarios, policies, grid or [], set_ or [], [item for item in what if "=" in item])
    plan = make_plan(scenarios, policies, axes, settings, seeds, windows)
    folder = out or Path("out") / f"sweep-{'-'.join(Path(name).stem for name in scenarios)}"
    results = _with_progress(plan, folder, jobs, cluster, quiet)
    summary = results.summary()
    with writing(folder / "pareto.png") as temporary:
        pareto(summary, temporary)
    if format_ == "table":
        _show(summary, results)
    else:
        print(summary.to_json(orient="records", indent=2) if format_ == "json" else summary.to_csv(index=False), end="")
    if not quiet:
        for note in results.notes:
            print(note, file=sys.stderr)
        files = ", ".join(str(f) for f in (*results.files, folder / "pareto.png"))
        print(f"{plan.episodes:,} episodes. Wrote {files}", file=sys.stderr)


def _axes(
    scenarios: Sequence[str], policies: Sequence[str], grid: list[str], set_: list[str], bare: list[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The axes of the policies and of the scenarios; bare items go where their name is known."""
    import inspect

    from evenhand.registry import lookup, parse
    from evenhand.sweeps.grid import assignments

    if bare:
        of_policies = {p for text in policies for p in inspect.signature(type(parse("policies", text))).parameters}
        files = [name for name in scenarios if Path(name).exists()]
        of_scenarios = {
            p for n in scenarios if n not in files for p in inspect.signature(lookup("scenarios", n)).parameters
        }
        for item in bare:
            name = item.partition("=")[0].strip()
            if name in of_policies and name in of_scenarios:
                raise ParameterError(f"{item!r} fits a policy and a scenario: write --grid {item} or --set {item}")
            if name not in of_policies | of_scenarios and not files:
                raise UnknownNameError("parameter or setting", name, of_policies | of_scenarios)
            (grid if name in of_policies else set_).append(item)
    return assignments(grid, "--grid"), assignments(set_, "--set")


def _with_progress(plan: Plan, folder: Path, jobs: int, cluster: str | None, quiet: bool) -> Results:
    """Run the plan behind a bar that counts episodes and tells the time left; OPT weighs as much as it takes."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from evenhand.sweeps.run import run_plan

    def weight(job: Job) -> int:
        return job.episodes * (60 if job.entry < 0 else 1)

    live = not quiet and sys.stderr.isatty()
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not live, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("episodes", total=sum(weight(job) for job in plan.jobs))
        done = parts = 0

        def tell(finished: Sequence[Job]) -> None:
            nonlocal done, parts
            parts += len(finished)
            done += sum(job.episodes for job in finished if job.entry >= 0)
            text = f"{done:,} of {plan.episodes:,} episodes"
            bar.update(task, advance=sum(weight(job) for job in finished), description=text)

        try:
            return run_plan(plan, folder, jobs, cluster, tell)
        except KeyboardInterrupt:
            raise Interrupted(
                f"interrupted: {parts} of {len(plan.jobs)} parts are kept in {str(folder)!r}, "
                "run the same command again to go on"
            ) from None


def _show(summary: Any, results: Results) -> None:
    """The summary on the terminal; of a long one, OPT and the 20 cheapest rows of each case."""
    from evenhand.report.text import add, table

    cases = [c for c in summary.columns if c == "scenario" or c.startswith("setting_")]
    head = [name.removeprefix("param_").removeprefix("setting_") for name in summary.columns]
    told = head[: list(summary.columns).index("hitting")]  # what a row is about: it stays beside the numbers
    shown = table("mean cost per round over windows and seeds", head, told)
    left_out = 0
    for _, rows in summary.groupby(cases, sort=False, dropna=False):
        keep = set(rows.nsmallest(21, "total").index) | set(rows.index[rows["policy"] == "OPT"])
        left_out += len(rows) - len(keep)
        online = rows[rows["policy"] != "OPT"]
        best = online["total"].idxmin()
        for at, row in rows.iterrows():
            if at in keep:
                cells = [_cell(name, row[name]) for name in summary.columns]
                add(shown, cells, "bold" if at == best else "cyan" if row["policy"] == "OPT" else "")
    show(shown, 140)
    if left_out:
        print(f"{left_out} dearer rows are in summary.csv")


def _cell(name: str, value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}" if "ratio" in name else f"{value:g}" if "_" in name else f"{value:.2f}"
    return str(value)
