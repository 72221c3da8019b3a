"""What a common level of utility asks of every job, and the highest that prices allow (`spec/allocation.md §11`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.fleet import compact
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.allocation.substitutable.posed import Posed, pose_fixed
from evenhand.columns import same

__all__ = ["NEAR", "Needs", "most", "reached"]

Array = NDArray[np.float64]
#: a job this near to its best, relatively, is at it: it needs room for the interior point
NEAR = 1e-9
#: twice that and rounding: a speed given out as the best
_BEST = 1e-8
#: doublings of a step beyond the level until the bills pass what there is
_DOUBLINGS = 60


@dataclass(frozen=True, slots=True)
class Needs:
    """What a level of utility asks of each job: from `held`, or risen to the level, or at its best `top` (n,)."""

    jobs: Jobs
    top: Array
    held: Array
    rising: NDArray[np.bool_]

    __eq__ = same

    def at(self, level: float) -> tuple[Array, Array]:
        """Total speed (n,), and its derivative by the level: 0 where it does not rise."""
        own, n, base = self.jobs.own, self.jobs.n, self.jobs.onboard
        with np.errstate(all="ignore"):
            r = np.where(self.rising, np.broadcast_to(own.invert(np.full(n, level)), (n,)), self.held)
            slope = 1.0 / np.broadcast_to(own.marginal(np.clip(r, 0.0, self.top)), (n,))
        full = r - base >= (self.top - base) * (1.0 - NEAR)
        r = np.maximum(np.where(full, self.top - NEAR * (self.top - base), r), base)
        free = self.rising & ~full & (r > base) & np.isfinite(slope)
        return r, np.where(free, slope, 0.0)


def most(jobs: Jobs, used: NDArray[np.intp]) -> Array:
    """The speed of each job alone, (n,): all its time on its fastest kinds of those in use."""
    rate, limit = jobs.throughput[:, used], compact(jobs.limit)[:, used]
    if np.all(limit >= 1.0):
        return np.max(rate, axis=1, initial=0.0)
    limit = np.broadcast_to(limit, rate.shape)
    order = np.argsort(-rate, axis=1)
    fast, room = np.take_along_axis(rate, order, axis=1), np.take_along_axis(limit, order, axis=1)
    return np.sum(fast * np.clip(1.0 - (np.cumsum(room, axis=1) - room), 0.0, room), axis=1)


def reached(jobs: Jobs, capacity: Array, x: Array, prices: Array) -> tuple[float, float, float]:
    """The level of times x (n, K), a bound on it for any times, and the part of the capacities' worth left over.

    At prices λ ≥ 0 whoever has a speed pays its least cost at least, so where the least costs of a level add up to
    more than Σ λ C, no times have it. Without anybody below its best the level is the least utility, and the bound.
    """
    used = np.flatnonzero(capacity > 0.0)
    speed, top = jobs.onboard + jobs.speed(x), jobs.onboard + most(jobs, used)
    utility = np.broadcast_to(jobs.own.value(speed), (jobs.n,))
    below = speed - jobs.onboard < (top - jobs.onboard) * (1.0 - _BEST)
    if not np.any(below):
        return float(np.min(utility)), float(np.min(utility)), 0.0
    level, worth = float(np.min(utility[below])), float(prices @ capacity)
    if worth <= 0.0:
        return level, np.inf, np.inf
    needs = Needs(jobs, top, np.array(jobs.onboard), top > jobs.onboard)
    posed = pose_fixed(jobs, capacity, used)
    bill = _bill(needs, posed, prices[used], level)
    gap = max(1.0 - bill / worth, 0.0)
    r, slope = needs.at(level)
    free = slope > 0.0
    step = max(gap, 1e-12) * (float(np.mean((r - jobs.onboard)[free] / slope[free])) if np.any(free) else 1.0)
    for _ in range(_DOUBLINGS):
        if _bill(needs, posed, prices[used], level + step) >= worth:
            return level, level + step, gap
        step *= 2.0
    return level, np.inf, np.inf


def _bill(needs: Needs, posed: Posed, price: Array, level: float) -> float:
    """Least cost of the level for everybody, those at their best there as they are."""
    r, slope = needs.at(level)
    bill = np.zeros(needs.jobs.n)
    posed.wanting(r, slope).respond(price, -1.0, bill=bill)
    return float(np.sum(bill))
