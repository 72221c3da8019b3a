"""A database of the first version, as it was then: opened, its every answer computed again, migrated, gone on with."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect

from evenhand.errors import ParameterError
from evenhand.service.store import database as module
from evenhand.service.store.database import REVISION, open_database
from serving import Server, command, verified

FIRST = Path(__file__).parent / "data" / "v0001.sql"
NEXT = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "9001", "{before}", None, None

def upgrade():
    with op.batch_alter_table("controllers") as table:
        table.add_column(sa.Column("note", sa.Text, nullable=False, server_default="none"))
    {then}
"""


@pytest.fixture
def old(tmp_path):
    """A folder with the database of the first version."""
    folder = tmp_path / "old"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "evenhand.sqlite")) as connection:
        connection.executescript(FIRST.read_text(encoding="utf-8"))
    return folder


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """Makes this version one that has a migration more."""

    def make(then="pass"):
        place = tmp_path / "newer"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(Path(module.__file__).parent / "migrations", place / "migrations")
        text = NEXT.format(before=REVISION, then=then)
        (place / "migrations" / "versions" / "v9001_note.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(module, "__file__", str(place / "database.py"))
        monkeypatch.setattr(module, "REVISION", "9001")

    return make


def rows(folder):
    """Every row of every table but the version's, as it is."""
    with closing(sqlite3.connect(folder / "evenhand.sqlite")) as connection:
        names = ("configurations", "states", "events", "rounds", "tokens", "audit")
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names}


def test_the_first_version_comes_out_bit_for_bit_and_goes_on(old):
    before = rows(old)
    code, out, err = command(old, "replay", "--verify")
    assert code == 0, err
    assert out.splitlines() == ["pair: 12 rounds, 26 events, bit for bit", "gone: 3 rounds, 7 events, bit for bit"]
    with Server(old) as server:
        assert server.ask("GET", "/v1/controllers").status == 401  # its tokens hold
        assert server.ask("GET", "/readyz").status == 200
    assert rows(old) == before
    with closing(sqlite3.connect(old / "evenhand.sqlite")) as connection, connection:
        connection.execute("DELETE FROM tokens")
    with Server(old) as server:
        shown = server.ask("GET", "/v1/controllers/pair/state").json
        assert (shown["rounds"], shown["open"]) == (11, True)
        again = {"round": 0, "key": "k0"}
        assert server.post(again, "pair").status == 409  # it knows the key, and that this was not its content
        assert server.post({"missed": True}, "pair").status == 201
        assert server.ask("GET", "/v1/controllers/pair/rounds/3/why").json["text"]
        assert server.ask("GET", "/v1/controllers/pair/certificate?last=10").json["gap"] >= 0.0
    found = verified(old)["pair"]
    assert (found.wrong, found.rounds) == ((), 13)


def test_a_migration_keeps_every_row(old, newer):
    before = rows(old)
    newer()
    for _ in range(2):  # the second time there is nothing to do
        database = open_database(None, old)
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT note FROM controllers").scalars().all() == ["none", "none"]
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9001"
        database.close()
    assert rows(old) == before
    assert {one.wrong for one in verified(old).values()} == {()}


def test_a_migration_that_fails_changes_nothing(old, newer):
    before = rows(old)
    newer('op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(ParameterError, match=r"cannot open sqlite.*no such table: nowhere"):
        open_database(None, old)
    database = open_database(None, old, migrate=False)
    with database.engine.connect() as connection:
        assert "note" not in {column["name"] for column in inspect(connection).get_columns("controllers")}
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == REVISION
    database.close()
    assert rows(old) == before
