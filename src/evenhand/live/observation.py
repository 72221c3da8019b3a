"""What is measured for a round, as plain JSON, and what it says once it is checked.

    {"time": "2026-05-10T04:00Z", "demand": 7.0, "capacity": {"north": 5, "south": 8},
     "linear": {"north": 41, "south": {"value": 58, "at": "2026-05-10T03:55Z"}},
     "burdens": {"carbon": {"north": 310, "south": 125}}}

A reading is a number, measured at the round's time, or {"value": number, "at": time}. What is left out or null was not
measured. Times are ISO 8601 (UTC where no zone is said) or numbers: seconds, or rounds where time is counted in rounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, final

import numpy as np

from evenhand.columns import Array, kept, same
from evenhand.errors import ProblemError, UnknownNameError
from evenhand.live.sites import Sites

__all__ = ["Observation", "observe", "plain", "seconds"]

#: no number may be larger, so that products of three stay finite
LARGEST = 1e100
#: nor a time, so that ages keep their seconds
FARTHEST = 1e15


@final
@dataclass(frozen=True, slots=True)
class Observation:
    """One checked observation: the round's time, in seconds and as it was written, and the signals (k,).

    value: in the order of `Sites.signals`, NaN where nothing was measured; at: when each was measured, in seconds.
    """

    time: float
    text: str
    value: Array
    at: Array

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", kept(self.value))
        object.__setattr__(self, "at", kept(self.at))

    def span(self, distance: float) -> str:
        """A distance in time as words; a plain number where times are numbers."""
        if isinstance(_time(self.text), float):
            return f"{distance:g}"
        for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
            if distance >= size and distance % size == 0:
                return f"{distance / size:g} {unit}"
        return f"{distance:g} s"


def seconds(name: str, value: Any) -> float:
    """A time as seconds since 1970, or as the number it is. Raises ProblemError naming it."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FARTHEST:
        return float(value)
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(value.strip())
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
    raise ProblemError(f"{name} is {value!r:.60}: write a time such as 2026-05-10T04:00Z, or a number")


def observe(sites: Sites, data: Mapping[str, Any]) -> Observation:
    """Check an observation. Raises ProblemError or UnknownNameError naming field, site, value and remedy."""
    if not isinstance(data, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ProblemError(f"an observation is an object of fields such as demand, not {data!r:.60}")
    known = ("time", "demand", "capacity", "linear", "curvature", "burdens")
    for key in data:
        if key not in known:
            raise UnknownNameError("field of an observation", str(key), known)
    if "time" not in data:
        raise ProblemError('time is missing: give the time of the round, such as "2026-05-10T04:00Z"')
    now = seconds("time", data["time"])
    size = sites.fixed.shape[0]
    value, at = np.full(size, np.nan), np.full(size, np.nan)
    burdens = _object("burdens", data.get("burdens"), sites.kinds, "kind of burden")
    for field in sites.fields:
        given = burdens.get(field.removeprefix("burdens.")) if field.startswith("burdens.") else data.get(field)
        where = sites.part(field)
        low = None if field == "linear" or field.startswith("burdens.") else 0.0
        if field == "demand":
            value[0], at[0] = _reading(field, given, now, low)
            continue
        for i, (site, reading) in enumerate(_by_site(field, given, sites.names)):
            value[where.start + i], at[where.start + i] = _reading(f"{field} of {site!r}", reading, now, low)
    return Observation(now, str(data["time"]).strip(), value, at)


def plain(sites: Sites, observation: Observation) -> dict[str, Any]:
    """An observation as the JSON that `observe` reads, bit for bit."""
    out: dict[str, Any] = {"time": _time(observation.text)}
    burdens: dict[str, Any] = {}
    for field in sites.fields:
        part = sites.part(field)
        read = [
            None if math.isnan(v) else v if at == observation.time else {"value": v, "at": at}
            for v, at in zip(observation.value[part].tolist(), observation.at[part].tolist(), strict=True)
        ]
        if all(r is None for r in read):
            continue
        told = read[0] if field == "demand" else dict(zip(sites.names, read, strict=True))
        if field.startswith("burdens."):
            burdens[field.removeprefix("burdens.")] = told
        else:
            out[field] = told
    return {**out, "burdens": burdens} if burdens else out


def _time(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _object(name: str, given: Any, known: tuple[str, ...], what: str) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ProblemError(f"{name} is {given!r:.60}: give an object with one entry per {what}: {', '.join(known)}")
    for key in given:
        if key not in known:
            raise UnknownNameError(f"{what} in {name}", str(key), known)
    return given


def _by_site(field: str, given: Any, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    """One number is for all sites; else an object by site."""
    if isinstance(given, int | float) or (isinstance(given, Mapping) and "value" in given and "value" not in names):
        return [(site, given) for site in names]
    readings = _object(field, given, names, "site")
    return [(site, readings.get(site)) for site in names]


def _reading(name: str, given: Any, now: float, low: float | None) -> tuple[float, float]:
    at = now
    if isinstance(given, Mapping):
        for key in given:
            if key not in ("value", "at"):
                raise UnknownNameError(f"key of {name}", str(key), ("value", "at"))
        at = seconds(f"at of {name}", given["at"]) if given.get("at") is not None else now
        given = given.get("value")
    if given is None:
        return math.nan, math.nan
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ProblemError(f"{name} is {given!r:.60}: give a number, null, or {{value, at}}")
    if not abs(given) <= LARGEST:
        raise ProblemError(f"{name} is {given!r:.60}: give a finite number of at most {LARGEST:g}, or a larger unit")
    if low is not None and given < low:
        raise ProblemError(f"{name} is {given:g}: it must be at least {low:g}")
    return float(given), at
