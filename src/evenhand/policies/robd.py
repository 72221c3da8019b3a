"""ROBD: regularised online balanced descent (Goel, Lin, Sun, Wierman, NeurIPS 2019). Source: spec/online.md §3, §5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from evenhand import params
from evenhand.columns import Array, kept, number, same
from evenhand.core import Round, Setting
from evenhand.policies.block import played
from evenhand.policies.turn import deciding, settling
from evenhand.proximal import moved, proximal
from evenhand.trajectory import Block

__all__ = ["ROBD", "ROBDState", "balanced_lambda2"]


def balanced_lambda2(m: Array | float, beta: float) -> Array:
    """The lambda2 of (10) that balances the two factors of bound B: (m/2 beta)(sqrt(1 + 4 beta/m) - 1), 0 where m = 0.

    Written as 2 / (1 + sqrt(1 + 4 beta / m)), which loses nothing for small beta; 1 at beta = 0.
    """
    modulus = np.asarray(m, dtype=np.float64)
    ratio = np.divide(4.0 * beta, modulus, out=np.full_like(modulus, np.inf), where=modulus > 0)
    return 2.0 / (1.0 + np.sqrt(1.0 + ratio))


@final
@dataclass(frozen=True, slots=True)
class ROBDState:
    """Rounds settled, the last action applied (..., n), and whether a round is decided and open."""

    round: int
    action: Array
    open: bool = False

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class ROBD:
    """x_t = argmin f_t(x) + lambda1 s(x, x_{t-1}) + (lambda2/2) |x - v_t|^2, |.| the norm of the quadratic part of s.

    Where s is squared: lambda1 (beta/2) ||x - x_{t-1}||^2 + lambda2 (beta/2) ||x - v_t||^2; where s has no quadratic
    part lambda2 does nothing. lambda1 in (0, 1]; lambda2 >= 0, or None for the balanced choice (10) with m_f of the
    round and the stiffest direction of s for beta.
    """

    lambda1: float = 1.0
    lambda2: float | None = None

    #: its actions are the same in any units of money, actions and burdens
    unitless: ClassVar[bool] = True

    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def __post_init__(self) -> None:
        object.__setattr__(self, "lambda1", number("lambda1", self.lambda1, low=0.0, high=1.0, open_low=True))
        if self.lambda2 is not None:
            object.__setattr__(self, "lambda2", number("lambda2", self.lambda2, low=0.0))

    @classmethod
    def balanced(cls, m: float, beta: float) -> ROBD:
        """lambda1 = 1 and lambda2 of (10) for costs that are m-strongly convex:
        competitive ratio (1 + sqrt(1 + 4 beta/m)) / 2.
        """
        number("m", m, low=0.0, open_low=True)
        return cls(1.0, float(balanced_lambda2(m, number("beta", beta, low=0.0))))

    def init(self, setting: Setting) -> ROBDState:
        """Start at x_0."""
        return ROBDState(0, setting.initial)

    def decide(self, setting: Setting, state: ROBDState, round: Round) -> tuple[Array, ROBDState]:
        """The hitting minimiser v_t, then the step between it and the last action."""
        deciding(state, ROBDState, setting, round)
        pull: Any = self._pull(setting, round)
        pull = pull[..., None] if self.lambda2 is None else pull
        x = moved(setting, round, state.action, weight=self.lambda1, pull=pull, towards=proximal(round))
        return x, ROBDState(state.round, state.action, True)

    def _pull(self, setting: Setting, round: Round) -> Any:
        """lambda2: a number, or (...) where it follows the round's costs."""
        if self.lambda2 is not None:
            return self.lambda2
        return balanced_lambda2(round.cost.strong_convexity(), setting.switching.moves.stiffness)

    def settle(self, setting: Setting, state: ROBDState, round: Round, applied: Array, burden: Array) -> ROBDState:
        """Remember what was applied."""
        settling(state, ROBDState, burden)
        return ROBDState(state.round + 1, kept(applied))

    def block(self, setting: Setting, state: ROBDState, rounds: Round) -> Block | None:
        """Many rounds at once, where all of them is compiled."""
        found = played(setting, rounds, state.action, weight=self.lambda1, pull=self._pull(setting, rounds))
        if found is None:
            return None
        return Block(found.actions, found.burdens, None, ROBDState(state.round + found.actions.shape[-2], found.action))
