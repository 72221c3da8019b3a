"""Rules to compare with: equal share, a Gandiva-like rule, and Gavel's policies as problems of `allocate`.

Gavel (Narayanan et al., OSDI 2020) writes a policy as an optimisation over the time each job spends on each kind; the
first and simplest compares with what an equal share of every kind would give (`spec/allocation.md §11`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.substitutable.answer import JobsAllocation
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.columns import numbers
from evenhand.errors import ParameterError, ProblemError
from evenhand.utilities.saturating import Saturating

__all__ = ["as_you_go", "equal_share", "equal_throughput", "finish_time", "relative"]

Array = NDArray[np.float64]


def equal_throughput(jobs: Jobs, capacity: Any) -> Array:
    """Throughput of each job with the same part of every kind, (n,): see `equal_share`."""
    return jobs.speed(equal_share(jobs, capacity).x)


def equal_share(jobs: Jobs, capacity: Any) -> JobsAllocation:
    """The same part of the workers' time on every kind for every job, as much as capacities and its time allow.

    x_ik = s_k = C_k / Σ d, scaled down where Σ_k s_k > 1; a job cannot use what it cannot run on, and nobody else does.
    """
    c = jobs.capacities(capacity)
    part = c / float(np.sum(jobs.workers))
    part = part / max(1.0, float(np.sum(part)))
    x = np.minimum(np.broadcast_to(part, (jobs.n, jobs.k)), jobs.limit)
    return _answer(jobs, c, np.where(jobs.throughput > 0.0, x, 0.0), "equal share")


def as_you_go(jobs: Jobs, capacity: Any) -> JobsAllocation:
    """Gandiva-like: blind to speeds at first, opportunistic after (Xiao et al., OSDI 2018, as Gavel compares with it).

    Jobs start on whatever is there (`equal_share`); then, kind by kind from the fastest on average, what is left over
    is given to those who gain most from it, in order of their gain a worker, until their time is used up.
    """
    c = jobs.capacities(capacity)
    x = np.array(equal_share(jobs, c).x)
    for k in np.argsort(-np.mean(jobs.throughput, axis=0), kind="stable"):
        left = float(c[k] - jobs.workers @ x[:, k])
        order = np.argsort(-jobs.throughput[:, k] / jobs.workers, kind="stable")
        room = np.minimum(1.0 - np.sum(x, axis=1), jobs.limit[:, k] - x[:, k]) * (jobs.throughput[:, k] > 0.0)
        asked = (jobs.workers * np.maximum(room, 0.0))[order]
        given = np.clip(left - (np.cumsum(asked) - asked), 0.0, asked)
        x[order, k] += given / jobs.workers[order]
    return _answer(jobs, c, x, "as you go")


def relative(jobs: Jobs, capacity: Any) -> Jobs:
    """The jobs with throughputs in units of what an equal share gives each, over its weight: Gavel's normalisation.

    `allocate(relative(jobs, c), c, fairness=inf)` is Gavel's (weighted) max-min, Section 4.1 of the paper. Jobs whose
    utility is the throughput itself only. Raises ProblemError for a job without weight or without an equal share.
    """
    _plain(jobs, "relative")
    base = equal_throughput(jobs, capacity) * jobs.weight
    bad = ~(base > 0.0)
    if np.any(bad):
        i = jobs.label(int(np.argmax(bad)))
        raise ProblemError(f"relative: job {i} has no weight, or nothing from an equal share; leave it out")
    return replace(jobs, throughput=jobs.throughput / base[:, None], onboard=jobs.onboard / base, weight=1.0)


def finish_time(jobs: Jobs, capacity: Any, remaining: Any, elapsed: Any = 0.0) -> Jobs:
    """The jobs with the utility −ρ, ρ = (elapsed + remaining / throughput) / the same with an equal share.

    `allocate(finish_time(...), c, fairness=inf)` is finish-time fairness (Themis, NSDI 2020; Gavel, Section 4.2): the
    largest ρ is as small as can be. remaining (n,): work left, > 0, in units of throughput × time; elapsed (n,) ≥ 0.
    """
    _plain(jobs, "finish_time")
    work, spent = (np.broadcast_to(numbers(f"finish_time: {k}", v), (jobs.n,)) for k, v in (
        ("remaining", remaining), ("elapsed", elapsed)
    ))  # fmt: skip
    if not np.all((work > 0.0) & (work < np.inf)) or not np.all((spent >= 0.0) & (spent < np.inf)):
        raise ProblemError("finish_time: remaining must be above 0 and elapsed 0 or more, all finite")
    base = equal_throughput(jobs, capacity)
    if not np.all(base > 0.0):
        i = jobs.label(int(np.argmin(base)))
        raise ProblemError(f"finish_time: job {i} gets nothing from an equal share; leave it out")
    alone = spent + work / base
    return replace(jobs, utility=Saturating(-spent / alone, work / alone, 1.0))


def _plain(jobs: Jobs, name: str) -> None:
    if jobs.utility is not None:
        raise ParameterError(f"{name}: the jobs have a utility of their own; give jobs that are worth their throughput")


def _answer(jobs: Jobs, c: Array, x: Array, method: str) -> JobsAllocation:
    return JobsAllocation(jobs, c, x, np.zeros(jobs.k), 0.0, method)
