"""Checks of impact matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.checks.promises import ROUNDING, Check, first, guarded, has, insist, record, require
from evenhand.columns import Array
from evenhand.core import Impact

__all__ = ["IMPACT", "check_impact"]


def check_impact(impact: Impact) -> None:
    """Linear, burden and tilt each other's adjoint, a range that contains what a box of actions bears."""
    insist(IMPACT, impact)


def _drawn(one: Any) -> tuple[Array, Array]:
    """Actions (20, n) and prices (20, m)."""
    rng = np.random.default_rng(31)
    return rng.normal(size=(20, one.actions)), rng.normal(size=(20, one.entities))


def _members(impact: Any) -> None:
    has(impact, Impact)


def _adjoint(impact: Any) -> None:
    one = first(impact)
    x, kappa = _drawn(one)
    burden = guarded(impact, "burden of a batch", lambda: one.burden(x))
    tilt = guarded(impact, "tilt of a batch", lambda: one.tilt(kappa))
    require(np.shape(burden) == kappa.shape, impact, "burden takes (..., n) to (..., m)")
    require(np.shape(tilt) == x.shape, impact, "tilt takes (..., m) to (..., n)")
    require(np.array_equal(burden, [one.burden(v) for v in x]), impact, "a batch is its elements, bit for bit")
    both = (kappa * burden).sum(-1), (tilt * x).sum(-1)
    size = ROUNDING * (1 + np.abs(kappa * burden).sum(-1) + np.abs(tilt * x).sum(-1))
    require(np.abs(both[0] - both[1]) <= size, impact, "kappa . A x = A' kappa . x")
    line = np.abs(one.burden(x[0] + 2.0 * x[1]) - burden[0] - 2.0 * burden[1])
    require(line <= ROUNDING * (1 + np.abs(burden[0]) + 2 * np.abs(burden[1])), impact, "burden is linear")


def _range(impact: Any) -> None:
    one = first(impact)
    x, _ = _drawn(one)
    low, high = x.min(axis=0), x.max(axis=0)
    least, most = guarded(impact, "range", lambda: one.range(low, high))
    burden = one.burden(x)
    unit = ROUNDING * (1 + np.abs(burden))
    require((burden >= least - unit) & (burden <= most + unit), impact, "range contains the burdens of its box")


IMPACT = (
    record(),
    Check("members", "all of evenhand.protocols.Impact", _members, "add the members that are missing", True),
    Check("adjoint", "linear, kappa . A x = A' kappa . x", _adjoint, "burden is A x, tilt is A' kappa, of the same A"),
    Check("range", "contains the burdens of a box", _range, "positive entries take the lower end, negative the upper"),
)
