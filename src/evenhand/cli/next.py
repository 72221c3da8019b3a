"""`evenhand next`: one decision from the newest rows of your tables, for cron."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli.common import choice, print_table
from evenhand.errors import ProblemError

__all__ = ["next_"]


def next_(
    config: Annotated[Path, typer.Argument(help="Your configuration (YAML or TOML); its tables are read anew.")],
    state: Annotated[Path, typer.Option(help="Where the controller's state is kept; made on the first run.")],
    settle: Annotated[
        Path | None, typer.Option(help="A JSON file of what was applied and measured: settle, do not decide.")
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Also append every event to this file; evenhand replay reads it.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="json or table on stdout.")] = "json",
) -> None:
    """Decide the newest round of your tables and remember it; the same answer again where it was decided before.

    A round that was not settled by then is taken as applied as decided, rounds in between as missed.

    Example:

      evenhand next my-sites.yaml --state state.json
    """
    choice("--format", format_, ("json", "table"))
    from evenhand.diagnose import announce_compilation

    announce_compilation()
    from evenhand.live.next import next_round, settle_round

    turn = next_round(config, state, ledger) if settle is None else settle_round(state, _read(settle), ledger)
    for line in turn.told:
        print(f"evenhand: {line}", file=sys.stderr)
    if format_ == "json":
        print(json.dumps(turn.answer, indent=2, allow_nan=False))
        return
    if turn.explanation is None:
        rows = [(site, f"{x:.6g}") for site, x in turn.answer["applied"].items()]
        print_table(f"Round {turn.answer['round']}: settled", ("site", "applied"), rows)
        return
    why = turn.explanation
    decision = why.decision
    numbers = (decision.action, decision.previous, why.tilt, why.greedy, why.hitmin)
    rows = [(site, *(f"{v[i]:.6g}" for v in numbers)) for i, site in enumerate(why.sites)]
    head = ("site", "action", "before", "fairness charge", "Greedy", "HITMIN")
    print_table(f"{turn.answer['controller']}: round {decision.round} ({decision.time})", head, rows)
    print(why.text)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProblemError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except ValueError as error:
        raise ProblemError(f"{path.name} is not JSON: {error}") from None
