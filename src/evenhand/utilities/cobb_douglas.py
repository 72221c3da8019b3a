"""Cobb-Douglas utility of several resources: U(r) = scale · Π_k r_k^{γ_k} (`spec/allocation.md §4`, FairSynergy eq.
for K = 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import kept, same
from evenhand.errors import ParameterError
from evenhand.utilities.base import Array, floats, pick, scale_of, size, table

__all__ = ["CobbDouglas"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class CobbDouglas:
    """U(r) = scale · Π_k r_k^{γ_k}; r: (n, K) total resources.

    exponents: (n, K), ≥ 0 and < 1, at least one > 0 an agent; scale > 0 (units of U): scalar or (n,).
    """

    exponents: Array
    scale: Array | float = 1.0
    proved_concave: ClassVar[bool] = True

    __eq__ = same

    def __post_init__(self) -> None:
        g = kept(table("CobbDouglas", "exponents", self.exponents))
        if g.ndim != 2 or g.size == 0:
            raise ParameterError(f"CobbDouglas: exponents must be (agents, resources), got shape {g.shape}")
        bad = ~(np.isfinite(g) & (g >= 0.0) & (g < 1.0))
        if np.any(bad):
            i, k = (int(v) for v in np.unravel_index(int(np.argmax(bad)), g.shape))
            raise ParameterError(f"CobbDouglas: exponents[{i}, {k}] = {float(g[i, k])!r} is outside [0, 1); correct it")
        dead = ~np.any(g > 0.0, axis=1)
        if np.any(dead):
            raise ParameterError(
                f"CobbDouglas: agent {int(np.argmax(dead))} has only zero exponents (a constant); remove it"
            )
        object.__setattr__(self, "exponents", g)
        object.__setattr__(self, "scale", scale_of("CobbDouglas", self.scale))
        size("CobbDouglas", exponents=g[:, 0], scale=floats(self.scale))

    @property
    def n(self) -> int | None:
        """Number of agents."""
        return self.exponents.shape[0]

    def value(self, r: Any) -> Array:
        """scale · Π r_k^{γ_k}, (n,)."""
        return self.scale * np.prod(floats(r) ** self.exponents, axis=-1)

    def marginal(self, r: Any) -> Array:
        """∂U/∂r_k = γ_k U / r_k, (n, K); at r_k = 0 inf if the other factors are positive, 0 where γ_k =
        0."""
        r, g = floats(r), self.exponents
        factors = r**g
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(g > 0.0, g * r ** (g - 1.0), 0.0)
            others = np.stack([np.prod(np.delete(factors, k, axis=-1), axis=-1) for k in range(g.shape[1])], axis=-1)
            return np.where((g > 0.0) & (others > 0.0), np.reshape(self.scale, (-1, 1)) * own * others, 0.0)

    def concave(self, alpha: float) -> bool:
        """Whether Σ φ_α(U_i) is concave: (1 − α) Σ_k γ_ik ≤ 1 for every agent, so always for α ≥ 1."""
        return bool(np.all((1.0 - alpha) * np.sum(self.exponents, axis=1) <= 1.0))

    def scaled(self, factor: float) -> CobbDouglas:
        """The same utility in other units: factor · U."""
        return replace(self, scale=self.scale * factor)

    def take(self, i: Any) -> CobbDouglas:
        """The agents i."""
        return CobbDouglas(np.atleast_2d(self.exponents[i]), pick(floats(self.scale), i))
