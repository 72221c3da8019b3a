"""Opening a database by URL: SQLite synchronous in full, or PostgreSQL; and bringing its tables up to date."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError

from evenhand.errors import MissingExtraError, ParameterError
from evenhand.files import folder_for
from evenhand.service.errors import UnavailableError

__all__ = ["Database", "open_database", "writing"]

#: the newest migration
REVISION = "0001"
#: seconds to wait for a lock that another connection holds, and for a server that does not answer
PATIENCE = 5.0
#: PostgreSQL: a commit is on its disk; a lock, a worker that stands still or a cable that was cut is not waited for
_OPTIONS = {
    "synchronous_commit": "on",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "300s",
}
_REACH = {
    "connect_timeout": int(PATIENCE),
    "tcp_user_timeout": int(2000 * PATIENCE),
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items()),
}


@final
class Database:
    """An engine, and the file behind it: None for PostgreSQL."""

    def __init__(self, engine: Engine, file: Path | None) -> None:
        self._lock = threading.Lock()
        self.engine = engine
        self.file = file
        self._identity = _identity(file)
        #: how often the file was replaced by another, as from a backup
        self.generation: int = 0

    @property
    def log_bytes(self) -> int:
        """Size of SQLite's write-ahead log."""
        try:
            return 0 if self.file is None else os.stat(f"{self.file}-wal").st_size
        except OSError:
            return 0

    def sizes(self) -> dict[str, int]:
        """Bytes of SQLite's file and log, and what is free on their disk; nothing for PostgreSQL."""
        if self.file is None:
            return {}
        try:
            told = {"file": os.stat(self.file).st_size, "free": shutil.disk_usage(self.file.parent).free}
        except OSError:
            told = dict[str, int]()
        return {**told, "log": self.log_bytes}

    @property
    def several(self) -> bool:
        """Whether several processes may decide on it at once."""
        return self.file is None

    def check(self) -> None:
        """See whether the file is still the one that is open; one that was put in its place is opened.

        Raises UnavailableError while the file is gone: connections would go on writing to what nobody can open.
        """
        if self.file is None:
            return
        now = _identity(self.file)
        if now != self._identity:
            self.engine.dispose()
            if now is None:
                raise UnavailableError(f"the database file {self.file.name!r} is gone: put it back")
            with self._lock:
                if now != self._identity:
                    self._identity = now
                    self.generation += 1

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def _identity(file: Path | None) -> tuple[int, int] | None:
    try:
        now = None if file is None else os.stat(file)
    except OSError:
        return None
    return None if now is None else (now.st_dev, now.st_ino)


def open_database(url: str | None, data: Path, migrate: bool = True) -> Database:
    """Open ``url``, or the SQLite file in the folder ``data``, and bring its tables up to date.

    Raises ParameterError in one line for a URL of another kind, a folder or server that cannot be reached, or tables
    of a newer version; MissingExtraError where the driver is not installed.
    """
    target = _target(url, data)
    sqlite = target.get_backend_name() == "sqlite"
    file = None
    if sqlite:
        if not target.database or target.database == ":memory:" or "mode" in target.query:
            raise ParameterError("--database must name a file: a database in memory forgets what it promised")
        file = Path(target.database).absolute()
        if not migrate and not file.is_file():  # to open it would make it
            raise ParameterError(f"there is no database at {str(file)!r:.160}: name the one of a server")
        folder_for(file.parent, "--data" if url is None else "--database")
    said = f"{_REACH['options']} {target.query.get('options', '')}".strip()
    more: dict[str, Any] = {} if sqlite else {"connect_args": {**_REACH, "options": said}}
    try:
        engine = create_engine(target, pool_size=8, max_overflow=8, pool_timeout=PATIENCE, **more)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise MissingExtraError(f"--database: {error}; pip install 'evenhand[service]'") from None
    if sqlite:
        _durable(engine)
    try:
        if migrate:
            _migrate(engine)
        else:
            with engine.connect():
                pass
    except DatabaseError as error:
        engine.dispose()
        told = " ".join(str(error.orig).split())
        raise ParameterError(f"cannot open {target.render_as_string()}: {told:.160}") from None
    return Database(engine, file)


@contextmanager
def writing(database: Database) -> Generator[Connection]:
    """A transaction that writes, beside the desk: for the command line. Raises ParameterError where it cannot."""
    try:
        with database.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection
    except DatabaseError as error:
        told = " ".join(str(error.orig).split())
        raise ParameterError(f"the database cannot be written: {told:.160}") from None


def _target(url: str | None, data: Path) -> URL:
    if url is None:
        return URL.create("sqlite", database=str(data / "evenhand.sqlite"))
    try:
        target = make_url(url)
    except ArgumentError:
        raise ParameterError(f"--database is {url!r:.40}: write sqlite:///file or postgresql+psycopg://…") from None
    if target.drivername in ("postgresql", "postgres"):
        target = target.set(drivername="postgresql+psycopg")
    if target.drivername not in ("sqlite", "postgresql+psycopg"):
        told = target.drivername
        raise ParameterError(f"--database is of kind {told!r:.40}: write sqlite:///file or postgresql+psycopg://…")
    return target


def _durable(engine: Engine) -> None:
    """Every connection: write-ahead log, a commit is on the disk before it returns, transactions begun by us."""

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None  # no implicit BEGIN by the driver
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(1000 * PATIENCE)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA wal_autocheckpoint = 0")  # checkpoint.py does, beside the writer
        cursor.close()

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        options = connection.get_execution_options()
        if not options.get("alone", False):  # a checkpoint stands in no transaction
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:  # most starts find all in place, and need not load Alembic
        if inspect(connection).has_table("alembic_version"):
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
            if found == [REVISION]:
                return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":  # several workers start at once, and wait for the one that migrates
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5041937)")
        config.attributes["connection"] = connection
        try:
            ScriptDirectory.from_config(config)
            command.upgrade(config, "head")
        except CommandError as error:
            raise ParameterError(f"the database was written by a newer evenhand ({error}): upgrade this one") from None
