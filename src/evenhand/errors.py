"""Errors: every one names the argument, the value seen and the remedy, in one line."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable

__all__ = [
    "ConformanceError",
    "EvenhandError",
    "InfeasibleError",
    "MissingExtraError",
    "ParameterError",
    "ProblemError",
    "SolverError",
    "UnknownNameError",
    "expect",
]


def expect(name: str, value: object, kind: type | tuple[type, ...], remedy: str) -> None:
    """Raise ParameterError where an argument is not of the kind that a public function takes."""
    if not isinstance(value, kind):
        raise ParameterError(f"{name} is {reprlib.repr(value)}, of type {type(value).__name__}: give {remedy}")


class EvenhandError(Exception):
    """Base of every error that evenhand raises on purpose; the command line prints it and exits with 2.

    Its text is one line, whatever the value that it names looks like.
    """

    def __init__(self, *told: object) -> None:
        super().__init__(*(re.sub(r"\s*\n\s*", " ", t) if isinstance(t, str) else t for t in told))


class ProblemError(EvenhandError, ValueError):
    """The data of a problem is malformed: a shape, a sign, a NaN."""


class ParameterError(EvenhandError, ValueError):
    """A parameter of a policy, cost, fairness, utility or command is outside its range."""


class InfeasibleError(EvenhandError, ValueError):
    """No action satisfies the constraints."""


class SolverError(EvenhandError, RuntimeError):
    """A solver stopped without an answer of the asked accuracy; the text gives its status and residual."""


class ConformanceError(EvenhandError, AssertionError):
    """An object breaks a promise of its protocol; raised by `evenhand.checks` only."""


class MissingExtraError(EvenhandError, ImportError):
    """An optional dependency is needed and not installed."""


class UnknownNameError(EvenhandError, LookupError):
    """A name that is not known; the nearest known one is offered."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name.lower(), {k.lower(): k for k in names}, n=1, cutoff=0.5)
        by_lower = {k.lower(): k for k in names}
        hint = f"did you mean {by_lower[near[0]]!r}?" if near else f"known: {', '.join(names) or 'none'}"
        super().__init__(f"unknown {kind} {name!r}: {hint}")

    def __str__(self) -> str:
        return str(self.args[0])
