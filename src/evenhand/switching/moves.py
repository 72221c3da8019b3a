"""The canonical form of a switching cost: what the oracle, OPT, the bounds and the planner understand.

Every family of spec/online.md §9 is one of these, in the move d = x - x_prev:

    s = sum_i rho_i d_i^2 / 2 + d' matrix d / 2 + sum_i up_i max(d_i, 0) + down_i max(-d_i, 0),   -fall <= d <= rise
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from evenhand.columns import Array, as_array, kept, locked, same
from evenhand.errors import ProblemError
from evenhand.kernels import reduce

__all__ = ["Moves", "amounts", "semidefinite", "together", "told"]


def amounts(name: str, value: Any, *, finite: bool = True) -> Array:
    """Numbers at least 0, one for all actions () or one each (n,); ProblemError, naming the place, otherwise."""
    array = as_array(name, value, 1, low=0.0, finite=finite)
    if array.ndim > 1 or not array.size:
        raise ProblemError(f"{name} has shape {array.shape}: give one number, or one for each action (n,)")
    return array


def told(name: str, value: Any, *, finite: bool = True) -> float | Array:
    """`amounts` as a family keeps them: one for all is a float, so that it reads well in names and tables."""
    array = amounts(name, value, finite=finite)
    return array if array.ndim else float(array)


def semidefinite(name: str, value: Any) -> Array:
    """A symmetric positive semidefinite matrix (n, n), read-only; ProblemError otherwise."""
    square = as_array(name, value)
    if square.ndim != 2 or square.shape[0] != square.shape[1] or not square.size:
        raise ProblemError(f"{name} has shape {square.shape}: it must be (n, n)")
    size = float(np.abs(square).max())
    if np.abs(square - square.T).max() > 1e-12 * size:
        raise ProblemError(f"{name} is not symmetric: give (B + B') / 2")
    least = float(np.linalg.eigvalsh(square)[0])
    if least < -1e-10 * size:
        raise ProblemError(f"{name} has eigenvalue {least:g}: it must be positive semidefinite, or s is not convex")
    return square


@final
@dataclass(frozen=True, slots=True)
class Moves:
    """rho, up, down >= 0 and the limits rise, fall in [0, inf]: () or (n,); matrix (n, n) positive semidefinite.

    rho, matrix: cost per unit of action squared; up, down: cost per unit; rise, fall: units of action. waived: the
    first round (index 0) knows no limits. Raises ProblemError for anything else.

    kinked: some move has a price per unit; limited: some move has a limit; smooth: a diagonal quadratic and nothing
    else; stiffness: the largest eigenvalue of the quadratic part. terms: rho, up, down, rise, fall as the rows of one
    array, (5, 1) or (5, n), for kernels.
    """

    rho: Array
    up: Array
    down: Array
    rise: Array
    fall: Array
    matrix: Array | None
    waived: bool
    kinked: bool = field(init=False, repr=False, compare=False)
    limited: bool = field(init=False, repr=False, compare=False)
    smooth: bool = field(init=False, repr=False, compare=False)
    stiffness: float = field(init=False, repr=False, compare=False)
    terms: Array = field(init=False, repr=False, compare=False)
    _unlimited: Moves | None = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __init__(
        self,
        rho: ArrayLike = 0.0,
        up: ArrayLike = 0.0,
        down: ArrayLike = 0.0,
        rise: ArrayLike = np.inf,
        fall: ArrayLike = np.inf,
        matrix: ArrayLike | None = None,
        waived: bool = False,
    ) -> None:
        parts = {name: amounts(name, value) for name, value in (("rho", rho), ("up", up), ("down", down))}
        parts |= {name: amounts(name, value, finite=False) for name, value in (("rise", rise), ("fall", fall))}
        square = None if matrix is None else semidefinite("matrix", matrix)
        try:
            terms = np.stack(np.broadcast_arrays(*(np.atleast_1d(part) for part in parts.values())))
            if square is not None:
                np.broadcast_to(terms[0], square.shape[:1])
        except ValueError:
            told = ", ".join(f"{name} {part.shape}" for name, part in parts.items() if part.ndim)
            raise ProblemError(f"the parts of a switching cost are for different numbers of actions: {told}") from None
        kinked = bool(terms[1:3].any())
        limited = bool(np.isfinite(terms[3:]).any())
        stiffness = float(parts["rho"].max())
        if square is not None:
            bend = square + np.diag(np.broadcast_to(parts["rho"], square.shape[:1]))
            stiffness = max(float(np.linalg.eigvalsh(bend)[-1]), 0.0)
        waived = bool(waived and limited)
        free = Moves(rho, up, down, matrix=square) if waived else None
        smooth = not (kinked or limited or square is not None)
        flags = {"kinked": kinked, "limited": limited, "smooth": smooth, "stiffness": stiffness}
        rest = {"matrix": square, "waived": waived, "terms": locked(terms), "_unlimited": free}
        for name, value in {**parts, **rest, **flags}.items():
            object.__setattr__(self, name, value)

    @property
    def actions(self) -> int | None:
        """n where some part has one number for each action, else None."""
        if self.matrix is not None:
            return self.matrix.shape[0]
        each = [part.shape[0] for part in (self.rho, self.up, self.down, self.rise, self.fall) if part.ndim]
        return each[0] if each else None

    @property
    def moves(self) -> Moves:
        """Itself: a canonical form is a switching cost."""
        return self

    @property
    def even(self) -> bool:
        """Squared, with one weight for all actions."""
        return self.smooth and not self.rho.ndim

    @property
    def free(self) -> bool:
        """Moving costs nothing and has no limit."""
        return self.stiffness == 0.0 and not self.kinked and not self.limited

    def at(self, index: int) -> Moves:
        """What holds in the round of that index: in the first one without limits where they are waived."""
        return self if self._unlimited is None or index > 0 else self._unlimited

    def value(self, x: Array, previous: Array) -> Array:
        """s(x, x_prev), limits left aside: two (..., n) -> (...)."""
        if self.even:
            return 0.5 * self.rho * reduce.squared_distance(x, previous)
        step = x - previous
        cost = reduce.move_value(self.terms, step)
        return cost if self.matrix is None else cost + 0.5 * reduce.inner(reduce.apply(self.matrix, step), step)

    def in_units(self, action: float, money: float) -> Moves:
        """The same in other units, x = action x' and cost = money cost'."""
        slope = action / money
        square = None if self.matrix is None else self.matrix * slope * action
        prices = self.rho * slope * action, self.up * slope, self.down * slope
        return Moves(*prices, self.rise / action, self.fall / action, square, self.waived)

    def alone(self) -> Moves:
        """Its limits, without what moves cost."""
        return Moves(rise=self.rise, fall=self.fall, waived=self.waived)

    def violation(self, x: Array, previous: Array) -> Array:
        """Largest excess of a move over its limit, relative to the size of the actions: two (..., n) -> (...)."""
        step = x - previous
        over = np.maximum(step - self.terms[3], -step - self.terms[4]) / (1.0 + np.abs(x) + np.abs(previous))
        return np.maximum(over, 0.0).max(axis=-1)


def together(parts: tuple[Moves, ...]) -> Moves:
    """The sum of several: costs add up, of two limits the tighter holds. Raises ProblemError where they do not fit."""
    limited = [part for part in parts if part.limited]
    if len({part.waived for part in limited}) > 1:
        raise ProblemError("some limits hold from the start and some are waived in the first round: make them agree")
    matrices = [part.matrix for part in parts if part.matrix is not None]
    try:
        rho, up, down = (sum(getattr(part, name) for part in parts) for name in ("rho", "up", "down"))
        rise, fall = (
            np.minimum.reduce(np.broadcast_arrays(*(getattr(part, name) for part in parts)))
            for name in ("rise", "fall")
        )
        matrix = kept(sum(matrices)) if matrices else None
    except ValueError:
        told = ", ".join(str(part.actions) for part in parts)
        raise ProblemError(f"the parts of Sum are for different numbers of actions: {told}") from None
    return Moves(rho, up, down, rise, fall, matrix, bool(limited) and limited[0].waived)
