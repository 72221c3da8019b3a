"""Max-min fairness on a network, exact and lexicographic, by filling all flows at once.

Every flow's share grows at its weight until one of its links is full or it has its upper bound; then it stops, and the
others go on. The result is the lexicographic optimum: the least x/w is as large as can be, then the second least, and
so on (Bertsekas, Gallager 1992, *Data Networks*, §6.5.2). A round stops a link or flows at their bounds: at most L of
the one, rarely more of the other, and each reads R once. With R the demands of tasks for K resources these are Leontief
agents, and with weights in units of each task's dominant share it is dominant-resource fairness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evenhand.allocation.network.answer import Array
from evenhand.allocation.network.problem import pose
from evenhand.columns import same
from evenhand.utilities.log import Log

__all__ = ["NetworkMaxMin", "max_min_network"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class NetworkMaxMin:
    """Shares and, for every flow, what stops it.

    x (n,): shares.  level (n,): x / w.  stopped_by (n,): the number of the link that is full and on which no flow has a
    higher level, −1 for the upper bound: the proof, since whoever would give this flow more must take from one that
    has no more.  rounds: how often the filling stopped.  overload, above: recomputed from the problem, the worst
    overload of a link over its capacity, and the most by which a flow on the link that stops another exceeds that one's
    level, or the room left on it, relative: both 0 but for rounding.
    """

    x: Array
    level: Array
    stopped_by: NDArray[np.intp]
    rounds: int
    overload: float
    above: float

    __eq__ = same


def max_min_network(
    routing: Any, capacity: ArrayLike, *, weight: ArrayLike = 1.0, upper: ArrayLike = np.inf
) -> NetworkMaxMin:
    """Lexicographically max-min x / weight over R x ≤ c, 0 ≤ x ≤ upper.

    routing: (L, n) sparse or dense, entries ≥ 0, capacity used per unit of share.  capacity: number or (L,).
    weight > 0, upper: number or (n,).  Raises ProblemError (malformed data; a flow on no link without upper bound).
    """
    problem = pose(_ANY, routing, capacity, weight, 0.0, 0.0, upper)
    by_link, w = problem.routing, problem.weight
    ends = problem.upper / w
    level, stopped_by = np.full(w.size, np.inf), np.full(w.size, -1, dtype=np.intp)
    active, rounds = np.ones(w.size, dtype=bool), 0
    while active.any():
        rounds += 1
        # anew in every round: sums from which flows were taken away one by one would keep the rounding of the largest
        rate = by_link @ np.where(active, w, 0.0)
        left = np.maximum(problem.capacity - by_link @ np.where(active, 0.0, level * w), 0.0)
        reach = np.divide(left, rate, out=np.full(rate.size, np.inf), where=rate > 0.0)
        full = float(np.min(reach))
        stop = active & (ends <= full)
        if stop.any():  # they stop before any link is full, and what they leave lets the others rise further
            level[stop] = ends[stop]
        else:
            for link in np.flatnonzero(reach == full):
                through = by_link.indices[by_link.indptr[link] : by_link.indptr[link + 1]]
                through = through[active[through] & ~stop[through]]
                stop[through], level[through], stopped_by[through] = True, full, link
        active &= ~stop
    x = problem.repair(np.minimum(level * w, problem.cap))  # to the last bit, which sums may miss
    load = by_link @ x
    overload = float(
        np.max((load - problem.capacity) / np.maximum(problem.capacity, np.finfo(float).tiny), initial=0.0)
    )
    return NetworkMaxMin(x, x / w, stopped_by, rounds, overload, _above(problem, x / w, load, stopped_by))


_ANY = Log(1.0)  # `pose` checks a problem with its utility; of max-min it is the share itself


def _above(problem: Any, level: Array, load: Array, stopped_by: NDArray[np.intp]) -> float:
    """How far the links that stop flows are from being full, and from having no flow above these; relative."""
    by_link, held = problem.routing, np.flatnonzero(stopped_by >= 0)
    if held.size == 0:
        return 0.0
    most = np.zeros(load.size)
    np.maximum.at(most, np.repeat(np.arange(load.size), np.diff(by_link.indptr)), level[by_link.indices])
    links, tiny = stopped_by[held], np.finfo(float).tiny
    room = (problem.capacity[links] - load[links]) / np.maximum(problem.capacity[links], tiny)
    excess = (most[links] - level[held]) / np.maximum(most[links], tiny)
    return float(max(np.max(room), np.max(excess), 0.0))
