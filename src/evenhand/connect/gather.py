"""All sources at once, each with the same time: an observation, what came of the last round, and what failed.

A source that fails or hangs gives nothing, and says so: what then counts is decided by the rules of staleness. A source
that still hangs from the round before is not asked a second time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, final

from evenhand.connect.config import Connections
from evenhand.connect.link import Link
from evenhand.connect.records import Reading, Source
from evenhand.errors import EvenhandError, shown
from evenhand.live.observation import FARTHEST, LARGEST

__all__ = ["Gathered", "Gatherer", "stamp", "trouble"]

#: a source is left behind after so many times the patience of a request: it may ask for one site after another
PATIENCE = 3.0


@final
@dataclass(frozen=True, slots=True)
class Gathered:
    """observation: as `live.observation.observe` reads it. outcome: applied and borne by site, what was measured of
    them. told: what failed, one line each.
    """

    observation: Mapping[str, Any]
    outcome: Mapping[str, Any]
    told: tuple[str, ...]


@final
class Gatherer:
    """Asks every source in a thread of its own."""

    def __init__(self, connections: Connections, link: Link) -> None:
        self._connections = connections
        self._link = link
        self._hanging: dict[int, threading.Thread] = {}

    def gather(self, now: float) -> Gathered:
        """Everything there is to know at ``now``, seconds since 1970. Never raises for a source."""
        connections = self._connections
        found: dict[int, list[Reading] | EvenhandError] = {}
        threads: dict[int, threading.Thread] = {}
        told = list[str]()
        for i, source in enumerate(connections.sources):
            if (left := self._hanging.get(i)) is not None and left.is_alive():
                continue
            threads[i] = threading.Thread(target=self._one, args=(i, source, now, found), daemon=True)
            threads[i].start()
        end = time.monotonic() + PATIENCE * connections.patience.seconds
        for thread in threads.values():
            thread.join(max(0.0, end - time.monotonic()))
        self._hanging = {i: t for i, t in (self._hanging | threads).items() if t.is_alive()}
        readings = list[tuple[str, Reading]]()
        for i, source in enumerate(connections.sources):
            answer = found.get(i)
            if isinstance(answer, list):
                lost = [site for site in _asked(connections, i) if not any(r.site in (None, site) for r in answer)]
                if lost:
                    told.append(f"{source.field}: no reading for {', '.join(lost)}")
                readings += [(connections.fields[i], reading) for reading in answer]
            else:
                why = "it does not answer" if answer is None else str(answer)
                told.append(f"{source.field}: {why}")
        return Gathered(_observation(readings, now), _outcome(connections, readings), tuple(told))

    def _one(self, i: int, source: Source, now: float, found: dict[int, list[Reading] | EvenhandError]) -> None:
        try:
            sites = self._connections.controller.sites.names
            readings = source.gather(self._link, sites, now)
            wrong = _wrong(self._connections.fields[i], readings, sites)
            found[i] = EvenhandError(wrong) if wrong else readings
        except Exception as error:  # a source of anybody's making must not end the loop
            found[i] = EvenhandError(trouble(error))


def stamp(now: float) -> str:
    """Seconds since 1970 as ISO 8601."""
    return datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")


def trouble(error: Exception) -> str:
    """What to say of an exception: our own in its words, others with their name."""
    return str(error) if isinstance(error, EvenhandError) else f"{type(error).__name__}: {error}"


def _wrong(field: str, readings: list[Reading], sites: tuple[str, ...]) -> str:
    """What is wrong with the first reading that an observation would refuse; "" where none is."""
    low = 0.0 if field in ("demand", "capacity", "curvature") else -LARGEST
    for reading in readings:
        if not low <= reading.value <= LARGEST:
            return f"it gives {shown(reading.value)}"
        if reading.at is not None and not abs(reading.at) <= FARTHEST:
            return f"it gives the time {shown(reading.at)}"
        if field == "demand" and (reading.site is not None or len(readings) > 1):
            return "it gives several numbers, and demand is one: sum them"
        if reading.site is not None and reading.site not in sites:
            return f"it gives a reading for {shown(reading.site)}, which is no site"
    return ""


def _asked(connections: Connections, i: int) -> tuple[str, ...]:
    return ("",) if connections.fields[i] == "demand" else connections.controller.sites.names


def _observation(readings: list[tuple[str, Reading]], now: float) -> dict[str, Any]:
    out: dict[str, Any] = {"time": stamp(now)}
    burdens: dict[str, Any] = {}
    for field, reading in readings:
        told = {"value": reading.value, "at": now if reading.at is None else reading.at}
        if field == "demand":
            out[field] = told
        elif field.startswith("burdens."):
            kind = field.removeprefix("burdens.")
            burdens[kind] = _with(burdens.get(kind), reading.site, told)
        elif field in ("capacity", "linear", "curvature"):
            out[field] = _with(out.get(field), reading.site, told)
    return {**out, "burdens": burdens} if burdens else out


def _with(before: Any, site: str | None, told: Any) -> Any:
    return told if site is None else {**(before or {}), site: told}


def _outcome(connections: Connections, readings: list[tuple[str, Reading]]) -> dict[str, Any]:
    """applied and burden, as a settlement takes them; a number without a site is for all of them."""
    sites = connections.controller.sites.names
    applied: dict[str, float] = {}
    burden: dict[str, dict[str, float]] = {}
    for field, reading in readings:
        places = sites if reading.site is None else (reading.site,)
        if field == "applied":
            applied |= dict.fromkeys(places, reading.value)
        elif field.startswith("borne."):
            burden.setdefault(field.removeprefix("borne."), {}).update(dict.fromkeys(places, reading.value))
    return {**({"applied": applied} if applied else {}), **({"burden": burden} if burden else {})}
