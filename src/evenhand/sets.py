"""Action sets X_t: Box, Budget (one total over bounded actions) and Polytope. Source: spec/online.md §1, §8.

Each is checked for emptiness at construction, so that an infeasible round is named before anything runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, column, rebuild, same
from evenhand.conic import SetForm, set_form
from evenhand.errors import InfeasibleError, ProblemError, expect
from evenhand.kernels import reduce
from evenhand.kernels.floor import floor as proved_floor
from evenhand.linear import lowest, proved_empty
from evenhand.units import Units

__all__ = ["Box", "Budget", "Polytope"]

#: relative rounding that data may bring: a peak demand of 7.000000001 over a capacity of 7 is still served by all
ROUNDING = 1e-9


def _box(name: str, lower: Any, upper: Any) -> tuple[Array, Array]:
    low = as_array("lower", lower, 1, finite=False)
    high = as_array("upper", upper, 1, finite=False)
    try:
        low, high = np.broadcast_arrays(low, high)
    except ValueError:
        raise ProblemError(f"lower {low.shape} and upper {high.shape} of {name} do not fit together") from None
    if low.ndim < 1:
        raise ProblemError(f"{name} needs the actions as the last axis of lower or upper (..., n)")
    if (low == np.inf).any() or (high == -np.inf).any():
        raise ProblemError(f"{name} has lower = inf or upper = -inf: no action satisfies it")
    if (low > high).any():
        at = tuple(np.argwhere(low > high)[0])
        raise InfeasibleError(
            f"{name} is empty{_when(at[:-1])}: lower[{at[-1]}] = {low[at]:g} exceeds upper[{at[-1]}] = {high[at]:g}"
        )
    return low, high


def _when(index: tuple[int, ...]) -> str:
    return f" in round {int(index[-1])}" if index else ""


def _excess(x: Array, lower: Array, upper: Array, moved: Array | None = None) -> Array:
    """Largest excess over bounds, relative to the bound or to what is there, whichever is larger: free of units.

    A bound of zero has no size, there the largest of the round's sizes is taken. moved: what x is the sum of, in
    absolute terms, where it is a sum.
    """
    there = np.abs(x) if moved is None else moved
    ends = np.maximum(np.where(np.isfinite(lower), np.abs(lower), 0.0), np.where(np.isfinite(upper), np.abs(upper), 0))
    own = np.maximum(ends, there)
    size = np.where(ends > 0.0, own, own.max(axis=-1, keepdims=True))
    over = np.maximum(np.maximum(lower - x, x - upper), 0.0)
    return np.divide(over, size, out=np.zeros_like(over), where=over != 0.0).max(axis=-1)


@final
@dataclass(frozen=True, slots=True)
class Box:
    """Actions between bounds: lower <= x <= upper, two (..., n), possibly infinite."""

    lower: Array = column(1)
    upper: Array = column(1)

    __eq__ = same

    def __post_init__(self) -> None:
        low, high = _box("Box", self.lower, self.upper)
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.lower.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        n = self.lower.shape[-1:]
        return {"lower": n, "upper": n}

    @property
    def bounds(self) -> tuple[Array, Array]:
        """The box itself."""
        return self.lower, self.upper

    def violation(self, x: Array) -> Array:
        """Largest relative violation of a bound."""
        return _excess(x, self.lower, self.upper)

    def support(self, direction: Array) -> Array:
        """Min of direction . x; -inf where the box is unbounded that way."""
        end = np.where(direction > 0, self.lower, self.upper)
        with np.errstate(invalid="ignore"):
            return reduce.total(np.where(direction == 0.0, 0.0, direction * end))

    def in_units(self, units: Units) -> Box:
        """The same in other units."""
        return rebuild(self, {"lower": self.lower / units.action, "upper": self.upper / units.action})

    def conic(self) -> SetForm:
        """No rows: the bounds are all."""
        return SetForm(np.zeros((0, self.actions)), np.zeros(0), np.zeros(0))


@final
@dataclass(frozen=True, slots=True)
class Budget:
    """One total over bounded actions: lower <= x <= upper (..., n) and sum x = total (..., ), or <= total.

    ``equal=True``: the whole total is placed (all demand is served); False: at most the total.
    """

    total: Array = column(0, "demand")
    upper: Array = column(1)
    lower: Array = column(1)
    equal: bool = True

    __eq__ = same

    def __init__(self, total: Any, upper: Any, lower: Any = 0.0, *, equal: bool = True) -> None:
        expect("equal", equal, (bool, np.bool_), "True or False")
        low, high = _box("Budget", lower, upper)
        amount = as_array("total", total, 0)
        floor, ceiling = low.sum(axis=-1), high.sum(axis=-1)
        try:
            amount, floor, ceiling = np.broadcast_arrays(amount, floor, ceiling)
        except ValueError:
            raise ProblemError(f"total {amount.shape} and bounds {low.shape} do not fit together") from None
        short = amount < floor
        if short.any():  # then by more than rounding? a million totals are not copied to know that all is well
            short &= amount < floor - ROUNDING * np.maximum(np.abs(amount), np.abs(floor))
        if short.any():
            at = tuple(np.argwhere(short)[0])
            raise InfeasibleError(
                f"total{_when(at)} is {amount[at]:g}, below the sum of the lower bounds {floor[at]:g} "
                f"by {floor[at] - amount[at]:g}: lower them or raise the total"
            )
        over = amount > ceiling
        if equal and over.any():
            over &= amount > ceiling + ROUNDING * np.maximum(np.abs(amount), np.abs(ceiling))
        if equal and over.any():
            at = tuple(np.argwhere(over)[0])
            raise InfeasibleError(
                f"total{_when(at)} is {amount[at]:g}, above the total capacity {ceiling[at]:g} "
                f"by {amount[at] - ceiling[at]:g}: raise upper, lower the demand, or use equal=False"
            )
        for name, value in (("total", amount), ("upper", high), ("lower", low), ("equal", bool(equal))):
            object.__setattr__(self, name, value)

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.upper.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        n = self.upper.shape[-1:]
        return {"total": (), "upper": n, "lower": n}

    @property
    def bounds(self) -> tuple[Array, Array]:
        """The box around the set."""
        return self.lower, self.upper

    def violation(self, x: Array) -> Array:
        """Largest relative violation of a bound or of the total."""
        least = self.total if self.equal else np.full_like(self.total, -np.inf)
        summed, moved = x.sum(axis=-1), np.abs(x).sum(axis=-1)
        if not self.total.all():  # a total of zero has no size: then the bounds have
            ends = np.maximum(np.abs(self.lower), np.where(np.isfinite(self.upper), np.abs(self.upper), 0.0))
            moved = np.where(self.total == 0.0, np.maximum(moved, ends.max(axis=-1)), moved)
        off = _excess(summed[..., None], least[..., None], self.total[..., None], moved[..., None])
        return np.maximum(_excess(x, self.lower, self.upper), off)

    def support(self, direction: Array) -> Array:
        """Min of direction . x, proved: the dual value at the water-filling price."""
        flat = np.zeros(direction.shape[-1])
        _, value = proved_floor(flat, direction, self.lower, self.upper, self.total, float(self.equal))
        return value

    def in_units(self, units: Units) -> Budget:
        """The same in other units."""
        ends = {"lower": self.lower / units.action, "upper": self.upper / units.action}
        return rebuild(self, {**ends, "total": self.total / units.action})

    def conic(self) -> SetForm:
        """One row of ones."""
        high = self.total[..., None]
        low = high if self.equal else np.full_like(high, -np.inf)
        return SetForm(np.ones((1, self.actions)), low, high)


@final
@dataclass(frozen=True, slots=True)
class Polytope:
    """Rows of linear constraints in a box: low <= G x <= high, lower <= x <= upper.

    rows (..., k, n); low, high (..., k), possibly infinite; equal ends make an equation; lower, upper (..., n).
    A set is refused as empty where a linear program proves it so, beyond what rounding of the data may bring.
    """

    rows: Array = column(2)
    low: Array = column(1)
    high: Array = column(1)
    lower: Array = column(1)
    upper: Array = column(1)

    __eq__ = same

    def __init__(
        self, rows: Any, low: Any = -np.inf, high: Any = np.inf, lower: Any = -np.inf, upper: Any = np.inf
    ) -> None:
        matrix = as_array("rows", rows, 2)
        if matrix.ndim < 2:
            raise ProblemError(f"rows has shape {matrix.shape}: it must end in (k, n)")
        k, n = matrix.shape[-2:]
        left, right = _ends(low, high, k)
        below, above = _box("Polytope", lower if np.ndim(lower) else np.full(n, lower), upper)
        if below.shape[-1] != n:
            raise ProblemError(f"lower or upper of Polytope has {below.shape[-1]} actions, rows {n}: they must agree")
        for name, value in (
            ("rows", matrix),
            ("low", left),
            ("high", right),
            ("lower", below),
            ("upper", above),
        ):
            object.__setattr__(self, name, value)
        self._refuse_empty()

    @classmethod
    def around(cls, feasible: Any) -> Polytope:
        """Any set's rows and bounds, not checked again; what is curved in a set of a user's own is left out."""
        if isinstance(feasible, Polytope):
            return feasible
        lower, upper = feasible.bounds
        n = upper.shape[-1]
        form = set_form(feasible)
        rows, low, high = form.rows, form.low, form.high
        if not rows.shape[-2]:
            rows, low, high = np.zeros((1, n)), np.zeros(1), np.zeros(1)
        one = object.__new__(cls)
        for name, value in zip(cls.__slots__, (rows, low, high, lower, upper), strict=True):
            object.__setattr__(one, name, value)
        return one

    def _refuse_empty(self) -> None:
        empty = proved_empty(self.rows, self.low, self.high, self.lower, self.upper)
        if empty.any():
            where = _when(tuple(int(i) for i in np.argwhere(empty)[0]))
            raise InfeasibleError(
                f"Polytope is empty{where}: no action satisfies its rows and bounds; relax low, high, lower or upper"
            )

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.rows.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        k, n = self.rows.shape[-2:]
        return {"rows": (k, n), "low": (k,), "high": (k,), "lower": (n,), "upper": (n,)}

    @property
    def bounds(self) -> tuple[Array, Array]:
        """The box around the set."""
        return self.lower, self.upper

    def violation(self, x: Array) -> Array:
        """Largest relative violation of a row or a bound."""
        terms = self.rows * x[..., None, :]
        off = _excess(terms.sum(axis=-1), self.low, self.high, np.abs(terms).sum(axis=-1))
        return np.maximum(off, _excess(x, self.lower, self.upper))

    def support(self, direction: Array) -> Array:
        """Min of direction . x, proved: the dual value of one linear program (HiGHS) over all rounds."""
        return lowest(direction, self.rows, self.low, self.high, self.lower, self.upper)

    def in_units(self, units: Units) -> Polytope:
        """The same in other units, each row in one of its own."""
        steep = np.abs(self.rows).max(axis=-1, initial=0.0) * units.action
        own = np.exp2(np.round(np.log2(np.where(steep > 0.0, steep, 1.0))))
        change = {
            "rows": self.rows * (units.action / own[..., None]),
            "low": self.low / own,
            "high": self.high / own,
            "lower": self.lower / units.action,
            "upper": self.upper / units.action,
        }
        return rebuild(self, change)

    def conic(self) -> SetForm:
        """Its rows."""
        return SetForm(self.rows, self.low, self.high)


def _ends(low: Any, high: Any, rows: int) -> tuple[Array, Array]:
    left = as_array("low", low, 1, finite=False)
    right = as_array("high", high, 1, finite=False)
    try:
        left, right, _ = np.broadcast_arrays(left, right, np.empty(rows))
    except ValueError:
        raise ProblemError(f"low {left.shape} and high {right.shape} do not fit together with {rows} rows") from None
    if left.shape[-1] != rows:
        raise ProblemError(f"low or high has {left.shape[-1]} numbers for {rows} rows: they must agree")
    if (left > right).any():
        at = tuple(np.argwhere(left > right)[0])
        raise InfeasibleError(f"Polytope has low{list(at)} = {left[at]:g} above high{list(at)} = {right[at]:g}")
    return left, right
