"""Values that the service works with: where a controller stands, and what a command adds to the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from pydantic_core import PydanticSerializationError, to_json

from evenhand.errors import ProblemError
from evenhand.live.records import Controller, State

__all__ = ["Standing", "digest", "expected", "json_of"]


@final
@dataclass(frozen=True, slots=True)
class Standing:
    """A controller after its event number ``version``, under its configuration number ``configuration``."""

    id: int
    name: str
    version: int
    configuration: int
    controller: Controller
    state: State


def expected(state: State) -> int:
    """The number of the next round to be decided."""
    return state.round + state.open


def json_of(value: Any) -> str:
    """One line of JSON, every bit of its numbers in it. Raises ProblemError for numbers that are not finite."""
    try:
        text = to_json(value, inf_nan_mode="constants").decode()
        if "NaN" not in text and "Infinity" not in text:
            return text
    except (PydanticSerializationError, UnicodeError):  # a text that is no UTF-8: JSON can escape it
        pass
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise ProblemError("the numbers are so large that their products overflow: take larger units") from None


def digest(data: Mapping[str, Any]) -> str:
    """The same for the same content, however it is written: SHA-256 of the sorted JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
