"""StaticQuota: everybody keeps its quota of the whole, whatever it asks for.

What a partitioned cluster does, and a hard `ResourceQuota` for every namespace in Kubernetes: capacity that one tenant
leaves idle goes to nobody. The model simplifies: a resource is divisible and of one kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from evenhand import params
from evenhand.columns import Array, same
from evenhand.core import Round, Setting
from evenhand.policies.quota import entitled, fair_share, nearest, quotas, room
from evenhand.policies.turn import deciding, held, settling

__all__ = ["StaticQuota", "StaticQuotaState"]


@final
@dataclass(frozen=True, slots=True)
class StaticQuotaState:
    """Rounds settled, whether one is decided and open, and, where moves have limits, the last action (..., n)."""

    round: int
    open: bool = False
    action: Array | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class StaticQuota:
    """x_i = quota_i of the total to share, within bounds; what a bound keeps from one goes to the others by quota.

    quota: (n,), in any unit; None: the upper bounds, the same for all where there are none. Ignores demand, the past
    and costs of every kind; moves only where the total or the bounds do.
    """

    quota: Any = None

    #: its actions are the same in any units of money, actions and burdens
    unitless: ClassVar[bool] = True

    __eq__ = same
    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def __post_init__(self) -> None:
        object.__setattr__(self, "quota", quotas(self.quota))

    def init(self, setting: Setting) -> StaticQuotaState:
        """Nothing to remember but x_0, where moves have limits."""
        return StaticQuotaState(0, action=held(setting, setting.initial))

    def decide(self, setting: Setting, state: StaticQuotaState, round: Round) -> tuple[Array, StaticQuotaState]:
        """The quotas of the total."""
        deciding(state, StaticQuotaState, setting, round)
        lower, upper, total, equal = room(self, round)
        x = fair_share(entitled(self, self.quota, round), lower, upper, upper, total, equal)
        if state.action is not None:
            x = nearest(setting, round, state.action, x, *round.feasible.bounds)
        return x, StaticQuotaState(state.round, True, state.action)

    def settle(
        self, setting: Setting, state: StaticQuotaState, round: Round, applied: Array, burden: Array
    ) -> StaticQuotaState:
        """Nothing to remember but what was applied, where moves have limits."""
        settling(state, StaticQuotaState, burden)
        return StaticQuotaState(state.round + 1, action=held(setting, applied))
