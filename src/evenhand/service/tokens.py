"""Tokens: who may do what. Only hashes are kept; a secret is told once, when it is made.

A token reads eh_ID_SECRET; the secret has 256 random bits, so its plain SHA-256 cannot be reversed, and it is compared
in constant time. Once a token was ever made, nothing is answered without one, not even when all are revoked.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any, final

from sqlalchemy import Connection, select

from evenhand.errors import ParameterError, UnknownNameError
from evenhand.service.errors import ForbiddenError
from evenhand.service.store.database import Database
from evenhand.service.store.reading import reading
from evenhand.service.store.schema import audit, tokens

__all__ = ["SCOPES", "Keyring", "list_tokens", "make_token", "revoke_token"]

#: each may do what those before it may
SCOPES = ("read", "decide", "admin")
_NOBODY = hashlib.sha256(b"").hexdigest()


def make_token(connection: Connection, scope: str, name: str) -> str:
    """A new token, told once. Raises UnknownNameError for another scope, ParameterError for the name."""
    if scope not in SCOPES:
        raise UnknownNameError("scope", scope, SCOPES)
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise ParameterError(f"--name is {name!r:.60}: 1 to 100 letters that can be printed")
    id, secret, now = secrets.token_hex(4), secrets.token_urlsafe(32), time.time()
    row = {"id": id, "hash": _hash(secret), "scope": scope, "name": name, "created": now, "revoked": None}
    connection.execute(tokens.insert(), [row])
    _audit(connection, now, "token create", f"{id} {scope} {name}")
    return f"eh_{id}_{secret}"


def list_tokens(connection: Connection) -> list[dict[str, Any]]:
    """Every token without its hash, oldest first."""
    shown = select(tokens.c.id, tokens.c.scope, tokens.c.name, tokens.c.created, tokens.c.revoked)
    return [dict(row) for row in connection.execute(shown.order_by(tokens.c.created)).mappings()]


def revoke_token(connection: Connection, id: str) -> None:
    """Refuse it from now on. Raises UnknownNameError."""
    known = [row["id"] for row in list_tokens(connection)]
    if id not in known:
        raise UnknownNameError("token", id, known)
    now = time.time()
    connection.execute(tokens.update().where(tokens.c.id == id, tokens.c.revoked.is_(None)).values(revoked=now))
    _audit(connection, now, "token revoke", id)


@final
class Keyring:
    """The tokens of a database, as they were when last refreshed; the server does so every second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Mapping[str, tuple[str, str, str]] = {}
        self.needed: bool = False
        self.refresh()

    def refresh(self) -> None:
        """Read them again. Raises UnavailableError; what was known then still holds."""
        with reading(self._database) as connection:
            rows = connection.execute(select(tokens)).mappings().all()
        self._known = {r["id"]: (r["hash"], r["scope"], r["name"]) for r in rows if r["revoked"] is None}
        self.needed = self.needed or bool(rows)  # a database put back from before the first token opens nothing

    def allow(self, header: str | None, scope: str) -> str:
        """Who asks, for the audit. Raises ForbiddenError without the right to ``scope``."""
        if not self.needed:
            return "loopback"
        if not header or not header.lower().startswith("bearer "):
            raise ForbiddenError("a token is needed: send the header Authorization: Bearer eh_…", known=False)
        found = self._find(header)
        if found is None:
            raise ForbiddenError("the token is not known, or was revoked: evenhand token list shows them", known=False)
        id, has, name = found
        if SCOPES.index(has) < SCOPES.index(scope):
            raise ForbiddenError(f"the token may {has}, this needs {scope}: make one with --scope {scope}", known=True)
        return f"{name} ({id})"

    def id_of(self, header: str | None) -> str | None:
        """The id of the token in a header, None for one that is not known."""
        found = None if header is None else self._find(header)
        return None if found is None else found[0]

    def _find(self, header: str) -> tuple[str, str, str] | None:
        """(id, scope, name), None for one that is not known; takes as long for both."""
        _, _, rest = header.partition("eh_")
        id, _, secret = rest.strip().partition("_")
        known = self._known.get(id)
        same = hmac.compare_digest(_NOBODY if known is None else known[0], _hash(secret))
        return (id, known[1], known[2]) if same and known is not None else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _audit(connection: Connection, now: float, what: str, detail: str) -> None:
    row = {"at": now, "who": "command line", "what": what, "controller": None, "detail": detail}
    connection.execute(audit.insert(), [row])
