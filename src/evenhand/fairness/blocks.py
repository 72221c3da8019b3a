"""A sum of fairness costs over disjoint blocks of burdens, such as carbon and water. Source: spec/online.md §1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import scipy.sparse as sp

from evenhand.columns import Array, count, offers
from evenhand.conic import Epigraph, epigraph
from evenhand.core import Fairness
from evenhand.errors import ParameterError, ProblemError, listed, shown
from evenhand.fairness.dual import supported
from evenhand.units import Units, in_units

__all__ = ["Blocks"]


@final
@dataclass(frozen=True, slots=True)
class Blocks:
    """g(y) = sum_b g_b(y_b): the first sizes[0] entities bear parts[0], the next sizes[1] bear parts[1], and so on.

    parts: fairness costs, each with its own norm and weight; sizes: how many entities each covers. Everything
    separates: the dual ball is a product, budget and projections act block by block.
    Raises ParameterError for lists that do not pair up, ProblemError for burdens of another length.
    """

    parts: tuple[Fairness, ...]
    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        parts = listed("parts", self.parts, "fairness costs in a list, such as [Norm(1.0), Norm(2.0)]")
        sizes = listed("sizes", self.sizes, "the number of entities of each part in a list")
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "sizes", tuple(count("sizes", s) for s in sizes))
        if len(self.parts) != len(self.sizes) or not self.parts:
            raise ParameterError(
                f"Blocks has {len(self.parts)} parts and {len(self.sizes)} sizes: give one size a part"
            )
        for part in self.parts:
            if isinstance(part, type) or not offers(type(part), Fairness):
                raise ParameterError(f"parts has {shown(part)}: give fairness costs such as Norm(mu=1.0)")

    @property
    def slices(self) -> tuple[slice, ...]:
        """Where each block lies among the entities."""
        ends = np.cumsum(self.sizes).tolist()
        return tuple(slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True))

    def _pairs(self, m: int) -> list[tuple[Fairness, slice]]:
        if m != sum(self.sizes):
            raise ProblemError(f"Blocks covers {sum(self.sizes)} entities, the burdens have {m}: they must agree")
        return list(zip(self.parts, self.slices, strict=True))

    def _total(self, values: Sequence[Array]) -> Array:
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total

    def value(self, y: Array) -> Array:
        """g(y): (..., m) -> (...)."""
        return self._total([g.value(y[..., at]) for g, at in self._pairs(y.shape[-1])])

    def subgradient(self, y: Array) -> Array:
        """One subgradient at y."""
        return np.concatenate([g.subgradient(y[..., at]) for g, at in self._pairs(y.shape[-1])], axis=-1)

    def conjugate(self, kappa: Array) -> Array:
        """The sum of the conjugates."""
        return self._total([g.conjugate(kappa[..., at]) for g, at in self._pairs(kappa.shape[-1])])

    def support(self, kappa: Array) -> tuple[Array, Array]:
        """A price in the domain of the conjugate next to kappa, and a bound on the conjugate there."""
        found = [supported(g, kappa[..., at]) for g, at in self._pairs(kappa.shape[-1])]
        return np.concatenate([price for price, _ in found], axis=-1), self._total([charge for _, charge in found])

    def project(self, kappa: Array) -> Array:
        """Euclidean projection on the product of the dual balls."""
        return np.concatenate([g.project(kappa[..., at]) for g, at in self._pairs(kappa.shape[-1])], axis=-1)

    def project_entropic(self, kappa: Array, direction: Array, eta: Array, ball: bool) -> Array:
        """Block by block, as each part does it."""
        rate = np.broadcast_to(eta, np.broadcast_shapes(np.shape(eta), kappa.shape))
        return np.concatenate(
            [
                g.project_entropic(kappa[..., at], direction[..., at], rate[..., at], ball)
                for g, at in self._pairs(kappa.shape[-1])
            ],
            axis=-1,
        )

    def budget(self, kappa: Array, lower: Array, upper: Array) -> Array:
        """Budget step (4), block by block."""
        return np.concatenate(
            [g.budget(kappa[..., at], lower[..., at], upper[..., at]) for g, at in self._pairs(kappa.shape[-1])],
            axis=-1,
        )

    def budget_ball(self, kappa: Array) -> Array:
        """An element of the subdifferential of g*, block by block."""
        return np.concatenate([g.budget_ball(kappa[..., at]) for g, at in self._pairs(kappa.shape[-1])], axis=-1)

    def centre(self, m: int) -> Array:
        """The centres of the blocks."""
        return np.concatenate([g.centre(at.stop - at.start) for g, at in self._pairs(m)])

    def lipschitz(self, m: int) -> float:
        """L = sqrt(sum L_b^2): the gradients of the blocks are orthogonal."""
        return float(np.sqrt(sum(g.lipschitz(at.stop - at.start) ** 2 for g, at in self._pairs(m))))

    def scaled(self, factor: float) -> Blocks:
        """``factor * g``."""
        return Blocks(tuple(g.scaled(factor) for g in self.parts), self.sizes)

    def in_units(self, units: Units) -> Blocks:
        """The same in other units."""
        inner = zip(self.parts, self.slices, strict=True)
        return Blocks(tuple(in_units(g, replace(units, burden=units.burden[at])) for g, at in inner), self.sizes)

    def recession(self, direction: Array) -> Array:
        """The slope of g far out: (..., m) -> (...)."""
        return self._total([g.recession(direction[..., at]) for g, at in self._pairs(direction.shape[-1])])

    def epigraph(self, m: int) -> Epigraph:
        """Block by block. Raises ProblemError for a part that brings none."""
        parts = [epigraph(g, at.stop - at.start) for g, at in self._pairs(m)]
        return Epigraph(
            np.concatenate([p.cost for p in parts]),
            sp.block_diag([p.on_y for p in parts]),
            sp.block_diag([p.on_a for p in parts]),
            np.concatenate([p.offset for p in parts]),
            [one for p in parts for one in p.cones],
        )
