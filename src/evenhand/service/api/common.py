"""What the routes share: the service, who asks, the body, and answers that are JSON text already."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response
from fastapi.security import HTTPBearer
from pydantic_core import from_json

from evenhand.errors import ProblemError
from evenhand.service.service import Service

__all__ = ["Name", "body_of", "needs", "parsed", "service_of", "told", "who_of"]

#: names of controllers in paths
PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Name = Annotated[
    str, Path(pattern=PATTERN, description="Name of the controller.", examples=["us-sites"], max_length=100)
]
_BEARER = HTTPBearer(auto_error=False, description="A token made by `evenhand token create`.")


def service_of(request: Request) -> Service:
    """The running service."""
    return request.app.state.service


def needs(scope: str) -> Any:
    """A dependency that lets in only who may do this; it runs before the body is read."""

    async def allow(request: Request, _: Annotated[Any, Depends(_BEARER)]) -> None:
        request.state.who = service_of(request).keyring.allow(request.headers.get("authorization"), scope)

    return Depends(allow)


def who_of(request: Request) -> str:
    """Who asks, for the audit."""
    return request.state.who


async def body_of(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises ProblemError."""
    return parsed(await request.body())


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises ProblemError."""
    try:
        data = from_json(body or b"{}", allow_inf_nan=False)
    except ValueError as error:
        raise ProblemError(f"the body is not JSON: {error!s:.100}") from None
    if not isinstance(data, dict):
        raise ProblemError("the body must be a JSON object")
    return data


def told(text: str, status: int = 200, **headers: str) -> Response:
    """An answer that is JSON text already, such as a stored one."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(text, status, names, "application/json")
