"""The one writer of a process: commands queue, and all that wait are written in one transaction, one wait for the disk.

A command is answered after its commit, never before. One that is refused leaves nothing behind; a database that fails
fails all commands of its batch with UnavailableError, and the next batch tries again from what is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol, final

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from evenhand.errors import EvenhandError
from evenhand.service.errors import UnavailableError
from evenhand.service.killing import passing
from evenhand.service.records import Standing
from evenhand.service.store.batch import Batch
from evenhand.service.store.checkpoint import restart
from evenhand.service.store.database import Database

__all__ = ["Command", "Desk"]

LOG = logging.getLogger("evenhand.service")
#: commands in one transaction, and commands that may wait
MOST, WAITING = 256, 10_000


class Command(Protocol):
    """Something to do to one controller, inside a transaction."""

    @property
    def name(self) -> str:
        """The controller it is about."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys whose rounds it will ask for."""
        ...

    def run(self, batch: Batch, /) -> Any:
        """Compute, then add to the batch; the answer. Whatever it raises before adding leaves nothing behind."""
        ...


@final
@dataclass(frozen=True, slots=True)
class _Waiting:
    command: Command
    future: Future[Any] | asyncio.Future[Any]


@final
class Desk:
    """Owns the writer thread and the cache of standings, which are values and so may be read from any thread."""

    def __init__(
        self,
        database: Database,
        changed: Callable[[Iterable[str]], None] | None = None,
        committed: Callable[[float], None] | None = None,
        seconds: float = 60.0,
    ) -> None:
        self._database = database
        self._changed = changed
        self._committed = committed
        self._seconds = seconds
        self._queue: deque[_Waiting] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._cache: dict[str, Standing] = {}
        self._generation = 0
        self._thread = threading.Thread(target=self._work, name="evenhand-desk", daemon=True)
        self._thread.start()

    @property
    def cache(self) -> Mapping[str, Standing]:
        """Controllers as they stood when last seen; whoever reads it compares versions."""
        return self._cache if self._database.generation == self._generation else {}

    def submit(self, command: Command) -> Future[Any]:
        """Queue a command. Raises UnavailableError where too many wait, or after `close`."""
        future: Future[Any] = Future()
        self._queue_up(_Waiting(command, future))
        return future

    async def do(self, command: Command) -> Any:
        """Queue a command and wait for its answer, as long as is allowed."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue_up(_Waiting(command, future))
        try:
            async with asyncio.timeout(self._seconds):
                return await future
        except TimeoutError:  # it may be written yet: what it was is found under its number or key
            told = f"the database did not answer within {self._seconds:g} s"
            raise UnavailableError(f"{told}: ask again with the same round number or key") from None

    def _queue_up(self, waiting: _Waiting) -> None:
        with self._wake:
            if self._closed:
                raise UnavailableError("the server is stopping: ask again")
            if len(self._queue) >= WAITING:
                raise UnavailableError(f"{WAITING} requests wait already: ask again in a second")
            self._queue.append(waiting)
            self._wake.notify()

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._closed:
                    self._wake.wait()
                if not self._queue:
                    return
                taken = [self._queue.popleft() for _ in range(min(MOST, len(self._queue)))]
            told = self._commit([waiting.command for waiting in taken])
            passing("before-answer")
            loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any, Exception | None]]] = {}
            for waiting, (answer, error) in zip(taken, told, strict=True):
                future = waiting.future
                if isinstance(future, asyncio.Future):
                    loops.setdefault(future.get_loop(), []).append((future, answer, error))
                elif future.set_running_or_notify_cancel():
                    _resolve([(future, answer, error)])
            for loop, answers in loops.items():  # one wake-up of the loop for a whole batch
                with contextlib.suppress(RuntimeError):  # it was closed meanwhile
                    loop.call_soon_threadsafe(_resolve, answers)
            if not self._database.several:
                restart(self._database)

    def _commit(self, commands: list[Command]) -> list[tuple[Any, Exception | None]]:
        """Answers or errors, in order, after the commit."""
        try:
            return self._attempt(commands)
        except IntegrityError as error:  # of one of them, in a race with another worker: each for itself
            self._cache.clear()
            if len(commands) > 1:
                return [told for command in commands for told in self._commit([command])]
            return [(None, _unavailable(error))]
        except SQLAlchemyError as error:
            self._cache.clear()
            return [(None, _unavailable(error))] * len(commands)
        except UnavailableError as error:
            self._cache.clear()
            return [(None, error)] * len(commands)
        except Exception as error:
            self._cache.clear()
            LOG.exception("a batch failed")
            return [(None, error)] * len(commands)

    def _attempt(self, commands: list[Command]) -> list[tuple[Any, Exception | None]]:
        told: list[tuple[Any, Exception | None]] = []
        self._database.check()
        if self._database.generation != self._generation:
            self._cache.clear()
            self._generation = self._database.generation
        with self._database.engine.connect().execution_options(writes=True) as connection, connection.begin():
            batch = Batch(connection, self._cache, [c.name for c in commands])
            batch.find_keys((c.name, key) for c in commands for key in c.keys)
            for command in commands:
                passing("before-decide")
                try:
                    told.append((command.run(batch), None))
                except EvenhandError as error:
                    told.append((None, error))
                except SQLAlchemyError:
                    raise
                except Exception as error:
                    LOG.exception("a command failed")
                    told.append((None, error))
            passing("after-decide")
            changed = batch.flush()
            passing("after-write")
            passing("before-commit")
        passing("after-commit")
        self._cache.update(changed)
        for name in batch.left:
            self._cache.pop(name, None)
        if self._committed is not None:
            self._committed(len(commands))
        if self._changed is not None and (changed or batch.left):
            self._changed([*changed, *batch.left])
        return told


def _resolve(answers: Iterable[tuple[Future[Any] | asyncio.Future[Any], Any, Exception | None]]) -> None:
    for future, answer, error in answers:
        if future.cancelled():  # whoever asked is gone; the ledger has the answer
            continue
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)


def _unavailable(error: Exception) -> UnavailableError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    told = " ".join(str(cause).split())
    return UnavailableError(f"the database refuses ({told:.160}): ask again with the same round number or key")
