"""One-shot allocation: nothing is stored."""

from __future__ import annotations

from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from evenhand.errors import ParameterError, UnknownNameError, shown
from evenhand.service.api.answers import ERRORS, Allocated
from evenhand.service.api.common import body_of, needs, told
from evenhand.service.api.requests import body
from evenhand.service.errors import LimitError

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["allocation"], responses=ERRORS)
#: agents in a request
AGENTS = 10_000


@router.post("/allocate", response_model=Allocated, openapi_extra=body("Allocate"), dependencies=[needs("read")])
async def allocate(request: Request) -> Response:
    """Share a capacity among agents, with prices and the proof; agents as the rows of `evenhand allocate`'s table."""
    data = await body_of(request)
    for key in data:
        if key not in ("agents", "capacity", "fairness"):
            raise UnknownNameError("field", str(key), ("agents", "capacity", "fairness"))
    agents = data.get("agents")
    if not isinstance(agents, list) or not all(isinstance(agent, dict) for agent in agents):
        raise ParameterError(f"agents is {shown(agents)}: give a list of objects such as {{'family': 'log'}}")
    if len(agents) > AGENTS:
        raise LimitError(f"{len(agents)} agents are listed: at most {AGENTS}")
    return told(await run_sync(_solved, agents, data.get("capacity"), data.get("fairness", 0.0)))


def _solved(agents: list[dict[str, Any]], capacity: Any, fairness: Any) -> str:
    import pandas as pd

    from evenhand.allocation.solve import allocate
    from evenhand.allocation.table import fleet_from_table
    from evenhand.report.allocate import as_json, summarise

    if isinstance(fairness, bool) or not isinstance(fairness, int | float | str):
        raise ParameterError(f"fairness is {shown(fairness)}: give a number of 0 or more, or 'inf'")
    amounts = capacity if isinstance(capacity, dict) else {"capacity": capacity}
    for name, amount in amounts.items():
        if isinstance(amount, bool) or not isinstance(amount, int | float):
            raise ParameterError(f"{name} is {shown(amount)}: a capacity is a number")
    for agent in agents:
        for name, value in agent.items():
            if not isinstance(value, int | float | str | None) or isinstance(value, bool):
                raise ParameterError(f"{shown(name)} is {shown(value)}: an agent has numbers and names")
            if isinstance(value, int) and abs(value) > 1e100:
                raise ParameterError(f"{shown(name)} is {shown(value)}: take a larger unit")
    single = next(iter(amounts)) if isinstance(capacity, dict) and len(amounts) == 1 else "resource"
    fleet = fleet_from_table(pd.DataFrame(agents), resource=single, source="agents")
    given = next(iter(amounts.values())) if fleet.k == 1 and len(amounts) == 1 else capacity
    return as_json(summarise(allocate(fleet, given, fairness)))  # pyright: ignore[reportArgumentType]
