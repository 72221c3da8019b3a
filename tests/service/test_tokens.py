"""Who may do what: nothing is answered without the right to it, and only hashes are kept."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from contextlib import closing

import pytest

from serving import RIGHTS, Server, command

OPEN = {"/", "/page/{path}", "/healthz", "/readyz"}
SCOPES = ("read", "decide", "admin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tokens")


@pytest.fixture(scope="module")
def tokens(folder):
    made = {scope: command(folder, "token", "create", "--scope", scope, "--name", scope) for scope in SCOPES}
    return {scope: out.strip() for scope, (_, out, _) in made.items()}


@pytest.fixture(scope="module")
def server(folder, tokens):
    with Server(folder) as running:
        yield running


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_the_list_of_paths_is_whole(server):
    found = server.ask("GET", "/openapi.json").json["paths"]
    described = {(m.upper(), p) for p, methods in found.items() if p not in OPEN for m in methods}
    listed = {(m, p.partition("?")[0].replace("/us", "/{name}").replace("/0", "/{t}")) for m, p, _ in RIGHTS}
    assert described == listed


@pytest.mark.parametrize(("method", "path", "scope"), RIGHTS)
def test_every_path_asks_for_its_right(server, tokens, method, path, scope):
    body = None if method in ("GET", "DELETE") else {}
    for wrong in (
        {},
        bearer("eh_00000000_" + "A" * 43),
        bearer(tokens["read"][:-1] + "!"),
        {"Authorization": "Basic x"},
    ):
        told = server.ask(method, path, body, **wrong)
        assert (told.status, told.headers["WWW-Authenticate"]) == (401, "Bearer")
    for has in SCOPES:
        told = server.ask(method, path, body, **bearer(tokens[has]))
        if SCOPES.index(has) < SCOPES.index(scope):
            assert told.status == 403
            assert scope in told.json["error"]["message"]
        else:
            assert told.status not in (401, 403, 500)


def test_only_hashes_are_kept(folder, server, tokens):
    with closing(sqlite3.connect(folder / "evenhand.sqlite")) as connection:
        stored = connection.execute("SELECT * FROM tokens").fetchall()
    assert len(stored) == 3
    raw = b"".join(path.read_bytes() for path in folder.iterdir() if "sqlite" in path.name)
    for token in tokens.values():
        assert token.split("_", 2)[2].encode() not in raw
    assert not any(token.split("_", 2)[2] in server.log.read_text() for token in tokens.values())


def test_changes_are_audited_with_who(server, tokens):
    server.create("audited", **bearer(tokens["admin"]))
    server.ask("POST", "/v1/controllers/audited/pause", **bearer(tokens["admin"]))
    entries = server.ask("GET", "/v1/audit?limit=1000", **bearer(tokens["admin"])).json["entries"]
    mine = [(e["what"], e["who"].split()[0]) for e in entries if e["controller"] == "audited"]
    assert mine == [("create", "admin"), ("pause", "admin")]
    assert [e["what"] for e in entries[:3]] == ["token create"] * 3


def test_revoked_is_refused_and_never_open_again(folder, server):
    _, made, told = command(folder, "token", "create", "--scope", "read", "--name", "short")
    assert "not shown again" in told
    mine = bearer(made.strip())
    until(lambda: server.ask("GET", "/v1/controllers", **mine).status == 200)
    assert command(folder, "token", "revoke", made.split("_")[1])[0] == 0
    until(lambda: server.ask("GET", "/v1/controllers", **mine).status == 401)
    assert "short" in command(folder, "token", "list")[1]


def until(holds, seconds=30.0):
    """Within a second on an idle machine."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_wider_than_loopback_only_with_tokens(tmp_path):
    code, _, told = command(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert code == 2
    assert told.startswith("evenhand: --host is '0.0.0.0', which others can reach, and there are no tokens")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("token", "create", "--scope", "root"), "unknown scope 'root'"),
        (("token", "create", "--scope", "read", "--name", ""), "--name is ''"),
        (("token", "revoke", "nothing"), "unknown token 'nothing'"),
        (("serve", "--workers", "2"), "SQLite has one writer"),
        (("serve", "--port", "70000"), "--port is 70000"),
        (("serve", "--max-wait", "0"), "--max-wait is 0.0: a limit is a number above 0"),
        (("serve", "--demo", "--speed", "0"), "--speed is 0: it must be from 0.01 to 100 rounds a second"),
        (("serve", "--port", "x"), "Invalid value for '--port'"),
        (("serve", "more"), "unexpected extra argument"),
        (("token", "create"), "Missing option '--scope'"),
        (("token", "list", "more"), "unexpected extra argument"),
        (("serve", "--database", "mysql://x/y"), "--database is of kind 'mysql'"),
        (("serve", "--database", "sqlite://"), "must name a file"),
        (("serve", "--database", "postgresql://nobody@127.0.0.1:1/x"), "cannot open postgresql+psycopg://"),
        (("replay", "--verify"), "there is no evenhand.sqlite"),
    ],
)
def test_misuse_is_one_line(tmp_path, arguments, told):
    code, _, err = command(tmp_path, *arguments)
    assert code == 2
    assert told in err
    assert err.count("\n") == 1


def test_a_port_that_is_taken_and_a_folder_that_is_a_file(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, _, told = command(tmp_path, "serve", "--port", str(other.getsockname()[1]))
    assert (code, told.count("\n")) == (2, 1)
    assert "Address already in use; choose another --host or --port" in told
    (tmp_path / "file").write_text("")
    code, _, told = command(tmp_path / "file", "serve")
    assert (code, told.count("\n")) == (2, 1)
    assert "choose another --data" in told


def test_without_tokens_other_pages_and_names_are_refused(tmp_path):
    with Server(tmp_path) as server:
        assert server.ask("GET", "/v1/controllers").status == 200
        assert server.ask("GET", "/v1/controllers", Origin="http://evil.example").status == 403
        assert server.ask("GET", "/v1/controllers", Origin=server.url).status == 200
        assert server.ask("GET", "/v1/controllers", Host="evil.example").status == 403
        assert server.ask("POST", "/v1/controllers", json.dumps({}).encode(), Origin="null").status == 403
