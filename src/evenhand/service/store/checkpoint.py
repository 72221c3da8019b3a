"""SQLite's write-ahead log back into the database, beside the writer, so that no decision waits for it.

A passive checkpoint copies what it can while others write and read; the log begins anew once all of it was copied.
Under a load that never pauses that moment may not come, so the writer itself copies the rest of a log that grew large.
"""

from __future__ import annotations

import logging
import threading
from typing import final

from sqlalchemy.exc import SQLAlchemyError

from evenhand.service.errors import UnavailableError
from evenhand.service.store.database import Database

__all__ = ["LARGE", "Checkpointer", "restart"]

LOG = logging.getLogger("evenhand.service")
#: seconds between looks; bytes of a log from which it is copied, and from which the writer waits until it is
LOOK, SOME, LARGE = 0.5, 4 << 20, 64 << 20


@final
class Checkpointer:
    """A thread that looks after the log; does nothing for PostgreSQL, which does so itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="evenhand-checkpoint", daemon=True)
        if not database.several:
            self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(LOOK):
            if self._database.log_bytes > SOME:
                checkpoint(self._database, "PASSIVE")


def restart(database: Database) -> None:
    """Copy all of a log that grew large, and begin it anew; called by the writer, between two transactions."""
    if database.log_bytes > LARGE:
        checkpoint(database, "TRUNCATE")


def checkpoint(database: Database, how: str) -> None:
    """One checkpoint. What the disk refuses is logged and tried again: the log keeps what is not copied."""
    try:
        database.check()
        with database.engine.connect().execution_options(alone=True) as connection:
            connection.exec_driver_sql(f"PRAGMA wal_checkpoint({how})")
    except (SQLAlchemyError, UnavailableError) as error:
        LOG.warning("the log of the database was not copied: %s", error)
