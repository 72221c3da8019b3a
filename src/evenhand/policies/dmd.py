"""DMD: dual mirror descent (Balseiro, Lu, Mirrokni, ICML 2021). Source: spec/online.md §3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, final

from evenhand import params
from evenhand.columns import Array, same
from evenhand.core import Mirror, Round, Setting
from evenhand.mirror import Euclidean
from evenhand.policies.block import Price, played
from evenhand.policies.dual import Dual, Rate
from evenhand.policies.turn import deciding, held, settling
from evenhand.proximal import moved, proximal
from evenhand.trajectory import Block

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
    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

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

    @property
    def unitless(self) -> bool:
        """Whether its actions are the same in any units of money, actions and burdens."""
        return self.dual.unitless

    def block(self, setting: Setting, state: DMDState, rounds: Round) -> Block | None:
        """Many rounds at once, where all of them is compiled."""
        price = Price(self.dual, state.kappa, state.rate)
        found = played(setting, rounds, state.action, weight=0.0, price=price)
        if found is None:
            return None
        actions, burdens, prices, action, kappa, rate = found
        last = held(setting, action)
        return Block(actions, burdens, prices, DMDState(state.round + actions.shape[-2], kappa, action=last, rate=rate))

    def price(self, state: DMDState) -> Array | None:
        """kappa_t."""
        return state.kappa
