"""Template: what is above everybody's own level costs, entity by entity.

Check it:    evenhand check template.py
Compare it:  evenhand --plugin template.py compare geo7 --set "fairness=Template(rate=3.0, level=0.2)" --windows 0
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import scipy.sparse as sp

from evenhand import Norm
from evenhand.columns import Array, as_array, same
from evenhand.conic import Epigraph, cone
from evenhand.kernels import reduce
from evenhand.units import Units


@final
@dataclass(frozen=True, slots=True)
class Template:
    """g(y) = sum_i rate_i max(y_i - level_i, 0) of the average burden y: convex, and no steeper than rate.

    rate >= 0 in money per unit of burden, level in units of burden: one number for all, or (m,). Its slopes are the
    box 0 <= kappa <= rate, the dual ball, on which g*(kappa) = kappa . level. Raises ProblemError for other numbers.
    """

    rate: Any = 1.0
    level: Any = 0.0

    __eq__ = same

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", as_array("rate", self.rate, low=0.0))
        object.__setattr__(self, "level", as_array("level", self.level))

    def value(self, y: Array) -> Array:
        """g(y): (..., m) -> (...). Sums over an axis are the library's, in one order however y lies in memory."""
        return reduce.total(self.rate * np.maximum(y - self.level, 0.0))

    def subgradient(self, y: Array) -> Array:
        """One slope at y: (..., m)."""
        return self.rate * (y > self.level)

    def conjugate(self, kappa: Array) -> Array:
        """g*(kappa) = sup over y of kappa . y - g(y): inf outside the box, (..., m) -> (...)."""
        off = np.maximum(-kappa, kappa - self.rate)
        outside = (off > 1e-9 * self.rate).any(axis=-1)  # but for what rounding leaves of a projection
        return np.where(outside, np.inf, reduce.total(kappa * self.level))

    def project(self, kappa: Array) -> Array:
        """The nearest point of the box."""
        return np.clip(kappa, 0.0, self.rate)

    def project_entropic(self, kappa: Array, direction: Array, eta: Array, ball: bool) -> Array:
        """``kappa o exp(-eta direction)``, then (ball) its KL projection on the box: that of a weighted l_1 norm."""
        return Norm(1.0, 1.0, self.rate).project_entropic(kappa, direction, eta, ball)

    def budget(self, kappa: Array, lower: Array, upper: Array) -> Array:
        """argmin of g(z) - kappa . z over lower <= z <= upper: the level, or an end where kappa leaves the box."""
        inside = np.clip(self.level, lower, upper)
        return np.where(kappa < 0.0, lower, np.where(kappa > self.rate, upper, inside))

    def budget_ball(self, kappa: Array) -> Array:
        """The same without bounds, for kappa in the box."""
        return np.zeros_like(kappa) + self.level

    def centre(self, m: int) -> Array:
        """A first price that favours nobody: (m,)."""
        return np.broadcast_to(0.5 * self.rate, (m,)).copy()

    def lipschitz(self, m: int) -> float:
        """The largest Euclidean norm of a slope."""
        return float(np.linalg.norm(np.broadcast_to(self.rate, (m,))))

    def recession(self, direction: Array) -> Array:
        """The slope of g far out: (..., m) -> (...)."""
        return reduce.total(self.rate * np.maximum(direction, 0.0))

    def scaled(self, factor: float) -> Template:
        """``factor * g``."""
        return replace(self, rate=self.rate * factor)

    # the rest is what OPT and the proved bounds ask for

    def epigraph(self, m: int) -> Epigraph:
        """g(y) = min of rate . a with level - y + a >= 0 and a >= 0, written as offset - on_y y - on_a a in cones."""
        eye, nothing = sp.identity(m), sp.csr_matrix((m, m))
        on_y, on_a = sp.vstack([eye, nothing]), sp.vstack([-eye, -eye])
        offset = np.concatenate([np.broadcast_to(self.level, (m,)), np.zeros(m)])
        return Epigraph(np.broadcast_to(self.rate, (m,)), on_y, on_a, offset, [cone("nonnegative", 2 * m)])

    def in_units(self, units: Units) -> Template:
        """The same cost with burdens and money counted in other units."""
        return Template(self.rate * units.burden / units.money, self.level / units.burden)


#: what `evenhand check` looks at
EXAMPLES = (Template(), Template(rate=[2.0, 1.0, 0.5, 3.0], level=[0.1, -0.2, 0.0, 0.4]))
