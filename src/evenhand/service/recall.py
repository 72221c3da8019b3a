"""Stored rounds as the values of `evenhand.live` again: to explain them, and to prove how good they were."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, RowMapping, select

from evenhand.live.certificate import hindsight
from evenhand.live.controller import so_far
from evenhand.live.records import Decision, Settlement, State
from evenhand.live.staleness import Note
from evenhand.service.errors import MissingError
from evenhand.service.records import Standing
from evenhand.service.store.schema import rounds

__all__ = ["newest_settled", "recalled", "so_far_certificate", "solved_certificate"]


def recalled(row: Mapping[str, Any], state: State) -> tuple[Decision, State]:
    """A stored decision, and a state that remembers the burden as it was when it was made."""
    answer = json.loads(row["answer"])
    decision = Decision(
        answer["round"],
        answer["time"],
        _array(json.loads(row["signals"])),
        _array(answer["action"].values()),
        _array(answer["wanted"].values()),
        _array(answer["previous"].values()),
        None if answer["price"] is None else _array(answer["price"].values()),
        answer["cost"]["hitting"],
        answer["cost"]["switching"],
        answer["held"],
        tuple(Note(n["kind"], n["text"], n["field"], tuple(n["sites"])) for n in answer["notes"]),
    )
    return decision, replace(state, round=row["t"], burden=_array(json.loads(row["borne"])))


def newest_settled(connection: Connection, id: int, last: int) -> list[RowMapping]:
    """The newest ``last`` rounds that are settled, in order."""
    query = select(rounds.c.t, rounds.c.signals, rounds.c.answer, rounds.c.settlement)
    query = query.where(rounds.c.controller == id).order_by(rounds.c.t.desc()).limit(last + 1)  # one may be open
    found = [row for row in connection.execute(query).mappings() if row["settlement"] is not None]
    return list(reversed(found[:last]))


def so_far_certificate(standing: Standing) -> dict[str, Any]:
    """Of all rounds, from the bound that is kept up to date. Raises ProblemError before the first is settled."""
    mean, bound = so_far(standing.controller, standing.state)
    hitting, switching, fairness = mean.tolist()
    return _told(standing, 0, standing.state.round, (hitting, switching, fairness), bound, "kept up to date")


def solved_certificate(standing: Standing, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of these rounds, with the best price of all. Raises MissingError for none, and as `hindsight`."""
    if not rows:
        raise MissingError("no round was settled yet: a proof is about at least one")
    settled: list[Settlement] = []
    for row in rows:
        was, told = json.loads(row["answer"]), json.loads(row["settlement"])
        settled.append(
            Settlement(
                row["t"],
                _array(json.loads(row["signals"])),
                _array(was["previous"].values()),
                _array(told["applied"].values()),
                _array(told["burden"].values()),
                told["cost"]["hitting"],
                told["cost"]["switching"],
                _array([told["mean"][name] for name in ("hitting", "switching", "fairness")]),
                told["bound"],
            )
        )
    proved = hindsight(standing.controller, settled)
    parts = (float(proved.cost.hitting), float(proved.cost.switching), float(proved.cost.fairness))
    return _told(standing, settled[0].round, proved.rounds, parts, proved.bound, "solved")


def _told(
    standing: Standing, first: int, count: int, parts: tuple[float, float, float], bound: float, how: str
) -> dict[str, Any]:
    total = sum(parts)
    return {
        "controller": standing.name,
        "from": first,
        "rounds": count,
        "cost": {**dict(zip(("hitting", "switching", "fairness"), parts, strict=True)), "total": total},
        "bound": bound,
        "gap": None if bound <= 0.0 else total / bound - 1.0,
        "how": how,
    }


def _array(values: Any) -> Any:
    return np.array(list(values), dtype=np.float64)
