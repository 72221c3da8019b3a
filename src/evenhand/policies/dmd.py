"""DMD: dual mirror descent (Balseiro, Lu, Mirrokni, ICML 2021). Source: spec/online.md §3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, final

import numpy as np

from evenhand import params
from evenhand.columns import Array, same
from evenhand.core import Mirror, Problem, Round, Setting
from evenhand.mirror import Euclidean
from evenhand.policies.dual import Dual, Rate
from evenhand.policies.streamed import streamed
from evenhand.policies.turn import deciding, held, settling
from evenhand.proximal import moved, proximal

__all__ = ["DMD", "DMDState"]


@final
@dataclass(frozen=True, slots=True)
class DMDState:
    """Rounds settled, the price kappa of the coming round (..., m), None before the first where the setting names no
    entities, whether a round is decided and open, where moves have limits, the last action applied (..., n), and what
    an automatic rate knows.
    """

    round: int
    kappa: Array | None
    open: bool = False
    action: Array | None = None
    rate: Rate | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class DMD:
    """Steps (3), (4), (5) with lambda1 = lambda2 = 0: fair in the long run, blind to what moves cost, inside limits.

    Parameters as those of `FairOBD`.
    """

    eta: Any = "auto"
    mirror: Mirror = Euclidean()
    domain: Literal["free", "ball"] | None = None
    kappa1: Any = None
    dual: Dual = field(init=False, repr=False, compare=False)

    #: parameters that may be arrays over leading axes: a sweep plays their values as one batch
    broadcasts: ClassVar[tuple[str, ...]] = ("eta",)

    __eq__ = same
    get_params, set_params, __sklearn_clone__ = params.get_params, params.set_params, params.clone

    def __post_init__(self) -> None:
        object.__setattr__(self, "dual", Dual(self.eta, self.mirror, self.domain, self.kappa1))

    def init(self, setting: Setting) -> DMDState:
        """Start at kappa_1."""
        return DMDState(0, self.dual.begin(setting), action=held(setting, setting.initial))

    def decide(self, setting: Setting, state: DMDState, round: Round) -> tuple[Array, DMDState]:
        """The priced hitting minimiser."""
        deciding(state, DMDState, setting, round)
        kappa = self.dual.first(setting, round.impact.entities) if state.kappa is None else state.kappa
        tilt = round.impact.tilt(kappa)
        x = proximal(round, tilt) if state.action is None else moved(setting, round, state.action, tilt, weight=0.0)
        return x, DMDState(state.round, kappa, True, state.action, state.rate)

    def settle(self, setting: Setting, state: DMDState, round: Round, applied: Array, burden: Array) -> DMDState:
        """The mirror step, along the burden that was borne."""
        settling(state, DMDState, burden)
        assert state.kappa is not None
        kappa, rate = self.dual.next(setting, state.kappa, burden, state.rate)
        return DMDState(state.round + 1, kappa, action=held(setting, applied), rate=rate)

    def stream(self, setting: Setting, state: DMDState, block: Problem) -> tuple[Array, DMDState] | None:
        """The rounds of ``block`` at once (..., T, n), settled as decided, where `streamed` knows how."""
        kappa = self.dual.first(setting, block.impact.entities) if state.kappa is None else state.kappa
        played = streamed(self.dual, setting, block, np.zeros_like(setting.initial), kappa, state.rate, 0.0)
        if played is None:
            return None
        actions, kappa, rate = played
        return actions, DMDState(state.round + block.horizon, kappa, rate=rate)

    @property
    def unitless(self) -> bool:
        """Whether its actions are the same in any units of money, actions and burdens."""
        return self.dual.unitless

    def price(self, state: DMDState) -> Array | None:
        """kappa_t."""
        return state.kappa
