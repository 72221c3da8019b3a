"""HITMIN: each round at its own minimum. Source: spec/online.md §3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from evenhand import params
from evenhand.columns import Array, same
from evenhand.core import Round, Setting
from evenhand.policies.block import played
from evenhand.policies.turn import deciding, held, settling
from evenhand.proximal import moved, proximal
from evenhand.trajectory import Block

__all__ = ["HitMin", "HitMinState"]


@final
@dataclass(frozen=True, slots=True)
class HitMinState:
    """Rounds settled, whether one is decided and open, and, where moves have limits, the last action (..., n)."""

    round: int
    open: bool = False
    action: Array | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class HitMin:
    """x_t = argmin over X_t of f_t: blind to what moves cost and to fairness; limits of moves hold for it too."""

    #: its actions are the same in any units of money, actions and burdens
    unitless: ClassVar[bool] = True

    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def init(self, setting: Setting) -> HitMinState:
        """Nothing to remember but x_0, where moves have limits."""
        return HitMinState(0, action=held(setting, setting.initial))

    def decide(self, setting: Setting, state: HitMinState, round: Round) -> tuple[Array, HitMinState]:
        """The hitting minimiser v_t, inside the limits of a move from the last action where there are any."""
        deciding(state, HitMinState, setting, round)
        x = proximal(round) if state.action is None else moved(setting, round, state.action, weight=0.0)
        return x, HitMinState(state.round, True, state.action)

    def settle(self, setting: Setting, state: HitMinState, round: Round, applied: Array, burden: Array) -> HitMinState:
        """Nothing to remember but what was applied, where moves have limits."""
        settling(state, HitMinState, burden)
        return HitMinState(state.round + 1, action=held(setting, applied))

    def block(self, setting: Setting, state: HitMinState, rounds: Round) -> Block | None:
        """Many rounds at once, where all of them is compiled."""
        found = played(setting, rounds, state.action, weight=0.0)
        if found is None:
            return None
        return Block(
            found.actions,
            found.burdens,
            None,
            HitMinState(state.round + found.actions.shape[-2], action=held(setting, found.action)),
        )
