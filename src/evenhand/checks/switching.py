"""Checks of switching costs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from evenhand.checks.promises import ROUNDING, Check, guarded, insist, record, require, same
from evenhand.columns import Array
from evenhand.registry import from_plain, to_plain
from evenhand.switching.moves import Moves

__all__ = ["SWITCHING", "check_switching", "moves_of"]


def moves_of(switching: Any, actions: int = 4) -> tuple[Any, int]:
    """A switching cost, and for how many actions it is tried: its own number where it has one."""
    moves = getattr(switching, "moves", None)
    return switching, actions if not isinstance(moves, Moves) or moves.actions is None else moves.actions


def check_switching(switching: Any, actions: int = 4) -> None:
    """A canonical form that fits, a value that is its own: convex, never negative, nothing for no move, JSON."""
    insist(SWITCHING, (switching, actions))


def _drawn(n: int) -> Array:
    return np.random.default_rng(19).normal(size=(4, 30, n))


def _moves(case: tuple[Any, int]) -> None:
    switching, n = case
    moves = guarded(switching, "moves", lambda: switching.moves)
    require(isinstance(moves, Moves), switching, "moves is a Moves, the canonical form")
    require(moves.actions in (None, n), switching, f"its form is for {n} actions")


def _values(case: tuple[Any, int]) -> None:
    switching, n = case
    moves: Moves = switching.moves
    x, before, y, start = _drawn(n)
    value = moves.value(x, before)
    require(value >= 0.0, switching, "a move never earns")
    require(moves.value(x, x) == 0.0, switching, "no move costs nothing")
    other = moves.value(y, start)
    unit = ROUNDING * (1.0 + value + other)
    middle = moves.value((x + y) / 2, (before + start) / 2)
    require(middle <= (value + other) / 2 + unit, switching, "s is convex in both actions")
    each = [moves.value(a, b) for a, b in zip(x, before, strict=True)]
    require(np.array_equal(value, each), switching, "the value of a batch is that of its elements, bit for bit")


def _agrees(case: tuple[Any, int]) -> str | None:
    switching, n = case
    if not hasattr(switching, "value"):
        return "it has no value of its own, its moves give it"
    x, before, _, _ = _drawn(n)
    value = switching.moves.value(x, before)
    own = guarded(switching, "value of a batch", lambda: switching.value(x, before))
    require(np.shape(own) == value.shape, switching, "value takes (..., n) and (..., n) to (...)")
    near = np.abs(own - value) <= ROUNDING * (1.0 + value)
    require(near, switching, "its value is that of its canonical form")
    return None


def _json(case: tuple[Any, int]) -> None:
    switching, _ = case
    text = guarded(switching, "writing it as JSON", lambda: json.dumps(to_plain(switching)))
    back = guarded(switching, "reading it from JSON", lambda: from_plain(json.loads(text)))
    require(same(back.moves, switching.moves), switching, "it comes back from JSON as it was")


SWITCHING = (
    record(lambda case: case[0]),
    Check(
        "moves",
        "moves is an evenhand.Moves",
        _moves,
        "give a property: def moves(self): return Moves(rho=..., up=..., down=..., rise=..., fall=...)",
        True,
    ),
    Check("values", "convex, never negative, 0 for no move", _values, "rho, up and down are at least 0"),
    Check(
        "agreement",
        "its own value is that of its moves",
        _agrees,
        "s = rho d^2 / 2 + up max(d, 0) + down max(-d, 0) with d = x - x_prev; or drop value, moves give it",
    ),
    Check("json", "it comes back from JSON as it was", _json, "make its fields numbers, texts and arrays"),
)
