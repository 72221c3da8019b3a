"""Tells streams that something happened to a controller, from the writer's thread to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import final

__all__ = ["Hub"]


@final
class Hub:
    """One event a waiting stream; lives on the loop that it was made on."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.closed: bool = False

    @property
    def streams(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def join(self, name: str) -> asyncio.Event:
        """An event that is set when something happens to the controller."""
        event = asyncio.Event()
        self._waiting.setdefault(name, set()).add(event)
        return event

    def leave(self, name: str, event: asyncio.Event) -> None:
        """Wait no longer."""
        held = self._waiting.get(name, set())
        held.discard(event)
        if not held:
            self._waiting.pop(name, None)

    def tell(self, names: Iterable[str]) -> None:
        """Something happened; called by the writer."""
        if self._waiting:
            self._loop.call_soon_threadsafe(self._set, tuple(names))

    def close(self) -> None:
        """End every stream, so that the server can stop; from any thread or signal handler."""
        self.closed = True
        self._loop.call_soon_threadsafe(self._set, tuple(self._waiting))

    def _set(self, names: tuple[str, ...]) -> None:
        for name in names:
            for event in self._waiting.get(name, ()):
                event.set()
