"""The ledger of a controller: what happened, in order, each event with its answer; append-only and replayable.

An event goes through `registry.to_plain` and JSON, one a line in a file. Computing every answer again from the events
alone, and comparing bit for bit, is `verify`; whoever holds the ledger needs no stored state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, final

from evenhand.columns import Array, same
from evenhand.errors import ProblemError
from evenhand.live.controller import decide, reconfigure, settle, skip, start
from evenhand.live.observation import Observation
from evenhand.live.records import Controller, Decision, Settlement, State
from evenhand.registry import to_plain

__all__ = [
    "Configured",
    "Decided",
    "Event",
    "Replayed",
    "Settled",
    "Skipped",
    "Verified",
    "advance",
    "replay",
    "verify",
]


@final
@dataclass(frozen=True, slots=True)
class Configured:
    """The controller that is in force from here on: the first event, and every change of the configuration."""

    controller: Controller


@final
@dataclass(frozen=True, slots=True)
class Decided:
    """An observation and the decision."""

    observation: Observation
    decision: Decision | None = None


@final
@dataclass(frozen=True, slots=True)
class Settled:
    """What was applied (n,) and measured (m,), None for as decided, and the settlement."""

    applied: Array | None = None
    burden: Array | None = None
    settlement: Settlement | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Skipped:
    """A round that was missed, what was measured in it, and the settlement."""

    observation: Observation | None = None
    burden: Array | None = None
    settlement: Settlement | None = None

    __eq__ = same


Event = Configured | Decided | Settled | Skipped


@final
@dataclass(frozen=True, slots=True)
class Replayed:
    """One event computed again: its number in the ledger, the event with the new answer, and the state after it."""

    index: int
    event: Event
    controller: Controller
    state: State


@final
@dataclass(frozen=True, slots=True)
class Verified:
    """How many rounds were decided or missed, how many events there were, and which do not come out the same."""

    rounds: int
    events: int
    different: tuple[int, ...]

    @property
    def holds(self) -> bool:
        """Whether every stored answer came out bit for bit."""
        return not self.different


def advance(controller: Controller | None, state: State | None, event: Event) -> tuple[Event, Controller, State]:
    """One event: the same with its answer, the controller in force and the state after it.

    The first is Configured, with controller and state None. Raises ProblemError for another first event, and as
    `decide`, `settle`, `skip`.
    """
    if isinstance(event, Configured):
        if controller is None or state is None:
            return event, event.controller, start(event.controller)
        after = reconfigure(controller, state, event.controller)
        return event, event.controller, after
    if controller is None or state is None:
        raise ProblemError(f"a ledger begins with its configuration, this one with {type(event).__name__}")
    if isinstance(event, Decided):
        decision, after = decide(controller, state, event.observation)
        return replace(event, decision=decision), controller, after
    if isinstance(event, Settled):
        settlement, after = settle(controller, state, event.applied, event.burden)
    else:
        settlement, after = skip(controller, state, event.observation, event.burden)
    return replace(event, settlement=settlement), controller, after


def replay(events: Iterable[Event]) -> Iterator[Replayed]:
    """Compute every answer of a ledger again, in order."""
    controller, state = None, None
    for index, event in enumerate(events):
        again, controller, state = advance(controller, state, event)
        yield Replayed(index, again, controller, state)


def verify(events: Iterable[Event]) -> Verified:
    """Compute every stored answer again and compare bit for bit.

    Raises ProblemError for a ledger that cannot be replayed: out of turn, or cut off at its head.
    """
    rounds, count, different = 0, 0, list[int]()
    stored: list[Event] = []

    def watched() -> Iterator[Event]:
        for event in events:
            stored.append(event)
            yield event

    for one in replay(watched()):
        event = stored.pop()
        count += 1
        rounds += isinstance(event, Decided | Skipped)
        if text_of(event) != text_of(one.event):
            different.append(one.index)
    return Verified(rounds, count, tuple(different))


def text_of(value: Any) -> str:
    """A record as one line of JSON, every bit of its numbers in it."""
    return json.dumps(to_plain(value), separators=(",", ":"), allow_nan=False)
