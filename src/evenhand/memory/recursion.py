"""The canonical form of a memory: what OPT, the bounds and the planner understand.

Every family of spec/online.md §10 is linear in the burdens b_t = A_t x_t to come, and one recursion:

    y_t = carry_t y_{t-1} + gain_t b_t - drop_t b_{t-lag} + given_t,   t = 1..T,   y_0 = 0

given_t: what burdens from before t = 1 contribute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from evenhand.columns import Array, same
from evenhand.kernels import reduce
from evenhand.kernels.memory import carried

__all__ = ["Recursion"]


@final
@dataclass(frozen=True, slots=True)
class Recursion:
    """T rounds of a memory: carry, gain, drop (..., T), lag >= 1, given (..., T, m)."""

    carry: Array
    gain: Array
    drop: Array
    lag: int
    given: Array

    __eq__ = same

    def weigh(self, kappa: Array) -> Array:
        """The price of each round's burden when y_t is charged kappa_t: sum_{t >= s} w_{t,s} kappa_t.

        (..., T, m) -> (..., T, m). What is remembered later is paid later; spec/online.md §10.
        """
        return self._spread(carried(kappa, self.carry))

    def _spread(self, back: Array) -> Array:
        price = self.gain[..., None] * back
        if self.lag < back.shape[-2] and self.drop.any():
            price[..., : -self.lag, :] -= (self.drop[..., None] * back)[..., self.lag :, :]
        return price

    def charge(self, kappa: Array) -> tuple[Array, Array]:
        """sum_t kappa_t . y_t = sum_s p_s . b_s + c: the prices p of the burdens to come (..., T, m), and c (...)."""
        back = carried(kappa, self.carry)
        past = np.broadcast_to(back * self.given, np.broadcast_shapes(back.shape, self.given.shape))
        return self._spread(back), reduce.total(reduce.total(past))

    def follow(self, burdens: Array) -> Array:
        """y_1..y_T of burdens (..., T, m), to rounding as `FairnessMemory.add` gives them one by one."""
        come = self.gain[..., None] * burdens + self.given
        if self.lag < burdens.shape[-2] and self.drop.any():
            late = (self.drop[..., self.lag :, None]) * burdens[..., : -self.lag, :]
            come[..., self.lag :, :] -= late
        # the recursion forwards in time is that of `carried` backwards
        turned = np.ascontiguousarray(come[..., ::-1, :])
        carry = np.concatenate([np.zeros((*self.carry.shape[:-1], 1)), self.carry[..., :0:-1]], axis=-1)
        return carried(turned, carry)[..., ::-1, :]
