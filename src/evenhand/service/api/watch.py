"""What the page watches: every controller at a glance, and the rounds of one as columns to be drawn."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from evenhand.live.controller import so_far
from evenhand.service.api.answers import ERRORS, Overview, Series
from evenhand.service.api.common import Name, needs, service_of, told
from evenhand.service.records import Standing, expected, json_of
from evenhand.service.series import columns, sampled
from evenhand.service.store.reading import newest_events, rounds_at, standings

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["watch"], responses=ERRORS)


@router.get("/overview", response_model=Overview, dependencies=[needs("read")])
async def get_overview(request: Request) -> dict[str, Any]:
    """Every controller at a glance: whether it runs, when it last did something, its cost and its proved gap."""
    service = service_of(request)

    def run(connection: Connection) -> list[dict[str, Any]]:
        at = newest_events(connection)
        return [_watched(standing, at[standing.id]) for standing in standings(connection, service.desk.cache)]

    return {"controllers": await service.read(run), "now": time.time()}


@router.get("/controllers/{name}/series", response_model=Series, dependencies=[needs("read")])
async def get_series(
    request: Request,
    name: Name,
    start: Annotated[int, Query(alias="from", ge=0, le=1 << 60, description="First round.")] = 0,
    points: Annotated[int, Query(ge=1, le=2000, description="Most rounds told; of more, one of each stretch.")] = 500,
) -> Response:
    """The rounds from a number to the newest as columns, to be drawn; the ledger has every round, and every bit."""

    def run(connection: Connection, standing: Standing) -> str:
        numbers, stride = sampled(start, expected(standing.state), points)
        return json_of(columns(standing, rounds_at(connection, standing.id, numbers), stride))

    return told(await service_of(request).about(name, run))


def _watched(standing: Standing, at: float) -> dict[str, Any]:
    controller, state = standing.controller, standing.state
    last, cost, gap = state.last, None, None
    if state.round:
        mean, bound = so_far(controller, state)
        cost = float(mean[0] + mean[1] + mean[2])
        gap = None if bound <= 0.0 else cost / bound - 1.0
    return {
        "name": standing.name,
        "held": controller.held,
        "holding": last is not None and last.held,
        "rounds": state.round,
        "open": state.open,
        "event": standing.version,
        "at": at,
        "time": None if last is None else last.time,
        "cost": cost,
        "gap": gap,
        "notes": [] if last is None else list(dict.fromkeys(note.kind for note in last.notes)),
    }
