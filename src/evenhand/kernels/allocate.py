"""Exact water-filling of one resource among agents with concave utilities.

    maximise  Σ_i w_i U_i(o_i + x_i)   subject to  Σ_i x_i ≤ C ,  l_i ≤ x_i ≤ u_i
    (`spec/allocation.md §1, §3`)

Total demand Σ_i clip(r_i(t) − o_i, l_i, u_i) falls in the log-price t; a safeguarded Newton iteration finds
the t where it meets C. Tied linear pieces are split in proportion to their lengths. Agents are handled in
chunks of a fixed size whose sums are combined in a fixed order, so the answer has the same bits for any
number of threads.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.kernels.gufunc import jit
from evenhand.kernels.response import EXPONENTIAL, PIECES, Columns, limits, respond
from evenhand.kernels.workers import workers

__all__ = ["CHUNK", "Filled", "fill"]

_Floats = NDArray[np.float64]
#: agents in a chunk; fixed, because the order of summation (and so the last bits) depends on it
CHUNK = 4096
#: below this many agents one thread is faster
_PARALLEL = 8 * CHUNK
#: passes of the safeguarded Newton iteration; then floats are halved in their order, at most 64 times
_PASSES, _HALVINGS = 100, 66


class Filled(NamedTuple):
    """x (n,); log_price (−inf: capacity left over, inf: nothing to give); passes over the agents; feasible:
    Σ min ≤ C."""

    x: _Floats
    log_price: float
    passes: int
    feasible: bool
    least: float


@jit()
def _sweep(
    begin: int, end: int, mode: int, t: float, theta: float, code: Any, p0: Any, p1: Any, p2: Any, p3: Any,
    table: Any, given: Any, onboard: Any, lower: Any, upper: Any, x: Any, sums: Any,
) -> None:  # fmt: skip
    """Chunks begin..end: demand at t into x and sums (mode 0), the limits of the price (1, 2), a split tie
    (3).

    sums columns: least demand, largest demand, Σ r and its −slope over free exponential agents, the other
    −slopes, Σ (x − l) over free agents.
    """
    s, s0, s1, s2, s3 = code.size > 1, p0.size > 1, p1.size > 1, p2.size > 1, p3.size > 1
    so, sl, su = onboard.size > 1, lower.size > 1, upper.size > 1
    for k in range(begin, end):
        total, largest, level, steep, other, free = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(k * CHUNK, min(x.size, (k + 1) * CHUNK)):
            c, a, b = code[i if s else 0], p0[i if s0 else 0], p1[i if s1 else 0]
            d, e = p2[i if s2 else 0], p3[i if s3 else 0]
            o, lo, hi = onboard[i if so else 0], lower[i if sl else 0], upper[i if su else 0]
            if mode == 1 or mode == 2:
                none, full = limits(c, a, b, d, e, table, given)
                r, large, g, h = none, full, 0.0, 0.0
                if mode == 2:
                    r = full
            else:
                r, large, g, h = respond(c, a, b, d, e, t, table, given)
            y = min(max(r - o, lo), hi)
            z = y if large == r else min(max(large - o, lo), hi)
            if mode == 3 and z > y:
                y += theta * (z - y)
            if lo < y < hi:
                steep += g
                other += h
                free += y - lo
                if g > 0.0:
                    level += r
            total += y
            largest += z
            x[i] = y
        sums[k, 0], sums[k, 1], sums[k, 2] = total, largest, level
        sums[k, 3], sums[k, 4], sums[k, 5] = steep, other, free


@jit()
def _sweep_exponential(
    begin: int, end: int, t: float, p0: Any, p1: Any, onboard: Any, lower: Any, upper: Any, x: Any, sums: Any
) -> None:
    """Mode 0 of `_sweep` where every agent is EXPONENTIAL: the same numbers, several times faster."""
    s0, s1 = p0.size > 1, p1.size > 1
    so, sl, su = onboard.size > 1, lower.size > 1, upper.size > 1
    for k in range(begin, end):
        total, level, steep, free = 0.0, 0.0, 0.0, 0.0
        for i in range(k * CHUNK, min(x.size, (k + 1) * CHUNK)):
            b = p1[i if s1 else 0]
            lo, hi = lower[i if sl else 0], upper[i if su else 0]
            r = math.exp(b * (p0[i if s0 else 0] - t))
            y = min(max(r - onboard[i if so else 0], lo), hi)
            if lo < y < hi:
                level += r
                steep += b * r
                free += y - lo
            total += y
            x[i] = y
        sums[k, 0], sums[k, 1], sums[k, 2] = total, total, level
        sums[k, 3], sums[k, 4], sums[k, 5] = steep, 0.0, free


@jit()
def _rescale(begin: int, end: int, factor: float, every: bool, lower: Any, upper: Any, x: Any, sums: Any) -> None:
    """Scale x − l of free agents (of every agent, if asked) by factor, keeping the bounds; sums: Σ x, Σ
    free (x − l)."""
    for k in range(begin, end):
        total, free = 0.0, 0.0
        for i in range(k * CHUNK, min(x.size, (k + 1) * CHUNK)):
            lo, hi = lower[i if lower.size > 1 else 0], upper[i if upper.size > 1 else 0]
            if lo < x[i] and (x[i] < hi or every):
                x[i] = min(lo + (x[i] - lo) * factor, hi)
                if x[i] < hi:
                    free += x[i] - lo
            total += x[i]
        sums[k, 0], sums[k, 5] = total, free


def _frozen(a: Any) -> Any:
    """A read-only contiguous view: one compiled variant serves every caller."""
    view = np.ascontiguousarray(a).view()
    view.flags.writeable = False
    return view


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="evenhand")


if hasattr(os, "register_at_fork"):  # a forked child has no threads: it must make its own pool
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _in_chunks(work: Callable[[int, int], None], sums: _Floats, n: int, threads: int) -> _Floats:
    """Run work over all chunks on `threads` threads and add the chunks' sums in their fixed order."""
    chunks = sums.shape[0]
    if threads <= 1 or n < _PARALLEL:
        work(0, chunks)
    else:
        cuts = [chunks * k // threads for k in range(threads + 1)]
        for future in [_pool(threads).submit(work, a, b) for a, b in pairwise(cuts)]:
            future.result()
    return np.add.reduce(sums, axis=0)


def _newton(gap: float, level: float, steep: float, other: float) -> float:
    """Step h with level (e^{−(steep/level) h} − 1) − other h = gap, the local model of demand; nan if it
    has none."""
    rate = steep / level if level > 0.0 else 0.0
    if other == 0.0:
        return -math.log1p(gap / level) / rate if level > 0.0 and gap > -level else math.nan
    if rate == 0.0:
        return -gap / other
    h = -gap / (steep + other)
    for _ in range(30):  # convex and falling: monotone from the left after one step
        if -rate * h > 700.0:
            h = -700.0 / rate
        e = level * math.exp(-rate * h)
        step = (e - level - other * h - gap) / (rate * e + other)
        h += step
        if abs(step) <= 1e-13 * (1.0 + abs(h)):
            break
    return h


def fill(
    columns: Columns,
    onboard: _Floats,
    lower: _Floats,
    upper: _Floats,
    n: int,
    capacity: float,
    guess: float,
    given: Callable[[float], _Floats] | None = None,
    threads: int | None = None,
) -> Filled:
    """Solve the problem above exactly.

    onboard, lower, upper: (n,) or (1,); guess: a first log-price; given: for GIVEN agents a function of the
    log-price returning (4, m) rows response, −slope, response at infinite price, at vanishing price. Cost:
    one exponential an agent and pass, 5 to 10 passes; with linear pieces also one pass per halving of the
    list of slopes.
    """
    threads = threads or workers()
    columns = Columns(*map(_frozen, columns))
    onboard, lower, upper = _frozen(onboard), _frozen(lower), _frozen(upper)
    x = np.empty(n)
    sums = np.zeros((-(-n // CHUNK), 6))
    own: list[_Floats] = [_frozen(np.zeros((4, 0)) if given is None else given(guess))]
    passes = 0
    plain = columns.code.size == 1 and columns.code[0] == EXPONENTIAL

    def sweep(t: float, mode: int = 0, theta: float = 0.0) -> list[float]:
        nonlocal passes
        passes += 1
        if given is not None and mode in (0, 3):
            own[0] = _frozen(given(t))

        def work(a: int, b: int) -> None:
            if plain and mode == 0:
                _sweep_exponential(a, b, t, columns.p0, columns.p1, onboard, lower, upper, x, sums)
                return
            _sweep(a, b, mode, t, theta, *columns, own[0], onboard, lower, upper, x, sums)

        return _in_chunks(work, sums, n, threads).tolist()

    def settle(t: float, feasible: bool = True, least: float = math.nan) -> Filled:
        """Move the last rounding errors of Σ x onto the free agents, in proportion to what they got."""
        total, every = float(np.add.reduce(sums[:, 0])), False
        slack = 1e-15 * capacity if n > _PARALLEL else 0.0  # the sum itself is no better
        free = float(np.add.reduce(sums[:, 5]))
        for _ in range(4):
            gap = capacity - total
            if abs(gap) <= slack or not math.isfinite(total):
                break
            if free <= 0.0 or gap < -free:
                if gap > 0.0:
                    break
                every, free = True, total - (float(lower[0]) * n if lower.size == 1 else float(np.sum(lower)))
            most = capacity - (total - free)  # of what is free, all may have to go but for this
            factor = max(0.0, 1.0 + gap / free if abs(gap) < 0.5 * free else most / free)

            scale = partial(_rescale, factor=factor, every=every, lower=lower, upper=upper, x=x, sums=sums)
            added = _in_chunks(scale, sums, n, threads).tolist()
            if abs(capacity - added[0]) >= abs(gap):
                break
            total, free = added[0], added[5]
        return Filled(x, t, passes, feasible, least)

    if not (plain and upper[0] == math.inf and columns.p0[0] > -math.inf):  # else demand is unbounded
        most = sweep(math.nan, mode=2)[0]
        if most <= capacity:
            return Filled(x, -math.inf, passes, True, math.nan)
    least = float(lower[0]) * n if plain and lower.size == 1 else sweep(math.nan, mode=1)[0]
    if least >= capacity:
        sweep(math.nan, mode=1)
        return Filled(x, math.inf, passes, least <= capacity * (1.0 + 1e-12), least)

    lo, hi, t = -math.inf, math.inf, guess
    if PIECES in columns.code:
        lo, hi, tie = _between_kinks(columns, sweep, capacity)
        if tie is not None:
            return settle(tie, least=least)
        t = guess if lo < guess < hi else _midpoint(lo, hi, 1.0)
    reach, last = 1.0, math.inf
    for turn in range(_PASSES + _HALVINGS):
        total, _largest, level, steep, other, _free = sweep(t)
        gap = total - capacity
        if gap > 0.0:
            lo = t
        else:
            hi = t
        if abs(gap) <= 1e-13 * capacity:
            break
        h = _newton(-gap, level, steep, other) if steep + other > 0.0 and math.isfinite(total) else math.nan
        if other > 0.0 and total > 2.0 * capacity and math.isfinite(total):
            # far too much: demand falls like an exponential, on which Newton makes steps of one e-fold
            h = max(h, math.log(total / capacity) * total / (steep + other))
        slow, last = abs(gap) > 0.5 * last, abs(gap)
        target = t + h
        if turn >= _PASSES:
            target = _halfway(lo, hi)
            if target in (lo, hi):
                if t != lo:
                    sweep(lo)
                t = lo
                break
        elif not lo < target < hi or (slow and math.isfinite(hi - lo) and passes % 3 == 0):
            target = _midpoint(lo, hi, reach)
            reach *= 2.0
            if not lo < target < hi:  # no float between the ends: the price is known to the last bit
                if t != lo:
                    sweep(lo)
                t = lo
                break
        t = target
    return settle(t, least=least)


def _midpoint(lo: float, hi: float, reach: float) -> float:
    """Middle of the bracket, or a doubling reach beyond its finite end."""
    if math.isfinite(lo) and math.isfinite(hi):
        return lo + 0.5 * (hi - lo)
    if math.isfinite(lo):
        return lo + reach
    return hi - reach if math.isfinite(hi) else 0.0


def _halfway(lo: float, hi: float) -> float:
    """The float in the middle of all those between: 64 times, and there is none, wherever the two were."""
    top = np.finfo(np.float64).max
    order = [_rank(min(max(end, -top), top)) for end in (lo, hi)]
    middle = (order[0] + order[1]) // 2
    return math.copysign(float(np.int64(abs(middle)).view(np.float64)), middle)


def _rank(value: float) -> int:
    """The number of floats from zero to a value, negative below."""
    count = int(np.float64(abs(value)).view(np.int64))
    return -count if value < 0.0 else count


def _between_kinks(
    columns: Columns, sweep: Callable[..., list[float]], capacity: float
) -> tuple[float, float, float | None]:
    """Halve the sorted list of log-slopes; the kink where demand jumps over C, or the two kinks it lies
    between."""
    kinks = _kinks(columns)
    first, end = 0, kinks.size
    while first < end:
        mid = (first + end) // 2
        t = float(kinks[mid])
        small, large = sweep(t)[:2]
        if small <= capacity <= large:
            theta = (capacity - small) / (large - small) if large > small else 0.0
            sweep(t, mode=3, theta=theta)
            return t, t, t
        if small > capacity:
            first = mid + 1
        else:
            end = mid
    lo = float(kinks[first - 1]) if first > 0 else -math.inf
    hi = float(kinks[first]) if first < kinks.size else math.inf
    return lo, hi, None


def _kinks(columns: Columns) -> _Floats:
    """Sorted log-prices at which some linear piece is indifferent."""
    n = max(c.size for c in columns[:5])
    code, p0, p1, p2 = (np.broadcast_to(c, (n,)) for c in (columns.code, columns.p0, columns.p1, columns.p2))
    mine = (code == PIECES) & (p2 > -np.inf)
    first, count = p0[mine].astype(np.int64), (p1 - p0)[mine].astype(np.int64)
    offset = np.repeat(first - np.concatenate(([0], np.cumsum(count)[:-1])), count)
    segment = np.arange(offset.size) + offset
    return np.unique(columns.table[3, segment] + np.repeat(p2[mine], count))
