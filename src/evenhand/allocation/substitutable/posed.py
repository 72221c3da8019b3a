"""The problem as numbers: kinds without capacity left out, prices in a unit that fits into floats, responses, proof."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.fleet import compact
from evenhand.allocation.several.agents import chunks, over_chunks
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.columns import locked
from evenhand.errors import ParameterError
from evenhand.kernels.cobb_douglas import CHUNK
from evenhand.kernels.jobs import FIXED, Table, answer
from evenhand.kernels.response import FAIR_PIECES, GIVEN, PIECES, Columns
from evenhand.utilities.alpha_fair import AlphaFair
from evenhand.utilities.base import Utility, columns_of
from evenhand.utilities.fair import Fair
from evenhand.utilities.log import Log

__all__ = ["Posed", "aim_of", "equal_times", "log_marginal", "pose", "pose_fixed"]

Array = NDArray[np.float64]
#: jobs handled at once where NumPy works on all of them: a multiple of the kernels' chunk
BLOCK = 64 * CHUNK


@dataclass(frozen=True, slots=True)
class Posed:
    """Jobs and capacities (K of them above 0) as the kernels see them; money is counted in units of e^unit."""

    table: Table
    capacity: Array
    limited: bool
    unit: float
    used: NDArray[np.intp]  # kinds with capacity, as numbers of the caller's

    @property
    def n(self) -> int:
        """Number of jobs."""
        return self.table.rate.shape[0]

    def some(self, index: Any) -> Table:
        """The table of some jobs."""
        t = self.table

        def cut(a: Any) -> Any:
            return locked(np.ascontiguousarray(a[index])) if a.shape[0] == self.n > 1 else a

        c = t.columns
        columns = Columns(cut(c.code), cut(c.p0), cut(c.p1), cut(c.p2), cut(c.p3), c.table)
        rate = locked(np.ascontiguousarray(t.rate[index]))
        return Table(rate, cut(t.limit), cut(t.workers), cut(t.onboard), columns)

    def wanting(self, speed: Array, rise: Array) -> Posed:
        """The same jobs wanting these total speeds (n,) at any price, growing with a level at these rates (n,)."""
        return replace(self, table=self.table._replace(columns=_fixed(locked(speed), locked(rise))))

    def respond(
        self, price: Array, tau: float, near: Any = None, x: Array | None = None, bill: Array | None = None
    ) -> Array:
        """One pass over all jobs, as `kernels.jobs.answer`: the sums (2 K + K²)."""
        kinds = self.capacity.size
        out = np.zeros((chunks(self.n), 2 * kinds + kinds * kinds))
        flags = np.zeros(0, dtype=np.uint8) if near is None else near
        shares, paid = np.zeros((0, kinds)) if x is None else x, np.zeros(0) if bill is None else bill
        speed = np.zeros(paid.size)
        with over_chunks(self.n) as run:
            run(lambda a, b: answer(
                a, b, price, tau, self.limited, self.table, out, flags, shares, speed, paid
            ))  # fmt: skip
        return out.sum(axis=0)


def aim_of(jobs: Jobs, level: float) -> Utility:
    """The utility whose weighted sum is maximised: U, or φ_α(U)."""
    if level == 0.0:
        return jobs.own
    if jobs.utility is not None:
        return Fair(jobs.utility, level)
    return Log() if level == 1.0 else AlphaFair(level)


def log_marginal(aim: Utility, speed: Array) -> Array:
    """log U′ at a total speed."""
    with np.errstate(all="ignore"):
        return aim.log_marginal(speed) if isinstance(aim, Fair) else np.log(aim.marginal(speed))


def equal_times(table: Table, capacity: Array) -> Array:
    """Times (n, K) inside all bounds: what an equal split of the capacities gives, at most nine tenths of the time."""
    usable = table.rate > 0.0
    held = np.sum(np.where(usable, np.broadcast_to(table.workers, usable.shape[:1])[:, None], 0.0), axis=0)
    even = 0.9 / np.maximum(usable.sum(axis=1), 1)[:, None]
    split = np.minimum(0.9 * capacity / np.where(held > 0.0, held, 1.0), even)
    return np.where(usable, np.minimum(split, 0.5 * table.limit), 0.0)


def _fixed(speed: Array, rise: Array) -> Columns:
    """The columns of jobs that want these speeds at any price."""
    code, nothing = np.full(1, FIXED, dtype=np.int8), locked(np.zeros(1))
    code.flags.writeable = False
    return Columns(code, speed, rise, nothing, nothing, locked(np.zeros((4, 0))))


def pose_fixed(jobs: Jobs, capacity: Array, used: NDArray[np.intp]) -> Posed:
    """Jobs that want a speed whatever it costs, 0 until told (`Posed.wanting`)."""
    rate, limit = jobs.throughput, compact(jobs.limit)
    if used.size < capacity.size:
        rate, limit = rate[:, used], limit[:, used]
    limited = bool(np.any(limit < 1.0))
    if limited and np.any(limit == 0.0):
        rate = np.where(limit == 0.0, 0.0, rate)
    nothing = locked(np.zeros(1))
    columns = _fixed(nothing, nothing)
    limits: Any = limit if limited else np.ones((1, used.size))
    parts = [
        locked(np.ascontiguousarray(a, dtype=np.float64))
        for a in (rate, limits, compact(jobs.workers), compact(jobs.onboard))
    ]
    table = Table(parts[0], parts[1], parts[2], parts[3], columns)
    return Posed(table, np.ascontiguousarray(capacity[used]), limited, 0.0, used)


def pose(jobs: Jobs, capacity: Array, aim: Utility, unit: float) -> Posed:
    """The kernels' view: weights in the demand, rates 0 where a job cannot or need not run."""
    used = np.flatnonzero(capacity > 0.0)
    rate, limit = jobs.throughput, compact(jobs.limit)
    if used.size < capacity.size:
        rate, limit = rate[:, used], limit[:, used]
    limited = bool(np.any(limit < 1.0))
    weight = compact(jobs.weight)
    with np.errstate(divide="ignore"):
        log_weight = np.log(weight) - unit
    columns = columns_of(aim, log_weight, 0.0)
    idle = weight == 0.0
    if np.any((columns.code == PIECES) | (columns.code == FAIR_PIECES)):  # nothing to gain beyond what is on board
        idle = idle | np.isneginf(log_marginal(aim, jobs.onboard))
    if np.any(idle) or (limited and np.any(limit == 0.0)):
        rate = np.where(idle[:, None] | (limit == 0.0), 0.0, rate)
    if np.any(columns.code == GIVEN):
        raise ParameterError(
            "Jobs: a utility without compiled demand (Custom); give PiecewiseLinear through its points"
        )
    parts: list[Any] = [locked(np.ascontiguousarray(a)) for a in cast(Any, columns)]
    limits: Any = limit if limited else np.ones((1, used.size))
    arrays = [
        locked(np.ascontiguousarray(a, dtype=np.float64))
        for a in (rate, limits, compact(jobs.workers), compact(jobs.onboard))
    ]
    table = Table(arrays[0], arrays[1], arrays[2], arrays[3], Columns(*parts))
    return Posed(table, np.ascontiguousarray(capacity[used]), limited, unit, used)
