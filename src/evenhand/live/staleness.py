"""Signals that are old or missing: when to go on with the value seen last, hold the last action, or refuse.

A signal is as old as its newest reading. Within its limit the newest reading is used, in this observation or before it;
beyond it the rule of its field says what happens. Whatever was not measured for this round is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.errors import ParameterError, ProblemError
from evenhand.live.observation import Observation
from evenhand.live.sites import Sites

__all__ = ["Filled", "Note", "Rule", "fill"]


@final
@dataclass(frozen=True, slots=True)
class Note:
    """Something a decision or settlement must say: what kind, about which field and sites, in words."""

    kind: str
    text: str
    field: str = ""
    sites: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """For a field ("" for all that have no rule of their own): signals older than ``after`` seconds (or rounds, where
    time is counted in rounds) are stale, and ``then`` the last action is held, the value seen last is used, or the
    round is refused (ProblemError, nothing is decided).
    """

    after: float = np.inf
    then: Literal["hold", "last_seen", "refuse"] = "hold"
    field: str = ""

    def __post_init__(self) -> None:
        if not (isinstance(self.after, int | float) and self.after > 0):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ParameterError(f"after is {self.after!r}: give an age above 0, in seconds, or inf")
        if self.then not in ("hold", "last_seen", "refuse"):
            raise ParameterError(f"then is {self.then!r}: it must be hold, last_seen or refuse")


@final
@dataclass(frozen=True, slots=True)
class Filled:
    """The signals of a round (k,) with nothing missing; what is the newest now, for the next round; what to say."""

    values: Array
    seen: Array
    seen_at: Array
    hold: bool
    notes: tuple[Note, ...]

    __eq__ = same


def fill(sites: Sites, rules: tuple[Rule, ...], observation: Observation, seen: Array, seen_at: Array) -> Filled:
    """Fill in what is missing by the rules. Raises ProblemError for a signal never seen, or refused as stale."""
    measured = ~np.isnan(observation.value)
    seen = np.where(measured, observation.value, seen)
    seen_at = np.where(measured, observation.at, seen_at)
    fixed = ~np.isnan(sites.fixed) & ~measured
    values = np.where(fixed, sites.fixed, seen)
    never = np.isnan(values)
    if never.any():
        field, site = sites.signals[int(np.argmax(never))]
        raise ProblemError(f"{_told(field, (site,))} was never measured: give it in the observation, or fix it")
    age = np.where(fixed, 0.0, np.abs(observation.time - seen_at))
    if (measured | fixed).all() and (age <= min((rule.after for rule in rules), default=np.inf)).all():
        return Filled(values, seen, seen_at, False, ())
    notes: list[Note] = []
    hold = False
    by_field = {rule.field: rule for rule in rules}
    for field in sites.fields:
        rule = by_field.get(field, by_field.get("", Rule()))
        part = sites.part(field)
        ages = age[part]
        stale = ages > rule.after
        old = ~measured[part] & ~fixed[part] & ~stale
        for mask, kind in ((stale, "stale"), (old, "last_seen")):
            if not mask.any():
                continue
            where = () if field == "demand" else tuple(s for s, m in zip(sites.names, mask, strict=True) if m)
            what = f"{_told(field, where if len(where) < len(sites.names) else ())}"
            told = f"{what} is {observation.span(float(ages[mask].max()))} old"
            if kind == "last_seen":
                notes.append(Note(kind, f"{told}: the value seen last is used", field, where))
                continue
            if rule.then == "refuse":
                raise ProblemError(
                    f"{told}, the limit is {observation.span(rule.after)}: send a newer reading, or another rule"
                )
            then = "the last action is held" if rule.then == "hold" else "the value seen last is used"
            notes.append(Note(kind, f"{told}, the limit is {observation.span(rule.after)}: {then}", field, where))
            hold = hold or rule.then == "hold"
    return Filled(values, seen, seen_at, hold, tuple(notes))


def _told(field: str, where: tuple[Any, ...]) -> str:
    return f"{field} of {', '.join(map(repr, where))}" if where and where[0] else field
