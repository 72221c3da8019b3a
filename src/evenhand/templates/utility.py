"""Template: half of the top with `half` of the resource, and ever less for more (Michaelis and Menten's law).

Check it:    evenhand check template.py
Use it:      a Fleet takes it as its utility, see docs/extending.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.utilities.base import floats, parameter, pick, size


@final
@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """U(r) = top r / (r + half), r the total resource of an agent. top, half > 0: one number for all agents or (n,).

    Raises ParameterError for other numbers.
    """

    top: Any = 1.0
    half: Any = 1.0

    #: that the formula is concave and increasing for all parameters; without it answers are `certified if concave`
    proved_concave: ClassVar[bool] = True

    __eq__ = same

    def __post_init__(self) -> None:
        for name in ("top", "half"):
            rule = f"give {name} > 0"
            object.__setattr__(self, name, parameter("Template", name, getattr(self, name), lambda v: v > 0, rule))
        _ = self.n

    @property
    def n(self) -> int | None:
        """How many agents it describes, None if its parameters serve any number."""
        return size("Template", top=floats(self.top), half=floats(self.half))

    def value(self, r: Any) -> Array:
        """U(r), agent by agent: (n,)."""
        r = floats(r)
        return self.top * (r / (r + self.half))

    def marginal(self, r: Any) -> Array:
        """U'(r), never rising."""
        return self.top * self.half / (floats(r) + self.half) ** 2

    def demand(self, price: Any) -> Array:
        """The r with U'(r) = price: 0 where U'(0) is not above it, inf at a price of 0."""
        with np.errstate(divide="ignore"):
            return np.maximum(np.sqrt(self.top * self.half / floats(price)) - self.half, 0.0)

    def curvature(self, r: Any) -> Array:
        """U''(r)."""
        return -2.0 * self.top * self.half / (floats(r) + self.half) ** 3

    def invert(self, level: Any) -> Array:
        """The least r with U(r) >= level, inf from the top on."""
        level = np.maximum(floats(level), 0.0)
        room = np.maximum(self.top - level, 0.0)
        return np.divide(self.half * level, room, out=np.full(np.shape(room), np.inf), where=room > 0.0)

    def take(self, i: Any) -> Template:
        """The agents i, in that order."""
        return Template(pick(floats(self.top), i), pick(floats(self.half), i))

    def scaled(self, factor: float) -> Template:
        """factor times U."""
        return replace(self, top=self.top * factor)


#: what `evenhand check` looks at
EXAMPLES = (Template(), Template(top=[1.0, 2.0, 5.0], half=[0.5, 1.0, 20.0]))
