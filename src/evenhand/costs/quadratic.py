"""Quadratic hitting costs, diagonal and dense. Source: spec/online.md §7.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, column, rebuild, same
from evenhand.conic import CostForm, Entries
from evenhand.errors import ProblemError
from evenhand.kernels import reduce
from evenhand.units import Units

__all__ = ["DenseQuadratic", "Quadratic"]


@final
@dataclass(frozen=True, slots=True)
class Quadratic:
    """f(x) = sum_i curvature_i x_i^2 / 2 + linear_i x_i + constant.

    linear (..., n); curvature (..., n) >= 0, scalar or any shape that broadcasts; constant (...).
    """

    linear: Array = column(1, "signal")
    curvature: Array = column(1)
    constant: Array = column(0)

    __eq__ = same

    def __init__(self, linear: Any, curvature: Any = 0.0, constant: Any = 0.0) -> None:
        slope = as_array("linear", linear, 1)
        bend = as_array("curvature", curvature, 1, low=0.0)
        try:
            slope, bend = np.broadcast_arrays(slope, bend)
        except ValueError:
            raise ProblemError(f"linear {slope.shape} and curvature {bend.shape} do not fit together") from None
        if slope.ndim < 1:
            raise ProblemError("linear must have the actions as its last axis (..., n)")
        object.__setattr__(self, "linear", slope)
        object.__setattr__(self, "curvature", bend)
        object.__setattr__(self, "constant", as_array("constant", constant, 0))

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.linear.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        n = self.linear.shape[-1:]
        return {"linear": n, "curvature": n, "constant": ()}

    def value(self, x: Array) -> Array:
        """f(x): (..., n) -> (...)."""
        return reduce.quadratic_value(self.curvature, self.linear, x) + self.constant

    def gradient(self, x: Array) -> Array:
        """The gradient: (..., n)."""
        return self.curvature * x + self.linear

    def strong_convexity(self) -> Array:
        """m_f: the least curvature."""
        return self.curvature.min(axis=-1)

    def in_units(self, units: Units) -> Quadratic:
        """The same in other units."""
        slope = units.slope
        change = {
            "linear": self.linear * slope,
            "curvature": self.curvature * slope * units.action,
            "constant": self.constant / units.money,
        }
        return rebuild(self, change)

    def conic(self) -> CostForm:
        """One episode for the conic solver."""
        every = np.arange(self.linear.size)
        return CostForm.quadratic(Entries(every, every, self.curvature.reshape(-1)), self.linear.reshape(-1))


@final
@dataclass(frozen=True, slots=True)
class DenseQuadratic:
    """f(x) = x' matrix x / 2 + linear . x + constant; matrix (..., n, n) symmetric positive semidefinite."""

    matrix: Array = column(2)
    linear: Array = column(1, "signal")
    constant: Array = column(0)

    __eq__ = same

    def __init__(self, matrix: Any, linear: Any, constant: Any = 0.0) -> None:
        square = as_array("matrix", matrix, 2)
        slope = as_array("linear", linear, 1)
        if square.ndim < 2 or square.shape[-1] != square.shape[-2]:
            raise ProblemError(f"matrix has shape {square.shape}: it must end in (n, n)")
        if slope.shape[-1:] != square.shape[-1:]:
            raise ProblemError(f"matrix {square.shape} and linear {slope.shape} do not fit together: (n, n) and (n,)")
        size = max(1.0, float(np.abs(square).max(initial=0.0)))
        if np.abs(square - square.swapaxes(-1, -2)).max(initial=0.0) > 1e-12 * size:
            raise ProblemError("matrix is not symmetric: give (Q + Q') / 2")
        least = float(np.linalg.eigvalsh(square).min(initial=np.inf))
        if least < -1e-10 * size:
            raise ProblemError(f"matrix has eigenvalue {least:g}: it must be positive semidefinite, or f is not convex")
        object.__setattr__(self, "matrix", square)
        object.__setattr__(self, "linear", slope)
        object.__setattr__(self, "constant", as_array("constant", constant, 0))

    @property
    def actions(self) -> int:
        """n, the number of actions."""
        return self.linear.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        n = self.matrix.shape[-1]
        return {"matrix": (n, n), "linear": (n,), "constant": ()}

    def value(self, x: Array) -> Array:
        """f(x): (..., n) -> (...)."""
        half = 0.5 * reduce.apply(self.matrix, x) + self.linear
        return reduce.total(half * x) + self.constant

    def gradient(self, x: Array) -> Array:
        """The gradient: (..., n)."""
        return reduce.apply(self.matrix, x) + self.linear

    def strong_convexity(self) -> Array:
        """m_f: the least eigenvalue."""
        return np.maximum(np.linalg.eigvalsh(self.matrix)[..., 0], 0.0)

    def in_units(self, units: Units) -> DenseQuadratic:
        """The same in other units."""
        slope = units.slope
        change = {
            "linear": self.linear * slope,
            "matrix": self.matrix * slope * units.action,
            "constant": self.constant / units.money,
        }
        return rebuild(self, change)

    def conic(self) -> CostForm:
        """One episode for the conic solver."""
        rounds, n, _ = self.matrix.shape
        i, j = np.triu_indices(n)
        shift = n * np.arange(rounds)[:, None]
        bend = Entries((i + shift).reshape(-1), (j + shift).reshape(-1), self.matrix[:, i, j].reshape(-1))
        return CostForm.quadratic(bend, self.linear.reshape(-1))
