"""Checks of hitting costs, action sets and switching costs."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

from evenhand.checks import forms
from evenhand.checks.promises import ROUNDING, frozen, guarded, require, same
from evenhand.columns import Array, layout, take
from evenhand.core import ActionSet, HittingCost
from evenhand.registry import from_plain, to_plain
from evenhand.switching.moves import Moves

__all__ = ["check_cost", "check_set", "check_switching"]


def check_cost(cost: HittingCost, points: Array) -> None:
    """A hitting cost on points (k, n) of its domain: convex, gradients below, strongly convex by what it states."""
    frozen(cost)
    one: Any = cost
    while any(rank is not None and getattr(one, name).ndim > rank for name, rank in layout(type(cost))):
        one = take(one, 0)
    kept, before = copy.deepcopy(cost), points.copy()
    value = guarded(cost, "value of a batch", lambda: one.value(points))
    slope = guarded(cost, "gradient of a batch", lambda: one.gradient(points))
    require(np.shape(value) == points.shape[:-1], cost, "value takes (..., n) to (...)")
    require(np.shape(slope) == points.shape, cost, "gradient takes (..., n) to (..., n)")
    require(np.array_equal(value, [one.value(x) for x in points]), cost, "the value of a batch is that of its elements")
    modulus = np.asarray(one.strong_convexity())
    require(modulus >= 0, cost, "strong convexity is at least 0")
    for x, fx, gx in zip(points, value, slope, strict=True):
        rest = value - fx - (points - x) @ gx - 0.5 * modulus * ((points - x) ** 2).sum(-1)
        unit = ROUNDING * (1 + np.abs(value) + abs(fx) + np.abs((points - x) @ gx))
        require(rest >= -unit, cost, "f(y) >= f(x) + gradient . (y - x) + m_f |y - x|^2 / 2")
    require(same(cost, kept) and np.array_equal(points, before), cost, "nothing it is given is changed")
    forms.cost(one, points, value)


def check_set(feasible: ActionSet) -> None:
    """The bounds contain the set, support is a lower bound of every feasible action, violations are seen."""
    frozen(feasible)
    one: Any = feasible
    while any(rank is not None and getattr(one, name).ndim > rank for name, rank in layout(type(feasible))):
        one = take(one, 0)
    low, high = one.bounds
    n = low.shape[-1]
    rng = np.random.default_rng(13)
    ways = rng.normal(size=(10, n))
    least = guarded(feasible, "support of a batch", lambda: one.support(ways))
    require(np.shape(least) == (10,), feasible, "support takes (..., n) to (...)")
    require(~np.isnan(least), feasible, "support is a number or -inf")
    box = np.where(ways > 0, low, high)
    with np.errstate(invalid="ignore"):
        require(
            least >= np.where(ways == 0, 0.0, ways * box).sum(-1) - ROUNDING, feasible, "the set lies in its bounds"
        )
    require(one.support(-ways) <= -least + ROUNDING * (1 + np.abs(least)), feasible, "the set is not empty")
    sums = one.support(ways[:-1] + ways[1:])
    require(sums >= least[:-1] + least[1:] - ROUNDING * (1 + np.abs(sums)), feasible, "support is concave: X is convex")
    require(
        np.allclose(one.support(2.0 * ways), 2.0 * least, atol=ROUNDING), feasible, "support doubles with its direction"
    )
    away = np.where(np.isfinite(high), high + 1.0 + np.abs(high), 0.0)
    if np.isfinite(high).any():
        require(one.violation(away) > 0, feasible, "an action beyond its bounds violates it")
    require(
        np.isnan(one.violation(np.full(n, np.nan))) or one.violation(np.full(n, np.nan)) > 0, feasible, "NaN is outside"
    )
    forms.feasible(one, ways, least)


def check_switching(switching: Any, actions: int = 4) -> None:
    """A canonical form that fits, a value that is its own: convex, never negative, nothing for no move, JSON."""
    frozen(switching)
    moves = getattr(switching, "moves", None)
    require(isinstance(moves, Moves), switching, "moves is a Moves, the canonical form")
    assert isinstance(moves, Moves)
    require(moves.actions in (None, actions), switching, f"its form is for {actions} actions")
    x, before, y, start = np.random.default_rng(19).normal(size=(4, 30, actions))
    value = moves.value(x, before)
    require(value >= 0.0, switching, "a move never earns")
    require(moves.value(x, x) == 0.0, switching, "no move costs nothing")
    other = moves.value(y, start)
    unit = ROUNDING * (1.0 + value + other)
    middle = moves.value((x + y) / 2, (before + start) / 2)
    require(middle <= (value + other) / 2 + unit, switching, "s is convex in both actions")
    each = [moves.value(a, b) for a, b in zip(x, before, strict=True)]
    require(np.array_equal(value, each), switching, "the value of a batch is that of its elements, bit for bit")
    if hasattr(switching, "value"):
        own = guarded(switching, "value of a batch", lambda: switching.value(x, before))
        require(np.abs(own - value) <= unit, switching, "its value is that of its canonical form")
    text = guarded(switching, "writing it as JSON", lambda: json.dumps(to_plain(switching)))
    back = guarded(switching, "reading it from JSON", lambda: from_plain(json.loads(text)))
    require(same(back.moves, moves), switching, "it comes back from JSON as it was")
