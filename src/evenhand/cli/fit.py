"""`evenhand fit`: utilities from measurements."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.common import Csv, form_of, known_format, refused, show, wrote
from evenhand.errors import EvenhandError, ParameterError

__all__ = ["fit"]


def fit(
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file, one row a measured point.")],
    by: Annotated[list[str], typer.Option(help="Column whose values are the groups; repeatable.")],
    resource: Annotated[str, typer.Option(help="Column of the resource; default resource or resource_value.")] = "",
    value: Annotated[str, typer.Option(help="Column of the value; default value, accuracy or utility.")] = "",
    csv: Csv = None,
    family: Annotated[str, typer.Option(help="auto, power, log, saturating or exponential.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default out/fit-FILE.")] = None,
    format_: Annotated[str, typer.Option("--format", help="table, csv or json on stdout.")] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", help="No list of files.")] = False,
) -> None:
    """Fit utilities to measured (resource, value) points, one curve a group.

    Each family (power, log, saturating, exponential) is fitted by least squares, the one of least AIC is kept.

    Examples:

      evenhand fit curves.csv --by model

      evenhand fit curves.csv --by dataset --by model --resource resource_value --value accuracy

      evenhand allocate out/fit-curves/agents.csv --capacity 200

    Writes fits.csv (parameters with standard errors, R2, AIC, warnings), fits.png (curves with the points) and
    agents.csv, which `evenhand allocate` takes as it is; more than 24 groups are drawn on pages, fits-01.png and on.
    """
    known_format(format_)
    from evenhand.allocation.files import read_points
    from evenhand.allocation.fitting import fit_groups
    from evenhand.report import fit as report
    from evenhand.report.text import plain

    points = read_points(file, tuple(by), resource, value, form_of(csv))
    folder = out or Path("out") / f"fit-{file.stem}"
    lost = refused(folder)
    try:
        with _progress(quiet) as progress:
            curves = fit_groups(points.resource, points.value, points.group, family, progress)
    except EvenhandError as error:
        raise ParameterError(f"{file}: {error}") from None
    seen = {g: (points.resource[points.group == g], points.value[points.group == g]) for g in curves}
    if format_ == "csv":
        print(report.fits_frame(curves).to_csv(index=False), end="")
    elif format_ == "json":
        print(report.fits_frame(curves).to_json(orient="records", indent=2))
    else:
        show(report.fits_table(curves, f"{file.name}: {points.value_name} over {points.resource_name}"))
    for group, curve in curves.items():
        for told in report.warnings_of(curve):
            print(f"warning: {plain(group)}: {told}", file=sys.stderr)
    sys.stdout.flush()
    files = [] if lost else report.write_fits(curves, seen, folder)
    wrote(files, quiet)
    if not quiet:
        print(f"Next: evenhand allocate {files[1]} --capacity AMOUNT", file=sys.stderr)


@contextmanager
def _progress(quiet: bool) -> Generator[Callable[[int, int], None] | None]:
    """A bar on stderr in a terminal, else a line for every hundred groups; nothing for a few groups or if quiet."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():

        def line(done: int, count: int) -> None:
            if count >= 100 and (done % 100 == 0 or done == count):
                print(f"fitted {done} of {count} groups", file=sys.stderr)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("fitting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("fitting", total=None)
        yield lambda done, count: bar.update(task, completed=done, total=count)
