"""A client of the service, of the standard library alone: one connection, kept open, opened anew if it broke."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, final
from urllib.parse import quote, urlsplit

from evenhand.errors import ParameterError, RefusedError

__all__ = ["Client", "path_of"]


@final
class Client:
    """Talks to one server. Raises ParameterError where it cannot be reached, RefusedError for what it refuses."""

    def __init__(self, url: str, token: str | None = None, seconds: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ParameterError(f"--url is {url!r:.80}: write http://host:port")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        try:
            self._connection = kind(parts.hostname, parts.port, timeout=seconds)
        except (ValueError, http.client.InvalidURL):
            raise ParameterError(f"--url is {url!r:.80}: write http://host:port") from None
        self._url = url.rstrip("/")
        self._base = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if token:
            if not token.isascii() or not token.isprintable():
                raise ParameterError("the token holds letters that no token has: copy it again")
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, data: Mapping[str, Any] | None = None, again: bool = True) -> Any:
        """The answer's JSON. again: a connection that broke is opened anew once; the request must bear that."""
        body = None if data is None else json.dumps(data, allow_nan=False)
        try:
            self._connection.request(method, self._base + path, body, self._headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            if again:
                return self.ask(method, path, data, False)
            told = getattr(error, "strerror", None) or type(error).__name__
            raise ParameterError(f"cannot reach {self._url}: {told}; is evenhand serve running?") from None
        try:
            found = json.loads(text) if text else None
        except ValueError:
            raise ParameterError(f"{self._url} does not answer as evenhand does: is it the right --url?") from None
        if answer.status >= 400:
            told = found.get("error", {}).get("message", "") if isinstance(found, dict) else ""
            raise RefusedError(told or f"{self._url} answers {answer.status}", answer.status, found)
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def path_of(name: str, *more: str) -> str:
    """The path of a controller."""
    return "/".join(("/v1/controllers", quote(name, safe=""), *more))
