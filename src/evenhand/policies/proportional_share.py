"""ProportionalShare: everybody gets the same share of what it asks for now.

What a queue without a scheduler does: served first come first served, clients receive in proportion to what they send.
Where actions have no demand of their own (sites), the load goes to them in proportion to their capacity, as weighted
round robin does. The model simplifies: a resource is divisible and of one kind, and what is not served is lost where
a queue would keep it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand import params
from evenhand.columns import Array, same
from evenhand.core import Round, Setting
from evenhand.kernels import reduce
from evenhand.policies.quota import asked, nearest, room
from evenhand.policies.turn import deciding, held, settling

__all__ = ["ProportionalShare", "ProportionalShareState"]


@final
@dataclass(frozen=True, slots=True)
class ProportionalShareState:
    """Rounds settled, whether one is decided and open, and, where moves have limits, the last action (..., n)."""

    round: int
    open: bool = False
    action: Array | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class ProportionalShare:
    """x_i = lower_i + share (asked_i - lower_i), one share for all, 1 where there is enough for everybody.

    A demand is that of an `Unserved` cost, else the upper bound. On a Budget whose total must be placed, what nobody
    asks for is divided in proportion to the room that is left. Ignores costs of every kind, quotas and the past.
    """

    #: its actions are the same in any units of money, actions and burdens
    unitless: ClassVar[bool] = True

    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def init(self, setting: Setting) -> ProportionalShareState:
        """Nothing to remember but x_0, where moves have limits."""
        return ProportionalShareState(0, action=held(setting, setting.initial))

    def decide(
        self, setting: Setting, state: ProportionalShareState, round: Round
    ) -> tuple[Array, ProportionalShareState]:
        """The same share for all."""
        deciding(state, ProportionalShareState, setting, round)
        lower, upper, total, equal = room(self, round)
        # what is asked for is cut at an action's own bound, not at the total, or all would be alike
        wide = asked(round, lower, round.feasible.bounds[1])
        need = np.where(np.isfinite(wide), wide, upper)
        x = _raised(lower, need, total)
        if equal:
            x = _raised(x, np.where((reduce.total(need) < total)[..., None], upper, x), total)
        if state.action is not None:
            x = nearest(setting, round, state.action, x, *round.feasible.bounds)
        return x, ProportionalShareState(state.round, True, state.action)

    def settle(
        self, setting: Setting, state: ProportionalShareState, round: Round, applied: Array, burden: Array
    ) -> ProportionalShareState:
        """Nothing to remember but what was applied, where moves have limits."""
        settling(state, ProportionalShareState, burden)
        return ProportionalShareState(state.round + 1, action=held(setting, applied))


def _raised(floor: Array, most: Array, total: Array) -> Array:
    """From floor towards most, everybody by the same share of the way, as far as the total goes: (..., n)."""
    way = most - floor
    left, whole = np.maximum(total - reduce.total(floor), 0.0), reduce.total(way)
    share = np.divide(left, whole, out=np.ones(np.broadcast_shapes(left.shape, whole.shape)), where=whole > left)
    return floor + share[..., None] * way
