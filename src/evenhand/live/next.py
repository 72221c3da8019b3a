"""One turn of a controller without a server: settle what is open, count what was missed, decide the newest round.

Used by `evenhand next`; a turn either ends with a state written and an answer, or changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from evenhand.errors import ParameterError, ProblemError
from evenhand.live.answer import decision_answer, outcome, settlement_answer, standing_answer
from evenhand.live.controller import reconfigure, start
from evenhand.live.explain import Explanation, explain
from evenhand.live.keep import Kept, alone, read_kept, write_kept
from evenhand.live.ledger import Configured, Decided, Event, Settled, Skipped, advance
from evenhand.live.records import Controller, State
from evenhand.live.tables import open_tables, rows_since
from evenhand.registry import to_plain

__all__ = ["Turn", "next_round", "settle_round"]

#: rounds in the tables since the last run, at most
MOST = 10_000


@final
@dataclass(frozen=True, slots=True)
class Turn:
    """A turn's answer as JSON-ready data, its explanation (None for a settlement), and what to say beside it."""

    answer: dict[str, Any]
    explanation: Explanation | None
    told: tuple[str, ...]


def next_round(config: Path, state: Path, ledger: Path | None = None) -> Turn:
    """Decide the newest round of the tables; the same answer again where it was decided before.

    Raises ProblemError where the tables lost rows, and as `decide`.
    """
    with alone(state):
        controller, reader = open_tables(config)
        controller, now, size, events = _standing(controller, read_kept(state), ledger)
        rows = rows_since(controller, reader, now.time)
        if not rows:
            newest = rows_since(controller, reader, None)
            return _again(controller, now, newest[0].time if newest else None)
        if len(rows) > MOST:
            raise ProblemError(
                f"{len(rows)} rounds were missed, more than {MOST}: move {str(state)!r} away to begin anew"
            )
        told: list[str] = []
        if now.open:
            events.append(Settled())
            told.append(f"round {now.round} was not settled: taken as applied as decided")
        events += [Skipped(row) for row in rows[:-1]]
        if rows[:-1]:
            told.append(f"rounds missed: {len(rows) - 1}, from {rows[0].text}; the last action went on in them")
        events.append(Decided(rows[-1]))
        controller, now = _write(controller, now, state, ledger, size, events)
        return _decided(controller, now, told)


def settle_round(config: Path, state: Path, data: Mapping[str, Any], ledger: Path | None = None) -> Turn:
    """Settle the open round as it happened. Raises ProblemError where none is open, and as `outcome`."""
    with alone(state):
        kept = read_kept(state)
        if kept is None:
            raise ProblemError(f"{str(state)!r} is not there: no round was decided yet")
        controller, _ = open_tables(config)
        controller, now, size, events = _standing(controller, kept, ledger)
        if not now.open or now.last is None:
            raise ProblemError(f"round {now.round - 1} is settled already: decide the next one first")
        applied, burden = outcome(controller, now.last, data)
        events.append(Settled(applied, burden))
        controller, now = _write(controller, now, state, ledger, size, events)
        settled = events[-1]
        assert isinstance(settled, Settled)
        assert settled.settlement is not None
        return Turn(settlement_answer(controller, settled.settlement), None, ())


def _standing(
    controller: Controller, kept: Kept | None, ledger: Path | None
) -> tuple[Controller, State, int | None, list[Event]]:
    """The controller in force, its state, the bytes of the ledger, and the events to begin with."""
    if kept is None:
        return controller, start(controller), None, [Configured(controller)]
    if kept.ledger is None and ledger is not None:
        raise ParameterError(f"the state was begun without a ledger: leave out --ledger {str(ledger)!r}, or begin anew")
    if kept.ledger is not None and ledger is None:
        raise ParameterError("the state has a ledger: name it with --ledger")
    if to_plain(controller) == to_plain(kept.controller):
        return kept.controller, kept.state, kept.ledger, []
    return controller, reconfigure(kept.controller, kept.state, controller), kept.ledger, [Configured(controller)]


def _write(
    controller: Controller, now: State, path: Path, ledger: Path | None, size: int | None, events: list[Event]
) -> tuple[Controller, State]:
    """Play the events (each gets its answer), then write ledger and state."""
    for k, event in enumerate(events):
        if not isinstance(event, Configured):  # its state was made when the file was read
            events[k], controller, now = advance(controller, now, event)
    write_kept(path, Kept(controller, now, size), ledger, events)
    return controller, now


def _again(controller: Controller, now: State, newest: float | None) -> Turn:
    if now.last is None or now.time is None or newest is None:
        raise ProblemError("the tables have no rows: add some below the header")
    if newest < now.time:
        raise ProblemError(
            f"the tables end before {now.last.time}, which was decided: they lost rows; restore them, or begin anew"
        )
    return _decided(controller, now, [f"{now.last.time} was decided already: the same answer"])


def _decided(controller: Controller, now: State, told: list[str]) -> Turn:
    assert now.last is not None
    explanation = explain(controller, now.last, now)
    answer = {**decision_answer(controller, now.last), "why": list(explanation.sentences)}
    return Turn({**answer, "so_far": standing_answer(controller, now)}, explanation, tuple(told))
