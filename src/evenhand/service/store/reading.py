"""What is read beside the writer, each with a connection of its own: pages of the ledger, controllers, the audit."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from evenhand.service.errors import MissingError, UnavailableError
from evenhand.service.records import Standing
from evenhand.service.store.batch import load
from evenhand.service.store.database import Database
from evenhand.service.store.schema import audit, configurations, controllers, events, rounds, states

__all__ = [
    "audit_page",
    "event_page",
    "listed",
    "newest_events",
    "one_round",
    "reading",
    "round_page",
    "round_text",
    "rounds_at",
    "source_of",
    "standing_of",
    "standings",
]


@contextmanager
def reading(database: Database, whole: bool = False) -> Generator[Connection]:
    """A connection to read with; whole: all it reads is of one moment, as it always is with SQLite.

    Raises UnavailableError while the database is not there.
    """
    database.check()
    more: Any = {"isolation_level": "REPEATABLE READ"} if whole and database.several else {}
    try:
        with database.engine.connect().execution_options(**more) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        told = " ".join(str(cause).split())
        raise UnavailableError(f"the database cannot be read now ({told:.160}): ask again") from None


def listed(connection: Connection) -> list[tuple[int, str]]:
    """(id, name) of every controller that stands, by name."""
    found = select(controllers.c.id, controllers.c.name).where(controllers.c.deleted.is_(None))
    return [(id, name) for id, name in connection.execute(found.order_by(controllers.c.name))]


def standings(connection: Connection, cache: Mapping[str, Standing]) -> list[Standing]:
    """Every controller, by name; those in the cache are not read again."""
    stands = controllers.c.deleted.is_(None)
    query = select(controllers.c.id, controllers.c.name, states.c.version).join(states).where(stands)
    return [_fresh(connection, cache, *row) for row in connection.execute(query.order_by(controllers.c.name))]


def standing_of(connection: Connection, cache: Mapping[str, Standing], name: str) -> Standing:
    """Where a controller stands. Raises MissingError."""
    query = select(controllers.c.id, states.c.version).join(states).where(controllers.c.deleted.is_(None))
    row = connection.execute(query.where(controllers.c.name == name)).first()
    if row is None:
        raise MissingError(f"no controller is called {name!r:.80}: GET /v1/controllers lists them")
    return _fresh(connection, cache, row[0], name, row[1])


def _fresh(connection: Connection, cache: Mapping[str, Standing], id: int, name: str, version: int) -> Standing:
    known = cache.get(name)
    if known is not None and (known.id, known.version) == (id, version):
        return known
    return load(connection, id, name)


def source_of(connection: Connection, standing: Standing) -> dict[str, Any]:
    """The configuration in force, as it was sent."""
    mine = (configurations.c.controller == standing.id) & (configurations.c.version == standing.configuration)
    return json.loads(connection.execute(select(configurations.c.source).where(mine)).scalar_one())


def round_page(connection: Connection, id: int, start: int, limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` rounds from number ``start`` on, in order."""
    return _rows(connection, select(rounds).where(rounds.c.controller == id, rounds.c.t >= start), rounds.c.t, limit)


def one_round(connection: Connection, id: int, t: int) -> dict[str, Any]:
    """A round of the ledger. Raises MissingError."""
    found = round_page(connection, id, t, 1) if 0 <= t < 1 << 62 else []
    if not found or found[0]["t"] != t:
        raise MissingError(f"round {t} is not in the ledger: GET …/rounds lists what is")
    return found[0]


def round_text(row: Mapping[str, Any]) -> str:
    """A round as JSON: the stored texts as they are."""
    key, told, settled = json.dumps(row["key"]), row["settlement"] or "null", json.dumps(row["settled"])
    return (
        f'{{"round":{row["t"]},"key":{key},"configuration":{row["configuration"]},"decided_at":{row["decided"]!r},'
        f'"decision":{row["answer"]},"settled_at":{settled},"settlement":{told}}}'
    )


def rounds_at(connection: Connection, id: int, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """The rounds of these numbers that are stored, in order."""
    out: list[dict[str, Any]] = []
    for k in range(0, len(numbers), 500):
        some = rounds.c.t.in_(numbers[k : k + 500])
        out += _rows(connection, select(rounds).where(rounds.c.controller == id, some), rounds.c.t, 500)
    return out


def newest_events(connection: Connection) -> dict[int, float]:
    """When the newest event of every controller was stored, by its id."""
    newest = (events.c.controller == states.c.controller) & (events.c.number == states.c.version)
    query = select(states.c.controller, events.c.at).select_from(states.join(events, newest))
    return {row[0]: row[1] for row in connection.execute(query)}


def event_page(connection: Connection, id: int, after: int, limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` events after number ``after``, in order, each beside its round's row (columns of `rounds`)."""
    both = events.outerjoin(rounds, (rounds.c.controller == events.c.controller) & (rounds.c.t == events.c.round))
    columns = (events, rounds.c.answer, rounds.c.settlement)
    query = select(*columns).select_from(both).where(events.c.controller == id, events.c.number > after)
    return _rows(connection, query, events.c.number, limit)


def audit_page(connection: Connection, after: int, limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` entries after number ``after``, in order."""
    return _rows(connection, select(audit).where(audit.c.id > after), audit.c.id, limit)


def _rows(connection: Connection, query: Select[*tuple[Any, ...]], order: Any, limit: int) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query.order_by(order).limit(limit)).mappings()]
