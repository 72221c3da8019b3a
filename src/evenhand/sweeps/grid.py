"""Grids in text: ``eta=1e-4:1:log9``, ``mu=1:4:lin7``, ``lambda2=0,0.1,1``, and their product."""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from evenhand.errors import EvenhandError, ParameterError
from evenhand.registry import literal

__all__ = ["assignments", "count", "product", "values"]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER}):(log|lin)(\d+)")
#: points of one grid; every one is a policy, or a scenario, that is built before anything is played
MOST = 100_000
_HOW = "write start:stop:log9, start:stop:lin5, or values with commas"


def values(text: str) -> tuple[Any, ...]:
    """The values of one axis, in the order written, each once: ranges, numbers, inf, names, records, text.

    Points of a range are rounded to 12 digits, so that 1e-4:1:log9 holds 0.001 itself. Raises ParameterError for a
    malformed range or an empty axis.
    """
    found: list[Any] = []
    for item in _split(text):
        found.extend(_range(item) if ":" in item and "(" not in item else (_one(item),))
    if not found:
        raise ParameterError(f"the grid {text!r} is empty: {_HOW}")
    kept: dict[tuple[str, str], Any] = {}
    for value in found:
        kept.setdefault((type(value).__name__, repr(value)), value)
    return tuple(kept.values())


def assignments(items: Iterable[str], option: str) -> dict[str, tuple[Any, ...]]:
    """Read ``name=values`` items into axes. Raises ParameterError for a missing name or one given twice."""
    axes: dict[str, tuple[Any, ...]] = {}
    for item in items:
        name, equals, text = item.partition("=")
        if not equals or not name.strip().isidentifier():
            raise ParameterError(f"{option} {item!r}: write name=values, such as {option} eta=1e-4:1:log9")
        if name.strip() in axes:
            raise ParameterError(f"{option} gives {name.strip()!r} twice: write all its values once, with commas")
        try:
            axes[name.strip()] = values(text)
        except ParameterError as error:
            raise ParameterError(f"{option} {item!r}: {error}") from None
    return axes


def count(name: str, value: object, most: int) -> None:
    """Raise ParameterError where a count is not a whole number, at least 1 and at most ``most``."""
    if not isinstance(value, int) or not 1 <= value <= most:
        raise ParameterError(f"{name} is {value!r}: it must be a whole number, at least 1 and at most {most:,}")


def product(axes: Mapping[str, Sequence[Any]]) -> tuple[dict[str, Any], ...]:
    """Every combination, the last axis fastest; one empty combination for no axes.

    Raises ParameterError for too many.
    """
    points = math.prod(len(axis) for axis in axes.values())
    if points > MOST:
        told = " x ".join(f"{len(axis):,} of {name}" for name, axis in axes.items())
        raise ParameterError(f"the grid has {points:,} points ({told}): give at most {MOST:,}")
    return tuple(dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values()))


def _range(item: str) -> tuple[float, ...]:
    match = _RANGE.fullmatch(item)
    if match is None:
        raise ParameterError(f"cannot read the range {item!r}: {_HOW}")
    start, stop, count = float(match[1]), float(match[2]), int(match[4][:12])
    if not (np.isfinite(start) and np.isfinite(stop)):
        raise ParameterError(f"the range {item!r} has no end: {_HOW}")
    if count < 1:
        raise ParameterError(f"the range {item!r} has no points: {_HOW}")
    if count > MOST:
        raise ParameterError(f"the range {item!r} has {count:,} points: give at most {MOST:,}")
    if match[3] == "log" and not (start > 0.0 and stop > 0.0):
        raise ParameterError(f"the range {item!r} is logarithmic: both ends must be above 0")
    space = np.geomspace if match[3] == "log" else np.linspace
    return tuple(float(f"{v:.12g}") for v in space(start, stop, count))


def _one(item: str) -> Any:
    """inf, a Python literal, a known record such as Entropy(), or text."""
    if item in ("inf", "+inf", "-inf"):
        return float(item)
    try:
        value = ast.literal_eval(item)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        pass
    else:
        return tuple(value) if isinstance(value, list) else value
    try:
        return literal(item)
    except EvenhandError:
        if "(" in item:
            raise
        return item


def _split(text: str) -> list[str]:
    """Split at commas outside brackets."""
    items, depth, start = list[str](), 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            items.append(text[start:at])
            start = at + 1
    items.append(text[start:])
    return [item.strip() for item in items if item.strip()]
