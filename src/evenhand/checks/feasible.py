"""Checks of action sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.checks import forms
from evenhand.checks.promises import ROUNDING, Check, first, guarded, has, insist, record, require
from evenhand.columns import Array
from evenhand.core import ActionSet

__all__ = ["SET", "check_set"]


def check_set(feasible: ActionSet) -> None:
    """The bounds contain the set, support is a lower bound of every feasible action, violations are seen."""
    insist(SET, feasible)


def _ways(one: Any) -> Array:
    return np.random.default_rng(13).normal(size=(10, one.bounds[0].shape[-1]))


def _members(feasible: Any) -> None:
    has(feasible, ActionSet)


def _support(feasible: Any) -> None:
    one = first(feasible)
    (low, high), ways = one.bounds, _ways(one)
    least = guarded(feasible, "support of a batch", lambda: one.support(ways))
    require(np.shape(least) == (10,), feasible, "support takes (..., n) to (...)")
    require(~np.isnan(least), feasible, "support is a number or -inf")
    box = np.where(ways > 0, low, high)
    with np.errstate(invalid="ignore"):
        inside = least >= np.where(ways == 0, 0.0, ways * box).sum(-1) - ROUNDING
    require(inside, feasible, "the set lies in its bounds")
    require(one.support(-ways) <= -least + ROUNDING * (1 + np.abs(least)), feasible, "the set is not empty")
    sums = one.support(ways[:-1] + ways[1:])
    concave = sums >= least[:-1] + least[1:] - ROUNDING * (1 + np.abs(sums))
    require(concave, feasible, "support is concave: X is convex")
    twice = np.allclose(one.support(2.0 * ways), 2.0 * least, atol=ROUNDING)
    require(twice, feasible, "support doubles with its direction")


def _violation(feasible: Any) -> None:
    one = first(feasible)
    _, high = one.bounds
    away = np.where(np.isfinite(high), high + 1.0 + np.abs(high), 0.0)
    if np.isfinite(high).any():
        require(one.violation(away) > 0, feasible, "an action beyond its bounds violates it")
    nothing = one.violation(np.full(high.shape[-1], np.nan))
    require(np.isnan(nothing) or nothing > 0, feasible, "NaN is outside")


def _form(feasible: Any) -> str | None:
    one = first(feasible)
    if not hasattr(one, "conic"):
        return "it brings no conic form, so hindsight does not know it"
    ways = _ways(one)
    forms.feasible(one, ways, one.support(ways))
    return None


SET = (
    record(),
    Check("members", "all of evenhand.protocols.ActionSet", _members, "add the members that are missing", True),
    Check(
        "support",
        "a true minimum over a convex set within its bounds",
        _support,
        "min over x in X of direction . x; for rows evenhand.linear.lowest gives a proved one",
    ),
    Check("violation", "above 0 outside, NaN included", _violation, "the largest relative excess of a constraint"),
    Check("form", "the conic form has its support, in other units too", _form, "low <= rows x <= high, within bounds"),
)
