"""Settle the open round as it happened; the same request again gives the stored settlement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from evenhand.live.answer import outcome, settlement_answer
from evenhand.live.controller import settle
from evenhand.service.commands.post import Answered
from evenhand.service.errors import ConflictError, MissingError
from evenhand.service.records import digest, expected, json_of
from evenhand.service.store.batch import Batch

__all__ = ["Settle"]


@final
@dataclass(frozen=True, slots=True)
class Settle:
    """What was applied and measured in round ``t``; whatever ``data`` leaves out is as decided, or as modelled."""

    name: str
    t: int
    data: Mapping[str, Any]
    keys: tuple[str, ...] = ()

    def run(self, batch: Batch) -> Answered:
        """Settle, or find the stored settlement. Raises ConflictError, MissingError, and as `outcome`."""
        before = batch.of(self.name)
        state = before.state
        if self.t >= expected(state) or self.t < 0:
            raise MissingError(f"round {self.t} was not decided: the next one is {expected(state)}")
        if self.t < state.round:
            return self._again(batch)
        assert state.last is not None
        applied, burden = outcome(before.controller, state.last, self.data)
        settlement, state = settle(before.controller, state, applied, burden)
        answer = json_of(settlement_answer(before.controller, settlement))
        after = replace(before, version=before.version + 1, state=state)
        batch.settle_round(before, self.t, json_of(_told(self.data)), answer)
        batch.add_events(before, after, ("settled", self.t))
        return Answered(answer, False)

    def _again(self, batch: Batch) -> Answered:
        import json

        standing = batch.of(self.name)
        row = batch.by_round(standing, self.t)
        if row is None or row["outcome"] is None:
            raise MissingError(f"round {self.t} is not in the ledger")
        said = json.loads(row["outcome"])
        if digest(_told(said)) != digest(_told(self.data)):
            how = "otherwise" if said else "as decided"
            raise ConflictError(
                f"round {self.t} was settled {how}, and once is for good: the open round is settled next",
                {"outcome": said, "open": state_round(standing.state.round, standing.state.open)},
            )
        return Answered(row["settlement"], True)


def state_round(round: int, open: bool) -> int | None:
    """The number of the open round, None where none is."""
    return round if open else None


def _told(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a settlement says, without the number that the path gives already and without what is null."""
    return {name: value for name, value in data.items() if name != "round" and value is not None}
