"""A running service: the database, the desk that writes, the hub that tells; made and closed by the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, final

from anyio.to_thread import run_sync
from sqlalchemy import Connection

from evenhand.service.desk import Desk
from evenhand.service.errors import UnavailableError
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
        """Read in a thread, at one moment. Raises UnavailableError as `reading`, and where it takes too long."""

        def run() -> T:
            with reading(self.database) as connection:
                return what(connection)

        seconds = self.settings.limits.answer
        try:
            async with asyncio.timeout(seconds):
                return await run_sync(run, abandon_on_cancel=True)  # a thread that hangs ends with its connection
        except TimeoutError:
            raise UnavailableError(f"the database did not answer within {seconds:g} s: ask again") from None

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
    desk = Desk(database, hub.tell, metrics.commits.observe, settings.limits.answer)
    return Service(settings, database, desk, hub, Keyring(database), metrics, Checkpointer(database))
