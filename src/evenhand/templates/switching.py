"""Template: to start costs more than to stop, and a move also wears.

Check it:    evenhand check template.py
Compare it:  evenhand --plugin template.py compare geo10 --set beta=0 --set "switching=Template(20.0, 5.0)" --windows 0
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand import Moves
from evenhand.columns import Array, same
from evenhand.kernels import reduce
from evenhand.switching.moves import told


@final
@dataclass(frozen=True, slots=True)
class Template:
    """s(x, x_prev) = sum_i start_i max(d_i, 0) + stop_i max(-d_i, 0) + wear_i d_i^2 / 2 with d = x - x_prev.

    All at least 0, one number for all actions or (n,): start and stop in money per unit of action, wear per unit
    squared. Raises ProblemError for other numbers.
    """

    start: Any = 1.0
    stop: Any = 0.5
    wear: Any = 0.0

    __eq__ = same

    def __post_init__(self) -> None:
        for name in ("start", "stop", "wear"):
            object.__setattr__(self, name, told(name, getattr(self, name)))

    @property
    def moves(self) -> Moves:
        """The canonical form: all that policies, OPT and the bounds ask for. It also has rise, fall and matrix."""
        return Moves(rho=self.wear, up=self.start, down=self.stop)

    def value(self, x: Array, previous: Array) -> Array:
        """s, in your own words: (..., n), (..., n) -> (...). Optional; if it is there, it is checked against moves."""
        d = x - previous
        return reduce.total(self.start * np.maximum(d, 0.0) + self.stop * np.maximum(-d, 0.0) + 0.5 * self.wear * d * d)


#: what `evenhand check` looks at
EXAMPLES = (Template(), Template(start=[1.0, 2.0, 0.0, 3.0], stop=0.0, wear=0.5))
