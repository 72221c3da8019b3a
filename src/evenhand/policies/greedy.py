"""Greedy: hitting plus switching cost of this round, nothing else. Source: spec/online.md §3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from evenhand import params
from evenhand.columns import Array, kept, same
from evenhand.core import Round, Setting
from evenhand.policies.block import played
from evenhand.policies.turn import deciding, settling
from evenhand.proximal import moved
from evenhand.trajectory import Block

__all__ = ["Greedy", "GreedyState"]


@final
@dataclass(frozen=True, slots=True)
class GreedyState:
    """Rounds settled, the last action applied (..., n), and whether a round is decided and open."""

    round: int
    action: Array
    open: bool = False

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Greedy:
    """x_t = argmin f_t(x) + s(x, x_{t-1}): step (3) with lambda1 = 1, lambda2 = 0, kappa = 0."""

    #: its actions are the same in any units of money, actions and burdens
    unitless: ClassVar[bool] = True

    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def init(self, setting: Setting) -> GreedyState:
        """Start at x_0."""
        return GreedyState(0, setting.initial)

    def decide(self, setting: Setting, state: GreedyState, round: Round) -> tuple[Array, GreedyState]:
        """The step from the last action."""
        deciding(state, GreedyState, setting, round)
        return moved(setting, round, state.action), GreedyState(state.round, state.action, True)

    def settle(self, setting: Setting, state: GreedyState, round: Round, applied: Array, burden: Array) -> GreedyState:
        """Remember what was applied."""
        settling(state, GreedyState, burden)
        return GreedyState(state.round + 1, kept(applied))

    def block(self, setting: Setting, state: GreedyState, rounds: Round) -> Block | None:
        """Many rounds at once, where all of them is compiled."""
        found = played(setting, rounds, state.action)
        if found is None:
            return None
        return Block(
            found.actions, found.burdens, None, GreedyState(state.round + found.actions.shape[-2], found.action)
        )
