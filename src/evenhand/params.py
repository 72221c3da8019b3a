"""Parameters of a record by name, as scikit-learn's tools ask for them: `get_params`, `set_params`, `clone`.

A policy is a value: `set_params` gives another one and changes none. Names go down with two underscores, as there:
``mirror__weights``, ``experts__0__eta``. Classes take the functions as methods, without inheritance:

    get_params, set_params, __sklearn_clone__ = params.get_params, params.set_params, params.clone
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from evenhand.errors import EvenhandError, ParameterError, UnknownNameError, shown

__all__ = ["clone", "get_params", "set_params"]

R = TypeVar("R")


def get_params(record: Any, deep: bool = True) -> dict[str, Any]:
    """What a record was built with, by name; deep: also what the records among these were built with.

    Raises ParameterError for what is no record: a class, or something that is no dataclass.
    """
    found = _own(record)
    if deep:
        for name, value in tuple(found.items()):
            for inner, part in _parts(value):
                if inner:
                    found[f"{name}__{inner.removesuffix('__')}"] = part
                found |= {f"{name}__{inner}{key}": one for key, one in get_params(part).items()}
    return found


def set_params(record: R, **changes: Any) -> R:
    """A new record with some parameters changed, the old one as it was.

    Raises UnknownNameError with the nearest known name, and what the constructor raises for a value.
    """
    known = _own(record)
    inside: dict[str, dict[str, Any]] = {}
    for key, value in changes.items():
        name, below, rest = key.partition("__")
        if name not in known:
            raise UnknownNameError(f"parameter of {type(record).__name__}", key, known)
        if below:
            inside.setdefault(name, {})[rest] = value
        else:
            known[name] = value
    for name, change in inside.items():
        known[name] = _changed(f"{type(record).__name__}.{name}", known[name], change)
    return _built(type(record), known)


def clone(record: R) -> R:
    """The same record, built anew from its parameters."""
    return _built(type(record), _own(record))


def _own(record: Any) -> dict[str, Any]:
    if not is_dataclass(record) or isinstance(record, type):
        raise ParameterError(f"record is {shown(record)}: give a policy, a cost or another record, such as FairOBD()")
    kept = {f.name for f in fields(record)}  # a constructor may take a second name for one of them, such as beta
    return {name: getattr(record, name) for name in inspect.signature(type(record)).parameters if name in kept}


def _parts(value: Any) -> list[tuple[str, Any]]:
    """(how its names begin, record) of what a parameter holds: itself, or the items of a tuple."""
    if is_dataclass(value) and not isinstance(value, type):
        return [("", value)]
    if isinstance(value, tuple | list):
        return [(f"{i}__", one) for i, one in enumerate(value) if is_dataclass(one) and not isinstance(one, type)]
    return []


def _changed(where: str, value: Any, change: Mapping[str, Any]) -> Any:
    """A parameter with something inside it changed: a record, or a tuple of them by number."""
    parts = dict(_parts(value))
    if "" in parts:
        return set_params(value, **change)
    items, inner = list(value) if parts else [], dict[int, dict[str, Any]]()
    for key, one in change.items():
        index, below, rest = key.partition("__")
        if f"{index}__" not in parts:
            raise UnknownNameError(f"part of {where}", key, [name.removesuffix("__") for name in parts])
        if below:
            inner.setdefault(int(index), {})[rest] = one
        else:
            items[int(index)] = one
    for i, below in inner.items():
        items[i] = set_params(items[i], **below)
    return type(value)(items)


def _built(kind: type[R], settings: Mapping[str, Any]) -> R:
    try:
        return kind(**settings)
    except EvenhandError:
        raise
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{kind.__name__}: {error}") from None
