"""The two requests that come a thousand times a second, past the machinery that describes and checks all others.

The routes in `rounds.py` describe the same two and answer with the same functions; only the way there is shorter.
"""

from __future__ import annotations

import re
from typing import Any, final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evenhand.service.api.common import parsed
from evenhand.service.api.posting import decide_many, decide_one

__all__ = ["Swift"]

_PATH = re.compile(r"/v1/controllers/([A-Za-z0-9][A-Za-z0-9._-]{0,99})/rounds(/batch)?")


@final
class Swift:
    """An ASGI application around the whole one; what it raises, the guard around it answers."""

    def __init__(self, app: ASGIApp, state: Any) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a posted round, or hand the request on."""
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        service = self._state.service
        service.keyring.allow(headers.get(b"authorization"), "decide")
        data = parsed(await _body(receive))
        if found[2]:
            status, text, again = 200, await decide_many(service, found[1], data), False
        else:
            status, text, again = await decide_one(service, found[1], data, headers.get(b"idempotency-key"))
        body = text.encode()
        told = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        if again:
            told.append((b"idempotent-replay", b"true"))
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    parts = list[bytes]()
    while True:
        message: Message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
