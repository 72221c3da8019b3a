"""Weights and amounts as targets take them: whole numbers with a constant sum, within an operator's guard.

Source: the largest remainder method (Hamilton); the bounds first, by the nearest point that keeps the sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from evenhand.columns import Array
from evenhand.core import view
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import InfeasibleError, ParameterError
from evenhand.impacts import Diagonal
from evenhand.proximal import proximal
from evenhand.sets import Budget

__all__ = ["Guard", "apportion", "guarded_amounts", "guarded_weights"]

#: the largest weight that any target takes, and the largest sum
MOST = 1_000_000
#: relative to a step, what rounding may cost
ROUNDING = 1e-9


@final
@dataclass(frozen=True, slots=True)
class Guard:
    """What a target never goes beyond, in the target's own units (weights, or amounts of work).

    least, most: of a site. max_change: from what is there now, in one round. ignore_below: where no site changes by
    more than this, nothing is sent.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)
    least: float = 0.0
    most: float | None = None
    max_change: float | None = None
    ignore_below: float = 0.0

    def __post_init__(self) -> None:
        for name in ("least", "most", "max_change", "ignore_below"):
            value = getattr(self, name)
            if value is not None and not value >= 0.0:
                raise ValueError(f"{name} is {value:g}: it must be at least 0")
        if self.most is not None and self.most < self.least:
            raise ValueError(f"most is {self.most:g}, below least, {self.least:g}")

    def bounds(self, now: Array) -> tuple[Array, Array]:
        """Least and most of every site (n,), NaN in ``now`` where nothing is there yet.

        A site that stands outside may come back no faster than ``max_change`` allows.
        """
        low = np.full(now.shape, self.least)
        high = np.full(now.shape, np.inf if self.most is None else self.most)
        if self.max_change is not None:
            known = np.where(np.isnan(now), 0.0, now)
            least, most = known - self.max_change, known + self.max_change
            low = np.where(np.isnan(now), low, np.clip(low, least, most))
            high = np.where(np.isnan(now), high, np.clip(high, least, most))
        return low, high

    def times(self, unit: float) -> Guard:
        """The same in units that are so much finer."""
        most = None if self.most is None else self.most * unit
        change = None if self.max_change is None else self.max_change * unit
        return Guard(self.least * unit, most, change, self.ignore_below * unit)

    def keeps(self, now: Array, then: Array) -> bool:
        """Whether ``then`` is so near to ``now`` that nothing is to be sent."""
        return bool((np.abs(then - now) <= self.ignore_below).all())


def apportion(quota: Array, total: int, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers (n,) of the sum ``total`` between ``low`` and ``high``, as near to the quotas as can be.

    quota (n,): at least 0, of the sum ``total`` or less than 1 a site beyond. Where no bound binds each is rounded down
    or up, those of the largest remainders up; ties go to the first. Raises InfeasibleError where the bounds do not hold
    the total.
    """
    if low.sum() > total or high.sum() < total:
        raise InfeasibleError(
            f"weights of {total} together do not fit between {int(low.sum())} and {int(high.sum())}: change the guard"
        )
    quota = _nearest(quota, float(total), low.astype(np.float64), high.astype(np.float64))
    whole = np.clip(np.floor(quota).astype(np.int64), low, high)
    order = np.argsort(whole - quota, kind="stable")  # the largest remainder first
    for i in np.tile(order, 2):  # a second time only where rounding of the quotas themselves lost one
        if whole.sum() < total and whole[i] < high[i]:
            whole[i] += 1
    for i in order[::-1]:
        if whole.sum() > total and whole[i] > low[i]:
            whole[i] -= 1
    return whole


def guarded_weights(
    guard: Guard, action: Mapping[str, float], now: Mapping[str, float], total: int
) -> dict[str, int] | None:
    """Whole weights by site with the sum ``total``, None where what is there now is near enough.

    now: the weights that are there. Raises InfeasibleError as `apportion`, or where nothing is allocated at all.
    """
    if not 1 <= total <= MOST:
        raise ParameterError(f"the weights sum to {total}: give a total from 1 to {MOST}")
    shares = np.maximum(np.array(list(action.values()), dtype=np.float64), 0.0)
    if not shares.sum() > 0.0:
        raise InfeasibleError("every site gets 0, and weights of 0 serve nobody: nothing is sent")
    there = np.array([now.get(site, np.nan) for site in action])
    low, high = guard.bounds(there)
    least, most = np.ceil(low).astype(np.int64), np.floor(np.minimum(high, total)).astype(np.int64)
    then = apportion(total * (shares / shares.sum()), total, least, most)
    if guard.keeps(there, then.astype(np.float64)):
        return None
    return dict(zip(action, then.tolist(), strict=True))


def guarded_amounts(
    guard: Guard, action: Mapping[str, float], now: Mapping[str, float], step: float | None
) -> dict[str, float] | None:
    """Amounts by site within the guard, None where what is there now is near enough.

    Their sum is that of the action, as far as the guard allows; with a ``step``, all are multiples of it and the sum is
    rounded down, never up. Raises InfeasibleError where the guard of a site holds no multiple.
    """
    wanted = np.maximum(np.array(list(action.values()), dtype=np.float64), 0.0)
    there = np.array([now.get(site, np.nan) for site in action])
    low, high = guard.bounds(there)
    total = float(np.clip(wanted.sum(), low.sum(), high.sum()))
    if step is None:
        then = _nearest(wanted, total, low, high)
    else:
        least = np.ceil(low / step - ROUNDING).astype(np.int64)
        most = np.floor(np.minimum(high, max(total, float(low.max())) + step) / step + ROUNDING).astype(np.int64)
        if (least > most).any():
            site = list(action)[int(np.argmax(least > most))]
            raise InfeasibleError(f"no multiple of {step:g} lies within the guard of {site!r}: change step or guard")
        count = int(np.clip(np.floor(total / step + ROUNDING), least.sum(), most.sum()))
        then = apportion(wanted / step, count, least, most).astype(np.float64) * step
    return None if guard.keeps(there, then) else dict(zip(action, then.tolist(), strict=True))


def _nearest(wanted: Array, total: float, low: Array, high: Array) -> Array:
    """The point of the sum ``total`` between ``low`` and ``high`` that is nearest to ``wanted``, whose sum that is."""
    if not ((wanted < low).any() or (wanted > high).any()):
        return wanted
    flat = Quadratic(np.zeros_like(wanted))
    budget = Budget(total, np.minimum(high, total + low), low)
    return proximal(view(0, flat, Diagonal(np.zeros_like(wanted)), budget), 0.0, 1.0, wanted)
