"""Substitutable resources: prices by sampling and refining, shares by formula, the gap by duality.

A sample of the jobs gives prices to a percent. At given prices nearly every job answers by formula, on one kind or
between two; only those near a tie between kinds could jump. So a pass over all jobs leaves a linear model of those that
answer and a short list of the others, the interior point solves for list and model, and its prices are a hundred times
better; after three or four passes they are exact, and so are the shares (`spec/allocation.md §11`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.substitutable.answer import JobsAllocation
from evenhand.allocation.substitutable.certificate import hours, marginals
from evenhand.allocation.substitutable.interior import Met, Others, follow
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.allocation.substitutable.max_min import max_min
from evenhand.allocation.substitutable.posed import Posed, aim_of, equal_times, log_marginal, pose
from evenhand.allocation.substitutable.proof import surplus
from evenhand.errors import InfeasibleError, ParameterError
from evenhand.utilities.base import Utility

__all__ = ["Found", "allocate_jobs", "solve"]

Array = NDArray[np.float64]
#: jobs that an interior point takes at once while prices are rough; more are sampled
SAMPLE = 4096
#: passes over all jobs; four suffice
_PASSES, _RESTART = 12, 8
#: part by which prices may still change, least: ties closer than that are left to the interior point
_CLOSE = 1e-8
_ENOUGH = 1e-11
_HALVINGS = 60
#: part by which prices may change at most between two passes; over it, they changed too much, in these units
_WIDEST, _FAR = 0.3, 30.0
#: a price below this part of the typical one is 0: capacity is left over
_FREE = 1e-9
#: a gap at which passes that no longer help are the last
_PROVED, _TRIED = 1e-9, 4
#: a part of the time this small is the interior point's distance from 0
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Found:
    """Shares (n, K) over all kinds, log of the prices' unit, prices (K,) in it (nan: no capacity), passes."""

    x: Array
    prices: Array
    unit: float
    passes: int


def allocate_jobs(jobs: Jobs, capacity: Array, level: float) -> JobsAllocation:
    """The answer of `allocate` for jobs; capacity (K,), checked."""
    if level == np.inf:
        top = max_min(jobs, capacity)
        return JobsAllocation(jobs, capacity, top.x, top.prices, level, "max-min level", top.passes)
    found = solve(jobs, capacity, level)
    with np.errstate(over="ignore"):
        prices = found.prices * np.exp(found.unit)
    if not np.all(np.isfinite(prices)):
        raise ParameterError(f"fairness = {level:g}: prices leave the range of floats; use a lower level, or inf")
    return JobsAllocation(jobs, capacity, found.x, prices, level, steps=found.passes)


def solve(jobs: Jobs, capacity: Array, level: float) -> Found:
    """Maximise Σ w φ_α(U) at a finite level. Raises InfeasibleError where some job stays at −∞ whatever it gets."""
    aim = aim_of(jobs, level)
    nothing = np.zeros((jobs.n, jobs.k))
    posed = pose(jobs, capacity, aim, 0.0) if np.any(capacity > 0.0) else None
    every = np.flatnonzero(np.max(posed.table.rate, axis=1) > 0.0) if posed is not None else np.zeros(0, dtype=np.intp)
    if posed is None or every.size == 0:
        return Found(nothing, _forbidding(jobs, aim, nothing, np.zeros(jobs.k), 0.0, np.arange(jobs.k)), 0.0, 0)
    unit = _unit(jobs, aim, posed, every)
    posed = pose(jobs, capacity, aim, unit)
    others, typical, near = Others.none(posed.capacity.size), None, every
    best, tau, passes = (np.inf, np.zeros((0, 0)), np.zeros(0)), 1.0, 0
    for passes in range(1, _PASSES + 1):
        whole = near.size <= 2 * SAMPLE or tau <= 1e-6 or passes > 6
        chosen = near if whole else near[:: -(-near.size // SAMPLE)]
        copies = near.size / chosen.size if chosen.size else 1.0
        met = _follow(jobs, aim, posed, chosen, copies, others, typical)
        if typical is None:
            earned = met.worth * np.einsum("ik,ik->i", posed.table.rate[chosen], met.x)
            typical, moved = copies * float(np.sum(earned)) / (posed.capacity.size * posed.capacity), np.inf
        else:
            moved = float(np.max(np.abs(met.price - others.price) / np.maximum(others.price, 1e-3 * typical)))
        if near.size < every.size and _FAR * tau < moved < np.inf and tau < _WIDEST:
            tau = min(100.0 * tau, _WIDEST)  # prices ran out of what the model is good for: ties were overlooked
            others, near = _stand(posed, others.price, tau)
            continue
        price = np.where(met.price > _FREE * typical, met.price, 0.0)
        rough = np.sqrt(posed.capacity.size / max(chosen.size, 1)) * near.size / every.size if not whole else 0.0
        seen = near.size == every.size or moved <= 3.0 * tau  # no tie overlooked
        if whole and ((moved < 1e-4 and seen) or near.size == every.size):
            x = np.zeros((jobs.n, posed.capacity.size))
            posed.respond(price, -1.0, x=x)
            x[chosen] = np.where(met.x < _NOTHING, 0.0, met.x)
            gap, before = _settle(jobs, aim, posed, x, price), best[0]
            if gap < before:
                best = (gap, x, price)
            enough = gap <= (_ENOUGH if every.size <= SAMPLE else _PROVED) and moved < 1e-4
            if enough or (before <= _PROVED and gap > 0.1 * before and passes >= _TRIED):
                break
        change = min(moved, 1.0) if moved < np.inf else 0.0
        tau = float(np.clip(max(10.0 * change**2, 0.0 if seen else change, 0.5 * rough), _CLOSE, _WIDEST))
        others, near = _stand(posed, price, tau)
        if passes == _RESTART and best[0] > _PROVED:  # the model misleads: everybody at once
            others, near, typical = Others.none(posed.capacity.size), every, None
    _, x, price = best
    prices, shares = np.zeros(jobs.k), x
    prices[posed.used] = price
    if posed.used.size < jobs.k:
        shares = np.zeros((jobs.n, jobs.k))
        shares[:, posed.used] = x
        prices = _forbidding(jobs, aim, shares, prices, unit, np.setdiff1d(np.arange(jobs.k), posed.used))
    return Found(shares, prices, unit, passes)


def _stand(posed: Posed, price: Array, tau: float) -> tuple[Others, NDArray[np.intp]]:
    """One pass: those whose answer does not jump while prices change by the part τ, and the numbers of the others."""
    flags = np.zeros(posed.n, dtype=np.uint8)
    sums, kinds = posed.respond(price, tau, near=flags), price.size
    return Others(price, sums[:kinds], sums[2 * kinds :].reshape(kinds, kinds)), np.flatnonzero(flags)


def _forbidding(jobs: Jobs, aim: Utility, x: Array, prices: Array, unit: float, none: Any) -> Array:
    """Prices at which nobody wants the kinds of which there is nothing: the most that anybody would pay."""
    with np.errstate(over="ignore", invalid="ignore"):
        worth = marginals(jobs, aim, x)[0] * np.exp(-unit)
        prices[none] = np.inf
        nu = hours(jobs.throughput, jobs.workers, jobs.limit, x, worth, prices)
        offer = (worth[:, None] * jobs.throughput - nu[:, None]) / jobs.workers[:, None]
    prices[none] = np.max(np.where(np.isfinite(offer), offer, 0.0), axis=0, initial=0.0)[none]
    return prices


def _unit(jobs: Jobs, aim: Utility, posed: Posed, every: NDArray[np.intp]) -> float:
    """The median log marginal value at an equal split, of a sample: prices are counted in its exponential."""
    some = every[:: -(-every.size // SAMPLE)]
    table, at = posed.some(some), jobs.take(some) if some.size < jobs.n else jobs
    x = equal_times(table, posed.capacity * (some.size / every.size))
    speed = np.einsum("ik,ik->i", table.rate, x)
    mine = aim if aim.n is None or some.size == jobs.n else aim.take(some)
    t = np.log(at.weight) + log_marginal(mine, at.onboard + speed)
    t = t[np.isfinite(t)]
    return float(np.median(t)) if t.size else 0.0


def _follow(
    jobs: Jobs, aim: Utility, posed: Posed, chosen: NDArray[np.intp], copies: float, others: Others,
    typical: Array | None,
) -> Met:  # fmt: skip
    """The interior point for the chosen jobs from an equal split."""
    table = posed.some(chosen)
    x = equal_times(table, posed.capacity / copies)
    own = np.broadcast_to(jobs.onboard, (jobs.n,))[chosen]
    speed = own + np.einsum("ik,ik->i", table.rate, x)
    mine = aim if aim.n is None else aim.take(chosen)
    weight = np.broadcast_to(jobs.weight, (jobs.n,))[chosen]
    log_m = np.array(np.broadcast_to(log_marginal(mine, speed), weight.shape))
    for _ in range(_HALVINGS):  # where the start saturates a job, its bill is told by less speed
        full = np.isneginf(log_m)
        if not np.any(full):
            break
        speed = np.where(full, own + 0.5 * (speed - own), speed)
        log_m = np.where(full, log_marginal(mine, speed), log_m)
    with np.errstate(over="ignore"):
        marginal = np.exp(np.log(weight) + log_m - posed.unit)
    return follow(table, marginal, x, posed.capacity, others, copies, typical)


def _settle(jobs: Jobs, aim: Utility, posed: Posed, x: Array, price: Array) -> float:
    """Make x meet the capacities, in place; the proved gap over what all speed is worth at the margin."""
    workers = posed.table.workers
    used = workers @ x if workers.size > 1 else workers[0] * np.sum(x, axis=0)
    over = used > posed.capacity
    if np.any(over):
        x *= np.where(over, posed.capacity / np.where(over, used, 1.0), 1.0)
        used = np.minimum(used, posed.capacity)
    excess, worth = surplus(jobs, aim, posed, x, price)
    excess += float(price @ np.maximum(posed.capacity - used, 0.0))
    if not np.isfinite(excess):
        raise InfeasibleError(
            "some job is worth −∞ or outside the domain of its utility whatever it is given; raise the capacities, "
            "what it has on board, or use another fairness level"
        )
    return excess / worth if worth > 0.0 else excess
