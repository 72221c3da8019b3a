"""VirtualTokenCounter: serve whoever has received least, and let nobody save up while it asks for nothing.

A fluid form of VTC (Sheng, Cao, Li, Zhu, Li, Zhuo, Gonzalez, Stoica, "Fairness in Serving Large Language Models", OSDI
2024, algorithm 2 and its weighted form): a counter of tokens served for every client, divided by its weight; whenever
there is room the queued client with the least counter is served; a client that comes back lifts its counter to the
least of those that are queued, or, where there are none, to that of the last one that left. The model simplifies: a
resource is divisible and of one kind, a unit of it is a token, input and output alike; nobody queues, so what is not
served is lost, and a client is one of the queued while it asks for something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand import params
from evenhand.columns import Array, kept, same
from evenhand.core import Round, Setting
from evenhand.policies.quota import asked, entitled, fair_share, nearest, quotas, room
from evenhand.policies.turn import deciding, held, settling

__all__ = ["VirtualTokenCounter", "VirtualTokenCounterState"]


@final
@dataclass(frozen=True, slots=True)
class VirtualTokenCounterState:
    """Rounds settled; counters (..., n), in quotas; who asked for something in the last round in which anybody did
    (..., n), 1 or 0; whether a round is decided and open; and, where moves have limits, the last action (..., n).
    """

    round: int
    counter: Array
    queued: Array
    open: bool = False
    action: Array | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class VirtualTokenCounter:
    """Raise the least counters together, each client up to what it asks for, as far as the total goes.

    quota: (n,), the weights of the clients, in units of x; None: the upper bounds, the same for all where there are
    none. A demand is that of an `Unserved` cost, else the upper bound. On a Budget whose total must be placed, what
    nobody asks for is divided by quota and not counted. Of several that left last, the least counter is taken.
    Ignores costs of every kind.
    """

    quota: Any = None

    __eq__ = same
    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def __post_init__(self) -> None:
        object.__setattr__(self, "quota", quotas(self.quota))

    def init(self, setting: Setting) -> VirtualTokenCounterState:
        """Nobody has received anything, nobody is queued."""
        none = kept(np.zeros(setting.initial.shape[0]))
        return VirtualTokenCounterState(0, none, none, action=held(setting, setting.initial))

    def decide(
        self, setting: Setting, state: VirtualTokenCounterState, round: Round
    ) -> tuple[Array, VirtualTokenCounterState]:
        """Lift whoever comes back, then raise the least counters."""
        deciding(state, VirtualTokenCounterState, setting, round)
        lower, upper, total, equal = room(self, round)
        need, quota = asked(round, lower, upper), entitled(self, self.quota, round)
        counter, queued = _lifted(state.counter, state.queued, need > lower)
        x = fair_share(quota, lower, upper, need, total, equal, counter)
        if state.action is not None:
            x = nearest(setting, round, state.action, x, *round.feasible.bounds)
        return x, VirtualTokenCounterState(state.round, kept(counter), kept(queued), True, state.action)

    def settle(
        self, setting: Setting, state: VirtualTokenCounterState, round: Round, applied: Array, burden: Array
    ) -> VirtualTokenCounterState:
        """Count what was applied, up to what was asked for."""
        settling(state, VirtualTokenCounterState, burden)
        lower, upper, _, _ = room(self, round)
        served = np.minimum(applied, asked(round, lower, upper))
        counter = state.counter + served / entitled(self, self.quota, round)
        return VirtualTokenCounterState(state.round + 1, kept(counter), state.queued, action=held(setting, applied))


def _lifted(counter: Array, before: Array, asks: Any) -> tuple[Array, Array]:
    """Counters (..., n) after those that come back were lifted, and who is queued now (..., n)."""
    counter, before, asks = np.broadcast_arrays(counter, before > 0.0, asks)
    stay = before & asks
    others = np.where(stay.any(axis=-1, keepdims=True), stay, before)
    least = np.where(others, counter, np.inf).min(axis=-1, keepdims=True)
    back = asks & np.logical_not(before) & np.isfinite(least)
    some = asks.any(axis=-1, keepdims=True)
    return np.where(back, np.maximum(counter, least), counter), np.where(some, asks, before).astype(np.float64)
