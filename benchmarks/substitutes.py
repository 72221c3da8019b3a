"""Speed of substitutable resources; peers solve the same instance in the same run.

resalloc (Agrawal, Boyd, Narayanan, Kazhamiaka, Zaharia 2022) is on no registry: its formulation is derived again here,
the dual function over all pairs of kinds in NumPy and limited-memory BFGS on the prices, stopped at its own gap of
1e-3 a job.
"""

from __future__ import annotations

import time

import clarabel
import numpy as np
from scipy import sparse
from scipy.optimize import minimize

from allocation import _measured, peak  # noqa: F401  (peak is called by the fresh process)
from evenhand.allocation.solve import allocate
from evenhand.allocation.substitutable import policies
from evenhand.allocation.substitutable.jobs import Jobs
from timing import Row, at_least, at_most, seconds, show


def rows() -> list[Row]:
    """All rows of substitutable resources."""
    return [*_log(), *_level()]


def drawn(n: int, kinds: int) -> tuple[Jobs, np.ndarray]:
    """Speeds U(0.1, 1) times 1 to 3 by kind, a tenth of them 0; weights U(0.5, 2); capacity for half of the jobs."""
    rng = np.random.default_rng(0)
    rate = rng.uniform(0.1, 1.0, (n, kinds)) * np.linspace(1.0, 3.0, kinds)
    rate[rng.random((n, kinds)) < 0.1] = 0.0
    rate[:, 0] += 0.1
    return Jobs(rate, weight=rng.uniform(0.5, 2.0, n)), n / (2.0 * kinds) * rng.uniform(0.5, 1.5, kinds)


def timed(n: int, kinds: int) -> tuple[float, float]:
    """Seconds of the public call after a small one, and the gap of its certificate."""
    allocate(*drawn(20_000, kinds), 1.0)
    jobs, capacity = drawn(n, kinds)
    start = time.perf_counter()
    answer = allocate(jobs, capacity, 1.0)
    spent = time.perf_counter() - start
    return spent, answer.certificate.gap


def _log() -> list[Row]:
    out: list[Row] = []
    for exponent, kinds, limit, memory in ((6, 4, 0.4, None), (6, 10, 2.0, None), (7, 4, 5.0, 1.5)):
        code = f"import substitutes as s\nprint(*s.timed(10**{exponent}, {kinds}))"
        spent, gap, most = _measured(code)
        out.append(at_most(f"10^{exponent} jobs on {kinds} kinds, logarithms", spent, limit))
        out.append(Row("  proved gap", f"{gap:.0e}", "<= 1e-09", gap <= 1e-9))
        if memory is not None:
            out.append(Row("  memory", f"{most:.2f} GB", f"<= {memory} GB", most <= memory))
    jobs, capacity = drawn(1_000_000, 4)
    ours = seconds(lambda: allocate(jobs, capacity, 1.0), repeats=3)
    start = time.perf_counter()
    by_pairs(np.asarray(jobs.throughput), np.asarray(jobs.weight), capacity)
    theirs = time.perf_counter() - start
    out.append(at_least(f"  10^6 x 4 against the dual over pairs, gap 1e-3 a job ({show(theirs)})", theirs / ours, 8.0))
    return out


def by_pairs(rate: np.ndarray, weight: np.ndarray, capacity: np.ndarray) -> float:
    """resalloc's formulation: the best of all pairs of kinds (0: none) for each job, L-BFGS on the prices; the gap."""
    n, kinds = rate.shape
    speeds = np.hstack([np.zeros((n, 1)), rate])
    left, right = np.triu_indices(kinds + 1, 1)
    low, high = speeds[:, left], speeds[:, right]
    wide = np.where(high == low, 1.0, high - low)
    state = {"gap": np.inf}

    def dual(price: np.ndarray) -> tuple[float, np.ndarray]:
        p = np.concatenate([[0.0], price])
        slope = (p[right] - p[left]) / wide
        with np.errstate(all="ignore"):
            best = np.where(slope > 0.0, weight[:, None] / slope, np.inf)
        t = np.clip(best, np.minimum(low, high), np.maximum(low, high))
        part = np.where(high == low, 0.0, (t - low) / wide)
        with np.errstate(divide="ignore"):
            worth = weight[:, None] * np.log(t) - (1.0 - part) * p[left] - part * p[right]
        k = np.argmax(worth, axis=1)
        rows = np.arange(n)
        x = np.zeros((n, kinds + 1))
        np.add.at(x, (rows, left[k]), 1.0 - part[rows, k])
        np.add.at(x, (rows, right[k]), part[rows, k])
        used = x[:, 1:].sum(axis=0)
        made = x[:, 1:] * np.minimum(1.0, capacity / np.maximum(used, 1e-300))
        value = float(worth[rows, k].sum() + price @ capacity)
        with np.errstate(divide="ignore"):
            state["gap"] = (value - float(weight @ np.log((rate * made).sum(axis=1)))) / n
        return value / n, (capacity - used) / n

    def stop(_: np.ndarray) -> None:
        if state["gap"] <= 1e-3:
            raise StopIteration

    start = np.full(kinds, float(weight.sum()) / float(capacity.sum()))
    minimize(dual, start, jac=True, method="L-BFGS-B", bounds=[(1e-9, None)] * kinds, callback=stop)
    return float(state["gap"])


def _level() -> list[Row]:
    """In Gavel's normalisation, by what an equal share would give."""
    jobs, capacity = drawn(100_000, 3)
    jobs = policies.relative(jobs, capacity)
    ours = seconds(lambda: allocate(jobs, capacity, np.inf), repeats=3)
    answer = allocate(jobs, capacity, np.inf)
    start = time.perf_counter()
    level = linear_program(np.asarray(jobs.throughput), capacity)
    theirs = time.perf_counter() - start
    apart = abs(float(answer.throughput.min()) / level - 1.0)
    return [
        at_most("10^5 jobs on 3 kinds, lexicographic max-min", ours, 0.5),
        at_least(f"  against Clarabel's linear program of its first level ({show(theirs)})", theirs / ours, 10.0),
        Row("  relative distance of the two levels", f"{apart:.0e}", "<= 1e-06", apart <= 1e-6),
    ]


def linear_program(rate: np.ndarray, capacity: np.ndarray) -> float:
    """The largest least throughput, by Clarabel called directly."""
    n, kinds = rate.shape
    cells = n * kinds
    time_ = sparse.hstack([sparse.kron(sparse.eye(n), np.ones((1, kinds))), sparse.csc_matrix((n, 1))])
    load = sparse.hstack([sparse.kron(np.ones((1, n)), sparse.eye(kinds)), sparse.csc_matrix((kinds, 1))])
    speed = sparse.csr_matrix((-rate.ravel(), (np.repeat(np.arange(n), kinds), np.arange(cells))), shape=(n, cells))
    level = sparse.hstack([speed, np.ones((n, 1))])
    sign = sparse.hstack([-sparse.eye(cells), sparse.csc_matrix((cells, 1))])
    rows = sparse.csc_matrix(sparse.vstack([time_, load, level, sign]))
    bound = np.concatenate([np.ones(n), capacity, np.zeros(n + cells)])
    goal = np.zeros(cells + 1)
    goal[-1] = -1.0
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cones = [clarabel.NonnegativeConeT(rows.shape[0])]
    empty = sparse.csc_matrix((cells + 1, cells + 1))
    return -float(clarabel.DefaultSolver(empty, goal, rows, bound, cones, settings).solve().obj_val)
