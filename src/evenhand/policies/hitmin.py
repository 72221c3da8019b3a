"""HITMIN: each round at its own minimum. Source: spec/online.md §3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from evenhand.columns import Array
from evenhand.core import Round, Setting
from evenhand.policies.turn import deciding, settling
from evenhand.proximal import proximal

__all__ = ["HitMin", "HitMinState"]


@final
@dataclass(frozen=True, slots=True)
class HitMinState:
    """Rounds settled, and whether one is decided and open."""

    round: int
    open: bool = False


@final
@dataclass(frozen=True, slots=True)
class HitMin:
    """x_t = argmin over X_t of f_t: blind to the past and to fairness."""

    def init(self, setting: Setting) -> HitMinState:
        """Nothing to remember."""
        return HitMinState(0)

    def decide(self, setting: Setting, state: HitMinState, round: Round) -> tuple[Array, HitMinState]:
        """The hitting minimiser v_t, inside the limits of a move from the action before where there are any."""
        deciding(state, HitMinState, setting, round)
        return proximal(round), HitMinState(state.round, True)

    def settle(self, setting: Setting, state: HitMinState, round: Round, applied: Array, burden: Array) -> HitMinState:
        """Nothing to remember."""
        settling(state, HitMinState, burden)
        return HitMinState(state.round + 1)
