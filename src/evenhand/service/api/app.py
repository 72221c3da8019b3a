"""The application: the routes, the page, and what is opened at its start and closed at its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

from anyio.to_thread import run_sync
from fastapi import FastAPI

from evenhand import __version__
from evenhand.service.api import allocate, controllers, health, rounds, stream, watch
from evenhand.service.api.errors import install
from evenhand.service.api.guard import Guard
from evenhand.service.api.page import mount
from evenhand.service.api.requests import schemas
from evenhand.service.api.swift import Swift
from evenhand.service.errors import UnavailableError
from evenhand.service.service import Service, opened
from evenhand.service.settings import Settings

__all__ = ["application"]


def application(settings: Settings) -> Any:
    """The ASGI application. Raises, at its start, as `open_database`."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncGenerator[None]:
        service = opened(settings)
        app.state.service = service
        fresh = asyncio.create_task(_keep_fresh(service))
        _end_streams_first(service)
        try:
            yield
        finally:
            fresh.cancel()
            await run_sync(service.close)

    app = FastAPI(
        title="evenhand",
        version=__version__,
        summary="Allocate shared resources with an even hand (fair) and a steady one (smooth).",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # /metrics tells; nothing is sent anywhere
    )
    install(app)
    for part in (
        rounds,
        stream,
        controllers,
        watch,
        allocate,
        health,
    ):  # matched in this order: what is asked most first
        app.include_router(part.router)
    mount(app)
    _describe(app)
    return Guard(Swift(app, app.state), settings.limits, app.state)


async def _keep_fresh(service: Service) -> None:
    """Read the tokens again every second, so that a revoked one is refused a second later."""
    while True:
        await asyncio.sleep(1.0)
        with contextlib.suppress(UnavailableError):
            await run_sync(service.keyring.refresh)


def _end_streams_first(service: Service) -> None:
    """A signal that stops the server ends its streams before the server waits for them."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)

        def stop(given: int, frame: FrameType | None, before: Any = before) -> None:
            service.hub.close()
            if callable(before):
                before(given, frame)

        if callable(before):
            signal.signal(number, stop)


def _describe(app: FastAPI) -> None:
    """Add the bodies that routes read themselves to the description."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            made().setdefault("components", {}).setdefault("schemas", {}).update(schemas())
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
