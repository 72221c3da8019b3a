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

    def keeps(self, now: Array, then: Array) -> bool:
        """Whether ``then`` is so near to ``now`` that nothing is to be sent."""
        return bool((np.abs(then - now) <= self.ignore_below).all())


def apportion(shares: Array, total: int, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers (n,) of the sum ``total`` between ``low`` and ``high``, as near to ``total * shares`` as can be.

    shares (n,): at least 0, their sum above 0. Without binding bounds each is its quota rounded down or up, those of
    the largest remainders up; ties go to the first. Raises InfeasibleError where the bounds do not hold the total.
    """
    if low.sum() > total or high.sum() < total:
        raise InfeasibleError(
            f"weights of {total} together do not fit between {int(low.sum())} and {int(high.sum())}: change the guard"
        )
    quota = total * (shares / shares.sum())
    if (quota < low).any() or (quota > high).any():
        flat = Quadratic(np.zeros_like(quota))
        budget = Budget(float(total), high.astype(np.float64), low.astype(np.float64))
        quota = proximal(view(0, flat, Diagonal(np.zeros_like(quota)), budget), 0.0, 1.0, quota)
    whole = np.clip(np.floor(quota).astype(np.int64), low, high)
    left = total - int(whole.sum())
    order = np.argsort(whole - quota, kind="stable")  # the largest remainder first
    for _ in range(2):  # a second time only where rounding of the quotas lost more than one a site
        for i in order[:] if left > 0 else order[::-1]:
            step = int(np.sign(left))
            if step and low[i] <= whole[i] + step <= high[i]:
                whole[i] += step
                left -= step
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
    then = apportion(shares, total, least, most)
    if guard.keeps(there, then.astype(np.float64)):
        return None
    return dict(zip(action, then.tolist(), strict=True))


def guarded_amounts(
    guard: Guard, action: Mapping[str, float], now: Mapping[str, float], step: float
) -> dict[str, float] | None:
    """Amounts by site as multiples of ``step`` within the guard, None where what is there now is near enough."""
    wanted = np.maximum(np.array(list(action.values()), dtype=np.float64), 0.0)
    there = np.array([now.get(site, np.nan) for site in action])
    low, high = guard.bounds(there)
    least, most = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    if (least > most).any():
        site = list(action)[int(np.argmax(least > most))]
        raise InfeasibleError(f"no multiple of {step:g} lies within the guard of {site!r}: change step or guard")
    then = np.clip(np.round(wanted / step), least, most) * step
    if guard.keeps(there, then) or np.allclose(there, then, rtol=1e-12, atol=0.0):
        return None
    return dict(zip(action, then.tolist(), strict=True))
