"""The tables: what migrations make is what the schema says, up and down again; older and newer databases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from evenhand.errors import ParameterError
from evenhand.service import store
from evenhand.service.store.database import REVISION, open_database
from evenhand.service.store.schema import METADATA


def test_migrations_make_the_schema(tmp_path):
    database = open_database(None, tmp_path)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        made = dict(connection.execute(text("SELECT name, sql FROM sqlite_master")).all())
    database.close()
    assert "WHERE deleted IS NULL" in made["ix_controllers_standing"]
    assert "UNIQUE" in made["ix_rounds_key"]


def test_the_newest_migration_is_the_one_that_is_known():
    script = ScriptDirectory(str(Path(store.__file__).parent / "migrations"))
    assert script.get_heads() == [REVISION]


def test_every_connection_is_durable(tmp_path):
    database = open_database(None, tmp_path)
    for _ in range(3):
        with database.engine.connect() as connection:
            told = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
            assert told == ["wal", 2]  # 2: FULL, the log is synced at every commit
    database.close()


def test_a_newer_database_is_refused(tmp_path):
    open_database(None, tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "evenhand.sqlite")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ParameterError, match="written by a newer evenhand"):
        open_database(None, tmp_path)


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be looked at as one" * 20, b"SQLite format 3\0xx"]
)
def test_no_database_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "evenhand.sqlite").write_bytes(content)
    with pytest.raises(ParameterError, match="cannot open sqlite"):
        open_database(None, tmp_path)
    assert (tmp_path / "evenhand.sqlite").read_bytes() == content


def test_downgrade_leaves_nothing(tmp_path):
    database = open_database(None, tmp_path)
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    with database.engine.connect().execution_options(writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.engine.connect() as connection:
        left = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
    database.close()
    assert set(left) <= {"alembic_version", "sqlite_sequence"}


def test_looking_at_a_database_makes_none(tmp_path):
    with pytest.raises(ParameterError, match="there is no database at"):
        open_database(f"sqlite:///{tmp_path}/none.sqlite", tmp_path, migrate=False)
    assert list(tmp_path.iterdir()) == []
