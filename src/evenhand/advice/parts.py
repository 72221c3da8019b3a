"""A trace in two parts that share no round: windows to choose on, and later ones to report on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, final

from evenhand.core import Policy, Problem
from evenhand.errors import ParameterError
from evenhand.experiment import Episodes

__all__ = ["Parts", "daily", "in_parts"]

#: windows that are replayed of each part, spread evenly, and rounds of one, at most
MOST, LONGEST = 8, 2000
#: rounds to choose on, and days, below which a choice says little
SHORT, DAYS = 48, 3


@final
@dataclass(frozen=True, slots=True)
class _Cut:
    """A scenario with windows of another length."""

    scenario: Any
    length: int

    def problem(self) -> Problem:
        """All rounds."""
        return self.scenario.problem()

    def line_up(self) -> Mapping[str, Policy[Any]]:
        """Its policies."""
        return self.scenario.line_up()

    def published(self) -> Mapping[str, tuple[float, float, float, float]]:
        """Nothing was published about such windows."""
        return {}


@final
@dataclass(frozen=True, slots=True)
class Parts:
    """Episodes, the first round of the second part, windows of both, and what there is to say about them."""

    episodes: Episodes
    split: int
    first: tuple[int, ...]
    rest: tuple[int, ...]
    notes: tuple[str, ...]


def in_parts(episodes: Episodes, period: int | None) -> Parts:
    """Windows that end before the middle of the trace, and windows that begin there or later.

    A window longer than half the trace, or than 2,000 rounds, is cut. Raises ParameterError for a single round.
    """
    horizon, length, notes = episodes.problem.horizon, episodes.scenario.length, list[str]()
    if horizon < 2:
        raise ParameterError("the trace has one round: give at least two, one to choose on and one to report on")
    split = horizon // 2
    if length > min(split, LONGEST):
        told = f"an episode of {length} rounds leaves none apart to report on" if length > split else "it is long"
        length = min(split, LONGEST)
        notes.append(f"Windows of {length} rounds are played: {told}.")
        starts: Sequence[int] = range(horizon - length + 1)
        episodes = replace(episodes, scenario=_Cut(episodes.scenario, length), starts=None)
    else:
        starts = range(len(episodes)) if episodes.starts is None else episodes.starts
    first = _spread([k for k in starts if k + length <= split] or [split - length])
    rest = _spread([k for k in starts if k >= split] or [split])
    if split < SHORT or (period is not None and split < DAYS * period):
        days = "" if period is None else f", {split / period:.1f} times the period of {period}"
        notes.append(
            f"The trace is short: {split} rounds to choose on{days}; below {SHORT} rounds or {DAYS} periods the "
            "ranking may be chance. Record longer before you rely on it."
        )
    return Parts(episodes, split, first, rest, tuple(notes))


def _spread(starts: Sequence[int]) -> tuple[int, ...]:
    """At most ``MOST`` of them, the first and the last among them."""
    if len(starts) <= MOST:
        return tuple(starts)
    return tuple(starts[round(k * (len(starts) - 1) / (MOST - 1))] for k in range(MOST))


def daily(problem: Problem) -> int | None:
    """Rounds in a day, where rounds have times, a day is a whole number of them, and the trace has two at least."""
    try:
        first, second = (datetime.fromisoformat(text) for text in problem.times[:2])
        rounds = 86400.0 / (second - first).total_seconds()
    except (ValueError, TypeError, ZeroDivisionError):
        return None
    return int(rounds) if rounds == int(rounds) and 2 <= rounds <= problem.horizon / 2 else None
