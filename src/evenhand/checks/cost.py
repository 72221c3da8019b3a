"""Checks of hitting costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.checks import forms
from evenhand.checks.promises import (
    ROUNDING,
    Check,
    arrays,
    first,
    guarded,
    has,
    insist,
    record,
    require,
    tried,
    unchanged,
)
from evenhand.columns import Array
from evenhand.core import HittingCost

__all__ = ["COST", "Points", "check_cost", "points_of"]


@final
@dataclass(frozen=True, slots=True)
class Points:
    """A hitting cost, its first round, and points (k, n) of its domain."""

    cost: Any
    one: Any
    points: Array


def points_of(cost: Any, points: Array | None = None) -> Points:
    """Points of [0, 1]^n from a fixed seed where none are given."""
    if points is None:
        points = np.random.default_rng(17).uniform(0.0, 1.0, (12, int(getattr(cost, "actions", 3))))
    return Points(cost, first(cost), points)


def check_cost(cost: HittingCost, points: Array) -> None:
    """A hitting cost on points (k, n) of its domain: convex, gradients below, strongly convex by what it states.

    Where it brings its conic form: it has its values, and ``in_units`` is the same cost.
    """
    insist(COST, points_of(cost, points))


def _members(case: Points) -> None:
    has(case.cost, HittingCost)


def _values(case: Points) -> None:
    cost, one, points = case.cost, case.one, case.points
    value = guarded(cost, "value of a batch", lambda: one.value(points))
    slope = guarded(cost, "gradient of a batch", lambda: one.gradient(points))
    require(np.shape(value) == points.shape[:-1], cost, "value takes (..., n) to (...)")
    require(np.shape(slope) == points.shape, cost, "gradient takes (..., n) to (..., n)")
    require(np.isfinite(value) & np.isfinite(slope).all(-1), cost, "values and gradients are finite")
    each = [one.value(x) for x in points]
    require(np.array_equal(value, each), cost, "the value of a batch is that of its elements")


def _convex(case: Points) -> None:
    one, points = case.one, case.points
    value, slope, modulus = one.value(points), one.gradient(points), np.asarray(one.strong_convexity())
    require(modulus >= 0, case.cost, "strong convexity is at least 0")
    for x, fx, gx in zip(points, value, slope, strict=True):
        rest = value - fx - (points - x) @ gx - 0.5 * modulus * ((points - x) ** 2).sum(-1)
        unit = ROUNDING * (1 + np.abs(value) + abs(fx) + np.abs((points - x) @ gx))
        require(rest >= -unit, case.cost, "f(y) >= f(x) + gradient . (y - x) + m_f |y - x|^2 / 2")


def _inputs(case: Points) -> None:
    kept, given = arrays(case.cost), case.points.copy()
    tried([lambda: case.one.value(given), lambda: case.one.gradient(given)])
    alike = unchanged(case.cost, kept) and np.array_equal(given, case.points)
    require(alike, case.cost, "nothing it is given is changed")


def _form(case: Points) -> str | None:
    if not hasattr(case.one, "conic"):
        return "it brings no conic form, so hindsight does not know it"
    forms.cost(case.one, case.points, case.one.value(case.points))
    return None


COST = (
    record(lambda case: case.cost),
    Check("members", "all of evenhand.protocols.HittingCost", _members, "add the members that are missing", True),
    Check("inputs", "nothing given is changed", _inputs, "make new arrays: x = x - level, not x -= level", True),
    Check(
        "values",
        "(..., n) to (...), a batch bit for bit its elements",
        _values,
        "take sums over the last axis with evenhand.kernels.reduce.total, not with .sum",
        True,
    ),
    Check(
        "convex",
        "above its tangents, by m_f where it states one",
        _convex,
        "derive gradient from value; strong_convexity is the least curvature, 0 is always right",
    ),
    Check(
        "form",
        "the conic form has its values, in other units too",
        _form,
        "f up to a constant: slope . w + w' hessian w / 2 with offset - rows w in cones; in_units: per unit of action",
    ),
)
