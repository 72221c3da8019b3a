"""The tables. `events` and `rounds` are the ledger: rows are added, and a round's settlement is filled in once.

Bodies are JSON text that holds every bit of its numbers. Times are seconds since 1970 by the server's clock; they are
told, and nothing depends on them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

__all__ = [
    "METADATA",
    "audit",
    "configurations",
    "controllers",
    "events",
    "rounds",
    "states",
    "tokens",
]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

#: one row a controller; a deleted one keeps its ledger and gives its name back
controllers: Table[Any] = Table(
    "controllers",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(100), nullable=False),
    Column("created", Float, nullable=False),
    Column("deleted", Float),
)
Index(
    "ix_controllers_standing",
    controllers.c.name,
    unique=True,
    sqlite_where=text("deleted IS NULL"),
    postgresql_where=text("deleted IS NULL"),
)

#: every version of a configuration: as it was sent, and the controller it makes
configurations: Table[Any] = Table(
    "configurations",
    METADATA,
    Column("controller", ForeignKey("controllers.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created", Float, nullable=False),
)

#: where a controller stands after its event number `version`; the row that is locked while it decides
states: Table[Any] = Table(
    "states",
    METADATA,
    Column("controller", ForeignKey("controllers.id"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("configuration", Integer, nullable=False),
    Column("body", Text, nullable=False),
)

#: what happened to a controller, numbered from 1 without gaps: created, configured, deleted, decided, missed, settled
events: Table[Any] = Table(
    "events",
    METADATA,
    Column("controller", ForeignKey("controllers.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("round", BigInteger),
    Column("configuration", Integer),
    Column("at", Float, nullable=False),
)

#: request and answer of every round; signals: those it was decided on; borne: the burden remembered then
rounds: Table[Any] = Table(
    "rounds",
    METADATA,
    Column("controller", ForeignKey("controllers.id"), primary_key=True),
    Column("t", BigInteger, primary_key=True, autoincrement=False),
    Column("configuration", Integer, nullable=False),
    Column("key", String(200)),
    Column("hash", String(64), nullable=False),
    Column("request", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("signals", Text, nullable=False),
    Column("borne", Text, nullable=False),
    Column("decided", Float, nullable=False),
    Column("outcome", Text),
    Column("settlement", Text),
    Column("settled", Float),
)
Index("ix_rounds_key", rounds.c.controller, rounds.c.key, unique=True)

#: SHA-256 of a secret of 256 random bits, never the secret
tokens: Table[Any] = Table(
    "tokens",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("scope", String(8), nullable=False),
    Column("name", String(100), nullable=False),
    Column("created", Float, nullable=False),
    Column("revoked", Float),
)

#: who changed what
audit: Table[Any] = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("who", String(120), nullable=False),
    Column("what", String(40), nullable=False),
    Column("controller", String(100)),
    Column("detail", Text, nullable=False),
)
