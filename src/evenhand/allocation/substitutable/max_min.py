"""Max-min on the utilities of jobs, lexicographic: the limit α → ∞ (`spec/allocation.md §11`).

One level of utility is raised for all jobs as far as capacity goes; a job that could not have more if it ran all the
time stays at its best. At given prices every job has its speed at least cost, by formula except near ties, so the
level is one more unknown beside the prices: sampled, refined and met exactly as in `solve`. Where a job runs at no
cost when the level stops, it can still rise: those at a cost are held, the others go on, at most K times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.substitutable.interior import Met, Others, follow
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.allocation.substitutable.level import NEAR, Needs, most
from evenhand.allocation.substitutable.posed import Posed, equal_times, pose_fixed
from evenhand.errors import SolverError

__all__ = ["Level", "max_min"]

Array = NDArray[np.float64]
#: jobs that an interior point takes at once while prices are rough; passes; ties left to it; a bill met
SAMPLE, _PASSES, _PATIENT, _CLOSE, _MET, _ACCEPTED = 4096, 60, 30, 1e-8, 1e-9, 1e-6
#: change of all capacities, relative, that would suffice, at which times are made from prices and level
_SETTLED = 1e-6
#: stages at most, a kind
_STAGES = 8
#: part by which prices may change at most between two passes; over it, they changed too much, in these units
_WIDEST, _FAR = 0.3, 30.0
#: prices and bills below this part of the mean are none
_FREE = 1e-7
#: part of its speed by which a job is asked what more would cost
_MORE = 1e-5
#: parts by which a speed may fall and rise in one pass
_FALL, _RISE = 0.8, 3.0


@dataclass(frozen=True, slots=True)
class Level:
    """Times (n, K) over all kinds, prices of the first level (K,), passes."""

    x: Array
    prices: Array
    passes: int


def max_min(jobs: Jobs, capacity: Array) -> Level:
    """The lexicographic max-min of the utilities; weights play no part. Raises SolverError where it is not met."""
    used = np.flatnonzero(capacity > 0.0)
    top = jobs.onboard + most(jobs, used)
    rising, held = top > jobs.onboard, np.array(np.broadcast_to(jobs.onboard, (jobs.n,)))
    x, prices, passes, level = np.zeros((jobs.n, jobs.k)), None, 0, None
    for _ in range(_STAGES * used.size):
        if not np.any(rising):
            break
        needs = Needs(jobs, top, held, rising)
        found, more, reached, level = _raise(needs, capacity, used, level)
        x, passes = found.x, passes + found.passes
        prices = found.prices if prices is None else prices
        at_best = reached - jobs.onboard >= (top - jobs.onboard) * (1.0 - 2.0 * NEAR)
        held = np.where(rising, reached, held)
        rising = rising & ~at_best & (more <= _FREE * float(np.max(more)))
    return Level(x, np.zeros(jobs.k) if prices is None else prices, passes)


def _raise(
    needs: Needs, capacity: Array, used: NDArray[np.intp], since: float | None
) -> tuple[Level, Array, Array, float]:
    """The highest level of the rising jobs beside what the others hold, from the level `since` on.

    Returns times and prices, what more of its speed would cost each job (n,), total speeds (n,), the level.
    """
    jobs, n, kinds = needs.jobs, needs.jobs.n, used.size
    posed = pose_fixed(jobs, capacity, used)
    ample = _all_at_best(needs, posed, used)
    if ample is not None:
        return ample, np.zeros(n), jobs.onboard + jobs.speed(ample.x), np.inf
    level, low = (_first(needs, posed), -np.inf) if since is None else (_further(needs, since), since)
    tau, high = 1.0, np.inf
    price, typical, others = np.zeros(kinds), np.full(kinds, 1.0 / kinds) / posed.capacity, Others.none(kinds)
    best: tuple[float, Array, Array, Array, Array, float] | None = None
    passes = 0
    for passes in range(1, _PASSES + 1):
        r, slope = needs.at(level)
        posed = posed.wanting(r, slope)
        wanting, rise = r > jobs.onboard, np.zeros(kinds)
        near = np.flatnonzero(wanting)
        if passes > 1 and n > SAMPLE:
            flags = np.zeros(n, dtype=np.uint8)
            sums = posed.respond(price, tau, near=flags)
            others, rise = Others(price, sums[:kinds], np.zeros((kinds, kinds))), sums[kinds : 2 * kinds]
            near = np.flatnonzero(flags & wanting)
        whole = near.size <= SAMPLE or tau <= 1e-6 or passes > 6
        chosen = near if whole else near[:: -(-near.size // SAMPLE)]
        copies = near.size / chosen.size if chosen.size else 1.0
        met = _meet(needs, posed, chosen, copies, others, typical, r)
        moved = float(np.max(np.abs(met.price - price) / np.maximum(price, 1e-3 * typical)))
        if near.size < np.count_nonzero(wanting) and moved > _FAR * tau and tau < _WIDEST:
            tau = min(100.0 * tau, _WIDEST)  # prices ran out of what the model is good for: ties were overlooked
            continue
        price = met.price
        fits, free = met.room <= 1.0 + _MET, slope > 0.0
        low, high = (level, high) if fits else (low, level)
        steep = float(rise @ price) + copies * float(met.worth @ slope[chosen])
        reach = float(np.mean((r - jobs.onboard)[free] / slope[free])) if np.any(free) else 0.0
        flat = steep * reach <= _FREE  # more would cost nothing: some other capacity will stop the level, or nothing
        if whole and ((abs(met.room - 1.0) <= _SETTLED and not flat) or (fits and not np.any(free))):
            made = _finish(needs, posed, used, price, level, chosen, met)
            made = (0.0, *made[1:]) if flat and made[0] >= 0.0 and fits else made
            if best is None or made[0] < best[0]:
                best = made
            if made[0] <= _MET or passes > _PATIENT:
                break
        shift = (np.inf if fits else -np.inf) if flat else (1.0 - met.room) / steep
        shift = _bounded(float(np.clip(shift, -1e3 * reach, 1e3 * reach)), slope, r - jobs.onboard)
        level = level + shift if low < level + shift < high else 0.5 * (low + high)
        rough = np.sqrt(kinds / max(chosen.size, 1)) * near.size / n if not whole else 0.0
        change = min(moved, 1.0) if passes > 1 else 0.0
        tau = float(np.clip(max(10.0 * change**2, 0.5 * rough), _CLOSE, _WIDEST))
    if best is None or best[0] > _ACCEPTED:
        raise SolverError("max-min: the common level was not met to 1e-6; speeds or capacities are too far apart")
    _, x, more, price, reached, level = best
    prices = np.zeros(jobs.k)
    prices[used] = price
    return Level(x, prices, passes), more, reached, level


def _further(needs: Needs, level: float) -> float:
    """A level at which the speeds are a tenth higher on average."""
    r, slope = needs.at(level)
    free = slope > 0.0
    return level + 0.1 * float(np.mean((r - needs.jobs.onboard)[free] / slope[free])) if np.any(free) else level


def _bounded(shift: float, slope: Array, speed: Array) -> float:
    """A change of the level that leaves every speed at least a fifth and at most four times what it was."""
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(slope > 0.0, shift * slope / speed, 0.0)
    low, high = float(np.min(part)), float(np.max(part))
    return shift * min(1.0, _FALL / -low if low < 0.0 else 1.0, _RISE / high if high > 0.0 else 1.0)


def _all_at_best(needs: Needs, posed: Posed, used: NDArray[np.intp]) -> Level | None:
    """Everybody at its best, or held at no cost, where there is capacity for it."""
    jobs = needs.jobs
    r = np.where(needs.rising, needs.top, needs.held)
    times = np.zeros((jobs.n, used.size))
    full = posed.wanting(np.where(needs.rising, np.inf, r), np.zeros(jobs.n))
    load = full.respond(np.zeros(used.size), -1.0, x=times)[: used.size]
    if np.any(load > posed.capacity):
        return None
    x = np.zeros((jobs.n, jobs.k))
    x[:, used] = times
    return Level(x, np.zeros(jobs.k), 1)


def _first(needs: Needs, posed: Posed) -> float:
    """The median utility of the rising jobs when everything is split equally."""
    some = np.flatnonzero(needs.rising)
    some = some[:: -(-some.size // SAMPLE)]
    table = posed.some(some)
    x = equal_times(table, posed.capacity * (some.size / needs.jobs.n))
    own = needs.jobs.own if needs.jobs.own.n is None else needs.jobs.own.take(some)
    speed = needs.jobs.onboard[some] + np.einsum("ik,ik->i", table.rate, x)
    return float(np.median(np.broadcast_to(own.value(speed), some.shape)))


def _meet(
    needs: Needs, posed: Posed, chosen: NDArray[np.intp], copies: float, others: Others, typical: Array, r: Array
) -> Met:
    """The interior point for the chosen jobs: capacities as small as they can be, worth 1 in all."""
    table = posed.some(chosen)
    x = equal_times(table, posed.capacity / copies)
    speed = np.einsum("ik,ik->i", table.rate, x)
    count = max(float(np.count_nonzero(r > needs.jobs.onboard)), 1.0)
    return follow(table, 1.0 / (count * speed), x, posed.capacity, others, copies, typical, loose=True)


def _finish(
    needs: Needs, posed: Posed, used: NDArray[np.intp], price: Array, level: float, chosen: NDArray[np.intp], met: Met
) -> tuple[float, Array, Array, Array, Array, float]:
    """Part of the bill left over, times made to meet the capacities, what more speed costs, prices, speeds, level."""
    jobs = needs.jobs
    r, slope = needs.at(level)
    times, bill = np.zeros((jobs.n, used.size)), np.zeros(jobs.n)
    posed.wanting(r, slope).respond(price, -1.0, x=times, bill=bill)
    more = np.zeros(jobs.n)
    posed.wanting(r + _MORE * (r - jobs.onboard), slope).respond(price, -1.0, bill=more)
    times[chosen] = met.x
    load = np.broadcast_to(jobs.workers, (jobs.n,)) @ times
    times *= np.minimum(1.0, posed.capacity / np.where(load > 0.0, load, 1.0))
    worth = float(price @ posed.capacity)
    x = np.zeros((jobs.n, jobs.k))
    x[:, used] = times
    short = float(np.max(np.maximum(load - posed.capacity, 0.0) / posed.capacity))
    return max(1.0 - float(np.sum(bill)) / worth, short), x, more - bill, price, jobs.onboard + jobs.speed(x), level
