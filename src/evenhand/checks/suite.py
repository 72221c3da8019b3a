"""One suite a kind: every check of it in order, and how a member is prepared for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from evenhand.checks.cost import COST, points_of
from evenhand.checks.fairness import FAIRNESS, burdens
from evenhand.checks.feasible import SET
from evenhand.checks.impact import IMPACT
from evenhand.checks.memory import MEMORY
from evenhand.checks.mirror import MIRROR
from evenhand.checks.policy import POLICY, walked
from evenhand.checks.promises import Check, Verdict, examined
from evenhand.checks.scenario import ALLOCATOR, SCENARIO
from evenhand.checks.switching import SWITCHING, moves_of
from evenhand.checks.utility import UTILITY, totals
from evenhand.core import Problem
from evenhand.errors import UnknownNameError

__all__ = ["SUITES", "Suite", "examine"]


class Suite(NamedTuple):
    """prepare makes of a member what its checks take."""

    checks: Sequence[Check]
    prepare: Callable[[Any], Any] = lambda subject: subject


#: kind of `registry.KINDS` -> its suite
SUITES: Mapping[str, Suite] = {
    "policies": Suite(POLICY, walked),
    "scenarios": Suite(SCENARIO),
    "allocators": Suite(ALLOCATOR),
    "fairness": Suite(FAIRNESS, burdens),
    "costs": Suite(COST, points_of),
    "sets": Suite(SET),
    "impacts": Suite(IMPACT),
    "mirrors": Suite(MIRROR),
    "switching": Suite(SWITCHING, moves_of),
    "memory": Suite(MEMORY),
    "utilities": Suite(UTILITY, totals),
}


def examine(kind: str, subject: Any, problem: Problem | None = None) -> tuple[Verdict, ...]:
    """A verdict on every promise of a kind (`registry.KINDS`), whatever the code of the subject does.

    problem: what a policy is played on, by default a small one; other kinds have no use for it. Raises
    UnknownNameError for an unknown kind.
    """
    if kind not in SUITES:
        raise UnknownNameError("kind", kind, SUITES)
    suite = SUITES[kind]
    try:
        case = walked(subject, problem) if kind == "policies" else suite.prepare(subject)
    except Exception as error:  # whatever the code of a user raises
        first, *rest = suite.checks
        told = f"{type(subject).__name__} cannot be tried: {type(error).__name__}: {error}"
        return (Verdict(first, told), *(Verdict(check, note="not reached") for check in rest))
    return examined(suite.checks, case)
