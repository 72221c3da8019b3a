"""`evenhand replay`: drive a controller from a trace, or compute a ledger again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli.common import choice, percent, print_table
from evenhand.errors import ParameterError, ProblemError

__all__ = ["replay"]

#: rounds up to which the best price in hindsight is solved for; beyond, the bound that was kept up to date is told
SOLVED = 20_000


def replay(
    source: Annotated[str, typer.Argument(help="A configuration (YAML or TOML), or the name of a scenario.")] = "",
    ledger: Annotated[Path | None, typer.Option(help="A ledger: to be written, or with --verify to be read.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compute every stored answer again, bit for bit.")] = False,
    policy: Annotated[str, typer.Option(help="Another policy than the configuration's: Name(parameter=value).")] = "",
    format_: Annotated[str, typer.Option("--format", help="table, json or csv on stdout.")] = "table",
) -> None:
    """Play all rounds of your tables through a controller, one decision after another; or verify a ledger.

    Examples:

      evenhand replay my-sites.yaml --ledger ledger.jsonl
      evenhand replay --verify --ledger ledger.jsonl
    """
    choice("--format", format_, ("table", "json", "csv"))
    if verify:
        if ledger is None:
            raise ParameterError("--verify needs --ledger: the file to compute again")
        _verify(ledger)
        return
    if not source:
        raise ParameterError("name a configuration or a scenario, or --verify --ledger FILE")
    from contextlib import ExitStack

    from evenhand.files import writing
    from evenhand.live.answer import decision_answer, standing_answer
    from evenhand.live.certificate import hindsight
    from evenhand.live.ledger import Configured, Decided, Settled, text_of
    from evenhand.live.replaying import opened, played

    controller, problem = opened(source, policy or None)
    sites = controller.sites.names
    rows: list[tuple[str, ...]] = []
    settlements: list[Any] = []
    state = None
    with ExitStack() as stack:
        file = None
        if ledger is not None:
            file = stack.enter_context(stack.enter_context(writing(ledger)).open("w", encoding="utf-8"))
            file.write(f"{text_of(Configured(controller))}\n")
        if format_ == "csv":
            print("round,time,site,action")
        for observation, decision, settlement, after in played(controller, problem):
            state = after
            if file is not None:
                for event in (Decided(observation, decision), Settled(settlement=settlement)):
                    file.write(f"{text_of(event)}\n")
            if format_ == "json":
                print(json.dumps(decision_answer(controller, decision), allow_nan=False))
            elif format_ == "csv":
                for site, x in zip(sites, decision.action.tolist(), strict=True):
                    print(f'{decision.round},{decision.time},"{site}",{x!r}')
            else:
                numbers = (f"{x:.4g}" for x in decision.action)
                settlements.append(settlement)
                rows.append((decision.time or str(decision.round), *numbers, f"{settlement.cost:.2f}"))
    assert state is not None
    if format_ == "table":
        print_table(f"{controller.name}: {len(rows)} rounds", ("round", *sites, "cost so far"), rows)
        standing = standing_answer(controller, state)
        print("Mean cost per round: " + ", ".join(f"{k} {v:.2f}" for k, v in standing["mean"].items()) + ".")
        gap = hindsight(controller, settlements).gap if len(rows) <= SOLVED else standing["gap"]
        if gap is not None:
            print(f"At most {percent(gap)} above the best possible in hindsight, proved.")


def _verify(ledger: Path) -> None:
    from evenhand.live.keep import read_events
    from evenhand.live.ledger import verify

    told = verify(read_events(ledger))
    if not told.holds:
        raise ProblemError(
            f"{ledger.name}: {len(told.different)} of {told.events} events come out otherwise, first in line "
            f"{told.different[0] + 1}: written by another version, or changed since"
        )
    print(f"{ledger.name}: {told.rounds} rounds, {told.events} events, every stored answer came out bit for bit.")
