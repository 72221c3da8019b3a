"""What all checks share: a promise holds, or ConformanceError names it; a check is one promise with its remedy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import layout, take
from evenhand.errors import ConformanceError, EvenhandError

__all__ = [
    "ROUNDING",
    "Check",
    "Verdict",
    "arrays",
    "examined",
    "first",
    "frozen",
    "guarded",
    "has",
    "insist",
    "record",
    "require",
    "same",
    "tried",
    "unchanged",
]

#: what rounding may take from an inequality between drawn points, relative to the size of its terms
ROUNDING = 1e-9


@final
@dataclass(frozen=True, slots=True)
class Check:
    """One promise: ``run`` raises where it is broken, and may give a note instead where there is nothing to see.

    mend: what usually mends it. gate: where it is broken, what comes after it cannot be judged.
    """

    name: str
    promise: str
    run: Callable[[Any], str | None]
    mend: str
    gate: bool = False


@final
@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check: told says what broke, or is empty; note says why there was nothing to see, or is empty."""

    check: Check
    told: str = ""
    note: str = ""

    @property
    def result(self) -> str:
        """``ok``, ``broken``, or ``-`` where there was nothing to see."""
        return "broken" if self.told else "-" if self.note else "ok"


def examined(checks: Sequence[Check], case: Any) -> tuple[Verdict, ...]:
    """Every check of a case in order; none is run behind a broken gate."""
    verdicts: list[Verdict] = []
    shut = ""
    for check in checks:
        if shut:
            verdicts.append(Verdict(check, note=f"not reached: mend {shut} first"))
            continue
        try:
            verdicts.append(Verdict(check, note=check.run(case) or ""))
        except EvenhandError as error:
            verdicts.append(Verdict(check, str(error)))
        except Exception as error:  # whatever the code of a user raises
            verdicts.append(Verdict(check, f"it failed with {type(error).__name__}: {error}"))
        shut = check.name if check.gate and verdicts[-1].told else ""
    return tuple(verdicts)


def insist(checks: Sequence[Check], case: Any) -> None:
    """Raise what the first broken check raises."""
    for check in checks:
        check.run(case)


def has(subject: Any, protocol: type) -> None:
    """It has every member of its protocol."""
    names = [name for name in vars(protocol) if not name.startswith("_")]
    missing = [name for name in names if not hasattr(subject, name)]
    require(not missing, subject, f"it has what its protocol asks for; missing: {', '.join(missing)}")


def require(holds: Any, subject: Any, promise: str) -> None:
    """Raise ConformanceError, naming the promise, where it does not hold."""
    if not np.all(holds):
        raise ConformanceError(f"{type(subject).__name__} breaks a promise: {promise}")


def guarded(subject: Any, what: str, call: Callable[[], Any]) -> Any:
    """What ``call`` gives; a failure that does not say by itself what is wrong is a promise broken."""
    try:
        return call()
    except EvenhandError as error:
        if "JSON" not in what:
            raise  # it says by itself what is wrong
        raise ConformanceError(f"{type(subject).__name__} breaks a promise: {what} failed: {error}") from error
    except Exception as error:
        raise ConformanceError(
            f"{type(subject).__name__} breaks a promise: {what} failed with {type(error).__name__}: {error}"
        ) from error


def frozen(subject: Any) -> None:
    """It is a frozen dataclass."""
    kind = type(subject)
    require(is_dataclass(kind), subject, "it is a dataclass")
    require(kind.__dataclass_params__.frozen, subject, "it is frozen")  # pyright: ignore[reportAttributeAccessIssue]


def first(part: Any) -> Any:
    """The first round of a columnar record, or itself where it has one alone."""
    if not is_dataclass(part):
        return part
    one: Any = part
    while any(rank is not None and getattr(one, name).ndim > rank for name, rank in layout(type(one))):
        one = take(one, 0)
    return one


def tried(calls: Sequence[Callable[[], Any]]) -> None:
    """Make calls for what they do to what they are given; where one fails, another check says so."""
    for call in calls:
        with contextlib.suppress(Exception):
            call()


def arrays(record: Any) -> list[Any]:
    """Copies of every array inside a record and its other plain values, to be compared with later."""
    return [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in _leaves(record)]


def unchanged(record: Any, kept: list[Any]) -> bool:
    """Whether a record still holds what `arrays` kept of it."""
    return _alike(_leaves(record), kept)


def same(one: Any, other: Any) -> bool:
    """Whether two records hold the same arrays and plain values, bit for bit."""
    return _alike(_leaves(one), _leaves(other))


def _leaves(value: Any) -> list[Any]:
    """Every array, number and text inside a record, in order."""
    if isinstance(value, np.ndarray | str | float | int) or value is None:
        return [value]
    if is_dataclass(value) and not isinstance(value, type):
        return [leaf for f in fields(value) for leaf in _leaves(getattr(value, f.name))]
    if isinstance(value, tuple | list):
        return [leaf for one in value for leaf in _leaves(one)]
    return []


def _alike(left: list[Any], right: list[Any]) -> bool:
    def alike(a: Any, b: Any) -> bool:
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            return np.array_equal(a, b, equal_nan=True)
        return type(a) is type(b) and repr(a) == repr(b)

    return len(left) == len(right) and all(alike(a, b) for a, b in zip(left, right, strict=True))


def record(member: Callable[[Any], Any] = lambda case: case) -> Check:
    """The first check of every kind; member: what of its case is the member."""
    mend = "write @dataclass(frozen=True, slots=True) above the class"
    return Check("record", "a frozen dataclass", lambda case: frozen(member(case)), mend, gate=True)
