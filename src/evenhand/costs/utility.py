"""Utilities as a hitting cost: what agents lack of the best they could have. Source: spec/online.md §7.3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, final

import numpy as np

from evenhand.columns import Array, as_array, column, rebuild, same
from evenhand.conic import CostForm
from evenhand.costs.hypograph import hypographs
from evenhand.costs.stretched import Stretched
from evenhand.errors import ProblemError
from evenhand.kernels import reduce
from evenhand.kernels.response import GIVEN, PIECES, Columns
from evenhand.units import Units

__all__ = ["UtilityCost"]


class _Worth(Protocol):
    """What is needed of a utility (`evenhand.utilities`): arrays over agents (n,), and the kernel's columns."""

    @property
    def n(self) -> int | None: ...
    def value(self, r: Any, /) -> Array: ...
    def marginal(self, r: Any, /) -> Array: ...
    def curvature(self, r: Any, /) -> Array: ...
    def take(self, i: Any, /) -> Any: ...
    def columns(self, log_weight: Array, alpha: float, /) -> Columns: ...


@final
@dataclass(frozen=True, slots=True)
class UtilityCost:
    """f(x) = sum_i weight_i [U_i(best_i) - U_i(onboard_i + x_i)]: work times the accuracy it misses.

    utility: one of `evenhand.utilities` with one share per agent, the same in every round. weight (..., n) >= 0: how
    much work each agent has; onboard (..., n) >= 0: what it has already; best (..., n): the total resource at which
    nothing is missed, so that f >= 0 while onboard + x <= best. Arrays broadcast against each other.
    Raises ProblemError for a negative or non-finite entry, a utility of several resources or without compiled form
    (Custom), and where U(best) is not finite.
    """

    utility: Any = field(repr=False)
    weight: Array = column(1, "demand")
    onboard: Array = column(1)
    best: Array = column(1)

    __eq__ = same

    def __init__(self, utility: _Worth, weight: Any, onboard: Any, best: Any) -> None:
        if not callable(getattr(utility, "columns", None)):
            raise ProblemError(
                f"a UtilityCost takes utilities of one resource with a compiled form, not {type(utility).__name__}; "
                "use Power, Log, AlphaFair, Saturating, Exponential, PiecewiseLinear, Fair or a Mixed of these"
            )
        arrays = [
            as_array(name, value, 1, low=0.0)
            for name, value in (("weight", weight), ("onboard", onboard), ("best", best))
        ]
        try:
            shape = np.broadcast_shapes(*(a.shape for a in arrays), () if utility.n is None else (utility.n,))
        except ValueError:
            told = ", ".join(str(a.shape) for a in arrays)
            raise ProblemError(f"weight, onboard, best {told} and {utility.n} utilities do not fit together") from None
        if not shape:
            raise ProblemError("weight must have the agents as its last axis (..., n)")
        n = shape[-1]
        for name, array in zip(("weight", "onboard", "best"), arrays, strict=True):
            fitted = np.broadcast_to(array, np.broadcast_shapes(array.shape, (n,)))
            object.__setattr__(self, name, fitted)
        object.__setattr__(self, "utility", utility)
        if (self.columns.code == GIVEN).any():
            raise ProblemError("a UtilityCost needs families with a compiled form; a Custom utility has none")
        if not np.isfinite(self._each(utility.value, self.best)).all():
            raise ProblemError("best gives a utility that is not finite: give every agent best > 0")

    @property
    def actions(self) -> int:
        """n, the number of agents."""
        return self.weight.shape[-1]

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        n = self.weight.shape[-1:]
        return {"weight": n, "onboard": n, "best": n}

    @property
    def columns(self) -> Columns:
        """The kernel's columns, every array (n,), without the weights."""
        n = self.weight.shape[-1]
        c = self.utility.columns(np.zeros(1), 0.0)
        code, p0, p1, p2, p3 = (np.broadcast_to(a, (n,)) for a in c[:5])
        return Columns(code, p0, p1, p2, p3, c.table)

    def _each(self, method: Callable[[Any], Array], r: Array) -> Array:
        """A method of the utility at r (..., n): the agents once for each leading index."""
        n = r.shape[-1]
        rows = r.size // n if n else 0
        if self.utility.n is not None and rows > 1:
            method = getattr(self.utility.take(np.tile(np.arange(n), rows)), method.__name__)
        return np.broadcast_to(method(np.ascontiguousarray(r).reshape(-1)), (r.size,)).reshape(r.shape)

    def value(self, x: Array) -> Array:
        """f(x): (..., n) -> (...)."""
        return reduce.total(self.lack(x))

    def lack(self, x: Array) -> Array:
        """The terms of f: (..., n) -> (..., n)."""
        at = np.maximum(self.onboard + x, 0.0)
        missed = self._each(self.utility.value, self.best) - self._each(self.utility.value, at)
        return np.where(self.weight > 0.0, self.weight * missed, 0.0)

    def gradient(self, x: Array) -> Array:
        """The gradient: (..., n); -inf where a utility is infinitely steep at nothing."""
        slope = self._each(self.utility.marginal, np.maximum(self.onboard + x, 0.0))
        with np.errstate(invalid="ignore"):
            return np.where(self.weight > 0.0, -self.weight * slope, 0.0)

    def strong_convexity(self) -> Array:
        """m_f on onboard + x <= best: the least weight times |U''(best)|; 0 where a family has linear pieces.

        |U''| falls in r for every smooth family here, so it is least at best.
        """
        with np.errstate(invalid="ignore"):
            bend = np.where(self.weight > 0.0, self.weight * np.abs(self._each(self.utility.curvature, self.best)), 0.0)
        bend = np.where(self.columns.code >= PIECES, 0.0, bend)
        return bend.min(axis=-1)

    def in_units(self, units: Units) -> UtilityCost:
        """The same in other units."""
        change = {
            "utility": Stretched(self.utility, units.action),
            "weight": self.weight / units.money,
            "onboard": self.onboard / units.action,
            "best": self.best / units.action,
        }
        return rebuild(self, change)

    def conic(self) -> CostForm:
        """One episode for the conic solver. Raises ProblemError for a utility without a cone."""
        return hypographs(self.weight, self.onboard, self.columns)
