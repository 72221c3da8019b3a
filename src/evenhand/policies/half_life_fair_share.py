"""HalfLifeFairShare: whoever has used least of its quota, as it is remembered, is served first.

What cluster schedulers do: Kueue's admission fair sharing orders the queues of a cluster queue by their usage, which
halves in `usageHalfLifeTime`; KAI Scheduler's time-aware fairness gives queues with more past usage, which fades by a
half-life, less of what is over quota. The model simplifies: a resource is divisible and of one kind, everything that
runs can be moved every round, nobody queues, so what is not served is lost. Kueue admits whole workloads in that order
and adds a penalty at admission; KAI divides deserved quotas first and applies its memory to the rest. Source:
spec/online.md §10.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from evenhand import params
from evenhand.columns import Array, same
from evenhand.core import Round, Setting
from evenhand.kernels import reduce
from evenhand.memory.half_life import HalfLife
from evenhand.policies.quota import asked, entitled, nearest, quotas, room
from evenhand.policies.turn import deciding, held, settling

__all__ = ["HalfLifeFairShare", "HalfLifeFairShareState"]


@final
@dataclass(frozen=True, slots=True)
class HalfLifeFairShareState:
    """Rounds settled, what is remembered of usage (..., n + 1), whether a round is decided and open, and, where moves
    have limits, the last action applied (..., n).
    """

    round: int
    used: Array
    open: bool = False
    action: Array | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class HalfLifeFairShare:
    """Serve in the order of remembered usage / quota, least first, each up to what it asks for; then what is left over.

    rounds: the half-life of what was used, above 0. quota: (n,), what each is entitled to, in any unit; None: the upper
    bounds, the same for all where there are none. A demand is that of an `Unserved` cost, else the upper bound. On a
    Budget whose total must be placed, what nobody asks for goes to the same ones in the same order; equals are served
    in the order of the actions. Ignores costs of every kind.
    """

    rounds: float = 24.0
    quota: Any = None
    usage: HalfLife = field(init=False, repr=False, compare=False)

    #: its actions are the same in any units of money, actions and burdens
    unitless: ClassVar[bool] = True

    __eq__ = same
    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def __post_init__(self) -> None:
        object.__setattr__(self, "usage", HalfLife(self.rounds))
        object.__setattr__(self, "rounds", self.usage.rounds)
        object.__setattr__(self, "quota", quotas(self.quota))

    def init(self, setting: Setting) -> HalfLifeFairShareState:
        """Nobody has used anything."""
        n = setting.initial.shape[0]
        return HalfLifeFairShareState(0, self.usage.begin(n), action=held(setting, setting.initial))

    def decide(
        self, setting: Setting, state: HalfLifeFairShareState, round: Round
    ) -> tuple[Array, HalfLifeFairShareState]:
        """First what is asked for, in order, then the rest."""
        deciding(state, HalfLifeFairShareState, setting, round)
        lower, upper, total, equal = room(self, round)
        need = asked(round, lower, upper)
        share = self.usage.remembered(state.used) / entitled(self, self.quota, round)
        lead = np.broadcast_shapes(share.shape, need.shape, (*np.shape(total), share.shape[-1]))
        order = np.argsort(np.broadcast_to(share, lead), axis=-1, kind="stable")
        x = _in_order(order, np.broadcast_to(lower, lead), need, total)
        if equal:
            x = _in_order(order, x, upper, total)
        if state.action is not None:
            x = nearest(setting, round, state.action, x, *round.feasible.bounds)
        return x, HalfLifeFairShareState(state.round, state.used, True, state.action)

    def settle(
        self, setting: Setting, state: HalfLifeFairShareState, round: Round, applied: Array, burden: Array
    ) -> HalfLifeFairShareState:
        """What was applied was used."""
        settling(state, HalfLifeFairShareState, burden)
        used = self.usage.add(state.used, applied)
        return HalfLifeFairShareState(state.round + 1, used, action=held(setting, applied))


def _in_order(order: NDArray[np.intp], floor: Array, most: Array, total: Array) -> Array:
    """From floor up to most, in order, as far as the total goes: (..., n)."""
    need = np.take_along_axis(np.broadcast_to(most, floor.shape) - floor, order, axis=-1)
    left = np.maximum(total - reduce.total(floor), 0.0)[..., None]
    before = np.cumsum(need, axis=-1) - need
    given = np.empty(floor.shape)
    np.put_along_axis(given, order, np.minimum(np.maximum(left - before, 0.0), need), axis=-1)
    return floor + given
