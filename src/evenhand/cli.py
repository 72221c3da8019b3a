"""The command line: arguments to the registry to one verb to text. Source of truth for nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand import __version__, cli_allocate, cli_sweep, cli_theory
from evenhand.cli_common import settings_of
from evenhand.cli_own import attach_own
from evenhand.errors import EvenhandError

__all__ = ["app", "main"]

#: what Typer raises for a wrong option or argument; reached through a public subclass, its own module is not public
_UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="evenhand",
    help="Allocate shared resources with an even hand (fair) and a steady one (smooth).",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; an EvenhandError is one line on stderr and exit code 2."""
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False))
    except (EvenhandError, _UsageError) as error:
        told = getattr(error, "format_message", error.__str__)
        print(f"evenhand: {told()}".replace("\n", " "), file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("evenhand: interrupted", file=sys.stderr)
        sys.exit(130)


def _version(show: bool) -> None:
    if show:
        print(f"evenhand {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="A Python file with policies, costs, ... of your own.")
    ] = None,
) -> None:
    """Read the options that stand before the verb."""
    for path in plugin or []:
        from evenhand.registry import load_plugin

        load_plugin(path)


_COMPARE_HELP = """Replay a scenario under several policies and set them beside the optimum in hindsight.

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


@app.command(help=_COMPARE_HELP)
def compare(
    scenario: Annotated[
        str, typer.Argument(help="Name of a scenario (`evenhand list scenarios`), or your own .yaml or .toml file.")
    ],
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
    """Compare policies on a scenario."""
    cli_allocate.known_format(format_)
    if not quiet:
        from evenhand.diagnose import announce_compilation

        announce_compilation()
    from evenhand.experiment import names_own
    from evenhand.registry import lookup

    if not names_own(scenario) and hasattr(lookup("scenarios", scenario), "fleets"):
        cli_allocate.compare_fleets(scenario, settings_of(set_), policies, windows, out, format_, quiet)
        return
    from evenhand.experiment import HINDSIGHT, load, pick_policies, pick_windows
    from evenhand.experiment import compare as run
    from evenhand.report import tables

    episodes = load(scenario, **settings_of(set_))
    chosen, hindsight = (None, list(HINDSIGHT)) if not policies else pick_policies(episodes, policies)
    starts = pick_windows(windows, len(episodes))
    line_up = episodes.scenario.line_up() if chosen is None else chosen
    count = len(starts if starts is not None else episodes.starts or range(len(episodes)))
    steps = count * (len(line_up) + len({"OPT", *hindsight}))

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    show = not quiet and sys.stderr.isatty()
    with Progress(
        TextColumn("{task.description:>18}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=not show, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("windows", total=steps)
        result = run(
            episodes,
            chosen,
            starts,
            hindsight,
            lambda label, done: bar.update(task, advance=done, description=label),
        )
        bar.update(task, description="writing")
        files = tables.write_comparison(result, out or Path("out") / f"compare-{episodes.name}")
    if format_ == "csv":
        print(tables.as_csv(result), end="")
    elif format_ == "json":
        print(tables.as_json(result), end="")
    else:
        Console(width=None if sys.stdout.isatty() else 120).print(tables.as_terminal(result))
        note = getattr(episodes.scenario, "note", "")
        if note and not quiet:
            print(note)
    if not quiet:
        proof = (
            f"No OPT, so no ratios: {result.no_opt}" if result.no_opt else f"OPT proved to {result.gap:.0e} relative"
        )
        print(f"{proof}. Wrote {', '.join(str(f) for f in files)}", file=sys.stderr)


@app.command("list")
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


@app.command()
def info() -> None:
    """Versions, solvers, and which kernels are compiled."""
    from evenhand.diagnose import report

    print(report())


@app.command()
def warmup() -> None:
    """Compile every kernel now and cache it on disk, so that no later run waits for it."""
    from evenhand.diagnose import compile_all

    for name, seconds in compile_all().items():
        print(f"{name}: ready in {seconds:.2f} s")


cli_allocate.attach(app)
cli_sweep.attach(app)
attach_own(app)
cli_theory.register(app)


if __name__ == "__main__":
    main()
