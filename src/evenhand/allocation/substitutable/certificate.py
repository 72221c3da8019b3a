"""The proof of an allocation of jobs, recomputed from the problem: Karush-Kuhn-Tucker residuals and a duality gap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.certificate import Certificate
from evenhand.allocation.objective import level_of
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.allocation.substitutable.level import reached
from evenhand.allocation.substitutable.posed import BLOCK, aim_of, pose
from evenhand.allocation.substitutable.proof import gains
from evenhand.columns import numbers
from evenhand.errors import ProblemError
from evenhand.utilities.base import Kinked, Utility
from evenhand.utilities.mixed import Mixed
from evenhand.utilities.piecewise import PiecewiseLinear

__all__ = ["certify_jobs", "hours", "marginals"]

Array = NDArray[np.float64]
#: room that counts as none
_FULL = 1e-6
#: a speed this near to a kink, relatively, is at it
_AT = 1e-7


def marginals(jobs: Jobs, aim: Utility, x: Array, block: slice = slice(None)) -> tuple[Array, Array]:
    """What a little more speed is worth to each job of a block, weight counted: to the right and to the left (n,).

    They differ at the kinks of linear pieces, which a speed within 1e-7 of one is at.
    """
    rate = jobs.throughput[block]
    speed = jobs.onboard[block] + np.einsum("ik,ik->i", rate, x[block])
    own = aim if aim.n is None else aim.take(block)
    weight = jobs.weight[block]
    kinked = isinstance(own, Kinked) and type(jobs.own) in (PiecewiseLinear, Mixed)
    ends = (speed * (1.0 + _AT), speed * (1.0 - _AT)) if kinked else (speed,)
    with np.errstate(all="ignore"):
        both = [np.where(weight > 0.0, weight * np.broadcast_to(own.marginal(r), speed.shape), 0.0) for r in ends]
    return both[0], both[-1]


def hours(rate: Array, workers: Array, limit: Array, x: Array, worth: Array, prices: Array) -> Array:
    """The price of a job's own time (n,): the most that an hour earns beyond its bill on a kind with room for it."""
    with np.errstate(invalid="ignore"):
        earned = worth[:, None] * rate - workers[:, None] * prices
    room = (rate > 0.0) & ((limit >= 1.0) | (limit - x > _FULL))  # a limit of 1 is the time's own
    return np.maximum(np.max(np.where(room & np.isfinite(earned), earned, 0.0), axis=1), 0.0)


def certify_jobs(jobs: Jobs, capacity: Any, x: Any, prices: Any, fairness: float = 0.0) -> Certificate:
    """Certificate of times x (n, K) with prices (K,) for Σ w φ_α(U), α = fairness; for max-min (inf) of the level.

    stationarity: worst over jobs and kinds of what an hour earns beyond bill and time's price, relative to what it
    earns at most, or the time that could still be moved where that is less. gap: over what all speed is worth at the
    margin, Σ w φ_α(U)′ r x: the bills and the jobs' own time. Raises ProblemError.
    """
    level, c = level_of(fairness), jobs.capacities(capacity)
    x, lam = numbers("x", x), np.atleast_1d(numbers("prices", prices))
    if x.shape != (jobs.n, jobs.k) or not np.isfinite(x).all():
        raise ProblemError(f"x has shape {x.shape}: it must be finite times, {(jobs.n, jobs.k)}")
    if lam.shape != (jobs.k,):
        raise ProblemError(f"prices has shape {lam.shape}: give one number per kind, {jobs.k}")
    if level == np.inf:
        return _certify_level(jobs, c, x, lam)
    aim = aim_of(jobs, level)
    posed = pose(jobs, c, aim, 0.0) if np.any(c > 0.0) else None
    used, outside, off, spread, value, excess, bill = np.zeros(jobs.k), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for low in range(0, jobs.n, BLOCK):
        block = slice(low, min(low + BLOCK, jobs.n))
        mine, limit, workers = x[block], jobs.limit[block], jobs.workers[block]
        used += workers @ mine
        over = max(float(np.max(np.sum(mine, axis=1) - 1.0)), float(np.max(mine - limit)), float(np.max(-mine)))
        outside = max(outside, over)
        residual, apart = _off(jobs, aim, mine, lam, c > 0.0, x, block)
        off, spread = max(off, residual), max(spread, apart)
        if posed is not None:
            gain, worth, margin = gains(jobs, aim, posed, x[:, posed.used], np.maximum(lam[posed.used], 0.0), block)
            excess += float(np.sum(gain))
            value += float(np.sum(worth))
            bill += float(np.sum(margin))
    size = np.maximum(c, np.finfo(np.float64).tiny)
    primal = max(outside, float(np.max((used - c) / size)), 0.0)
    top = float(np.max(np.abs(lam), initial=0.0))
    dual = float(np.max(np.maximum(-lam, 0.0))) / top if top > 0.0 else 0.0
    slackness = float(np.max(np.where(lam > 0.0, lam / (top or 1.0) * np.abs(c - used) / size, 0.0)))
    excess += float(np.maximum(lam, 0.0) @ np.maximum(c - used, 0.0))
    gap = 0.0 if excess == 0.0 else float(excess / (bill or abs(value) or np.finfo(np.float64).tiny))
    slater = bool(np.all(c > 0.0))
    text = (
        "Slater's condition holds: standing still leaves capacity over, so strong duality holds and finite optimal "
        "prices exist"
        if slater
        else "Slater's condition fails: a kind has no capacity, so its price is not unique; without it the rest has one"
    )
    claimed = not getattr(aim, "proved_concave", False)
    return Certificate(
        primal, dual, slackness, off, tuple(lam.tolist()), value, value + excess, gap, spread, float("nan"), True,
        slater, text, claimed,
    )  # fmt: skip


def _certify_level(jobs: Jobs, c: Array, x: Array, lam: Array) -> Certificate:
    """Of max-min: feasibility, and a level of utility that no times can pass for everybody who is not at its best.

    Objectives are levels; the gap is the part of what the capacities are worth that is left over when everybody has
    the level at least cost.
    """
    used = np.asarray(jobs.workers @ x)
    outside = max(float(np.max(np.sum(x, axis=1) - 1.0)), float(np.max(x - jobs.limit)), float(np.max(-x)))
    primal = max(outside, float(np.max((used - c) / np.maximum(c, np.finfo(np.float64).tiny))), 0.0)
    top = float(np.max(np.abs(lam), initial=0.0))
    dual = float(np.max(np.maximum(-lam, 0.0))) / top if top > 0.0 else 0.0
    level, most, gap = reached(jobs, c, x, np.maximum(lam, 0.0))
    text = "Slater's condition is not needed: the bound on the level is a sum of least bills"
    claimed = not getattr(jobs.own, "proved_concave", False)
    return Certificate(
        primal, dual, 0.0, 0.0, tuple(lam.tolist()), level, most, gap, 0.0, float("nan"), True, True, text, claimed
    )


def _off(
    jobs: Jobs, aim: Utility, mine: Array, lam: Array, there: NDArray[np.bool_], x: Array, block: slice
) -> tuple[float, float]:
    """Worst stationarity of the jobs of a block, and the largest difference of prices of speed at a kink.

    At a kink any price of speed between the two will do: the ends, and those at which two kinds, or a kind and standing
    still, are worth the same.
    """
    right, left = marginals(jobs, aim, x, block)
    rows = (jobs.throughput[block] * there, jobs.workers[block], jobs.limit[block], mine)
    counts = jobs.weight[block] > 0.0
    worst = np.where(counts, _residual(*rows, right, lam), 0.0)
    kinked = np.flatnonzero(counts & (left > right))
    if kinked.size:
        rate, workers, limit, own = (a[kinked] for a in rows)
        low, high, paid = right[kinked], left[kinked], workers[:, None] * lam
        with np.errstate(divide="ignore", invalid="ignore"):
            pairs = [(paid[:, k], rate[:, k]) for k in range(lam.size)]
            pairs += [(paid[:, k] - paid[:, m], rate[:, k] - rate[:, m]) for k in range(lam.size) for m in range(k)]
            tried = [
                high,
                *(np.clip(np.nan_to_num(cost / speed, posinf=0.0, neginf=0.0), low, high) for cost, speed in pairs),
            ]
        for worth in tried:
            worst[kinked] = np.minimum(worst[kinked], _residual(rate, workers, limit, own, worth, lam))
    with np.errstate(invalid="ignore"):
        gap = np.where(np.isfinite(left) & (left > 0.0), (left - right) / np.where(left > 0.0, left, 1.0), 0.0)
    return float(np.max(worst, initial=0.0)), float(np.max(gap, initial=0.0))


def _residual(rate: Array, workers: Array, limit: Array, x: Array, worth: Array, lam: Array) -> Array:
    """Worst over the kinds of each job, at a price of speed (n,)."""
    worth = np.where(np.isfinite(worth), worth, 0.0)
    nu = hours(rate, workers, limit, x, worth, lam)
    scale = np.maximum(np.max(worth[:, None] * rate, axis=1), np.max(workers[:, None] * lam * (x > 0.0), axis=1))
    scale = np.where(scale > 0.0, scale, 1.0)
    extra = (worth[:, None] * rate - workers[:, None] * lam - nu[:, None]) / scale[:, None]
    spare = np.maximum(1.0 - np.sum(x, axis=1), 0.0)
    residual = np.where(extra > 0.0, np.minimum(extra, np.minimum(limit - x, 1.0)), np.minimum(-extra, x))
    return np.maximum(np.max(np.where(rate > 0.0, residual, 0.0), axis=1), np.minimum(nu / scale, spare))
