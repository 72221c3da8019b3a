"""Server-sent events whose ids are the ledger's, so that a stream goes on where it broke (Last-Event-ID)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from evenhand.service.api.answers import ERRORS
from evenhand.service.api.common import Name, needs, service_of
from evenhand.service.errors import EvenhandError, LimitError, UnavailableError
from evenhand.service.records import Standing
from evenhand.service.service import Service
from evenhand.service.store.reading import event_page

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1/controllers/{name}", tags=["events"], responses=ERRORS)
#: events in one read; seconds after which another process's events are looked for, and a sign of life is sent
PAGE, LOOK, ALIVE = 100, 1.0, 15.0


@router.get("/events", dependencies=[needs("read")], response_class=StreamingResponse)
async def get_events(
    request: Request,
    name: Name,
    last_event_id: Annotated[str | None, Header(description="Go on after this event.")] = None,
    after: Annotated[int | None, Query(ge=0, le=1 << 60, description="The same, where no header can be sent.")] = None,
    follow: Annotated[bool, Query(description="Wait for what comes; else end with the last event.")] = True,
) -> StreamingResponse:
    """Every event from its beginning, or after the given one, or (after=newest in `state`) only what comes.

    Kinds: created, configured, decided, missed, settled, deleted; the data are the decision or settlement as stored.
    """
    service = service_of(request)
    if service.hub.streams >= service.settings.limits.streams:
        raise LimitError(f"{service.settings.limits.streams} streams are open, the limit: close one", 1.0)
    standing = await service.standing(name)
    told = int(last_event_id) if last_event_id and last_event_id.isdecimal() and len(last_event_id) < 18 else None
    start = told if told is not None else after or 0
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(service, standing, start, follow), media_type="text/event-stream", headers=headers)


async def _stream(service: Service, standing: Standing, last: int, follow: bool) -> AsyncGenerator[str]:
    event = service.hub.join(standing.name)
    silent = 0.0
    try:
        yield "retry: 2000\n\n"
        while not service.hub.closed:
            event.clear()
            try:
                rows = await service.read(_after(standing.id, last))
            except UnavailableError as error:
                yield f": {error}\n\n"
                return
            for row in rows:
                last = row["number"]
                yield _text(row)
                if row["kind"] == "deleted":
                    return
            if len(rows) == PAGE:
                continue
            if not follow:
                return
            silent = 0.0 if rows else silent + LOOK
            if silent >= ALIVE:
                silent = 0.0
                yield ": alive\n\n"
            await _wait(event)
    except EvenhandError as error:
        yield f": {error}\n\n"
    finally:
        service.hub.leave(standing.name, event)


async def _wait(event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), LOOK)


def _after(id: int, last: int) -> Any:
    def run(connection: Connection) -> list[dict[str, Any]]:
        return event_page(connection, id, last, PAGE)

    return run


def _text(row: Mapping[str, Any]) -> str:
    data = {"decided": row["answer"], "missed": row["answer"], "settled": row["settlement"]}.get(row["kind"])
    if data is None:
        data = json.dumps({"configuration": row["configuration"], "at": row["at"]})
    return f"id: {row['number']}\nevent: {row['kind']}\ndata: {data}\n\n"
