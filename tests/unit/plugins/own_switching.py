"""A switching cost as a user writes it: what a start costs and what a stop costs, told by its moves."""

from dataclasses import dataclass
from typing import final

from evenhand.switching.moves import Moves


@final
@dataclass(frozen=True, slots=True)
class StartStop:
    """s = start max(x - x_prev, 0) + stop max(x_prev - x, 0) + (wear/2) (x - x_prev)^2, summed over the actions."""

    start: float
    stop: float = 0.0
    wear: float = 0.0

    @property
    def moves(self):
        return Moves(rho=self.wear, up=self.start, down=self.stop)
