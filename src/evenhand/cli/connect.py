"""`evenhand connect`: between what measures and what routes, in the shadow until told otherwise."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli.common import choice
from evenhand.cli.controller import Token
from evenhand.errors import EvenhandError, ParameterError

__all__ = ["connect"]


def connect(
    config: Annotated[Path, typer.Argument(help="Your configuration, with its connect: section.")],
    data: Annotated[Path | None, typer.Option(help="Folder of state and journal; default: NAME-connect.")] = None,
    once: Annotated[bool, typer.Option("--once", help="One round, for cron; else one every `every`.")] = False,
    rounds: Annotated[int | None, typer.Option(help="Stop after so many rounds.", min=1)] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow/--apply", help="Only write down what would be done (default), or do it.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="One round: print what would be sent exactly; send and write nothing.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="No round: what evenhand would have done against what you did.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="With --report: folder for the CSV and the figure.")] = None,
    url: Annotated[str, typer.Option(help="A running server decides, instead of this process.")] = "",
    token: Token = None,
    format_: Annotated[str, typer.Option("--format", help="text or json on stdout.")] = "text",
) -> None:
    """Read your sources, decide, and write down (shadow) or send (--apply) the decision; report what it would change.

    Examples:

      evenhand connect my-sites.yaml --once

      evenhand connect my-sites.yaml --report --out shadow-week

      evenhand connect my-sites.yaml --apply --dry-run
    """
    choice("--format", format_, ("text", "json"))
    from evenhand.connect.config import read_connections

    connections = read_connections(config)
    folder = data if data is not None else Path(f"{connections.controller.name}-connect")
    if report:
        _report(connections, folder, out, format_)
        return
    if out is not None:
        raise ParameterError("--out is for --report: the journal is in --data")
    _run(
        connections,
        folder,
        url,
        token,
        "dry" if dry_run else "shadow" if shadow else "apply",
        once or dry_run,
        rounds,
        format_,
    )


def _run(
    connections: Any,
    folder: Path,
    url: str,
    token: str | None,
    mode: str,
    once: bool,
    rounds: int | None,
    format_: str,
) -> None:
    from evenhand.connect.deciding import Here, There
    from evenhand.connect.gather import Gatherer
    from evenhand.connect.link import Link
    from evenhand.connect.rounds import one_round, slot
    from evenhand.files import folder_for

    if not once and connections.every is None:
        raise ParameterError("connect.every is not set: say how often, such as every: 1min, or run with --once")
    link = Link(connections.folder, connections.patience)
    controller = connections.controller
    if mode != "dry":
        folder_for(folder)
    decider: Any = Here(controller, folder / "state.json", folder / "ledger.jsonl")
    if url:
        decider = There(link, _server(url, token), controller.name)
    gatherer = Gatherer(connections, link)
    done = 0
    try:
        while True:
            now = slot(connections, time.time())
            try:
                made = one_round(connections, link, gatherer, decider, folder / "rounds.jsonl", now, mode)
                _tell(made, mode, format_)
                if once and mode == "apply" and made.failed:
                    raise typer.Exit(2)  # so that cron and systemd notice
            except EvenhandError as error:
                if once:
                    raise
                print(f"evenhand: {error}".replace("\n", " "), file=sys.stderr, flush=True)
            done += 1
            if once or done == rounds:
                return
            time.sleep(max(0.0, now + connections.every - time.time()))
    finally:
        link.close()


def _server(url: str, token: str | None) -> Any:
    """The service that decides; its token stays in the environment, where the link reads it."""
    import os

    from evenhand.connect.link import Server

    if token:
        os.environ["EVENHAND_TOKEN"] = token
    try:
        return Server(url, token_env="EVENHAND_TOKEN" if token else None, allow_http=True)
    except ValueError as error:
        raise ParameterError(f"--url is {url!r:.80}: {error}") from None


def _tell(made: Any, mode: str, format_: str) -> None:
    for line in made.told:
        print(f"evenhand: {line}".replace("\n", " "), file=sys.stderr, flush=True)
    if format_ == "json":
        requests = [{**one.plain, "sent": sent} for one, sent in made.requests]
        told = {**made.decision, "mode": mode, "requests": requests, "told": list(made.told)}
        print(json.dumps(told, allow_nan=False), flush=True)
        return
    decision = made.decision
    action = ", ".join(f"{site} {x:.4g}" for site, x in decision["action"].items())
    print(f"{decision['time']} round {decision['round']}: {action}", flush=True)
    for one, sent in made.requests:
        does = "sent" if sent else "not sent" if mode == "apply" else "would send"
        print(f"  {does}: {one.told}", flush=True)
        if mode == "dry":
            print(f"  {json.dumps(one.plain, ensure_ascii=False)}", flush=True)
    if not made.requests:
        print("  nothing to send", flush=True)


def _report(connections: Any, folder: Path, out: Path | None, format_: str) -> None:
    from evenhand.connect.compare import compared
    from evenhand.connect.journal import read_entries
    from evenhand.connect.report import plain, sentences, write

    found = compared(connections.controller, read_entries(folder / "rounds.jsonl"))
    if format_ == "json":
        print(json.dumps(plain(found), indent=2, allow_nan=False))
    else:
        print("\n".join(sentences(found)))
    if out is not None:
        for file in write(found, out):
            print(f"Wrote {file}", file=sys.stderr)
