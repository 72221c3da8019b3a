"""Different families for different agents in one problem (`spec/allocation.md §2`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import same
from evenhand.errors import ParameterError, listed
from evenhand.kernels.response import FAIR_PIECES, PIECES, Columns
from evenhand.utilities.base import (
    Array,
    Scalable,
    Utility,
    columns_of,
    expect_utility,
    floats,
    marginal_range,
    rescaled,
    table,
)

__all__ = ["Mixed"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """Agent i has the family parts[member[i]]; a part with per-agent parameters describes its members in
    their order.

    parts: utilities; member: (n,) integers. Mixed([Power([0.3, 0.6]), Log()], [0, 1, 0]) is power, log,
    power.
    """

    parts: Sequence[Utility]
    member: NDArray[np.int64]

    __eq__ = same

    def __post_init__(self) -> None:
        parts = listed("Mixed: parts", self.parts, "utilities in a list")
        number = table("Mixed", "member", self.member)
        for j, part in enumerate(parts):
            expect_utility(f"Mixed: parts[{j}]", part)
        if number.ndim != 1 or number.size == 0 or np.any(number % 1.0):
            raise ParameterError("Mixed: member must be a non-empty (n,) array of part numbers")
        wrong = ~((number >= 0) & (number < len(parts)))
        if np.any(wrong):
            i = int(np.argmax(wrong))
            raise ParameterError(f"Mixed: member[{i}] = {number[i]:g} is not a part; give 0 to {len(parts) - 1}")
        member = number.astype(np.int64)
        for j, part in enumerate(parts):
            members = int(np.sum(member == j))
            if part.n is not None and part.n != members:
                raise ParameterError(
                    f"Mixed: part {j} ({type(part).__name__}) describes {part.n} agents but has "
                    f"{members} members; give each member its parameters"
                )
        member.flags.writeable = False
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "member", member)

    @property
    def n(self) -> int | None:
        """Number of agents."""
        return self.member.shape[0]

    def _each(self, argument: Any, method: Callable[[Utility, Array], Array]) -> Array:
        argument = np.broadcast_to(floats(argument), self.member.shape)
        answer = np.empty(self.member.shape)
        for j, part in enumerate(self.parts):
            mine = self.member == j
            if np.any(mine):
                answer[mine] = method(part, argument[mine])
        return answer

    def value(self, r: Any) -> Array:
        """Each agent's own family."""
        return self._each(r, lambda u, a: u.value(a))

    def marginal(self, r: Any) -> Array:
        """Each agent's own family."""
        return self._each(r, lambda u, a: u.marginal(a))

    def marginal_range(self, r: Any) -> tuple[Array, Array]:
        """Least and largest marginal: they differ at the knots of linear pieces only."""
        right = self._each(r, lambda u, a: marginal_range(u, a)[0])
        return right, self._each(r, lambda u, a: marginal_range(u, a)[1])

    def demand(self, price: Any) -> Array:
        """Each agent's own family."""
        return self._each(price, lambda u, a: u.demand(a))

    def curvature(self, r: Any) -> Array:
        """Each agent's own family."""
        return self._each(r, lambda u, a: u.curvature(a))

    def invert(self, level: Any) -> Array:
        """Each agent's own family."""
        return self._each(level, lambda u, a: u.invert(a))

    @property
    def proved_concave(self) -> bool:
        """Whether every part is."""
        return all(isinstance(part, Scalable) and part.proved_concave for part in self.parts)

    def scaled(self, factor: float) -> Mixed:
        """The same utilities in other units: factor · U."""
        return Mixed([rescaled(part, factor) for part in self.parts], self.member)

    def take(self, i: Any) -> Mixed:
        """The agents i."""
        index = np.atleast_1d(np.arange(self.member.size)[i])
        rank = np.empty(self.member.size, dtype=np.int64)
        for j in range(len(self.parts)):
            rank[self.member == j] = np.arange(int(np.sum(self.member == j)))
        member = self.member[index]
        kept = [j for j in range(len(self.parts)) if np.any(member == j)]
        parts = [self.parts[j].take(rank[index[member == j]]) for j in kept]
        return Mixed(parts, np.searchsorted(kept, member))

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """The columns of the parts, scattered to their members; the tables of pieces one after the other."""
        n = self.member.size
        log_weight = np.broadcast_to(log_weight, (n,))
        code, parameters = np.zeros(n, dtype=np.int8), np.zeros((4, n))
        tables: list[Array] = []
        for j, part in enumerate(self.parts):
            mine = self.member == j
            if not np.any(mine):
                continue
            c = columns_of(part, log_weight[mine], alpha)
            code[mine] = c.code
            for row, p in zip(parameters, (c.p0, c.p1, c.p2, c.p3), strict=True):
                row[mine] = p
            if c.table.shape[1] or np.any((c.code == PIECES) | (c.code == FAIR_PIECES)):
                parameters[0, mine] += sum(t.shape[1] for t in tables)
                parameters[1, mine] += sum(t.shape[1] for t in tables)
                tables.append(c.table)
        p0, p1, p2, p3 = (np.ascontiguousarray(row) for row in parameters)
        return Columns(code, p0, p1, p2, p3, np.concatenate(tables, axis=1) if tables else np.zeros((4, 0)))
