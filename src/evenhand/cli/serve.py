"""`evenhand serve`: the service, with its page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evenhand.errors import MissingExtraError

__all__ = ["FOLDER", "Data", "Database", "installed", "serve"]

Database = Annotated[
    str | None, typer.Option(help="postgresql+psycopg://user@host/name, or sqlite:///file; default: SQLite in --data.")
]
Data = Annotated[Path, typer.Option(help="Folder of the database.")]
#: where the database is by default
FOLDER = Path("evenhand-data")


def serve(
    host: Annotated[str, typer.Option(help="Where to listen; wider than loopback needs tokens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 8000,
    database: Database = None,
    data: Data = FOLDER,
    workers: Annotated[int, typer.Option(help="Processes; more than one needs PostgreSQL.")] = 1,
    max_body: Annotated[int, typer.Option(help="Bytes of a request, at most.")] = 1 << 20,
    max_rate: Annotated[float, typer.Option(help="Requests a second of a token or address, at most.")] = 2000.0,
    max_wait: Annotated[float, typer.Option(help="Seconds in which a request must have arrived.")] = 10.0,
    max_sites: Annotated[int, typer.Option(help="Sites of a controller, at most.")] = 200,
) -> None:
    """Serve live controllers over HTTP: decisions are on the disk before they are answered.

    Examples:

      evenhand serve

      evenhand token create --scope admin
      evenhand serve --host 0.0.0.0 --database postgresql+psycopg://evenhand@db/evenhand --workers 2
    """
    installed()
    from evenhand.registry import plugins
    from evenhand.service.serve import serve as run
    from evenhand.service.settings import Limits, Settings

    limits = Limits(body=max_body, seconds=max_wait, rate=max_rate, sites=max_sites)
    run(Settings(host, port, data, database, workers, plugins(), limits))


def installed() -> None:
    """Raise MissingExtraError where the service's parts are not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("fastapi", "uvicorn", "sqlalchemy", "alembic") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"the service needs {', '.join(missing)}: pip install 'evenhand[service]'")
