"""`evenhand serve`: the service, with its page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evenhand.errors import MissingExtraError, ParameterError

__all__ = ["FOLDER", "Data", "Database", "installed", "serve"]

Database = Annotated[
    str | None,
    typer.Option(
        envvar="EVENHAND_DATABASE",
        help="postgresql+psycopg://user@host/name, or sqlite:///file; default: SQLite in --data.",
    ),
]
Data = Annotated[Path, typer.Option(help="Folder of the database.")]
#: where the database is by default
FOLDER = Path("evenhand-data")


def serve(
    host: Annotated[str, typer.Option(help="Where to listen; wider than loopback needs tokens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    database: Database = None,
    data: Data = FOLDER,
    workers: Annotated[int, typer.Option(help="Processes; more than one needs PostgreSQL.")] = 1,
    max_body: Annotated[int, typer.Option(help="Bytes of a request, at most.")] = 1 << 20,
    max_rate: Annotated[float, typer.Option(help="Requests a second of a token or address, at most.")] = 2000.0,
    max_wait: Annotated[float, typer.Option(help="Seconds in which a request must have arrived.")] = 10.0,
    max_sites: Annotated[int, typer.Option(help="Sites of a controller, at most.")] = 200,
    max_rounds: Annotated[int, typer.Option(help="Rounds of a request or a page, at most.")] = 1000,
    max_controllers: Annotated[int, typer.Option(help="Controllers, at most.")] = 1000,
    max_streams: Annotated[int, typer.Option(help="Open event streams, at most.")] = 100,
    max_answer: Annotated[float, typer.Option(help="Seconds that a request waits for the database.")] = 60.0,
    demo: Annotated[bool, typer.Option("--demo", help="On data of its own: geo7 again and again.")] = False,
    speed: Annotated[float, typer.Option(help="With --demo: rounds a second.")] = 2.0,
) -> None:
    """Serve live controllers over HTTP: decisions are on the disk before they are answered.

    Examples:

      evenhand serve
      evenhand serve --demo

      evenhand token create --scope admin
      evenhand serve --host 0.0.0.0 --database postgresql+psycopg://evenhand@db/evenhand --workers 2
    """
    installed()
    from evenhand.diagnose import announce_compilation

    announce_compilation()  # before the imports below, which compile
    from evenhand.registry import plugins
    from evenhand.service.serve import serve as run
    from evenhand.service.settings import Limits, Settings

    limits = Limits(max_body, max_wait, max_rate, max_sites, max_rounds, max_controllers, max_streams, max_answer)
    settings = Settings(host, port, data, database, workers, plugins(), limits)
    if not demo:
        run(settings)
        return
    if not 0.01 <= speed <= 100.0:
        raise ParameterError(f"--speed is {speed:g}: it must be from 0.01 to 100 rounds a second")
    from evenhand.service.demo import demo as show

    show(settings, speed)


def installed() -> None:
    """Raise MissingExtraError where the service's parts are not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("fastapi", "uvicorn", "sqlalchemy", "alembic") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"the service needs {', '.join(missing)}: pip install 'evenhand[service]'")
