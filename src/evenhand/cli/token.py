"""`evenhand token`: who may do what with the service; works on its database, beside a running server or without one."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli.common import print_table
from evenhand.cli.serve import FOLDER, Data, Database, installed

__all__ = ["token"]

token: typer.Typer = typer.Typer(
    name="token", help="Make, list and revoke the tokens of the service.", rich_markup_mode=None
)


@token.command("create")
def create(
    scope: Annotated[str, typer.Option(help="read, decide (and read), or admin (and both).")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "unnamed",
    database: Database = None,
    data: Data = FOLDER,
) -> None:
    """Make a token and print it, once: only its hash is kept. A running server knows it a second later.

    Example:

      evenhand token create --scope decide --name scheduler
    """
    with _writing(database, data) as (tokens, connection):
        made = tokens.make_token(connection, scope, name)
    print(made)
    print("evenhand: keep it safe, it is not shown again", file=sys.stderr)


@token.command("list")
def list_(database: Database = None, data: Data = FOLDER) -> None:
    """List tokens, without their secrets."""
    with _writing(database, data) as (tokens, connection):
        rows = tokens.list_tokens(connection)
    lines = [(r["id"], r["scope"], r["name"], _time(r["created"]), _time(r["revoked"])) for r in rows]
    print_table(f"{len(rows)} tokens", ("id", "scope", "name", "created", "revoked"), lines)


@token.command("revoke")
def revoke(
    id: Annotated[str, typer.Argument(help="The id that `evenhand token list` shows, the second part of a token.")],
    database: Database = None,
    data: Data = FOLDER,
) -> None:
    """Revoke a token. A running server refuses it a second later."""
    with _writing(database, data) as (tokens, connection):
        tokens.revoke_token(connection, id)
    print(f"{id} is revoked", file=sys.stderr)


@contextmanager
def _writing(database: str | None, data: Path) -> Generator[tuple[Any, Any]]:
    installed()
    from evenhand.diagnose import announce_compilation

    announce_compilation()
    from evenhand.service import tokens
    from evenhand.service.store.database import open_database, writing

    opened = open_database(database, data)
    try:
        with writing(opened) as connection:
            yield tokens, connection
    finally:
        opened.close()


def _time(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
