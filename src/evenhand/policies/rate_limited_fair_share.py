"""RateLimitedFairShare: the fair share of the moment, approached by at most a given move a round.

What Armada does, in this model: its scheduler divides a cluster by the weighted max-min fair shares of those who ask
for something now, and limits how fast jobs are scheduled (`maximumSchedulingRate`) and taken away. The model
simplifies: a resource is divisible and of one kind, nothing is indivisible or gang-scheduled, and one limit holds for
gaining and losing. It remembers nothing but where it stands. Source: spec/online.md §10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand import params
from evenhand.columns import Array, kept, number, same
from evenhand.core import Round, Setting
from evenhand.kernels import reduce
from evenhand.policies.quota import asked, entitled, fair_share, nearest, quotas, room
from evenhand.policies.turn import deciding, settling
from evenhand.sets import Budget

__all__ = ["RateLimitedFairShare", "RateLimitedFairShareState"]


@final
@dataclass(frozen=True, slots=True)
class RateLimitedFairShareState:
    """Rounds settled, the last action applied (..., n), and whether a round is decided and open."""

    round: int
    action: Array
    open: bool = False

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class RateLimitedFairShare:
    """x_t = the point nearest to the weighted max-min fair share with |x_i - x_{i,t-1}| <= rate quota_i.

    rate: above 0, inf for no limit. quota: (n,), the weights of the fair share, in units of x; None: the upper bounds,
    the same for all where there are none. A demand is that of an `Unserved` cost, else the upper bound. Where the total
    to place cannot be reached by such moves, they are as large as they must be. Ignores costs of every kind.
    """

    rate: float = 0.1
    quota: Any = None

    __eq__ = same
    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def __post_init__(self) -> None:
        endless = isinstance(self.rate, float) and self.rate == np.inf
        rate = np.inf if endless else number("rate", self.rate, low=0.0, open_low=True)
        object.__setattr__(self, "rate", rate)
        object.__setattr__(self, "quota", quotas(self.quota))

    def init(self, setting: Setting) -> RateLimitedFairShareState:
        """Start at x_0."""
        return RateLimitedFairShareState(0, setting.initial)

    def decide(
        self, setting: Setting, state: RateLimitedFairShareState, round: Round
    ) -> tuple[Array, RateLimitedFairShareState]:
        """As near to the fair share as the rate allows."""
        deciding(state, RateLimitedFairShareState, setting, round)
        lower, upper, total, equal = room(self, round)
        quota = entitled(self, self.quota, round)
        goal = fair_share(quota, lower, upper, asked(round, lower, upper), total, equal)
        moves = setting.switching.moves.at(round.index)
        low = np.maximum(lower, np.minimum(state.action - np.minimum(self.rate * quota, moves.fall), upper))
        high = np.minimum(upper, np.maximum(state.action + np.minimum(self.rate * quota, moves.rise), lower))
        if isinstance(round.feasible, Budget):
            slack = 1e-12 * (1.0 + np.abs(total))
            fits = reduce.total(low) <= total + slack
            fits = (fits & (reduce.total(high) >= total - slack) if equal else fits)[..., None]
            low, high = np.where(fits, low, lower), np.where(fits, high, upper)
        x = nearest(setting, round, state.action, goal, low, high)
        return x, RateLimitedFairShareState(state.round, state.action, True)

    def settle(
        self, setting: Setting, state: RateLimitedFairShareState, round: Round, applied: Array, burden: Array
    ) -> RateLimitedFairShareState:
        """Remember what was applied."""
        settling(state, RateLimitedFairShareState, burden)
        return RateLimitedFairShareState(state.round + 1, kept(applied))
