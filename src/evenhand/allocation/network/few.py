"""Many flows on few links: prices from a sample of the flows, then Newton on what all of them buy.

Tasks that need K resources in fixed proportions (Leontief demands) are flows over K links. A sample of them puts the
prices within a percent; with prices only a few, R x(λ) = c on the links that are full is solved by exact passes over
all flows, each with the K × K derivative Σ R_i R_iᵀ / (w |U″|). Nothing here is trusted: the caller judges every point,
and has the interior point where none is good enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from evenhand.allocation.network.answer import Array
from evenhand.allocation.network.problem import NetworkProblem
from evenhand.errors import EvenhandError

__all__ = ["applies", "few_links"]

#: so many flows for one of the sample, which has at least this many for every link
SAMPLED, A_LINK = 20, 2000
#: most passes; from a percent off three suffice
PASSES = 8
#: a link whose room costs less than this share of the whole bill is taken for one that is not full
FREE = 1e-6
#: no pass changes a price by more than this factor
FACTOR = 4.0


def applies(problem: NetworkProblem) -> bool:
    """Whether there are enough flows for every link, and no choice of links that a sample might miss."""
    links, flows = problem.routing.shape
    return flows >= SAMPLED * A_LINK * links and int(np.min(np.diff(problem.routing.indptr))) >= SAMPLED * A_LINK


def few_links(
    problem: NetworkProblem, sampled: Callable[[Any, Any, Array, Any], Array], near: float
) -> Iterator[tuple[Array, Array]]:
    """Points (x, λ) with R x(λ) = c to the relative residual ``near``; none where the way there breaks down.

    sampled: prices of a smaller problem from its utility, routing, capacities and index.
    """
    p, at = problem, np.arange(0, problem.lower.size, SAMPLED)
    routing, utility = p.routing[:, at], p.utility if p.utility.n is None else p.utility.take(at)
    try:
        price = sampled(utility, routing, routing @ p.lower[at] + p.room * (at.size / p.lower.size), at)
    except EvenhandError:
        return
    full, rows, columns, room = np.arange(price.size), p.routing, p.transposed, p.room
    for _ in range(PASSES):
        price = np.where(price * p.room > FREE * float(price @ p.room), price, 0.0)
        if np.count_nonzero(price) < full.size:
            full = np.flatnonzero(price)
            rows, columns, room = p.routing[full], p.transposed[:, full], p.room[full]
        if full.size == 0:
            return
        x = p.response(p.transposed @ price)
        off = (rows @ (x - p.lower) - room) / room
        if np.max(np.abs(off)) <= near:
            yield x, price
            return
        inside = (x > p.lower) & (x < p.cap)
        moves = np.where(inside, -1.0 / np.where(inside, p.curvature(x), -1.0), 0.0)
        held = ((rows * moves[None, :]) @ columns).toarray()
        if not np.all(np.isfinite(held)) or np.linalg.matrix_rank(held) < full.size:
            return
        ratio = 1.0 + np.linalg.solve(held, off * room) / price[full]
        price[full] *= np.clip(ratio, 1.0 / FACTOR, FACTOR)
