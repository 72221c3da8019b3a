"""`evenhand allocate`: share a capacity among the agents of a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.cli.common import Csv, form_of, known_format, refused, show, wrote
from evenhand.errors import InfeasibleError, ParameterError, ProblemError

if TYPE_CHECKING:
    from evenhand.allocation.answer import Allocation
    from evenhand.allocation.fleet import Fleet
    from evenhand.allocation.substitutable.answer import JobsAllocation
    from evenhand.allocation.substitutable.jobs import Jobs

__all__ = ["allocate"]


def allocate(
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file, one row an agent, or a job.")],
    capacity: Annotated[list[str], typer.Option(help="100, or NAME=100; one for each resource.")],
    fairness: Annotated[
        float, typer.Option(help="Level: 0 largest sum of utilities, 1 proportional, inf max-min.")
    ] = 0.0,
    csv: Csv = None,
    start: Annotated[
        Path | None, typer.Option(help="allocation.json of an earlier run, whose prices are tried first.")
    ] = None,
    explain: Annotated[list[str] | None, typer.Option(help="An agent to explain in a sentence; repeatable.")] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Also the fairness levels 0, 0.5, 1, 2, 5.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default out/allocate-FILE.")] = None,
    format_: Annotated[str, typer.Option("--format", help="table, csv or json on stdout.")] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", help="No list of files.")] = False,
) -> None:
    """Share a capacity among the agents of a table: the best split, its price, and the proof.

    Columns for one resource: agent, family (power, log, alpha_fair, saturating, exponential) and the family's
    parameters (gamma | shift | alpha | a, b, c | a, k), optionally scale, onboard, weight, lower, upper. For several
    resources: agent, gamma_NAME for each resource, optionally scale, weight and onboard_NAME, lower_NAME, upper_NAME.
    scale multiplies the utility itself, weight says how much the agent counts.

    For jobs that run on any of several kinds, each at its own speed: job, throughput_KIND for each kind (0 or empty:
    cannot run there), optionally workers, weight, onboard, limit_KIND, and a family (without one a job is worth its
    throughput).

    Examples:

      evenhand allocate agents.csv --capacity 100

      evenhand allocate agents.csv --capacity gpu=100 --fairness 1 --explain robot-17 --sweep

      evenhand allocate agents.parquet --capacity rho=50 --capacity alpha=20 --fairness 1 --format json

      evenhand allocate jobs.csv --capacity v100=8 --capacity p100=8 --capacity k80=16 --fairness 1

      evenhand allocate agents.csv --capacity 105 --start out/allocate-agents/allocation.json

    Writes allocation.csv, .parquet, .json and .png; with --sweep also fairness_sweep.csv and .png.
    """
    known_format(format_)
    amounts = capacities_of(capacity)
    if not quiet:
        from evenhand.diagnose import announce_compilation

        announce_compilation()
    from evenhand.allocation import solve
    from evenhand.allocation.files import read_table
    from evenhand.allocation.substitutable.table import holds_jobs, jobs_from_table
    from evenhand.allocation.table import fleet_from_table
    from evenhand.report import allocate as report

    frame = read_table(file, form=form_of(csv))
    single = next(iter(amounts)) if len(amounts) == 1 and None not in amounts else None
    jobs = jobs_from_table(frame, source=str(file)) if holds_jobs(frame) else None
    fleet = jobs or fleet_from_table(frame, resource=single or "resource", source=str(file))
    _fitting(fleet, amounts, file)
    given: Any = next(iter(amounts.values())) if fleet.k == 1 and (jobs is None or None in amounts) else amounts
    chosen = [fleet.index(name) for name in explain or []]
    if jobs is not None and start is not None:
        raise ParameterError("--start: jobs need no prices to start from; leave it out")
    prices = None if start is None else prices_in(start, fleet)
    folder = out or Path("out") / f"allocate-{file.stem}"
    lost = refused(folder)
    try:
        answer = solve.allocate(fleet, given, fairness, prices)
        levels = solve.sweep(fleet, given) if sweep else []
    except (ProblemError, InfeasibleError, ParameterError) as error:
        raise type(error)(f"{file}: {error}") from None
    summary = report.summarise(answer)
    if format_ == "csv":
        print(summary.frame.to_csv(index=False), end="")
    elif format_ == "json":
        print(report.as_json(summary), end="")
    else:
        title = f"{file.name}: {fleet.n} agent{'s' * (fleet.n != 1)}, {answer.method}"
        show(report.agents_table(summary, title))
        print(report.describe(summary))
        if levels:
            told = report.sweep_frame(levels).to_string(index=False, na_rep="", float_format=lambda v: f"{v:.4g}")
            print(f"\nfairness sweep (utilities of the least, mean and most advantaged agent)\n{told}")
    said = print if format_ == "table" else lambda text: print(text, file=sys.stderr)
    for i in chosen:
        said(f"\n{answer.explain(i)}" if format_ == "table" else answer.explain(i))
    _outside(frame, fleet, answer)
    sys.stdout.flush()
    wrote([] if lost else report.write_allocation(summary, folder, levels), quiet)


def capacities_of(items: list[str]) -> dict[str | None, float]:
    """Read ``100`` or ``name=100`` items; the key is None for a bare number."""
    found: dict[str | None, float] = {}
    for item in items:
        left, equals, right = item.rpartition("=")
        name = left.strip() if equals else None
        try:
            amount = float(right)
        except ValueError:
            raise ParameterError(
                f"--capacity {item!r}: {right!r} is not a number; write --capacity 100 or --capacity gpu=100"
            ) from None
        if name in found or name == "":
            raise ParameterError(f"--capacity {item!r}: give each resource one capacity, such as --capacity gpu=100")
        found[name] = amount
    if None in found and len(found) > 1:
        raise ParameterError("--capacity: name every resource, such as --capacity rho=50 --capacity alpha=20")
    return found


def _fitting(fleet: Fleet | Jobs, amounts: dict[str | None, float], file: Path) -> None:
    if fleet.k > 1 and None in amounts:
        told = " ".join(f"--capacity {name}=..." for name in fleet.resources)
        raise ParameterError(f"{file} has the resources {', '.join(fleet.resources)}: write {told}")
    if fleet.k == 1 and len(amounts) > 1:
        told = " ".join(f"gamma_{name}" for name in amounts)
        raise ParameterError(f"{file} describes one resource: give one --capacity, or the columns {told}")


def prices_in(path: Path, fleet: Fleet | Jobs) -> dict[str, float]:
    """The prices of an earlier allocation.json. Raises ParameterError where it is none, or of other resources."""
    import json
    import math

    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        prices = told["prices"]
        found = {str(k): float(v) for k, v in prices.items() if v is not None}
        unit, level = float(told.get("unit_of_utility", 1.0)), float(told.get("fairness_level", 0.0))
        if unit != 1.0:  # back to prices in the user's unit, which may be out of the range of floats: no start then
            found = {k: math.exp(min(math.log(v) + (1.0 - level) * math.log(unit), 700.0)) for k, v in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ParameterError(f"--start {path}: give the allocation.json that an earlier run wrote") from None
    if set(prices) != set(fleet.resources):
        raise ParameterError(
            f"--start {path}: it has prices of {', '.join(prices)}, the fleet has {', '.join(fleet.resources)}"
        )
    return found


def _outside(frame: Any, fleet: Fleet | Jobs, answer: Allocation | JobsAllocation) -> None:
    """Say where a fitted utility is used outside the range it was measured on."""
    if "measured_low" not in frame.columns or "measured_high" not in frame.columns or fleet.k > 1:
        return
    import numpy as np

    from evenhand.report.text import plain

    r = fleet.onboard + answer.x
    low, high = (np.asarray(frame[c], dtype=np.float64) for c in ("measured_low", "measured_high"))
    wrong = np.flatnonzero((r < low) | (r > high))
    if wrong.size:
        i = int(wrong[0])
        name = fleet.names[i] if fleet.names is not None else str(i)
        print(
            f"warning: {wrong.size} of {fleet.n} agents end outside the range their utility was measured on; "
            f"{plain(name)} at {r[i]:.6g}, measured on [{low[i]:.6g}, {high[i]:.6g}]: "
            "measure there, or bound the shares",
            file=sys.stderr,
        )
