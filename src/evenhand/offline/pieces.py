"""Conic forms of what is piecewise: unserved demand as hinges, and the epigraphs of composed fairness costs.

A hinge ``price u + weight u^2 / 2, u = max(demand - r . x, 0)`` is an auxiliary ``u >= demand - r . x, u >= 0``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from evenhand.columns import Array
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.fairness.blocks import Blocks
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.solvers import clarabel

__all__ = ["Epigraph", "Hinges", "blocks_epigraph", "hinges", "shortfall_epigraph", "target_epigraph"]


@final
@dataclass(frozen=True, slots=True)
class Epigraph:
    """g(y) <= bound . a  as  offset - on_y y - on_a a in cones, with auxiliaries a."""

    cost: Array
    on_y: Any
    on_a: Any
    offset: Array
    cones: list[Any]


@final
@dataclass(frozen=True, slots=True)
class Hinges:
    """k hinges: rows (row, column, rate) on the T n actions, demand, price and weight (k,)."""

    rows: tuple[NDArray[np.intp], NDArray[np.intp], Array]
    demand: Array
    price: Array
    weight: Array


def hinges(cost: Any) -> Hinges | None:
    """The hinges of one episode's hitting costs; None where the cost has none."""
    if isinstance(cost, Unserved):
        every = np.arange(cost.demand.size)
        flat = (np.ascontiguousarray(v).reshape(-1) for v in (cost.demand, cost.price, cost.weight))
        return Hinges((every, every, np.ones(every.shape[0])), *flat)
    if isinstance(cost, Pooled):
        horizon, n = cost.rate.shape
        rows = (np.repeat(np.arange(horizon), n), np.arange(horizon * n), cost.rate.reshape(-1))
        return Hinges(rows, *(np.ascontiguousarray(v) for v in (cost.demand, cost.price, cost.weight)))
    return None


def target_epigraph(g: Target, m: int, epigraph: Callable[[Any, int], Epigraph]) -> Epigraph:
    """The norm's, with y - target for y."""
    inner = epigraph(g.norm, m)
    offset = inner.offset + sp.csr_array(inner.on_y) @ np.broadcast_to(g.target, (m,))
    return Epigraph(inner.cost, inner.on_y, inner.on_a, offset, inner.cones)


def shortfall_epigraph(g: Shortfall, m: int, epigraph: Callable[[Any, int], Epigraph]) -> Epigraph:
    """The norm's of v, with further auxiliaries v >= y + quota, v >= 0 in front of its own."""
    inner = epigraph(g.norm, m)
    k = inner.cost.shape[0]
    eye = sp.identity(m)
    on_y = sp.vstack([sp.csr_array((inner.offset.shape[0], m)), eye, sp.csr_array((m, m))])
    on_a = sp.block_array([[sp.csr_array(inner.on_y), inner.on_a], [-eye, sp.csr_array((m, k))], [-eye, None]])
    offset = np.concatenate([inner.offset, -np.broadcast_to(g.quota, (m,)), np.zeros(m)])
    cones = [*inner.cones, clarabel().NonnegativeConeT(2 * m)]
    return Epigraph(np.concatenate([np.zeros(m), inner.cost]), on_y, on_a, offset, cones)


def blocks_epigraph(g: Blocks, m: int, epigraph: Callable[[Any, int], Epigraph]) -> Epigraph:
    """Block-diagonal."""
    parts = [epigraph(part, at.stop - at.start) for part, at in zip(g.parts, g.slices, strict=True)]
    return Epigraph(
        np.concatenate([p.cost for p in parts]),
        sp.block_diag([p.on_y for p in parts]),
        sp.block_diag([p.on_a for p in parts]),
        np.concatenate([p.offset for p in parts]),
        [cone for p in parts for cone in p.cones],
    )
