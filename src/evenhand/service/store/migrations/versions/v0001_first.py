"""The first tables: controllers and their configurations, states, events, rounds, tokens, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _of_controller() -> sa.Column[int]:
    return sa.Column("controller", sa.Integer, sa.ForeignKey("controllers.id"), primary_key=True, autoincrement=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "controllers",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("deleted", sa.Float),
    )
    standing = sa.text("deleted IS NULL")
    op.create_index(
        "ix_controllers_standing",
        "controllers",
        ["name"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    op.create_table(
        "configurations",
        _of_controller(),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "states",
        _of_controller(),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("configuration", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "events",
        _of_controller(),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("round", sa.BigInteger),
        sa.Column("configuration", sa.Integer),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "rounds",
        _of_controller(),
        sa.Column("t", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("configuration", sa.Integer, nullable=False),
        sa.Column("key", sa.String(200)),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("signals", sa.Text, nullable=False),
        sa.Column("borne", sa.Text, nullable=False),
        sa.Column("decided", sa.Float, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("settlement", sa.Text),
        sa.Column("settled", sa.Float),
    )
    op.create_index("ix_rounds_key", "rounds", ["controller", "key"], unique=True)
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(8), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("revoked", sa.Float),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("who", sa.String(120), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("controller", sa.String(100)),
        sa.Column("detail", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop them all."""
    for table in ("audit", "tokens", "rounds", "events", "states", "configurations", "controllers"):
        op.drop_table(table)
