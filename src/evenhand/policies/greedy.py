"""Greedy: hitting plus switching cost of this round, nothing else. Source: spec/online.md §3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from evenhand.columns import Array
from evenhand.core import Round, Setting
from evenhand.proximal import proximal

__all__ = ["Greedy", "GreedyState"]


@final
@dataclass(frozen=True, slots=True)
class GreedyState:
    """Rounds played and the last action (..., n)."""

    round: int
    action: Array


@final
@dataclass(frozen=True, slots=True)
class Greedy:
    """x_t = argmin f_t(x) + (beta/2) ||x - x_{t-1}||^2: step (3) with lambda1 = 1, lambda2 = 0, kappa = 0."""

    def init(self, setting: Setting) -> GreedyState:
        """Start at x_0."""
        return GreedyState(0, setting.initial)

    def step(self, setting: Setting, state: GreedyState, round: Round) -> tuple[Array, GreedyState]:
        """The proximal step from the last action."""
        x = proximal(round, 0.0, setting.beta, state.action)
        return x, GreedyState(state.round + 1, x)
