"""Rounds: post, settle, read, explain, preview."""

from __future__ import annotations

import json
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi import Path as InPath

from evenhand.live.explain import explain
from evenhand.service.api.answers import ERRORS, Certificate, Decided, DecidedMany, RoundPage, Settled, Why
from evenhand.service.api.common import Name, body_of, needs, service_of, told
from evenhand.service.api.posting import AGAIN, an_outcome, checked, decide_many, decide_one
from evenhand.service.api.requests import body
from evenhand.service.commands.post import Preview
from evenhand.service.commands.settle import Settle
from evenhand.service.errors import LimitError
from evenhand.service.recall import newest_settled, recalled, so_far_certificate, solved_certificate
from evenhand.service.store.reading import one_round, round_page, round_text

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1/controllers/{name}", tags=["rounds"], responses=ERRORS)
Number = Annotated[int, InPath(ge=0, le=1 << 60, description="Number of the round, from 0.")]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=200, description="Your name for the request; as `key` in the body."),
]


@router.post("/rounds", response_model=Decided, openapi_extra=body("PostRound"), dependencies=[needs("decide")])
async def post_round(request: Request, name: Name, idempotency_key: Key = None) -> Response:
    """Decide a round on what was observed. The decision is on the disk before it is answered.

    With `round` or `key` the same request may be sent again: it gives the stored answer (`Idempotent-Replay: true`),
    and 409 for other content. A round that is still open is settled first, as `previous` says or as decided.
    """
    status, text, again = await decide_one(service_of(request), name, await body_of(request), idempotency_key)
    return told(text, status, **AGAIN) if again else told(text, status)


@router.post(
    "/rounds/batch", response_model=DecidedMany, openapi_extra=body("PostRounds"), dependencies=[needs("decide")]
)
async def post_rounds(request: Request, name: Name) -> Response:
    """Decide several rounds in order, with one wait for the disk; up to the first that is refused, told in `error`."""
    return told(await decide_many(service_of(request), name, await body_of(request)))


@router.post("/preview", response_model=Decided, openapi_extra=body("PostRound"), dependencies=[needs("read")])
async def preview(request: Request, name: Name) -> Response:
    """What would be decided now on what was observed. Nothing is stored."""
    post = checked(name, await body_of(request), None)
    return told(await service_of(request).desk.do(Preview(name, post.data)))


@router.post(
    "/rounds/{t}/settle", response_model=Settled, openapi_extra=body("Outcome"), dependencies=[needs("decide")]
)
async def settle_round(request: Request, name: Name, t: Number) -> Response:
    """Say what was applied and measured in the open round; what is left out is as decided, or as modelled."""
    answered = await service_of(request).desk.do(Settle(name, t, an_outcome("body", await body_of(request))))
    return told(answered.text, 200, **AGAIN) if answered.again else told(answered.text)


@router.get("/rounds", response_model=RoundPage, dependencies=[needs("read")])
async def get_rounds(
    request: Request,
    name: Name,
    start: Annotated[int, Query(alias="from", ge=0, le=1 << 60, description="First round of the page.")] = 0,
    limit: Annotated[int, Query(ge=1, description="Most rounds on the page.")] = 100,
) -> Response:
    """A page of the ledger, in order; `next` is where the following page begins, null at the end."""
    service = service_of(request)
    most = service.settings.limits.rounds
    if limit > most:
        raise LimitError(f"limit is {limit}: a page has at most {most} rounds")
    rows: list[dict[str, Any]] = await service.about(name, lambda c, s: round_page(c, s.id, start, limit + 1))
    following = rows[limit]["t"] if len(rows) > limit else None
    page = ",".join(map(round_text, rows[:limit]))
    return told(f'{{"rounds":[{page}],"next":{json.dumps(following)}}}')


@router.get("/rounds/{t}", dependencies=[needs("read")])
async def get_round(request: Request, name: Name, t: Number) -> Response:
    """One round: its decision and its settlement."""
    return told(round_text(await service_of(request).about(name, lambda c, s: one_round(c, s.id, t))))


@router.get("/rounds/{t}/why", response_model=Why, dependencies=[needs("read")])
async def why(request: Request, name: Name, t: Number) -> dict[str, Any]:
    """A decision in words and numbers: prices, who was favoured and why, what one more unit would change."""
    service = service_of(request)
    standing, row = await service.about(name, lambda c, s: (s, one_round(c, s.id, t)))
    decision, before = recalled(row, standing.state)
    return explain(standing.controller, decision, before).plain


@router.get("/certificate", response_model=Certificate, dependencies=[needs("read")])
async def certificate(
    request: Request,
    name: Name,
    last: Annotated[
        int | None, Query(ge=1, description="Solve for the tightest bound of so many newest rounds; else told at once.")
    ] = None,
) -> dict[str, Any]:
    """How far the cost is at most above the best in hindsight, proved: of all rounds so far, or of the newest ones."""
    service = service_of(request)
    if last is None:
        standing = await service.standing(name)
        return so_far_certificate(standing)
    if last > service.settings.limits.rounds:
        raise LimitError(f"last is {last}: at most {service.settings.limits.rounds} rounds are solved for")
    standing, rows = await service.about(name, lambda c, s: (s, newest_settled(c, s.id, last)))
    return await run_sync(solved_certificate, standing, rows)
