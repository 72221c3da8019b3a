"""Prices that spread over many decades: the network problem through milder ones, every flow on its own scale.

At fairness 8 a link with a hundred times the room of another has 1e-16 of its price. The objective does not see
its flows, and the gap is proved long before they are right. Raising every marginal to the power τ < 1 keeps them
falling, so it is a problem of the same kind, whose prices spread over τ times as many decades; from its solution
the one for 1.5 τ is near, up to τ = 1. Steps go towards complementarity in proportion to each link's own bill.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from evenhand.allocation.network.answer import Array
from evenhand.allocation.network.interior import Point, advance, bills, start
from evenhand.allocation.network.schur import Field

__all__ = ["tempered"]

#: the first problem's marginals spread over e to this power, about
MILD = 12.0
#: steps given to one problem; drawn ones take 5 to 20, in cases of saturated utilities more
MOST = 60
#: a problem on the way is near enough to its solution when links and marginals are off by this share
NEAR = 1e-2
#: τ of a problem over that of the one before
RISE = 1.5
#: a solution lies on the boundary, where steps are short: so far it is drawn inwards before the next problem
INWARD = 0.1


def tempered(field: Field, x: Array) -> Iterator[Point]:
    """Points of the problem itself, τ = 1, after those on the way to it. x: shares that tell how far marginals spread.

    Stops where a point is no longer finite.
    """
    problem = field.problem
    seen = problem.marginal(x)[problem.free]
    seen = np.log(seen[(seen > 0) & np.isfinite(seen)])
    temper = min(1.0, MILD / max(float(np.ptp(seen)) if seen.size else 0.0, MILD))
    field = replace(field, problem=replace(problem, temper=temper))
    at = inner = start(field)
    while True:
        for _ in range(MOST):
            if temper == 1.0:
                yield at
            at = advance(field, at, even=False)
            if not np.all(np.isfinite(at.price)):
                return
            if temper < 1.0 and _near(field, at):
                break
        if temper == 1.0:
            return
        temper = min(1.0, RISE * temper)
        field = replace(field, problem=replace(problem, temper=temper))
        at = _carried(field, at, inner)


def _near(field: Field, at: Point) -> bool:
    """Whether every binding link is nearly full and every marginal nearly its path price."""
    of_links, _ = bills(field, at.q)
    off = np.abs(np.log(field.problem.marginal(at.x) / at.q))[field.free > 0]
    apart = np.abs(field.transposed @ at.price - at.z + at.y - at.q)[field.free > 0] / at.q[field.free > 0]
    worst = max(float(np.max(off, initial=0.0)), float(np.max(apart, initial=0.0)))
    return worst <= NEAR and float(np.max(at.price * at.s / of_links, initial=0.0)) <= NEAR


def _carried(field: Field, at: Point, inner: Point) -> Point:
    """A point for a new τ: prices move as the marginal of the cheapest path through their link, x towards the inner."""
    rise = np.where(field.free > 0, field.problem.marginal(at.x) / at.q, 1.0)
    price = at.price.copy()
    for link in range(price.size):
        here = slice(field.routing.indptr[link], field.routing.indptr[link + 1])
        flows = field.routing.indices[here]
        price[link] *= rise[flows[np.argmin(at.q[flows] / field.routing.data[here])]]
    x, s = ((1.0 - INWARD) * a + INWARD * b for a, b in ((at.x, inner.x), (at.s, inner.s)))
    z, y = at.z * rise, at.y * rise
    path = field.transposed @ price + y
    z = np.minimum(z, 0.5 * path)
    return Point(x, s, price, z, y, np.where(field.free > 0, path - z, 1.0))
