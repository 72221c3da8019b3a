"""How burdens reach g: as their average over the episode, or, with a memory, as what is remembered in every round.

    no memory   T y = sum_t A_t x_t,  T g(y);   kappa (m,)
    a memory    y_t = carry_t y_{t-1} + gain_t A_t x_t - drop_t A_{t-lag} x_{t-lag} + given_t,  sum_t g(y_t);  (T, m)

g is convex and y linear in the actions, so weak duality holds with one price for every round: g(y_t) >= kappa_t . y_t -
g*(kappa_t), and sum_t kappa_t . y_t = sum_s p_s . A_s x_s + c with p_s = sum_{t >= s} w_{t,s} kappa_t, what is
remembered later. Source: spec/online.md §5, §10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, same
from evenhand.conic import Entries, Epigraph, epigraph
from evenhand.core import Problem
from evenhand.errors import ParameterError
from evenhand.kernels import reduce
from evenhand.memory.recursion import Recursion
from evenhand.trajectory import recalled

__all__ = ["Link", "charged", "each_round", "link_of", "recursion_of", "unfairness"]


@final
@dataclass(frozen=True, slots=True)
class Link:
    """Equations between the actions x, T n of them, and y: those on x and on y, and their right side.

    epigraph: of the episode's whole fairness cost, T g(y) or sum_t g(y_t). carry: that of a memory, None without.
    """

    on_x: Entries
    on_y: Entries
    bound: Array
    epigraph: Epigraph
    carry: Array | None

    __eq__ = same

    @property
    def width(self) -> int:
        """Numbers in y: m, or T m."""
        return self.bound.shape[0]

    def prices(self, z: Array) -> Array:
        """kappa from the multipliers z of the equations: (m,), or (T, m)."""
        if self.carry is None:
            return -z
        back = z.reshape(self.carry.shape[0], -1)
        kappa = -back
        kappa[:-1] += self.carry[1:, None] * back[1:]
        return kappa


def link_of(problem: Problem, entries: Entries, cost_of_y: Epigraph | None = None) -> Link:
    """The link of one episode, (A_1 ... A_T) given by its entries, with another cost of all y where one is given."""
    horizon, m = problem.horizon, problem.impact.entities
    entity, column, weight = entries
    recursion = recursion_of(problem)
    each = np.arange(m)
    if recursion is None:
        one = epigraph(problem.setting.fairness, m) if cost_of_y is None else cost_of_y
        whole = Epigraph(horizon * one.cost, one.on_y, one.on_a, one.offset, one.cones)
        on_y = Entries(each, each, np.full(m, float(horizon)))
        return Link(Entries(entity, column, -weight), on_y, np.zeros(m), whole, None)
    at = column // (problem.setting.initial.shape[0])
    parts = [Entries(at * m + entity, column, -weight * recursion.gain[at])]
    late = at + recursion.lag < horizon
    if late.any() and recursion.drop.any():
        then = at[late] + recursion.lag
        parts.append(Entries(then * m + entity[late], column[late], weight[late] * recursion.drop[then]))
    every, later = np.arange(horizon * m), np.arange(m, horizon * m)
    on_y = Entries.join(
        Entries(every, every, np.ones(horizon * m)),
        Entries(later, later - m, -np.repeat(recursion.carry[1:], m)),
    )
    given = np.broadcast_to(recursion.given, (horizon, m)).reshape(-1)
    if cost_of_y is None:
        one, eye = epigraph(problem.setting.fairness, m), sp.identity(horizon, format="csr")
        cost_of_y = Epigraph(
            np.tile(one.cost, horizon),
            sp.kron(eye, _sparse(one.on_y)),
            sp.kron(eye, _sparse(one.on_a)),
            np.tile(one.offset, horizon),
            [*one.cones] * horizon,
        )
    return Link(Entries.join(*parts), on_y, given, cost_of_y, recursion.carry)


def _sparse(matrix: Any) -> Any:
    return sp.csr_array(matrix)


def recursion_of(problem: Problem) -> Recursion | None:
    """The memory of an episode from its first round on; None without."""
    memory = problem.setting.memory
    return None if memory is None else memory.recursion(memory.begin(problem.impact.entities), problem.horizon)


def charged(problem: Problem, price: Array, charge: Array) -> tuple[Array, Array]:
    """What a round's burden pays, (..., 1, m) or with a memory (..., T, m), and what is added to the mean cost (...).

    For any prices in dom g* and charge >= g* there: the mean fairness cost is at least the mean of paid_t . A_t x_t,
    plus what is added. price (..., m), charge (...); with a memory (..., T, m) and (..., T).
    """
    recursion = recursion_of(problem)
    if recursion is None:
        return price[..., None, :], -charge
    paid, past = recursion.charge(price)
    horizon = problem.horizon
    return paid, (past - reduce.total(np.broadcast_to(charge, (*np.shape(charge)[:-1], horizon)))) / horizon


def each_round(problem: Problem, kappa: Array) -> Array:
    """Prices in the shape of the problem's: with a memory (m,) means the same in every round, (..., T, m) otherwise."""
    if problem.setting.memory is None:
        return kappa
    if kappa.ndim == 1:
        return np.broadcast_to(kappa, (problem.horizon, kappa.shape[0]))
    if kappa.shape[-2] != problem.horizon:
        raise ParameterError(
            f"kappa has shape {kappa.shape}: with a memory give (..., rounds, entities), here (..., {problem.horizon}, "
            f"{kappa.shape[-1]}), or (entities,) for the same price in every round"
        )
    return kappa


def unfairness(problem: Problem, burdens: Array) -> Array:
    """The mean fairness cost of burdens (..., T, m): (...)."""
    g, memory = problem.setting.fairness, problem.setting.memory
    if memory is None:
        return g.value(reduce.mean_rows(burdens))
    return reduce.total(g.value(recalled(memory, burdens)[0])) / problem.horizon
