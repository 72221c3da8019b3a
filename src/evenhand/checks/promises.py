"""What all checks share: a promise holds, or ConformanceError names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.errors import ConformanceError, EvenhandError

__all__ = ["ROUNDING", "frozen", "guarded", "require", "same"]

#: what rounding may take from an inequality between drawn points, relative to the size of its terms
ROUNDING = 1e-9


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


def _arrays(value: Any) -> list[Array]:
    """Every array inside a record, in order."""
    if isinstance(value, np.ndarray):
        return [value]
    if is_dataclass(value) and not isinstance(value, type):
        return [a for f in fields(value) for a in _arrays(getattr(value, f.name))]
    if isinstance(value, tuple | list):
        return [a for v in value for a in _arrays(v)]
    return []


def same(one: Any, other: Any) -> bool:
    """Whether two records hold the same arrays, bit for bit."""
    left, right = _arrays(one), _arrays(other)
    return len(left) == len(right) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(left, right, strict=True)
    )
