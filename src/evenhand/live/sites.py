"""What a live system is made of: sites, the signals that are measured, and the round they make.

The model is that of a user's own data (spec/online.md §7.1): x_i in [0, capacity_i], sum_i x_i = demand; hitting cost
sum_i linear_i x_i + curvature_i x_i^2 / 2; burden of kind b at site i: burden_{b,i} x_i. With a penalty, demand may
be left unserved at a price. All signals stand in one vector, in the order of `Sites.signals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, final

import numpy as np

from evenhand.columns import Array, as_array, kept, locked, names, same
from evenhand.core import Round, view
from evenhand.costs.quadratic import Quadratic
from evenhand.costs.unserved import Pooled
from evenhand.errors import ProblemError
from evenhand.impacts import Diagonal, Stacked
from evenhand.sets import Box, Budget

__all__ = ["Sites"]

T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True)
class Sites:
    """Sites (n), kinds of burden (b), and k = 1 + (3 + b) n signals.

    names (n), kinds (b): what they are called. fixed (k,): signals that do not change, NaN for those that are measured.
    signs (b,): -1 for a kind whose signal is what a unit of x gives (a quota is priced), else 1. penalty: None, or
    price and curvature of unserved demand (2,).
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    fixed: Array
    signs: Array
    penalty: Array | None = None

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", names("names", self.names))
        object.__setattr__(self, "kinds", names("kinds", self.kinds))
        for what, labels in (("sites", self.names), ("kinds of burden", self.kinds)):
            if not labels or len(set(labels)) < len(labels):
                raise ProblemError(f"{what} are {labels!r:.80}: name at least one, and each once")
        size = 1 + (3 + len(self.kinds)) * len(self.names)
        for name, shape in (("fixed", (size,)), ("signs", (len(self.kinds),))):
            value = kept(getattr(self, name))
            if value.shape != shape:
                raise ProblemError(f"{name} has shape {value.shape}: it must be {shape}")
            object.__setattr__(self, name, value)
        if self.penalty is not None:
            object.__setattr__(self, "penalty", as_array("penalty", self.penalty, low=0.0))

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of an observation: demand, capacity, linear, curvature, burdens.KIND."""
        return ("demand", "capacity", "linear", "curvature", *(f"burdens.{kind}" for kind in self.kinds))

    @property
    def signals(self) -> tuple[tuple[str, str], ...]:
        """(field, site) of every signal, in the order of the vector; demand has no site, ""."""
        return (("demand", ""), *((field, site) for field in self.fields[1:] for site in self.names))

    def part(self, field: str) -> slice:
        """Where a field stands in the vector."""
        n, at = len(self.names), self.fields.index(field)
        return slice(0, 1) if at == 0 else slice(1 + (at - 1) * n, 1 + at * n)

    def round(self, index: int, values: Array) -> Round:
        """The round that these signals (k,) make. Raises InfeasibleError for more demand than capacity."""
        n = len(self.names)
        capacity, curvature = values[1 : 1 + n], values[1 + 2 * n : 1 + 3 * n]
        known = values.ndim == 1 and bool(np.isfinite(values).all() and (capacity >= 0.0).all())
        if known and self.penalty is None and (curvature >= 0.0).all() and 0.0 <= values[0] <= capacity.sum():
            return view(index, *self._known(kept(values)))
        return Round(index, *self.parts(values))

    def _known(self, values: Array) -> tuple[Quadratic, Diagonal | Stacked, Budget]:
        """`parts` of signals that were checked already: the same bits, at a tenth of the time of every live round."""
        n, b = len(self.names), len(self.kinds)
        capacity, linear, curvature = (values[1 + k * n : 1 + (k + 1) * n] for k in range(3))
        weight = locked(values[1 + 3 * n :].reshape(b, n) * self.signs[:, None])
        impact = _assembled(Diagonal, weight=weight[0]) if b == 1 else _assembled(Stacked, weight=weight)
        cost = _assembled(Quadratic, linear=linear, curvature=curvature, constant=kept(0.0))
        feasible = _assembled(Budget, total=values[:1].reshape(()), upper=capacity, lower=kept(np.zeros(n)), equal=True)
        return cost, impact, feasible

    def parts(self, values: Array) -> tuple[Quadratic | Pooled, Diagonal | Stacked, Budget | Box]:
        """Cost, impact and set that signals (..., k) make. Raises InfeasibleError for more demand than capacity."""
        n, b = len(self.names), len(self.kinds)
        lead = values.shape[:-1]
        demand, held = values[..., 0], values[..., 1 : 1 + 3 * n].reshape(*lead, 3, n)
        capacity, linear, curvature = (held[..., k, :] for k in range(3))
        weight = values[..., 1 + 3 * n :].reshape(*lead, b, n) * self.signs[:, None]
        impact = Diagonal(weight[..., 0, :]) if b == 1 else Stacked(weight)
        if self.penalty is None:
            return Quadratic(linear, curvature), impact, Budget(demand, capacity)
        price, bend = self.penalty
        cost = Pooled(demand, linear, curvature, 1.0, bend, price)
        return cost, impact, Box(np.zeros_like(capacity), capacity)

    def signals_of(self, round: Round) -> Array:
        """The inverse of `round`: the signals (k,) of a round of this kind. Raises ProblemError for another kind."""
        cost, feasible, impact = round.cost, round.feasible, round.impact
        if isinstance(cost, Quadratic) and isinstance(feasible, Budget) and feasible.equal and not feasible.lower.any():
            demand = feasible.total
        elif isinstance(cost, Pooled) and isinstance(feasible, Box) and not feasible.lower.any():
            demand = cost.demand
        else:
            raise ProblemError(
                f"a live round is Quadratic on Budget(equal=True) or Pooled on Box, both from 0; this one is "
                f"{type(cost).__name__} on {type(feasible).__name__}"
            )
        if not isinstance(impact, Diagonal | Stacked):
            raise ProblemError(
                f"a live round burdens its sites, Diagonal or Stacked; this one is a {type(impact).__name__}"
            )
        weight = np.reshape(impact.weight, (len(self.kinds), len(self.names))) * self.signs[:, None]
        return np.concatenate([[demand], feasible.upper, cost.linear, cost.curvature, weight.reshape(-1)])


def _assembled(kind: type[T], **fields: Any) -> T:
    """A record of parts that were checked, without its constructor."""
    record = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(record, name, value)
    return record
