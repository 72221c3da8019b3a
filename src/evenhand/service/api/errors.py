"""Every error as JSON with a status: {"error": {"kind", "message", "expected"?}}."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from evenhand.errors import EvenhandError, InfeasibleError, SolverError, UnknownNameError
from evenhand.service.errors import ConflictError, ForbiddenError, LimitError, MissingError, UnavailableError

__all__ = ["error_told", "install", "status_of"]

LOG = logging.getLogger("evenhand.service")


def status_of(error: EvenhandError) -> tuple[int, str, dict[str, str]]:
    """Status, kind and headers."""
    match error:
        case ConflictError():
            return 409, "conflict", {}
        case MissingError():
            return 404, "missing", {}
        case ForbiddenError():
            return (403, "forbidden", {}) if error.known else (401, "token", {"WWW-Authenticate": "Bearer"})
        case LimitError():
            return (
                (413, "too large", {}) if error.wait is None else (429, "too often", {"Retry-After": _up(error.wait)})
            )
        case UnavailableError():
            return 503, "unavailable", {"Retry-After": "1"}
        case InfeasibleError():
            return 422, "infeasible", {}
        case SolverError():
            return 422, "solver", {}
        case UnknownNameError():
            return 422, "unknown name", {}
        case _:
            return 422, "problem", {}


def error_told(error: EvenhandError) -> dict[str, Any]:
    """Kind, message and what would be accepted."""
    told: dict[str, Any] = {"kind": status_of(error)[1], "message": str(error)}
    return {**told, "expected": error.expected} if isinstance(error, ConflictError) else told


def install(app: FastAPI) -> None:
    """Answer every error of a route so; what nobody expected is logged and told as one line."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, EvenhandError)
        status, _kind, headers = status_of(error)
        return _answer(status, error_told(error), headers)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
        return _answer(422, {"kind": "problem", "message": f"{place}: {first['msg']}"})

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = {404: "missing", 405: "method"}.get(error.status_code, "refused")
        told = "there is nothing here: see /openapi.json" if error.status_code == 404 else str(error.detail)
        return _answer(error.status_code, {"kind": kind, "message": told}, dict(error.headers or {}))

    async def unexpected(_: Request, error: Exception) -> Response:
        LOG.error("a request failed", exc_info=error)
        return _answer(500, {"kind": "defect", "message": f"{type(error).__name__}: the server's log tells more"})

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        EvenhandError: ours,
        RequestValidationError: invalid,
        HTTPException: http,
        Exception: unexpected,
    }
    for expected, handler in handlers.items():
        app.add_exception_handler(expected, handler)


def _answer(status: int, told: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps({"error": told}), status, headers, "application/json")


def _up(seconds: float) -> str:
    return str(max(1, int(seconds + 0.999)))
