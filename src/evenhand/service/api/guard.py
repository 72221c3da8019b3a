"""Around every request: who may reach us at all, how large and how often, and the headers of every answer."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from typing import Any, final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evenhand.errors import EvenhandError
from evenhand.service.api.errors import error_told, status_of
from evenhand.service.errors import ForbiddenError, LimitError
from evenhand.service.settings import Limits, loopback

__all__ = ["Guard"]

LOG = logging.getLogger("evenhand.service")
#: clients whose rate is remembered
CLIENTS = 10_000
_HEADERS = [
    (b"content-security-policy", None),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
CSP = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@final
class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, limits: Limits, state: Any) -> None:
        self._app = app
        self._state = state
        self._limits = limits
        self._seen: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._count(message["status"])
                own = {name for name, _ in message["headers"]}
                more = [(name, CSP if value is None else value) for name, value in _HEADERS if name not in own]
                if b"cache-control" not in own:
                    more.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *more]
            await send(message)

        try:
            self._origin(headers)
            self._often(scope, headers)
            await self._app(scope, await self._read(headers, receive), answer)
        except EvenhandError as error:
            if begun:
                raise
            await _refuse(status_of(error), error_told(error), answer)
        except Exception as error:
            LOG.exception("a request failed")
            if begun:
                raise
            told = {"kind": "defect", "message": f"{type(error).__name__}: the server's log tells more"}
            await _refuse((500, "defect", {}), told, answer)

    def _count(self, status: int) -> None:
        service: Any = getattr(self._state, "service", None)
        if service is not None:
            service.metrics.requests.labels(status).inc()

    def _origin(self, headers: dict[bytes, str]) -> None:
        """No other site's page may use a browser to reach us, nor a name that points to this machine."""
        host = headers.get(b"host", "")
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise ForbiddenError(f"a page of {origin!r:.80} may not ask here: open the page of this server", known=True)
        service: Any = getattr(self._state, "service", None)
        if service is not None and not service.keyring.needed and not loopback(urlsplit(f"//{host}").hostname or ""):
            raise ForbiddenError(
                f"this server answers without tokens, and only to localhost, not to {host!r:.80}: make a token first",
                known=True,
            )

    def _often(self, scope: Scope, headers: dict[bytes, str]) -> None:
        client, service = scope.get("client"), getattr(self._state, "service", None)
        known = None if service is None else service.keyring.id_of(headers.get(b"authorization"))
        who = known or (client[0] if client else "")  # a made-up token is no other client
        now, rate = time.monotonic(), self._limits.rate
        left, then = self._seen.pop(who, (2.0 * rate, now))
        left = min(2.0 * rate, left + rate * (now - then)) - 1.0
        self._seen[who] = (max(left, 0.0), now)
        if len(self._seen) > CLIENTS:
            self._seen.popitem(last=False)
        if left < 0.0:
            raise LimitError(f"more than {rate:g} requests a second: ask less often", -left / rate)

    async def _read(self, headers: dict[bytes, str], receive: Receive) -> Receive:
        """The body, whole and within its limits, before anything is done with it."""
        most = self._limits.body
        too_large = LimitError(f"the body has more than {most} bytes: send less at once")
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length[:20]) > most:
            raise too_large
        if length == "0" and b"transfer-encoding" not in headers:
            return receive
        parts, size = list[bytes](), 0
        try:
            async with asyncio.timeout(self._limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise LimitError("the body ended early")
                    part: bytes = message.get("body", b"")
                    parts.append(part)
                    size += len(part)
                    if size > most:
                        raise too_large
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise LimitError(f"the body took more than {self._limits.seconds:g} s: send it faster") from None
        whole: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        return again


async def _refuse(how: tuple[int, str, dict[str, str]], told: dict[str, Any], send: Send) -> None:
    status, _, more = how
    body = json.dumps({"error": told}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in more.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
