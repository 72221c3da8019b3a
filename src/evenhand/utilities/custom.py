"""A user's own utility: two vectorised functions; demand is found by a safeguarded search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import same
from evenhand.errors import ParameterError, called, listed
from evenhand.utilities.base import Array, floats, invert_marginal, invert_value, parameter, pick, scale_of, size

__all__ = ["Custom"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Custom:
    """scale · value(r, *parameters), with its derivative marginal(r, *parameters), elementwise in r (n,).

    parameters and scale > 0 (units of U): scalars or (n,). marginal must be the derivative of value,
    non-increasing and ≥ 0 for r ≥ 0. That is checked on a grid at construction and is your claim elsewhere:
    an answer that rests on it is called `certified if concave`.
    """

    value_function: Callable[..., Any]
    marginal_function: Callable[..., Any]
    parameters: Sequence[Array | float] = ()
    scale: Array | float = 1.0
    proved_concave: ClassVar[bool] = False

    __eq__ = same

    def __post_init__(self) -> None:
        for name in ("value_function", "marginal_function"):
            called(f"Custom: {name}", getattr(self, name), "a function of r and the parameters")
        checked = tuple(
            parameter("Custom", f"parameters[{k}]", p, np.isfinite, "give finite numbers")
            for k, p in enumerate(listed("Custom: parameters", self.parameters, "them in a list, [] for none"))
        )
        object.__setattr__(self, "parameters", checked)
        object.__setattr__(self, "scale", scale_of("Custom", self.scale))
        n = self.n
        grid = np.logspace(-6, 6, 25)
        try:
            self.value(np.ones(n or 1))
            slopes = np.stack([np.broadcast_to(self.marginal(np.full(n or 1, g)), (n or 1,)) for g in grid])
        except Exception as error:  # whatever the caller's functions raise, or give
            raise ParameterError(
                f"Custom: the functions fail for r of shape ({n or 1},) and the parameters: {type(error).__name__}: "
                f"{error}; they must be elementwise in r"
            ) from error
        fall = np.diff(slopes, axis=0)
        bad = (
            np.any(fall > 1e-9 * np.abs(slopes[:-1]), axis=0)
            | np.any(slopes < 0, axis=0)
            | np.any(np.isnan(slopes), axis=0)
        )
        if np.any(bad):
            i = int(np.argmax(bad))
            raise ParameterError(
                f"Custom: the marginal of agent {i} is not a non-increasing, non-negative function of r "
                "in [1e-6, 1e6] (concave, increasing utility needed); correct marginal_function"
            )

    @property
    def n(self) -> int | None:
        """Number of agents, None if all parameters are scalars."""
        named = {f"parameters[{k}]": floats(p) for k, p in enumerate(self.parameters)}
        return size("Custom", scale=floats(self.scale), **named)

    def value(self, r: Any) -> Array:
        """scale times the user's value."""
        with np.errstate(all="ignore"):
            return self.scale * floats(self.value_function(floats(r), *self.parameters))

    def marginal(self, r: Any) -> Array:
        """scale times the user's marginal."""
        with np.errstate(all="ignore"):
            return self.scale * floats(self.marginal_function(floats(r), *self.parameters))

    def demand(self, price: Any) -> Array:
        """The largest r with U′(r) ≥ price, exact to one unit in the last place (about 64 calls of
        marginal)."""
        return invert_marginal(self.marginal, floats(price), self.n)

    def curvature(self, r: Any) -> Array:
        """Central difference of the marginal, step 1e-5 r (relative error about 1e-10 for smooth
        functions)."""
        r = floats(r)
        h = np.maximum(1e-5 * np.abs(r), 1e-300)
        with np.errstate(all="ignore"):
            return (self.marginal(r + h) - self.marginal(r - h)) / (2.0 * h)

    def invert(self, level: Any) -> Array:
        """The smallest r with U(r) ≥ level."""
        return invert_value(self.value, floats(level), self.n)

    def scaled(self, factor: float) -> Custom:
        """The same utility in other units: factor · U."""
        return replace(self, scale=self.scale * factor)

    def take(self, i: Any) -> Custom:
        """The agents i."""
        chosen = tuple(pick(floats(p), i) for p in self.parameters)
        return replace(self, parameters=chosen, scale=pick(floats(self.scale), i))
