"""Controllers: create, list, show, configure, pause, resume, delete; their state, and the audit."""

from __future__ import annotations

import re
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from evenhand.columns import Array
from evenhand.errors import ParameterError
from evenhand.live.answer import decision_answer, standing_answer
from evenhand.live.controller import start
from evenhand.live.records import Controller
from evenhand.service.api.answers import ERRORS, ControllerList, Shown, State
from evenhand.service.api.common import PATTERN, Name, body_of, needs, service_of, told, who_of
from evenhand.service.api.requests import body
from evenhand.service.commands.manage import Configure, Create, Delete, Hold, made
from evenhand.service.errors import LimitError
from evenhand.service.fair import fair_levels, remembered
from evenhand.service.records import Standing, json_of
from evenhand.service.store.reading import audit_page, listed, source_of, standings

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["controllers"], responses=ERRORS)
#: characters of a policy's text: names and numbers, no program
POLICY = 500


@router.post(
    "/controllers",
    response_model=Shown,
    status_code=201,
    openapi_extra=body("OwnConfig"),
    dependencies=[needs("admin")],
)
async def create_controller(request: Request) -> Response:
    """Create a controller from a configuration: the keys of `my-sites.yaml` as JSON; columns and files are measured.

    The same again changes nothing (200); another configuration under the same name is 409.
    """
    service = service_of(request)
    source = await body_of(request)
    name = source.get("name") or ""
    if not isinstance(name, str) or not re.fullmatch(PATTERN, name):
        raise ParameterError(f"name is {name!r:.60}: 1 to 100 letters, digits, dots, dashes, in paths as they are")
    controller, state = await run_sync(_begun, service.settings.limits.sites, name, source)
    there = await service.read(listed)
    most = service.settings.limits.controllers
    if len(there) >= most and name not in (known for _, known in there):
        raise LimitError(f"there are {most} controllers already, the limit: delete one, or raise it")
    standing, new = await service.desk.do(Create(name, source, controller, state, who_of(request)))
    return told(json_of(_shown(standing, source)), 201 if new else 200)


@router.get("/controllers", response_model=ControllerList, dependencies=[needs("read")])
async def list_controllers(request: Request) -> dict[str, Any]:
    """Every controller, by name."""
    service = service_of(request)

    def run(connection: Connection) -> list[dict[str, Any]]:
        return [_shown(s, source_of(connection, s)) for s in standings(connection, service.desk.cache)]

    return {"controllers": await service.read(run)}


@router.get("/controllers/{name}", response_model=Shown, dependencies=[needs("read")])
async def show_controller(request: Request, name: Name) -> dict[str, Any]:
    """One controller: its configuration, and where it stands."""
    return await service_of(request).about(name, lambda c, s: _shown(s, source_of(c, s)))


@router.put("/controllers/{name}", response_model=Shown, openapi_extra=body("OwnConfig"), dependencies=[needs("admin")])
async def configure_controller(request: Request, name: Name) -> Response:
    """Change staleness, bounds, kill switch or policy; other sites, costs or fairness are another controller."""
    service = service_of(request)
    source = {**await body_of(request), "name": name}
    controller = await run_sync(_made, service.settings.limits.sites, name, source)
    standing = await service.desk.do(Configure(name, source, controller, who_of(request)))
    return told(json_of(_shown(standing, source)))


@router.post("/controllers/{name}/pause", response_model=State, dependencies=[needs("admin")])
async def pause_controller(request: Request, name: Name) -> dict[str, Any]:
    """The kill switch: every decision from now on holds the last action, and says so."""
    return _state(await service_of(request).desk.do(Hold(name, True, who_of(request))))


@router.post("/controllers/{name}/resume", response_model=State, dependencies=[needs("admin")])
async def resume_controller(request: Request, name: Name) -> dict[str, Any]:
    """Decide again."""
    return _state(await service_of(request).desk.do(Hold(name, False, who_of(request))))


@router.delete("/controllers/{name}", status_code=204, dependencies=[needs("admin")])
async def delete_controller(request: Request, name: Name) -> Response:
    """Delete a controller. Its ledger stays in the database, its name is free."""
    await service_of(request).desk.do(Delete(name, who_of(request)))
    return Response(status_code=204)


@router.get("/controllers/{name}/state", response_model=State, dependencies=[needs("read")])
async def get_state(request: Request, name: Name) -> dict[str, Any]:
    """Where a controller stands: action, means, gap, counts, burden remembered, prices, the last decision."""
    return _state(await service_of(request).standing(name))


@router.get("/audit", tags=["audit"], dependencies=[needs("admin")])
async def get_audit(
    request: Request,
    after: Annotated[int, Query(ge=0, le=1 << 60, description="Number of the entry before the page.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Who changed what, in order."""
    return {"entries": await service_of(request).read(lambda c: audit_page(c, after, limit))}


def _begun(most: int, name: str, source: dict[str, Any]) -> tuple[Controller, Any]:
    """The controller and its first state, made here and not by the writer."""
    controller = _made(most, name, source)
    try:
        return controller, start(controller)
    except MemoryError:
        raise ParameterError("the policy asks for more memory than there is: take smaller parameters") from None


def _made(most: int, name: str, source: dict[str, Any]) -> Controller:
    policy, sites = source.get("policy"), source.get("sites")
    if isinstance(policy, str) and len(policy) > POLICY:
        raise ParameterError(f"policy has {len(policy)} characters: at most {POLICY}, a name and its parameters")
    if isinstance(sites, list | dict) and len(sites) > most:
        raise LimitError(f"{len(sites)} sites are listed: at most {most}")
    try:
        controller = made(name, source)
    except (RecursionError, MemoryError):
        raise ParameterError("the configuration is nested too deeply: write it flatter") from None
    if len(controller.sites.names) > most:
        raise LimitError(f"{len(controller.sites.names)} sites are named: at most {most}")
    return controller


def _shown(standing: Standing, source: dict[str, Any]) -> dict[str, Any]:
    controller, state = standing.controller, standing.state
    return {
        "name": standing.name,
        "version": standing.configuration,
        "held": controller.held,
        "sites": controller.sites.names,
        "kinds": controller.sites.kinds,
        "entities": controller.setting.entities,
        "policy": type(controller.policy).__name__,
        "units": source.get("units") or {},
        "configuration": source,
        "rounds": state.round,
        "open": state.open,
        "event": standing.version,
    }


def _state(standing: Standing) -> dict[str, Any]:
    controller, state = standing.controller, standing.state
    held = remembered(controller, state.round, state.burden)
    burden = None if held is None else _by(controller.setting.entities, held)
    last = state.last
    price = None if last is None or last.price is None else _by(controller.setting.entities, last.price)
    return {
        "controller": standing.name,
        "event": standing.version,
        "held": controller.held,
        **standing_answer(controller, state),
        "burden": burden,
        "price": price,
        **fair_levels(controller, state),
        "last": None if last is None else decision_answer(controller, last),
    }


def _by(names: tuple[str, ...], values: Array) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))
