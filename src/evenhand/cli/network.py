"""`evenhand network`: share the links of a network among flows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli.common import Csv, form_of, known_format, refused, show, wrote
from evenhand.errors import InfeasibleError, ParameterError, ProblemError

if TYPE_CHECKING:
    from evenhand.allocation.network.answer import NetworkAllocation
    from evenhand.allocation.network.max_min import NetworkMaxMin
    from evenhand.allocation.network.table import NetworkTable

__all__ = ["network"]


def network(
    flows: Annotated[Path, typer.Argument(help="A CSV or Parquet file, one row a flow: flow, path, ...")],
    links: Annotated[Path, typer.Argument(help="A CSV or Parquet file, one row a link: link, capacity.")],
    fairness: Annotated[
        float | None,
        typer.Option(help="Level: 1 proportional, inf max-min; default 1, or 0 where flows have utilities."),
    ] = None,
    csv: Csv = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default out/network-FLOWS.")] = None,
    format_: Annotated[str, typer.Option("--format", help="table, csv or json on stdout.")] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", help="No list of files.")] = False,
) -> None:
    """Share the links of a network among flows: the best shares, the price of every link, and the proof.

    Columns of flows: flow, path (links separated by ; or > or by spaces), optionally weight, onboard, lower, upper, and
    a utility as for `evenhand allocate` (family, its parameters, scale). Without one the share is the utility, and the
    level decides what is fair. Max-min is exact and lexicographic, of share over weight.

    Examples:

      evenhand network flows.csv links.csv

      evenhand network flows.csv links.csv --fairness inf --format json

    Writes flows.csv, links.csv and network.json.
    """
    known_format(format_)
    from evenhand.allocation.files import read_table
    from evenhand.allocation.network.table import network_from_tables
    from evenhand.report import network as report

    form = form_of(csv)
    rows, edges = (read_table(path, ("flow", "path", "link", "family"), form) for path in (flows, links))
    posed = network_from_tables(rows, edges, str(flows), str(links))
    folder = out or Path("out") / f"network-{flows.stem}"
    lost = refused(folder)
    try:
        answer = _solved(posed, fairness)
    except (ProblemError, InfeasibleError, ParameterError) as error:
        raise type(error)(f"{flows}: {error}") from None
    if format_ == "json":
        print(report.as_json(posed, answer), end="")
    elif format_ == "csv":
        print(report.flows_frame(posed, answer).to_csv(index=False), end="")
    else:
        count = f"{posed.fleet.n} flow{'s' * (posed.fleet.n != 1)} over {len(posed.links)} links"
        show(report.rich_table(report.flows_frame(posed, answer), f"{flows.name}: {count}"))
        show(report.rich_table(report.links_frame(posed, answer), links.name))
        print(report.describe(answer))
    sys.stdout.flush()
    wrote([] if lost else report.write_network(posed, answer, folder), quiet)


def _solved(posed: NetworkTable, fairness: float | None) -> NetworkAllocation | NetworkMaxMin:
    import numpy as np

    from evenhand.allocation.network.max_min import max_min_network
    from evenhand.allocation.network.solve import solve_network
    from evenhand.allocation.objective import level_of
    from evenhand.utilities.alpha_fair import AlphaFair
    from evenhand.utilities.cobb_douglas import CobbDouglas
    from evenhand.utilities.fair import Fair

    fleet, level = posed.fleet, level_of((0.0 if posed.utilities else 1.0) if fairness is None else fairness)
    if level == np.inf:
        if posed.utilities or np.any(fleet.lower > 0.0) or np.any(fleet.onboard > 0.0):
            raise ParameterError(
                "--fairness inf is of share over weight, with upper bounds: leave out family, lower and onboard, "
                "or give a finite level such as 8"
            )
        return max_min_network(posed.routing, posed.capacity, weight=fleet.weight, upper=fleet.upper)
    if level == 0.0 and not posed.utilities:
        raise ParameterError(
            "--fairness 0 of shares themselves starves whoever takes more links: give a level above 0, or a family"
        )
    assert not isinstance(fleet.utility, CobbDouglas)  # gamma_... columns were refused
    utility = fleet.utility if level == 0.0 else Fair(fleet.utility, level) if posed.utilities else AlphaFair(level)
    bounds = {"onboard": fleet.onboard, "lower": fleet.lower, "upper": fleet.upper}
    return solve_network(utility, posed.routing, posed.capacity, weight=fleet.weight, **bounds)
