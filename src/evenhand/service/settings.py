"""How a server is started: where it listens, what it keeps, what it refuses as too much."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import final

from evenhand.errors import ParameterError

__all__ = ["Limits", "Settings", "loopback"]

#: limits whose option is called otherwise
_OPTION = {"seconds": "wait"}


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """body: bytes of a request; seconds: for its arrival; rate: requests a second for each token or address, burst of
    twice as many; sites: of a controller; rounds: in a request or page; controllers; streams: at once; answer: seconds
    that a request waits for the database.
    """

    body: int = 1 << 20
    seconds: float = 10.0
    rate: float = 2000.0
    sites: int = 200
    rounds: int = 1000
    controllers: int = 1000
    streams: int = 100
    answer: float = 60.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ParameterError(f"--max-{_OPTION.get(name, name)} is {value!r:.40}: a limit is a number above 0")


@final
@dataclass(frozen=True, slots=True)
class Settings:
    """host, port: where to listen. database: a URL, None for SQLite in ``data``. plugins: files run at the start."""

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("evenhand-data")
    database: str | None = None
    workers: int = 1
    plugins: tuple[str, ...] = ()
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if isinstance(self.port, bool) or not 0 <= self.port <= 65535:
            raise ParameterError(f"--port is {self.port!r}: it must be from 0 to 65535")
        if isinstance(self.workers, bool) or not 1 <= self.workers <= 64:
            raise ParameterError(f"--workers is {self.workers!r}: it must be from 1 to 64")
        if self.workers > 1 and (self.database is None or self.database.startswith("sqlite")):
            raise ParameterError(
                f"--workers is {self.workers}: SQLite has one writer; give --database postgresql+psycopg://…"
            )


@functools.lru_cache(maxsize=256)
def loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
