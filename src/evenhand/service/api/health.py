"""Is it alive, is it ready, what does it measure."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from evenhand import __version__
from evenhand.service.api.common import service_of
from evenhand.service.store.reading import listed

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "alive", "version": __version__}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, Any]:
    """Whether the database answers; 503 where it does not."""
    await service_of(request).read(listed)
    return {"status": "ready"}
