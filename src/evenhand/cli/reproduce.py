"""`evenhand reproduce`: the papers' tables, ours beside published."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["reproduce"]


def reproduce(
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("out") / "reproduce",
    quick: Annotated[bool, typer.Option("--quick", help="Every twelfth window, fewer random fleets: seconds.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no list of files.")] = False,
) -> None:
    """Recompute the papers' tables, ours beside published: one HTML page and the CSVs behind it.

    Examples:

      evenhand reproduce

      evenhand reproduce --quick --out report

    Writes report.html (self-contained, no network needed), table_1.csv, tables_2_3_4.csv, rankings.csv, figure_1.csv,
    fleets.csv and fleets_by_case.csv.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from evenhand.files import folder_for
    from evenhand.report.reproduce import write_reproduction
    from evenhand.reproduce.run import STEPS
    from evenhand.reproduce.run import reproduce as run

    folder_for(out)
    with Progress(
        TextColumn("{task.description:>18}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=quiet or not sys.stderr.isatty(), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("windows", total=STEPS[quick])
        result = run(quick, lambda what, done: bar.update(task, advance=done, description=what))
        bar.update(task, description="writing")
        files = write_reproduction(result, out)
    checks = result.checks
    same = sum(ours == published for ours, published in checks.rankings.values())
    number, policy, apart = checks.farthest
    print(
        f"Ratios of FairOBD and ROBD lie within {apart:.3f} of the published ones (farthest: {policy}, "
        f"Table {number}); "
        f"{same} of {len(checks.rankings)} rankings are the published ones."
    )
    if not quiet:
        print(f"Wrote {', '.join(str(f) for f in files)}", file=sys.stderr)
