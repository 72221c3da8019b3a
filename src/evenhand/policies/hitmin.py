"""HITMIN: each round at its own minimum. Source: spec/online.md §3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from evenhand.columns import Array
from evenhand.core import Round, Setting
from evenhand.proximal import proximal

__all__ = ["HitMin", "HitMinState"]


@final
@dataclass(frozen=True, slots=True)
class HitMinState:
    """How many rounds were played."""

    round: int


@final
@dataclass(frozen=True, slots=True)
class HitMin:
    """x_t = argmin over X_t of f_t: blind to the past and to fairness."""

    def init(self, setting: Setting) -> HitMinState:
        """Nothing to remember."""
        return HitMinState(0)

    def step(self, setting: Setting, state: HitMinState, round: Round) -> tuple[Array, HitMinState]:
        """The hitting minimiser v_t."""
        return proximal(round), HitMinState(state.round + 1)
