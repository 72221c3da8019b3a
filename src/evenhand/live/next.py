"""One turn of a controller without a server: settle what is open, count what was missed, decide the newest round.

Used by `evenhand next` and `evenhand connect`; a turn ends with a state written and an answer, or changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from evenhand.columns import same
from evenhand.errors import ParameterError, ProblemError
from evenhand.live.answer import decision_answer, outcome, settlement_answer, standing_answer
from evenhand.live.explain import Explanation, explain
from evenhand.live.keep import Kept, alone, read_kept, write_kept
from evenhand.live.ledger import Configured, Decided, Event, Settled, Skipped, advance
from evenhand.live.observation import Observation
from evenhand.live.records import Controller
from evenhand.live.tables import open_tables, rows_since
from evenhand.registry import to_plain

__all__ = ["Turn", "next_round", "observed_round", "open_round", "settle_round"]

#: rounds in the tables since the last run, at most
MOST = 10_000


@final
@dataclass(frozen=True, slots=True)
class Turn:
    """A turn's answer as JSON-ready data, its explanation (None for a settlement), and what to say beside it."""

    answer: dict[str, Any]
    explanation: Explanation | None
    told: tuple[str, ...]

    __eq__ = same


def next_round(config: Path, state: Path, ledger: Path | None = None) -> Turn:
    """Decide the newest round of the tables; the same answer again where it was decided before.

    Raises ProblemError where the tables lost rows, and as `decide`.
    """
    with alone(state):
        kept = _known(state, ledger)
        controller, reader = open_tables(config)
        rows = rows_since(controller, reader, None if kept is None else kept.state.time)
        if not rows:
            return _again(kept, controller, rows_since(controller, reader, None))
        if len(rows) > MOST:
            raise ProblemError(
                f"{len(rows)} rounds were missed, more than {MOST}: move {str(state)!r} away, begin anew"
            )
        events, told = _before(kept, controller)
        events += [Skipped(row) for row in rows[:-1]]
        if rows[:-1]:
            told.append(f"rounds missed: {len(rows) - 1}, from {rows[0].text}; the last action went on in them")
        events.append(Decided(rows[-1]))
        after = _write(state, kept, ledger, events)
        return _decided(after, told)


def observed_round(
    controller: Controller, observation: Observation, state: Path, ledger: Path | None = None, store: bool = True
) -> Turn:
    """Decide on an observation; the same answer again where its time was decided before.

    A round that is still open is taken as applied as decided. store: False looks ahead and touches no file.
    """
    with alone(state) if store else nullcontext():
        kept = _known(state, ledger)
        if kept is not None and kept.state.time == observation.time:
            return _again(kept, controller, [observation])
        events, told = _before(kept, controller)
        events.append(Decided(observation))
        return _decided(_write(state, kept, ledger, events) if store else _played(kept, events), told)


def open_round(state: Path) -> dict[str, Any] | None:
    """The answer of the round that is not settled yet, None where none is."""
    kept = read_kept(state)
    if kept is None or not kept.state.open or kept.state.last is None:
        return None
    return decision_answer(kept.controller, kept.state.last)


def settle_round(state: Path, data: Mapping[str, Any], ledger: Path | None = None) -> Turn:
    """Settle the open round as it happened. Raises ProblemError where none is open, and as `outcome`."""
    with alone(state):
        kept = _known(state, ledger)
        if kept is None or kept.state.last is None:
            raise ProblemError(f"{str(state)!r} is not there: no round was decided yet")
        if not kept.state.open:
            raise ProblemError(f"round {kept.state.round - 1} is settled already: decide the next one first")
        applied, burden = outcome(kept.controller, kept.state.last, data)
        events: list[Event] = [Settled(applied, burden)]
        _write(state, kept, ledger, events)
        settled = events[-1]
        assert isinstance(settled, Settled)
        assert settled.settlement is not None
        return Turn(settlement_answer(kept.controller, settled.settlement), None, ())


def _known(state: Path, ledger: Path | None) -> Kept | None:
    """What the state file holds; a ledger is kept from the first round on, or not at all."""
    kept = read_kept(state)
    if kept is not None and kept.ledger is None and ledger is not None:
        raise ParameterError(f"the state was begun without a ledger: leave out --ledger {str(ledger)!r}, or begin anew")
    if kept is not None and kept.ledger is not None and ledger is None:
        raise ParameterError("the state has a ledger: name it with --ledger")
    return kept


def _before(kept: Kept | None, controller: Controller) -> tuple[list[Event], list[str]]:
    """What comes before a decision: the open round is settled as decided, a changed configuration is taken up."""
    events, told = list[Event](), list[str]()
    if kept is not None and kept.state.open:
        events.append(Settled())
        told.append(f"round {kept.state.round} was not settled: taken as applied as decided")
    if kept is None or to_plain(controller) != to_plain(kept.controller):
        events.append(Configured(controller))
    return events, told


def _write(path: Path, kept: Kept | None, ledger: Path | None, events: list[Event]) -> Kept:
    """Play the events, then write ledger and state."""
    after = _played(kept, events)
    write_kept(path, after, ledger, events)
    return after


def _played(kept: Kept | None, events: list[Event]) -> Kept:
    """Play the events; each gets its answer."""
    controller, state = (None, None) if kept is None else (kept.controller, kept.state)
    for k, event in enumerate(events):
        events[k], controller, state = advance(controller, state, event)
    assert controller is not None
    assert state is not None
    return Kept(controller, state, None if kept is None else kept.ledger)


def _again(kept: Kept | None, controller: Controller, newest: list[Observation]) -> Turn:
    if kept is None or kept.state.last is None or kept.state.time is None or not newest:
        raise ProblemError("the tables have no rows: add some below the header")
    time = kept.state.last.time
    if newest[0].time < kept.state.time:
        raise ProblemError(
            f"the tables end before {time}, which was decided: they lost rows; restore them, or begin anew"
        )
    told = [f"{time} was decided already: the same answer"]
    if to_plain(controller) != to_plain(kept.controller):
        told.append("the configuration was changed since: that counts from the next round on")
    return _decided(kept, told)


def _decided(kept: Kept, told: list[str]) -> Turn:
    decision = kept.state.last
    assert decision is not None
    why = explain(kept.controller, decision, kept.state)
    answer = {**decision_answer(kept.controller, decision), "why": list(why.sentences)}
    return Turn({**answer, "so_far": standing_answer(kept.controller, kept.state)}, why, tuple(told))
