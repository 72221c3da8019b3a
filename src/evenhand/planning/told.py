"""Forecasts from outside: what somebody knows, or believes to know, of rounds to come. Source: spec/online.md §12."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, layout, rebuild, same, whole
from evenhand.core import ActionSet, HittingCost, Impact, Round, view
from evenhand.errors import ProblemError
from evenhand.planning.forecast import within

__all__ = ["Forecast", "heeded", "stacked"]


@final
@dataclass(frozen=True, slots=True)
class Forecast:
    """What rounds ``first``, ``first + 1``, ... are said to be, as columns with a time axis (..., h, n), (..., h).

    feasible: the demand, as a set such as Budget(total); cost: the hitting costs; impact: the burdens. None: nothing is
    said of it; Forecast() says nothing at all. Rounds that are not covered, and the round at hand, which is known, are
    taken from elsewhere. A forecast with quantiles is several forecasts, one for each.
    """

    first: int = 0
    cost: HittingCost | None = None
    impact: Impact | None = None
    feasible: ActionSet | None = None

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", whole("first", self.first, low=0))
        for name in ("cost", "impact", "feasible"):
            part = getattr(self, name)
            if part is not None and not hasattr(part, "core"):
                raise ProblemError(f"{name} is {part!r:.60}: give a part of a problem, with a time axis, or None")


def heeded(forecast: Forecast, future: Round) -> Round:
    """The future (..., h, .) with what the forecast says of its rounds after the first. Raises ProblemError for parts
    of another kind or size than the round's.
    """
    parts = {
        name: _over(name, getattr(future, name), getattr(forecast, name), forecast.first - future.index)
        for name in ("cost", "impact", "feasible")
    }
    return view(future.index, parts["cost"], parts["impact"], within(parts["feasible"], future.feasible))


def _over(name: str, own: Any, said: Any, offset: int) -> Any:
    """Columns of ``own`` overwritten by those of ``said``, whose round 0 is round ``offset`` of own's."""
    if said is None:
        return own
    if type(said) is not type(own) or said.actions != own.actions:
        raise ProblemError(
            f"the forecast's {name} is a {type(said).__name__} of {said.actions} actions, the round's a "
            f"{type(own).__name__} of {own.actions}: they must agree"
        )
    change: dict[str, Array] = {}
    for column, rank in layout(type(own)):
        if rank is None:
            continue
        mine, theirs = getattr(own, column), getattr(said, column)
        length = mine.shape[mine.ndim - rank - 1]
        if theirs.ndim == rank:  # the same in every round
            theirs = np.broadcast_to(theirs, (max(length - offset, 0), *theirs.shape))
        covered = theirs.shape[theirs.ndim - rank - 1]
        start, stop = max(offset, 1), min(offset + covered, length)
        if start >= stop:
            continue
        lead = np.broadcast_shapes(mine.shape[: mine.ndim - rank - 1], theirs.shape[: theirs.ndim - rank - 1])
        new = np.broadcast_to(mine, (*lead, *mine.shape[mine.ndim - rank - 1 :])).copy()
        rest = (slice(None),) * rank
        new[(..., slice(start, stop), *rest)] = theirs[(..., slice(start - offset, stop - offset), *rest)]
        change[column] = new
    return rebuild(own, change)


def stacked(futures: list[Round]) -> Round:
    """Several futures as one, with an axis (k) for them before time: (..., k, h, .)."""
    parts: list[Any] = []
    for name in ("cost", "impact", "feasible"):
        each = [getattr(future, name) for future in futures]
        columns = [(column, rank) for column, rank in layout(type(each[0])) if rank is not None]
        change = {
            column: np.stack(np.broadcast_arrays(*(getattr(part, column) for part in each)), axis=-(rank + 2))
            for column, rank in columns
        }
        parts.append(rebuild(each[0], change))
    return view(futures[0].index, *parts)
