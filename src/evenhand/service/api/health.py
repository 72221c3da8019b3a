"""Is it alive, is it ready, what does it measure."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from evenhand import __version__
from evenhand.service.api.answers import ERRORS
from evenhand.service.api.common import needs, service_of
from evenhand.service.store.reading import listed, standings

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["health"], responses=ERRORS)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "alive", "version": __version__}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, Any]:
    """Whether the database answers; 503 where it does not."""
    await service_of(request).read(listed)
    return {"status": "ready"}


@router.get("/metrics", dependencies=[needs("read")], response_class=Response)
async def metrics(request: Request) -> Response:
    """For Prometheus: decisions, latency, cost parts, burdens, prices, staleness, refusals."""
    service = service_of(request)
    found = await service.read(lambda connection: standings(connection, service.desk.cache))
    text = service.metrics.render(found, service.hub.streams, service.database.sizes())
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
