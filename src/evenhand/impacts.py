"""Impact matrices A_t: the burden A_t x that an action puts on each of m entities. Source: spec/online.md §1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, column, rebuild, same
from evenhand.conic import Entries
from evenhand.errors import ProblemError
from evenhand.kernels import reduce
from evenhand.units import Units

__all__ = ["Dense", "Diagonal", "Stacked"]


@final
@dataclass(frozen=True, slots=True)
class Diagonal:
    """Each action burdens its own entity: A_t = diag(weight), weight (..., n), any sign."""

    weight: Array = column(1, "signal")

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", as_array("weight", self.weight, 1))
        if self.weight.ndim < 1:
            raise ProblemError("weight must have the actions as its last axis (..., n)")

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.weight.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        return {"weight": self.weight.shape[-1:]}

    @property
    def entities(self) -> int:
        """m = n."""
        return self.weight.shape[-1]

    def burden(self, x: Array) -> Array:
        """A_t x: (..., n) -> (..., n)."""
        return self.weight * x

    def tilt(self, kappa: Array) -> Array:
        """A_t' kappa: (..., n) -> (..., n)."""
        return self.weight * kappa

    def range(self, lower: Array, upper: Array) -> tuple[Array, Array]:
        """Bounds on the burden over a box."""
        ends = _product(self.weight, lower), _product(self.weight, upper)
        return np.minimum(*ends), np.maximum(*ends)

    def in_units(self, units: Units) -> Diagonal:
        """The same in other units."""
        return rebuild(self, {"weight": self.weight * (units.action / units.burden)})

    def entries(self) -> Entries:
        """(A_1 ... A_T) of one episode, m x T n."""
        horizon, n = self.weight.shape
        return Entries(np.tile(np.arange(n), horizon), np.arange(horizon * n), self.weight.reshape(-1))


@final
@dataclass(frozen=True, slots=True)
class Dense:
    """Any impact: matrix (..., m, n)."""

    matrix: Array = column(2, "signal")

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", as_array("matrix", self.matrix, 2))
        if self.matrix.ndim < 2:
            raise ProblemError("matrix must end in (..., m, n): entities, actions")

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.matrix.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        return {"matrix": self.matrix.shape[-2:]}

    @property
    def entities(self) -> int:
        """The number m of rows."""
        return self.matrix.shape[-2]

    def burden(self, x: Array) -> Array:
        """A_t x: (..., n) -> (..., m)."""
        return reduce.apply(self.matrix, x)

    def tilt(self, kappa: Array) -> Array:
        """A_t' kappa: (..., m) -> (..., n)."""
        return reduce.apply_transposed(self.matrix, kappa)

    def range(self, lower: Array, upper: Array) -> tuple[Array, Array]:
        """Bounds on the burden over a box, by interval arithmetic."""
        ends = _product(self.matrix, lower[..., None, :]), _product(self.matrix, upper[..., None, :])
        return np.minimum(*ends).sum(-1), np.maximum(*ends).sum(-1)

    def in_units(self, units: Units) -> Dense:
        """The same in other units."""
        return rebuild(self, {"matrix": self.matrix * (units.action / units.burden)[:, None]})

    def entries(self) -> Entries:
        """(A_1 ... A_T) of one episode, m x T n."""
        t, j, i = np.indices(self.matrix.shape)
        return Entries(j.reshape(-1), (t * self.actions + i).reshape(-1), self.matrix.reshape(-1))

    @classmethod
    def of(cls, impact: Any) -> Dense:
        """Any impact as its matrices, one tilt for each entity."""
        return cls(np.stack([impact.tilt(unit) for unit in np.eye(impact.entities)], axis=-2))


@final
@dataclass(frozen=True, slots=True)
class Stacked:
    """Several burdens of each action: weight (..., b, n), b kinds of burden, any sign; m = b n, kind by kind.

    The same as `Dense` with b diagonal blocks above each other, in n times less memory. For `Blocks` fairness.
    """

    weight: Array = column(2, "signal")

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", as_array("weight", self.weight, 2))
        if self.weight.ndim < 2:
            raise ProblemError("weight must end in (..., b, n): kinds of burden, actions")

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.weight.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        return {"weight": self.weight.shape[-2:]}

    @property
    def entities(self) -> int:
        """m = b n."""
        return self.weight.shape[-2] * self.weight.shape[-1]

    def burden(self, x: Array) -> Array:
        """A_t x: (..., n) -> (..., b n)."""
        each = self.weight * x[..., None, :]
        return each.reshape(*each.shape[:-2], self.entities)

    def tilt(self, kappa: Array) -> Array:
        """A_t' kappa: (..., b n) -> (..., n), summed over kinds in order."""
        kinds, n = self.weight.shape[-2:]
        out = self.weight[..., 0, :] * kappa[..., :n]
        for b in range(1, kinds):
            out = out + self.weight[..., b, :] * kappa[..., b * n : (b + 1) * n]
        return out

    def range(self, lower: Array, upper: Array) -> tuple[Array, Array]:
        """Bounds on the burden over a box."""
        ends = [_product(self.weight, end[..., None, :]) for end in (lower, upper)]
        low, high = np.minimum(*ends), np.maximum(*ends)
        return low.reshape(*low.shape[:-2], self.entities), high.reshape(*high.shape[:-2], self.entities)

    def in_units(self, units: Units) -> Stacked:
        """The same in other units."""
        share = (units.action / units.burden).reshape(self.weight.shape[-2:])
        return rebuild(self, {"weight": self.weight * share})

    def entries(self) -> Entries:
        """(A_1 ... A_T) of one episode, m x T n."""
        t, b, i = np.indices(self.weight.shape)
        n = self.actions
        return Entries((b * n + i).reshape(-1), (t * n + i).reshape(-1), self.weight.reshape(-1))


def _product(weight: Array, bound: Array) -> Array:
    """``weight * bound`` with 0 * inf = 0: an unbounded action without impact burdens nobody."""
    with np.errstate(invalid="ignore"):
        return np.where(weight == 0.0, 0.0, weight * bound)
