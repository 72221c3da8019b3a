"""HTTP to servers of others: deadlines, retries with backoff, TLS, tokens from the environment or a file.

Nothing that could be a secret is told: errors name scheme, host and path, never a query, a header or a body's token.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict

from evenhand.errors import EvenhandError, MissingExtraError, ProblemError, RefusedError, shown

if TYPE_CHECKING:
    import httpx

__all__ = ["At", "Link", "Patience", "Server", "UnreachableError"]

#: bytes of an answer, at most
LARGEST = 16 << 20
#: statuses that pass by themselves
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: where a pod finds what Kubernetes gives it
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@final
class UnreachableError(EvenhandError):
    """A server did not answer, in time or at all."""


@final
@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may take in all (seconds), how often it is tried, and the first pause (doubled each time)."""

    seconds: float = 10.0
    attempts: int = 3
    pause: float = 0.25


@final
@dataclass(frozen=True, slots=True)
class Server:
    """A server. Written as its URL, as ``in-cluster`` (the Kubernetes that this runs in), or with these keys.

    token_env, token_file: where a bearer token is; read anew for each request, so it may be rotated. headers_env: a
    header and the variable that holds it, for servers that ask for other headers. ca_file: whom to trust, in place
    of the system. A relative file lies beside the configuration. allow_http: send secrets over plain HTTP to another
    machine, for a network that is trusted as a whole.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    url: str
    token_env: str | None = None
    token_file: str | None = None
    headers_env: Mapping[str, str] = field(default_factory=dict)
    ca_file: str | None = None
    allow_http: bool = False

    def __post_init__(self) -> None:
        if self.url == "in-cluster":
            return
        try:
            parts = urlsplit(self.url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            good, parts = False, None
        if not good or parts is None:
            raise ValueError("write http://host:port, https://host, or in-cluster")
        if parts.username or parts.password:
            raise ValueError("no names or passwords in a URL: name a variable in token_env, or a file in token_file")
        if parts.query or parts.fragment:
            raise ValueError("leave out what follows ? or #")
        if self.token_env is not None and self.token_file is not None:
            raise ValueError("give token_env or token_file, not both")
        secret = self.token_env or self.token_file or self.headers_env
        here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if secret and parts.scheme == "http" and not here and not self.allow_http:
            raise ValueError("a token is sent by https, or to this machine; allow_http: true trusts the network")

    @property
    def found(self) -> Server:
        """The same with in-cluster looked up. Raises ProblemError where this is no pod."""
        if self.url != "in-cluster":
            return self
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise ProblemError("server is in-cluster, and this is no pod: give the URL of the Kubernetes API")
        there = f"[{host}]" if ":" in host else host
        return Server(
            f"https://{there}:{port}",
            self.token_env,
            self.token_file or (None if self.token_env else str(ACCOUNT / "token")),
            self.headers_env,
            self.ca_file or str(ACCOUNT / "ca.crt"),
        )


def _short(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


#: a server in a configuration
At = Annotated[Server, BeforeValidator(_short)]


@final
class Link:
    """How connections reach servers and files. folder: files are relative to it; sleep: pauses between tries."""

    def __init__(
        self, folder: Path, patience: Patience = Patience(), sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.folder = folder
        self.patience = patience
        self._sleep = sleep
        self._clients: dict[str | None, Any] = {}
        self._lock = threading.Lock()

    def ask(
        self,
        server: Server,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        form: str = "application/json",
    ) -> Any:
        """The JSON of an answer, None where it is empty. The request must bear being sent twice.

        Raises UnreachableError and RefusedError (both in one line), ProblemError for a token or file that is not there.
        """
        httpx, tenacity = _parts()
        server = server.found
        headers = {**self._secrets(server), "Accept": "application/json"}
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        if content is not None:
            headers["Content-Type"] = form
        client = self._client(server.ca_file)
        url = f"{server.url.rstrip('/')}/{path.lstrip('/')}" if path else server.url
        end = time.monotonic() + self.patience.seconds
        again = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.patience.attempts)
            | tenacity.stop_before_delay(self.patience.seconds),
            wait=tenacity.wait_exponential(multiplier=self.patience.pause, max=5.0),
            retry=tenacity.retry_if_exception(_passing),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            for attempt in again:
                with attempt:
                    left = end - time.monotonic()
                    if left <= 0:
                        raise UnreachableError(f"{url} did not answer within {self.patience.seconds:g} s")
                    with client.stream(
                        method, url, params=query, headers=headers, content=content, timeout=left
                    ) as answer:
                        return _read(answer, url, end)
        except httpx.TimeoutException:
            raise UnreachableError(f"{url} did not answer within {self.patience.seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UnreachableError(f"cannot reach {url}: {reason:.150}") from None
        raise AssertionError("unreachable")

    def file(self, name: str) -> Path:
        """A file beside the configuration."""
        return self.folder / name

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _client(self, ca_file: str | None) -> httpx.Client:
        """One client for each way to trust. Redirects are not followed: a token goes where it was meant to."""
        import ssl

        httpx, _ = _parts()
        with self._lock:
            if ca_file not in self._clients:
                try:
                    trust = ssl.create_default_context(cafile=None if ca_file is None else str(self.file(ca_file)))
                except (OSError, ssl.SSLError) as error:
                    told = getattr(error, "strerror", None) or str(error)
                    raise ProblemError(
                        f"ca_file {ca_file!r} cannot be read: {told}; give certificates in PEM"
                    ) from None
                self._clients[ca_file] = httpx.Client(verify=trust, follow_redirects=False)
            return self._clients[ca_file]

    def _secrets(self, server: Server) -> dict[str, str]:
        headers = {name: _variable(variable) for name, variable in server.headers_env.items()}
        token = None
        if server.token_env is not None:
            token = _variable(server.token_env)
        elif server.token_file is not None:
            try:
                token = self.file(server.token_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                told = getattr(error, "strerror", None) or "it is not text"
                raise ProblemError(f"token_file {server.token_file!r} cannot be read: {told}") from None
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        for name, value in headers.items():
            if not value.isascii() or not value.isprintable() or value in ("", "Bearer "):
                raise ProblemError(f"the secret for {name} is empty or holds letters that no header may: set it again")
        return headers


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise ProblemError(f"the environment has no {name}: set it to the secret")
    return value


def _parts() -> tuple[Any, Any]:
    try:
        import httpx
        import tenacity
    except ImportError:
        raise MissingExtraError("connections need httpx and tenacity: pip install 'evenhand[connect]'") from None
    return httpx, tenacity


def _passing(error: BaseException) -> bool:
    """Whether a fault may pass by itself: nobody there, nothing in time, too busy."""
    httpx, _ = _parts()
    if isinstance(error, RefusedError):
        return error.status in PASSING
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def _read(answer: Any, told: str, end: float) -> Any:
    """The JSON of an answer that comes in pieces, each of them in time."""
    parts, size = list[bytes](), 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > LARGEST:
            raise RefusedError(
                f"{told} answers with more than {LARGEST >> 20} MiB: ask for less", answer.status_code, None
            )
        if time.monotonic() > end:
            raise UnreachableError(f"{told} did not finish its answer in time")
        parts.append(part)
    try:
        found = json.loads(b"".join(parts)) if size else None
    except (ValueError, RecursionError):
        found = ValueError
    if answer.is_redirect:
        where = urlsplit(answer.headers.get("location", ""))
        there = f"{where.scheme}://{where.netloc}{where.path}"
        raise RefusedError(f"{told} redirects to {there}: give that address", answer.status_code, None)
    if not answer.is_success:
        said = None if found is ValueError else found
        raise RefusedError(f"{told} answers {answer.status_code}{_said(said)}", answer.status_code, said)
    if found is ValueError:
        raise RefusedError(f"{told} does not answer in JSON: is it the right address?", answer.status_code, None)
    return found


def _said(body: Any) -> str:
    """The server's own words, where they stand in one of the usual places."""
    for _ in range(3):
        if isinstance(body, Mapping):
            body = next((body[key] for key in ("message", "error", "detail", "errors") if body.get(key)), None)
    return f": {shown(body)[:200]}" if isinstance(body, str) else ""
