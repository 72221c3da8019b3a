"""Errors: every one names the argument, the value seen and the remedy, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = [
    "ConformanceError",
    "EvenhandError",
    "GuessWarning",
    "InfeasibleError",
    "MissingExtraError",
    "ParameterError",
    "ProblemError",
    "RefusedError",
    "SolverError",
    "UnknownNameError",
    "called",
    "expect",
    "listed",
    "shown",
]

#: a message shows so much of a name, and so many names
_LONG, _MANY = 80, 40


def shown(value: object) -> str:
    """A value as messages show it: on one short line, a NumPy number as a plain one."""
    plain = getattr(value, "item", None)
    try:
        text = repr(plain() if callable(plain) and getattr(value, "ndim", None) == 0 else value)
    except Exception:  # a number of more digits than Python prints, or a class whose repr fails
        text = f"({type(value).__name__} too large to show)"
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def expect(name: str, value: object, kind: type | tuple[type, ...], remedy: str) -> None:
    """Raise ParameterError where an argument is not of the kind that a public function takes."""
    if not isinstance(value, kind):
        raise ParameterError(f"{name} is {shown(value)}, of type {type(value).__name__}: give {remedy}")


def called(name: str, value: object, remedy: str) -> None:
    """Raise ParameterError where an argument is neither a function nor None."""
    if value is not None and not callable(value):
        raise ParameterError(f"{name} is {shown(value)}, of type {type(value).__name__}: give {remedy}")


def listed(name: str, value: Any, remedy: str) -> tuple[Any, ...]:
    """The items of a list, or of anything else that has them in order. Raises ParameterError for what has none."""
    if not isinstance(value, str | bytes | set | frozenset):
        try:
            return tuple(value)
        except TypeError:  # it cannot be gone through
            pass
    raise ParameterError(f"{name} is {shown(value)}, of type {type(value).__name__}: give {remedy}")


class EvenhandError(Exception):
    """Base of every error that evenhand raises on purpose; the command line prints it and exits with 2.

    Its text is one line that any terminal can print, whatever names and values a user's file put into it.
    """

    def __str__(self) -> str:
        return "".join(letter if letter.isprintable() else " " for letter in super().__str__())


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


class RefusedError(EvenhandError):
    """A server refused: its own words; status and the whole body beside them."""

    def __init__(self, text: str, status: int, body: object) -> None:
        super().__init__(text)
        self.status = status
        self.body = body


class GuessWarning(UserWarning):
    """How a file is written was guessed; the text says what, so that it can be said in its stead."""


class UnknownNameError(EvenhandError, LookupError):
    """A name that is not known; the nearest known one is offered."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        by_lower = {k.lower(): k for k in names}
        near = difflib.get_close_matches(name.lower()[:_LONG], by_lower, n=1, cutoff=0.5)
        more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
        listed = f"{', '.join(k[:_LONG] for k in names[:_MANY]) or 'none'}{more}"
        hint = f"did you mean {shown(by_lower[near[0]])}?" if near else f"known: {listed}"
        super().__init__(f"unknown {kind} {shown(name)}: {hint}")
