"""Checks of utilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.checks.promises import Check, arrays, guarded, has, insist, record, require, tried, unchanged
from evenhand.columns import Array
from evenhand.utilities.base import Utility
from evenhand.utilities.cobb_douglas import CobbDouglas

__all__ = ["UTILITY", "Totals", "check_utility", "totals"]

#: what rounding may take from a difference of two values, relative to their size
NEAR = 1e-9
#: a step to either side of a demand, relative: beyond the rounding of any closed form, within what a price may miss
STEP = 1e-6


@final
@dataclass(frozen=True, slots=True)
class Totals:
    """A utility, and the totals it is tried at: (k, n), rising, or (k, n, K) for several resources."""

    utility: Any
    r: Array

    @property
    def single(self) -> bool:
        """Whether it is of one resource."""
        return self.r.ndim == 2


def totals(utility: Any, agents: int = 3) -> Totals:
    """From 1e-3 to 1e3, in steps of a twentieth."""
    n = getattr(utility, "n", None) or agents
    r = np.geomspace(1e-3, 1e3, 284)[:, None] * np.linspace(1.0, 1.5, n)
    if isinstance(utility, CobbDouglas):
        r = np.broadcast_to(r[..., None], (*r.shape, utility.exponents.shape[1]))
    return Totals(utility, r)


def check_utility(utility: Any, agents: int = 3) -> None:
    """Increasing and concave, the marginal its slope, demand the inverse of the marginal, allocations with proof."""
    insist(UTILITY, totals(utility, agents))


def _members(case: Totals) -> None:
    if case.single:
        has(case.utility, Utility)


def _rows(case: Totals, method: str, points: Array | None = None) -> Array:
    """A method at every row of points: (k, n)."""
    u = case.utility
    call = getattr(u, method)
    rows = [guarded(u, method, lambda r=r: call(r)) for r in (case.r if points is None else points)]
    size = case.r.shape[1:] if method == "marginal" else case.r.shape[1:2]
    require(all(np.shape(row) in (size, (1,), ()) for row in rows), u, f"{method} takes (n,) to (n,)")
    return np.array([np.broadcast_to(row, size) for row in rows])


def _values(case: Totals) -> None:
    u = case.utility
    value, slope = _rows(case, "value"), _rows(case, "marginal")
    require(value < np.inf, u, "values are numbers, or -inf where too little is had")  # a NaN is not below inf
    require(slope >= 0.0, u, "the marginal is never negative: more is never worse")
    seen = np.isfinite(value)
    require(seen[-1] & (np.diff(seen.astype(int), axis=0) >= 0).all(axis=0), u, "values are finite from some total on")


def _concave(case: Totals) -> str | None:
    u = case.utility
    if not case.single:
        return "of several resources: concave where concave(alpha) says so"
    value, slope = _rows(case, "value"), _rows(case, "marginal")
    step = np.diff(case.r, axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        gain = np.diff(value, axis=0)
        unit = NEAR * (np.abs(value[1:]) + np.abs(value[:-1]) + 1e-3)
        known = np.isfinite(gain)
        require((slope[1:] <= slope[:-1] * (1 + NEAR)) | ~known, u, "the marginal never rises: U is concave")
        require((gain <= slope[:-1] * step + unit) | ~known, u, "a step gains at most the marginal at its start")
        require((gain >= slope[1:] * step - unit) | ~known, u, "a step gains at least the marginal at its end")
    return None


def _demand(case: Totals) -> str | None:
    u = case.utility
    if not case.single:
        return "of several resources: there is no demand of one price"
    slope = _rows(case, "marginal")
    usual = slope[np.isfinite(slope) & (slope > 0.0)]
    if not usual.size:
        return "its marginal is 0: nobody demands anything"
    prices = np.geomspace(usual.min(), usual.max(), 40)[:, None] * np.ones(case.r.shape[1])
    want = _rows(case, "demand", prices)
    require(want >= 0.0, u, "demand is at least 0")
    require(np.diff(want, axis=0) <= 0.0, u, "demand never rises with the price")
    some = np.isfinite(want)
    right = _rows(case, "marginal", np.where(some, want, 1.0) * (1 + STEP) + 1e-12)
    left = _rows(case, "marginal", np.where(some, want, 1e9) * (1 - STEP))
    loose = 1e-4  # a marginal may fall as the tenth power of the total
    require((right <= prices * (1 + loose)) | ~some, u, "just above the demand the marginal is at most the price")
    require((left >= prices * (1 - loose)) | (want == 0.0), u, "just below the demand it is at least the price")
    return None


def _curvature(case: Totals) -> str | None:
    u = case.utility
    if not case.single or hasattr(u, "marginal_range"):
        return "of several resources" if not case.single else "it has kinks"
    r = case.r[::12]
    with np.errstate(invalid="ignore", over="ignore"):
        h = 1e-5 * r
        slope, bend = _rows(case, "marginal", r), _rows(case, "curvature", r)
        ends = _rows(case, "marginal", r + h), _rows(case, "marginal", r - h)
        known = np.isfinite(bend) & np.isfinite(ends[1]) & np.isfinite(_rows(case, "value", r - h))
        seen = (ends[0] - ends[1]) / (2 * h)
        near = np.abs(bend - seen) <= 1e-5 * np.abs(seen) + 1e-9 * slope / r
    require((bend <= 0.0) | ~known, u, "curvature is at most 0")
    require(near | ~known, u, "curvature is the slope of the marginal")
    return None


def _inverse(case: Totals) -> str | None:
    u = case.utility
    if not case.single:
        return "of several resources: there is no inverse"
    r = case.r[::12]
    value = _rows(case, "value", r)
    known = np.isfinite(value) & (_rows(case, "marginal", r) * r > 1e-6 * (1 + np.abs(value)))
    back = _rows(case, "invert", np.where(known, value, 0.0))
    again = _rows(case, "value", np.where(known, back, r))
    unit = NEAR * (1 + np.abs(value))
    require((np.abs(again - value) <= unit) | ~known, u, "invert gives the total at which the value is had")
    require((back <= r * (1 + STEP)) | ~known, u, "invert gives the smallest such total")
    return None


def _inputs(case: Totals) -> None:
    u, kept, given = case.utility, arrays(case.utility), case.r[100].copy()
    methods = ("value", "marginal", *(("demand", "curvature", "invert") if case.single else ()))
    tried([lambda method=method: getattr(u, method)(given) for method in methods])
    require(np.array_equal(given, case.r[100]) and unchanged(u, kept), u, "nothing it is given is changed")


def _take(case: Totals) -> None:
    u, r = case.utility, case.r[100]
    index = np.array([r.shape[0] - 1, 0])
    some = guarded(u, "take", lambda: u.take(index))
    chosen = np.broadcast_to(some.value(r[index]), 2)
    alike = np.array_equal(chosen, np.broadcast_to(u.value(r), r.shape[:1])[index])
    require(alike, u, "take keeps the agents asked for, in their order")


def _allocates(case: Totals) -> str | None:
    u, n = case.utility, case.r.shape[1]
    if not case.single:
        return "of several resources: the tests of its solvers are elsewhere"
    answer = guarded(u, "allocate", lambda: allocate(Fleet(u, np.ones(n)), 2.0 * n))
    require(answer.status.startswith("certified"), u, f"its allocations are proved (status {answer.status!r})")
    return None


UTILITY = (
    record(lambda case: case.utility),
    Check("members", "all of evenhand.utilities.Utility", _members, "add the members that are missing", True),
    Check("inputs", "nothing given is changed", _inputs, "make new arrays: r = r + 1, not r += 1", True),
    Check(
        "values",
        "(n,) to (n,), numbers, never falling",
        _values,
        "compute elementwise with NumPy; -inf at 0 is allowed, NaN is not",
        True,
    ),
    Check("concave", "the marginal is its slope and never rises", _concave, "derive marginal from value, once more"),
    Check(
        "demand",
        "the inverse of the marginal",
        _demand,
        "solve U'(r) = price for r: 0 where U'(0) <= price; or evenhand.utilities.base.invert_marginal",
    ),
    Check("curvature", "the slope of the marginal", _curvature, "derive curvature from marginal"),
    Check(
        "inverse",
        "the least total with that value",
        _inverse,
        "solve U(r) = level for r; or evenhand.utilities.base.invert_value",
    ),
    Check("take", "the agents asked for, in order", _take, "index every parameter that is (n,), leave scalars"),
    Check("allocates", "an allocation is certified", _allocates, "mend what is above; what rests on a claim says so"),
)
