"""Columns: records whose arrays carry a time axis, and the checks every array passes once, at construction.

A field declared with ``column(rank)`` has ``rank`` axes that belong to one round (n, or (m, n), or nothing); before
them stand the time axis and any leading axes. Views only: a million memory-mapped rounds cost nothing to slice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, fields, is_dataclass
from types import MemberDescriptorType
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from evenhand.errors import EvenhandError, ParameterError, ProblemError, shown

Array = NDArray[np.float64]
R = TypeVar("R")
#: bytes up to which a record owns a copy of an array it is given
OWNED = 1 << 20
_FLOAT = np.dtype(np.float64)


def column(rank: int, varies: Literal["demand", "signal"] | None = None) -> Any:
    """Declare a dataclass field as an array whose last ``rank`` axes belong to one round: n, or (m, n), or nothing.

    varies: how it changes from round to round, for those who plan ahead: `demand` (what is asked for), `signal`
    (prices, impacts: they return to their usual value), or None (held as it is).
    """
    return field(metadata={"rank": rank, "varies": varies})


@functools.cache
def varying(kind: type) -> tuple[tuple[str, int, str], ...]:
    """(name, rank, demand or signal) of the columns that change from round to round."""
    told = ((f.name, f.metadata.get("rank"), f.metadata.get("varies")) for f in fields(kind))
    return tuple((name, int(rank), str(varies)) for name, rank, varies in told if rank is not None and varies)


@functools.cache
def layout(kind: type) -> tuple[tuple[str, int | None], ...]:
    """(name, rank) of every field; rank is None for a field that is not a column."""
    return tuple((f.name, f.metadata.get("rank")) for f in fields(kind))


def rebuild(record: R, change: Mapping[str, Any]) -> R:
    """A copy with some fields replaced, not validated again: the values are views of validated ones."""
    new = object.__new__(type(record))
    for name, _ in layout(type(record)):  # pyright: ignore[reportArgumentType]
        object.__setattr__(new, name, change[name] if name in change else getattr(record, name))
    return new


def take(record: R, t: int) -> R:
    """One round of a columnar record, as views: (..., T, *core) -> (..., *core)."""
    new = object.__new__(type(record))
    for name, rank in layout(type(record)):  # pyright: ignore[reportArgumentType]
        value = getattr(record, name)
        if rank is not None:
            value = value[(..., t) + (slice(None),) * rank]
        object.__setattr__(new, name, value)
    return new


@functools.cache
def setter(kind: type, name: str) -> Callable[[Any, Any], None]:
    """What sets a field of a new frozen record: its slot where there is one, a third faster than object.__setattr__."""
    slot = vars(kind).get(name)
    if isinstance(slot, MemberDescriptorType):
        return slot.__set__
    return lambda record, value: object.__setattr__(record, name, value)


def each(record: R) -> Iterator[R]:
    """Every round of a columnar record in order, as `take` gives it and faster; constant columns are cut once."""
    kind = type(record)
    fixed: list[tuple[Any, Any]] = []
    moving: list[tuple[Any, Any]] = []
    rounds = 0
    for name, rank in layout(kind):  # pyright: ignore[reportArgumentType]
        value, put = getattr(record, name), setter(kind, name)
        if rank is None:
            fixed.append((put, value))
            continue
        at = value.ndim - rank - 1
        rounds = value.shape[at]
        core = (slice(None),) * rank
        if rounds and value.strides[at] == 0:
            fixed.append((put, value[(..., 0, *core)]))
        elif value.ndim == 1:  # iterating would give scalars, not arrays
            moving.append((put, map(value.__getitem__, ((..., t) for t in range(rounds))).__next__))
        else:
            moving.append((put, iter(np.moveaxis(value, at, 0)).__next__))
    new = object.__new__
    for _ in range(rounds):
        one = new(kind)
        for put, value in fixed:
            put(one, value)
        for put, following in moving:
            put(one, following())
        yield one


def take_lead(record: R, index: Any) -> R:
    """One element of the leading axes: (lead, T, *core) -> (T, *core)."""
    ranks = layout(type(record))  # pyright: ignore[reportArgumentType]
    return rebuild(record, {name: getattr(record, name)[index] for name, rank in ranks if rank is not None})


def windows(record: R, length: int) -> R:
    """All windows of ``length`` rounds as a leading axis, without a copy: (T, *core) -> (T - length + 1, length,
    *core).
    """
    change: dict[str, Array] = {}
    for name, rank in layout(type(record)):  # pyright: ignore[reportArgumentType]
        if rank is not None:
            value = getattr(record, name)
            axis = value.ndim - rank - 1
            change[name] = np.moveaxis(sliding_window_view(value, length, axis=axis), -1, axis + 1)
    return rebuild(record, change)


def span(record: R, start: int, stop: int) -> R:
    """Rounds start to stop of a columnar record, as views."""
    ranks = layout(type(record))  # pyright: ignore[reportArgumentType]
    return rebuild(
        record,
        {
            name: getattr(record, name)[(..., slice(start, stop)) + (slice(None),) * rank]
            for name, rank in ranks
            if rank is not None
        },
    )


def stretch(record: R, lead: tuple[int, ...], core: Mapping[str, tuple[int, ...]]) -> R:
    """Broadcast every column to the same leading axes (time last among them),
    with zero strides where it is constant.
    """
    ranks = layout(type(record))  # pyright: ignore[reportArgumentType]
    change = {
        name: np.broadcast_to(getattr(record, name), (*lead, *core[name])) for name, rank in ranks if rank is not None
    }
    return rebuild(record, change)


def common_lead(parts: Sequence[Any], horizon: int | None) -> tuple[int, ...]:
    """The leading axes, time last, that the columns of all parts share with ``horizon`` rounds (None: as many as
    there are).
    """
    shapes: list[tuple[str, tuple[int, ...]]] = []
    for part in parts:
        kind = type(part)
        if not is_dataclass(kind):
            raise ProblemError(f"{kind.__name__} must be a dataclass with column() fields")
        for name, rank in layout(kind):
            if rank is None:
                continue
            value = getattr(part, name)
            core = value.shape[value.ndim - rank :]
            if core != part.core[name]:
                raise ProblemError(f"{kind.__name__}.{name} ends in {core}, expected {part.core[name]}")
            shapes.append((f"{kind.__name__}.{name}", value.shape[: value.ndim - rank]))
    try:
        lead = np.broadcast_shapes((1 if horizon is None else horizon,), *(shape for _, shape in shapes))
    except ValueError:
        text = ", ".join(f"{name} {shape}" for name, shape in shapes)
        raise ProblemError(f"leading axes do not fit together (time last): horizon {horizon}, {text}") from None
    if horizon is not None and lead[-1] != horizon:
        raise ProblemError(f"the data have {lead[-1]} rounds, horizon is {horizon}: they must agree")
    return lead


def fits(part: Any, n: int, ask: Callable[[Any], Any]) -> None:
    """Ask the first round of a part for something about n actions; a family says its size in no other way."""
    one = part
    while any(rank is not None and getattr(one, name).ndim > rank for name, rank in layout(type(part))):
        one = take_lead(one, 0)
    try:
        with np.errstate(all="ignore"):
            ask(one)
    except EvenhandError:
        raise
    except (ValueError, IndexError) as error:
        raise ProblemError(f"{type(part).__name__} does not fit {n} actions (initial): {error}") from None


def as_array(
    name: str,
    value: ArrayLike,
    rank: int | None = None,
    *,
    low: float | None = None,
    finite: bool = True,
) -> Array:
    """A float64 array, checked: finite (or at least not NaN) and not below ``low``; read-only.

    Up to ``OWNED`` bytes it is a copy, so that later edits of the caller's array change nothing; larger ones (memory
    maps) stay views of what the caller has. ``rank`` is the number of axes that belong to one round; with it an error
    names the round. Raises ProblemError, also for a masked array, whose mask would be lost.
    """
    array = numbers(name, value)
    bad = ~np.isfinite(array) if finite else np.isnan(array)
    if bad.any():
        raise ProblemError(f"{name}{_where(bad, rank)} is {array[bad].flat[0]}: give a finite number there")
    if low is not None and (array < low).any():
        bad = array < low
        raise ProblemError(f"{name}{_where(bad, rank)} is {array[bad].flat[0]:g}: it must be at least {low:g}")
    return kept(array) if array.nbytes <= OWNED else locked(array)


def numbers(name: str, value: Any) -> Array:
    """What a caller gave, as float64 and not copied. Raises ProblemError for what is no array of numbers, and for a
    masked array.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise ProblemError(f"{name} is a masked array, and its mask would be lost: give {name}.filled(value) instead")
    try:
        array = np.asarray(value)
        if array.dtype.kind in "cmM":
            raise TypeError
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError):
        raise ProblemError(f"{name} must be numbers, in rows of one length, not {shown(value)}") from None


def owned(array: Array) -> Array:
    """What a record keeps of an array that it was given: its own copy up to ``OWNED`` bytes, else a view; read-only.

    What is the same for every agent (no stride along the first axis) stays so.
    """
    if array.nbytes > OWNED:
        return locked(array)
    if array.ndim and array.strides[0] == 0 and array.shape[0] > 1:
        return np.broadcast_to(kept(array[:1]), array.shape)
    return kept(array)


def kept(value: ArrayLike) -> Array:
    """A read-only copy: what a record or a state may keep of an array that somebody else may write into."""
    array = value.copy() if type(value) is np.ndarray and value.dtype is _FLOAT else np.array(value, dtype=np.float64)
    array.setflags(write=False)
    return array


def locked(array: Array) -> Array:
    """A read-only view."""
    seen = array.view()
    seen.flags.writeable = False
    return seen


def names(name: str, value: Any) -> tuple[str, ...]:
    """A tuple of texts, or a ProblemError that names it."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ProblemError(f"{name} is {shown(value)}: give a sequence of names, such as ('north', 'south')")
    found = tuple(value)
    if not all(isinstance(item, str) for item in found):
        raise ProblemError(f"{name} is {shown(found)}: every name must be a text")
    return found


def same(one: Any, other: object, /) -> bool:
    """Equality of records by their numbers, as `__eq__`: the same class, and every compared field alike, arrays bit
    for bit (NaN equals NaN).
    """
    if type(one) is not type(other):
        return NotImplemented
    record: Any = one
    compared = fields(record)
    return all(_alike(getattr(one, f.name), getattr(other, f.name)) for f in compared if f.compare)


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        number = isinstance(one, np.ndarray) and one.dtype.kind == "f"
        return type(one) is type(other) and np.array_equal(one, other, equal_nan=number)
    if isinstance(one, tuple | list) and type(one) is type(other):
        return len(one) == len(other) and all(_alike(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
    return bool(one == other)


@functools.cache
def lacking(kind: type, protocol: type) -> tuple[str, ...]:
    """What a protocol asks for and a class does not have, in the protocol's order."""
    return tuple(name for name in vars(protocol) if not name.startswith("_") and not hasattr(kind, name))


@functools.cache
def offers(kind: type, protocol: type) -> bool:
    """Whether a class has everything a protocol asks for; asked once a class, where isinstance asks every time."""
    return not lacking(kind, protocol)


def lacks(value: object, protocol: type) -> str:
    """How a message goes on about what has half of a protocol at least: what it has not; else nothing."""
    missing = () if isinstance(value, type) else lacking(type(value), protocol)
    known = sum(not name.startswith("_") for name in vars(protocol))
    return f", which has no {', '.join(missing)}" if 0 < 2 * len(missing) <= known else ""


def _where(bad: NDArray[np.bool_], rank: int | None) -> str:
    first = [int(i) for i in np.argwhere(bad)[0]]
    core = first if rank is None else first[len(first) - rank :]
    text = f"[{', '.join(map(str, core))}]" if core else ""
    return text if rank is None or len(first) <= rank else f"{text} in round {first[len(first) - rank - 1]}"


def number(name: str, value: Any, *, low: float = -np.inf, high: float = np.inf, open_low: bool = False) -> float:
    """A finite parameter inside its range, or a ParameterError that names it."""
    try:
        result = float(value)
    except Exception:  # whatever a class of the caller's raises
        raise ParameterError(f"{name} must be a number, not {shown(value)}") from None
    if not np.isfinite(result) or result < low or result > high or (open_low and result == low):
        left = "(" if open_low or low == -np.inf else "["
        right = ")" if high == np.inf else "]"
        raise ParameterError(f"{name} is {shown(value)}: it must lie in {left}{low:g}, {high:g}{right}")
    return result


def whole(name: str, value: Any, *, low: int = 1, high: float = 1e15) -> int:
    """A whole number inside its range, or a ProblemError that names it."""
    try:
        result = int(value)
        exact = bool(result == value)
    except Exception:  # whatever a class of the caller's raises
        result, exact = 0, False
    if not exact or not low <= result <= high:
        top = f" and at most {high:g}" if high < 1e15 or result > high else ""
        raise ProblemError(f"{name} is {shown(value)}: it must be a whole number, at least {low}{top}")
    return result


def count(name: str, value: Any, *, low: int = 1, high: float = 1e15) -> int:
    """`whole` for a parameter: a ParameterError names it."""
    try:
        return whole(name, value, low=low, high=high)
    except ProblemError as error:
        raise ParameterError(str(error)) from None
