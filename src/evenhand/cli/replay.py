"""`evenhand replay`: drive a controller from a trace, or compute a ledger again."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli.common import choice, percent, print_table
from evenhand.cli.controller import Token
from evenhand.cli.serve import Database, installed
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
    url: Annotated[str, typer.Option(help="Drive the controller of that name on a running server instead.")] = "",
    token: Token = None,
    speed: Annotated[str, typer.Option(help="With --url: rounds a second, or max.")] = "max",
    database: Database = None,
    data: Annotated[Path | None, typer.Option(help="With --verify: the folder of a server's database.")] = None,
) -> None:
    """Play all rounds of your tables through a controller, one decision after another; or verify a ledger.

    Examples:

      evenhand replay my-sites.yaml --ledger ledger.jsonl
      evenhand replay --verify --ledger ledger.jsonl
      evenhand replay my-sites.yaml --url http://localhost:8000 --speed max
      evenhand replay --verify --data evenhand-data
    """
    choice("--format", format_, ("table", "json", "csv"))
    from evenhand.diagnose import announce_compilation

    announce_compilation()
    if verify and (database is not None or data is not None):
        _verify_database(database, data)
        return
    if verify:
        if ledger is None:
            raise ParameterError("--verify needs --ledger, the file to compute again, or --data or --database")
        _verify(ledger)
        return
    if not source:
        raise ParameterError("name a configuration or a scenario, or --verify --ledger FILE")
    if url:
        _drive(source, url, token, policy, speed, format_)
        return
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
            file = stack.enter_context(stack.enter_context(writing(ledger, "--ledger")).open("w", encoding="utf-8"))
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


def _drive(source: str, url: str, token: str | None, policy: str, speed: str, format_: str) -> None:
    from evenhand.service.client import Client
    from evenhand.service.driving import drive

    try:
        pace = float("inf") if speed == "max" else float(speed)
    except ValueError:
        pace = 0.0
    if not pace > 0.0:
        raise ParameterError(f"--speed is {speed!r}: write rounds a second, such as 2, or max")
    rows: list[tuple[str, ...]] = []

    def each(answer: dict[str, Any]) -> None:
        if format_ == "json":
            print(json.dumps(answer))
        elif format_ == "csv":
            for site, x in answer["action"].items():
                print(f'{answer["round"]},{answer["time"]},"{site}",{x!r}')
        else:
            rows.append((answer["time"], *(f"{x:.4g}" for x in answer["action"].values())))

    if format_ == "csv":
        print("round,time,site,action")
    with closing(Client(url, token)) as client:
        told = drive(source, client, policy or None, pace, each)
    if format_ == "table":
        print_table(f"{told.name}: {told.posted} rounds in {told.seconds:.1f} s", ("round", *told.sites), rows)
        if told.state.get("mean"):
            print("Mean cost per round: " + ", ".join(f"{k} {v:.2f}" for k, v in told.state["mean"].items()) + ".")


def _verify_database(database: str | None, data: Path | None) -> None:
    installed()
    from evenhand.service.store.database import open_database
    from evenhand.service.store.reading import reading
    from evenhand.service.verifying import verify

    if database is None and data is not None and not (data / "evenhand.sqlite").is_file():
        raise ParameterError(f"--data is {str(data)!r}: there is no evenhand.sqlite in it")
    opened = open_database(database, data or Path(), migrate=False)
    wrong: list[str] = []
    try:
        with reading(opened, whole=True) as connection:
            for one in verify(connection):
                print(f"{one.name}: {one.rounds} rounds, {one.events} events, {'; '.join(one.wrong) or 'bit for bit'}")
                wrong += [f"{one.name}: {text}" for text in one.wrong]
    finally:
        opened.close()
    if wrong:
        raise ProblemError(f"{wrong[0]}: written by another version, or changed since")
