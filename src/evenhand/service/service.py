"""A running service: the database, the desk that writes, the hub that tells; made and closed by the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, final

from anyio.to_thread import run_sync
from sqlalchemy import Connection

from evenhand.service.desk import Desk
from evenhand.service.hub import Hub
from evenhand.service.metrics import Metrics
from evenhand.service.records import Standing
from evenhand.service.settings import Settings
from evenhand.service.store.checkpoint import Checkpointer
from evenhand.service.store.database import Database, open_database
from evenhand.service.store.reading import reading, standing_of
from evenhand.service.tokens import Keyring

__all__ = ["Service", "opened"]

T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True)
class Service:
    """What the routes work with."""

    settings: Settings
    database: Database
    desk: Desk
    hub: Hub
    keyring: Keyring
    metrics: Metrics
    checkpointer: Checkpointer

    async def read(self, what: Callable[[Connection], T]) -> T:
        """Read in a thread, at one moment."""

        def run() -> T:
            with reading(self.database) as connection:
                return what(connection)

        return await run_sync(run)

    async def standing(self, name: str) -> Standing:
        """Where a controller stands. Raises MissingError."""
        return await self.read(lambda connection: standing_of(connection, self.desk.cache, name))

    async def about(self, name: str, what: Callable[[Connection, Standing], Any]) -> Any:
        """Read something about a controller, at the moment it stands there. Raises MissingError."""

        def run(connection: Connection) -> Any:
            return what(connection, standing_of(connection, self.desk.cache, name))

        return await self.read(run)

    def close(self) -> None:
        """Answer what waits, then close."""
        self.desk.close()
        self.checkpointer.close()
        self.database.close()


def opened(settings: Settings) -> Service:
    """Open the database and start the writer; called on the event loop. Raises as `open_database`."""
    database = open_database(settings.database, settings.data)
    hub = Hub()
    metrics = Metrics()
    desk = Desk(database, hub.tell, metrics.commits.observe)
    return Service(settings, database, desk, hub, Keyring(database), metrics, Checkpointer(database))
