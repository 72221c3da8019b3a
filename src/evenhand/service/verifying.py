"""Compute every stored answer of a database again, from the requests alone, and compare bit for bit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, final

from sqlalchemy import Connection, func, select

from evenhand.live.answer import outcome, settlement_answer
from evenhand.live.controller import reconfigure, settle, start
from evenhand.live.records import Controller, State
from evenhand.registry import from_plain, to_plain
from evenhand.service.commands.post import decided
from evenhand.service.records import json_of
from evenhand.service.store.reading import event_page
from evenhand.service.store.schema import configurations, controllers, rounds, states

__all__ = ["Checked", "verify"]

#: events in one read
PAGE = 1000


@final
@dataclass(frozen=True, slots=True)
class Checked:
    """A controller computed again: rounds, events, and what is not as it should be, in words (the first few)."""

    name: str
    rounds: int
    events: int
    wrong: tuple[str, ...]


def verify(connection: Connection) -> Iterator[Checked]:
    """Every controller of the database, the deleted ones too. Nothing lost, nothing doubled, nothing changed."""
    query = select(controllers.c.id, controllers.c.name, controllers.c.deleted).order_by(controllers.c.id)
    for id, name, deleted in connection.execute(query).all():
        yield _checked(connection, id, name, deleted is not None)


def _checked(connection: Connection, id: int, name: str, deleted: bool) -> Checked:
    wrong: list[str] = []
    controller: Controller | None = None
    state: State | None = None
    count = number = version = 0
    posted: dict[str, Any] = {}
    for number, row in enumerate(_events(connection, id), start=1):
        if row["number"] != number:
            wrong.append(f"event {number} is missing")
            break
        if row["kind"] in ("created", "configured"):
            version = row["configuration"]
            after = _configuration(connection, id, version)
            state = start(after) if controller is None or state is None else reconfigure(controller, state, after)
            controller = after
            continue
        if row["kind"] == "deleted":
            continue
        if controller is None or state is None:
            wrong.append("the ledger does not begin with its configuration")
            break
        t = row["round"]
        if row["kind"] == "settled":
            if state.round != t or state.last is None:
                wrong.append(f"round {t} is settled out of turn")
                break
            stored = _round(connection, id, t)
            applied, burden = outcome(controller, state.last, json.loads(stored["outcome"] or "{}"))
            settlement, state = settle(controller, state, applied, burden)
            if json_of(settlement_answer(controller, settlement)) != stored["settlement"]:
                wrong.append(f"the settlement of round {t} comes out otherwise")
            continue
        posted = _round(connection, id, t)
        made = decided(controller, state, {**json.loads(posted["request"]), "previous": None})
        if made.answer["round"] != t or t != count:
            wrong.append(f"round {t} stands where round {count} should")
            break
        state, count = made.state, count + 1
        if json_of(made.answer) != posted["answer"]:
            wrong.append(f"the decision of round {t} comes out otherwise")
        if made.settlement is not None and json_of(made.settlement) != posted["settlement"]:
            wrong.append(f"the settlement of round {t} comes out otherwise")
    kept = connection.execute(select(states).where(states.c.controller == id)).mappings().one()
    if not wrong and state is not None:
        body = json_of(to_plain(from_plain(json.loads(kept["body"]))))  # fields that are new since have their defaults
        if (json_of(to_plain(state)), number - deleted, version) != (body, kept["version"], kept["configuration"]):
            wrong.append("the state is not that of the ledger")
        most = connection.execute(select(func.count()).where(rounds.c.controller == id)).scalar_one()
        if most != count:
            wrong.append(f"{most} rounds are stored, the events tell of {count}")
    return Checked(name, count, number, tuple(wrong[:5]))


def _events(connection: Connection, id: int) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        page = event_page(connection, id, after, PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1]["number"]


def _round(connection: Connection, id: int, t: int) -> dict[str, Any]:
    query = select(rounds).where(rounds.c.controller == id, rounds.c.t == t)
    return dict(connection.execute(query).mappings().one())


def _configuration(connection: Connection, id: int, version: int) -> Controller:
    mine = (configurations.c.controller == id) & (configurations.c.version == version)
    found = from_plain(json.loads(connection.execute(select(configurations.c.body).where(mine)).scalar_one()))
    assert isinstance(found, Controller)
    return replace(found)
