"""A utility seen in another unit of what is received. Source: spec/online.md §1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.kernels.response import AFFINE, EXPONENTIAL, LOG, Columns

__all__ = ["Stretched"]


@final
@dataclass(frozen=True, slots=True)
class Stretched:
    """The utility r' -> U(unit r'), for families that have a cone: what a `UtilityCost` asks of one."""

    utility: Any
    unit: float

    __eq__ = same

    @property
    def n(self) -> int | None:
        """Number of agents, as the utility's."""
        return self.utility.n

    def value(self, r: Any) -> Array:
        """U(unit r)."""
        return self.utility.value(self.unit * r)

    def marginal(self, r: Any) -> Array:
        """unit U'(unit r)."""
        return self.unit * self.utility.marginal(self.unit * r)

    def curvature(self, r: Any) -> Array:
        """unit^2 U''(unit r)."""
        return self.unit * self.unit * self.utility.curvature(self.unit * r)

    def take(self, i: Any) -> Stretched:
        """The agents i."""
        return Stretched(self.utility.take(i), self.unit)

    def columns(self, log_weight: Array, alpha: float) -> Columns:
        """marginal'(r') = unit marginal(unit r'); families without a cone are left as they are, to be refused."""
        c = self.utility.columns(log_weight, alpha)
        shift = np.log(self.unit)
        code, p0, p1, p2, p3 = np.broadcast_arrays(*c[:5])
        safe = np.where(p1 != 0.0, p1, 1.0)
        power, affine, log = code == EXPONENTIAL, code == AFFINE, (code == LOG) & (p2 == 0.0)
        return Columns(
            code,
            p0 + np.where(power, shift - shift / safe, np.where(affine, shift, 0.0)),
            np.where(affine, p1 / self.unit, p1),
            p2,
            np.where(log, p3 / self.unit, p3),
            c.table,
        )
