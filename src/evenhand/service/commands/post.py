"""Post a round: settle the open one, decide the next. The same request again gives the stored answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from evenhand.errors import EvenhandError
from evenhand.live.answer import decision_answer, outcome, settlement_answer, standing_answer
from evenhand.live.controller import decide, settle, skip
from evenhand.live.explain import explain
from evenhand.live.observation import Observation, observe
from evenhand.live.records import Controller, State
from evenhand.service.errors import ConflictError
from evenhand.service.records import Standing, digest, expected, json_of
from evenhand.service.store.batch import Batch

__all__ = ["Answered", "Post", "PostMany", "Preview", "decided"]

#: what a request says beside the observation
BESIDE = ("round", "key", "previous", "missed", "explain")


@final
@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as the JSON text that is stored; again: it was stored before."""

    text: str
    again: bool


@final
@dataclass(frozen=True, slots=True)
class Post:
    """Decide a round on ``data``: an observation, and beside it

    round: the number it must have; key: the client's name for it; previous: what came of the open round, else it is
    settled as decided; missed: the round went by, the last action went on; explain: put it in words.
    """

    name: str
    data: Mapping[str, Any]
    key: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The key, where there is one."""
        return () if self.key is None else (self.key,)

    def run(self, batch: Batch) -> Answered:
        """Decide, or find the stored answer. Raises ConflictError, MissingError, and as `decide`."""
        before = batch.of(self.name)
        said = {name: value for name, value in self.data.items() if name != "key"}
        hash = digest(said)
        stored = self._stored(batch, before)
        if stored is not None:
            if stored["hash"] != hash:
                what = f"key {self.key!r:.80} is" if self.key is not None else "the number is"
                raise ConflictError(
                    f"{what} that of round {stored['t']}, which was decided on other content: send the same again",
                    {"round": stored["t"], "sha256": stored["hash"], "next_round": expected(before.state)},
                )
            return Answered(stored["answer"], True)
        number = self.data.get("round")
        if number is not None and number != expected(before.state):
            raise ConflictError(
                f"round is {number}: the next round of {self.name!r} is {expected(before.state)}",
                {"round": expected(before.state)},
            )
        made = decided(before.controller, before.state, self.data)
        told: list[tuple[str, int | None]] = []
        if made.settled is not None:
            told.append(("settled", before.state.round))
        t = expected(before.state)
        told.append(("missed" if made.settlement is not None else "decided", t))
        after = replace(before, version=before.version + len(told), state=made.state)
        answer = json_of(made.answer)
        row: dict[str, Any] = {
            "controller": before.id,
            "t": t,
            "configuration": before.configuration,
            "key": self.key,
            "hash": hash,
            "request": json_of(said),
            "answer": answer,
            "signals": made.signals,
            "borne": made.borne,
            "decided": batch.now,
        }
        if made.settlement is not None:
            row |= {"outcome": json_of({}), "settlement": json_of(made.settlement), "settled": batch.now}
        if made.settled is not None:
            batch.settle_round(before, before.state.round, json_of(made.outcome), json_of(made.settled))
        batch.add_round(row)
        batch.add_events(before, after, *told)
        return Answered(answer, False)

    def _stored(self, batch: Batch, standing: Standing) -> dict[str, Any] | None:
        if self.key is not None:
            row = batch.by_key(standing, self.key)
            if row is not None:
                return row
        number = self.data.get("round")
        if number is None or number >= expected(standing.state):
            return None
        return batch.by_round(standing, number)


@final
@dataclass(frozen=True, slots=True)
class PostMany:
    """Several rounds of one controller in one transaction, in order, up to the first that is refused."""

    name: str
    posts: tuple[Post, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all."""
        return tuple(post.key for post in self.posts if post.key is not None)

    def run(self, batch: Batch) -> tuple[list[Answered], EvenhandError | None]:
        """The answers, and why the next was refused, if it was. Raises where the first is."""
        told: list[Answered] = []
        for post in self.posts:
            try:
                told.append(post.run(batch))
            except EvenhandError as error:
                if not told:
                    raise
                return told, error
        return told, None


@final
@dataclass(frozen=True, slots=True)
class Preview:
    """What would be decided on ``data``; nothing is kept."""

    name: str
    data: Mapping[str, Any]
    keys: tuple[str, ...] = ()

    def run(self, batch: Batch) -> str:
        """The answer as JSON. Raises as `Post`."""
        before = batch.of(self.name)
        return json_of(decided(before.controller, before.state, self.data).answer)


@final
@dataclass(frozen=True, slots=True)
class Decided:
    """A round computed: its answer, the settlements of the one before and (of a missed one) its own, the state after.

    outcome: what was said of the round before. signals, borne: JSON of what it was decided on, and of the burden
    remembered then.
    """

    answer: dict[str, Any]
    outcome: Mapping[str, Any]
    settled: dict[str, Any] | None
    settlement: dict[str, Any] | None
    signals: str
    borne: str
    state: State


def decided(controller: Controller, state: State, data: Mapping[str, Any]) -> Decided:
    """Settle what is open, decide what is posted: from value to value. The ledger computes it again with this."""
    seen = {name: value for name, value in data.items() if name not in BESIDE}
    previous: Mapping[str, Any] = data.get("previous") or {}
    observation = None if data.get("missed") and not seen else observe(controller.sites, seen)
    settled = None
    if state.open:
        assert state.last is not None
        applied, burden = outcome(controller, state.last, previous)
        settlement, state = settle(controller, state, applied, burden)
        settled = settlement_answer(controller, settlement)
    elif previous:
        raise ConflictError(
            "previous says what came of the round before, and none is open: leave it out",
            {"round": expected(state), "previous": None},
        )
    borne = json_of(state.burden.tolist())
    if data.get("missed"):
        return _missed(controller, state, observation, previous, settled, borne)
    assert observation is not None
    decision, state = decide(controller, state, observation)
    answer = decision_answer(controller, decision)
    if data.get("explain", True):
        answer["why"] = list(explain(controller, decision, state).sentences)
    answer["so_far"] = standing_answer(controller, state)
    return Decided(answer, previous, settled, None, json_of(decision.signals.tolist()), borne, state)


def _missed(
    controller: Controller,
    state: State,
    observation: Observation | None,
    previous: Mapping[str, Any],
    settled: dict[str, Any] | None,
    borne: str,
) -> Decided:
    settlement, state = skip(controller, state, observation)
    assert state.last is not None
    answer = {**decision_answer(controller, state.last), "so_far": standing_answer(controller, state)}
    signals = json_of(settlement.signals.tolist())
    return Decided(answer, previous, settled, settlement_answer(controller, settlement), signals, borne, state)
