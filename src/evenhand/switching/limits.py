"""Hard ramp limits: how far an action may move in a round, whatever it would pay. Source: spec/online.md §9."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.errors import ProblemError
from evenhand.switching.moves import Moves, told

__all__ = ["Limits"]


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """-fall_i <= x_i - x_prev,i <= rise_i, both in [0, inf] in units of action a round, one for all or (n,); no cost.

    `Sum(RampUp(2.0), Limits(rise=1.0))` adds a cost. from_start: they hold from x_0 on; False: the first round
    (index 0) may move as far as it likes. A round that no action can reach is an InfeasibleError when it comes.
    Raises ProblemError for a negative limit.
    """

    rise: Any = np.inf
    fall: Any = np.inf
    from_start: bool = True
    moves: Moves = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        if not isinstance(self.from_start, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ProblemError(f"from_start is {self.from_start!r}: it must be True or False")
        for name in ("rise", "fall"):
            object.__setattr__(self, name, told(name, getattr(self, name), finite=False))
        object.__setattr__(self, "moves", Moves(rise=self.rise, fall=self.fall, waived=not self.from_start))

    def value(self, x: Array, previous: Array) -> Array:
        """0: two (..., n) -> (...)."""
        return self.moves.value(x, previous)
