"""One transaction of the writer: controllers are locked and loaded, commands add to it, and it is written at once.

Commands compute first and add last, so one that raises leaves nothing behind, and the others go on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, final

from sqlalchemy import Connection, bindparam, select

from evenhand.registry import from_plain, to_plain
from evenhand.service.errors import MissingError
from evenhand.service.records import Standing, json_of
from evenhand.service.store.schema import audit, configurations, controllers, events, rounds, states

__all__ = ["Batch"]

_LOCK = (
    select(controllers.c.id, controllers.c.name, states.c.version)
    .join(states, states.c.controller == controllers.c.id)
    .where(controllers.c.deleted.is_(None))
    .where(controllers.c.name.in_(bindparam("names", expanding=True)))
    .order_by(controllers.c.id)
    .with_for_update(of=states)
)
_LOAD = (
    select(states.c.version, states.c.configuration, states.c.body, configurations.c.body)
    .join(
        configurations,
        (configurations.c.controller == states.c.controller) & (configurations.c.version == states.c.configuration),
    )
    .where(states.c.controller == bindparam("id"))
)
_BY_KEY = select(rounds).where(
    rounds.c.controller == bindparam("id"),
    rounds.c.key.in_(bindparam("keys", expanding=True)),
)
_BY_ROUND = select(rounds).where(rounds.c.controller == bindparam("id"), rounds.c.t == bindparam("round"))
_SETTLE = (
    rounds.update()
    .where(rounds.c.controller == bindparam("id"), rounds.c.t == bindparam("round"))
    .values(outcome=bindparam("said"), settlement=bindparam("told"), settled=bindparam("when"))
)
_STATE = (
    states.update()
    .where(states.c.controller == bindparam("id"))
    .values(version=bindparam("now"), configuration=bindparam("under"), body=bindparam("text"))
)


@final
class Batch:
    """What the commands of one transaction share; lives only as long as it. Rows are plain dicts, by column."""

    def __init__(self, connection: Connection, cache: Mapping[str, Standing], names: Iterable[str]) -> None:
        self.connection = connection
        self.now: float = time.time()
        self.standing: dict[str, Standing] = {}
        self.left: set[str] = set()
        self._events: list[dict[str, Any]] = []
        self._rounds: dict[tuple[int, int], dict[str, Any]] = {}
        self._keys: dict[tuple[int, str], dict[str, Any]] = {}
        self._settled: list[dict[str, Any]] = []
        self._audit: list[dict[str, Any]] = []
        self._changed: set[str] = set()
        wanted = sorted(set(names))
        for id, name, version in connection.execute(_LOCK, {"names": wanted}) if wanted else ():
            known = cache.get(name)
            fresh = known is not None and (known.id, known.version) == (id, version)
            self.standing[name] = known if fresh and known is not None else load(connection, id, name)

    def of(self, name: str) -> Standing:
        """Where a controller stands, with what this batch did. Raises MissingError."""
        if name not in self.standing:
            raise MissingError(f"no controller is called {name!r:.80}: GET /v1/controllers lists them")
        return self.standing[name]

    def find_keys(self, keys: Iterable[tuple[str, str]]) -> None:
        """Look up the rounds of (controller, key), before commands ask for them."""
        by_name: dict[str, set[str]] = {}
        for name, key in keys:
            if name in self.standing:
                by_name.setdefault(name, set()).add(key)
        for name, wanted in by_name.items():
            id = self.standing[name].id
            for row in self.connection.execute(_BY_KEY, {"id": id, "keys": sorted(wanted)}).mappings():
                self._keys[id, str(row["key"])] = dict(row)

    def by_key(self, standing: Standing, key: str) -> dict[str, Any] | None:
        """The round that was posted under a key."""
        return self._keys.get((standing.id, key))

    def by_round(self, standing: Standing, t: int) -> dict[str, Any] | None:
        """The round of that number, as it is stored or will be."""
        if (standing.id, t) in self._rounds:
            return self._rounds[standing.id, t]
        if not 0 <= t < 1 << 62:
            return None
        row = self.connection.execute(_BY_ROUND, {"id": standing.id, "round": t}).mappings().first()
        return None if row is None else dict(row)

    def add_round(self, row: dict[str, Any]) -> None:
        """A round that was decided or missed."""
        self._rounds[row["controller"], row["t"]] = row
        if row["key"] is not None:
            self._keys[row["controller"], row["key"]] = row

    def settle_round(self, standing: Standing, t: int, outcome: str, settlement: str) -> None:
        """What came of a round; of this batch, or stored."""
        told = {"outcome": outcome, "settlement": settlement, "settled": self.now}
        mine = self._rounds.get((standing.id, t))
        if mine is not None:
            mine.update(told)
        else:
            one = {"id": standing.id, "round": t, "said": outcome, "told": settlement, "when": self.now}
            self._settled.append(one)

    def add_events(self, before: Standing, after: Standing, *told: tuple[str, int | None]) -> None:
        """Events (kind, round) that lead from one standing to the next, whose version counts them."""
        for k, (kind, t) in enumerate(told, start=1):
            row = {"controller": before.id, "number": before.version + k, "kind": kind, "round": t, "at": self.now}
            self._events.append({**row, "configuration": after.configuration})
        self.standing[after.name] = after
        self._changed.add(after.name)

    def leave(self, standing: Standing) -> None:
        """A controller that was deleted."""
        self.standing.pop(standing.name)
        self._changed.discard(standing.name)
        self.left.add(standing.name)

    def add_audit(self, who: str, what: str, controller: str | None, detail: str) -> None:
        """Who changed what."""
        row = {"at": self.now, "who": who, "what": what, "controller": controller, "detail": detail}
        self._audit.append(row)

    def flush(self) -> dict[str, Standing]:
        """Write it all; returns where the changed controllers stand then."""
        changed = {name: self.standing[name] for name in sorted(self._changed)}
        run = self.connection.execute
        if self._rounds:
            run(rounds.insert(), [{**_UNSETTLED, **row} for row in self._rounds.values()])
        if self._settled:
            run(_SETTLE, self._settled)
        if self._events:
            run(events.insert(), self._events)
        if changed:
            now = [
                {"id": s.id, "now": s.version, "under": s.configuration, "text": json_of(to_plain(s.state))}
                for s in changed.values()
            ]
            run(_STATE, now)
        if self._audit:
            run(audit.insert(), self._audit)
        return changed


_UNSETTLED = {"outcome": None, "settlement": None, "settled": None}


def load(connection: Connection, id: int, name: str) -> Standing:
    """Where a controller stands, from the database."""
    version, configuration, state, controller = connection.execute(_LOAD, {"id": id}).one()
    return Standing(id, name, version, configuration, from_plain(json.loads(controller)), from_plain(json.loads(state)))
