"""FairOBD: fairness-regularised online balanced descent (Li, Han, Wierman, Ren, NeurIPS 2025).

Source: spec/online.md §2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, final

from evenhand import params
from evenhand.columns import Array, kept, number, same
from evenhand.core import Mirror, Round, Setting
from evenhand.mirror import Euclidean
from evenhand.policies.block import Price, played
from evenhand.policies.dual import Dual, Rate
from evenhand.policies.robd import balanced_lambda2
from evenhand.policies.turn import deciding, settling
from evenhand.proximal import moved, proximal
from evenhand.trajectory import Block

__all__ = ["FairOBD", "FairOBDState"]


@final
@dataclass(frozen=True, slots=True)
class FairOBDState:
    """Rounds settled, the last action applied (..., n), the price kappa of the coming round (..., m), None before the
    first where the setting names no entities, whether a round is decided and open, and what an automatic rate knows.
    """

    round: int
    action: Array
    kappa: Array | None
    open: bool = False
    rate: Rate | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class FairOBD:
    """Steps (3), (4), (5): a proximal action under the price kappa, then a mirror step on kappa.

    eta > 0, or "auto": from the size of the burdens seen so far (`policies/dual.py`), the same in any units; lambda1 in
    (0, 1] scales the switching cost, of whatever family (limits always hold); lambda2 >= 0 pulls towards the hitting
    minimiser in the norm of that cost's quadratic part, so it does nothing where the cost has none; mirror: the
    reference function of the price's step, such as Euclidean or Entropy; domain `free` or `ball`, None: `ball` where
    eta is "auto", else `free`; kappa1: start of kappa, in money per burden; None: in `free` the paper's 1 for every
    entity, which is another start in other units (give the size of a price, such as mu), in `ball` the centre of the
    dual ball, the same in all. A number eta: money per squared burden. The paper's experiment is eta = 0.01, so `free`.
    Guarantee, for eta a number: bounds A and B of spec/online.md §5, for squared and weighted costs. eta may carry
    leading axes.
    """

    eta: Any = "auto"
    lambda1: float = 1.0
    lambda2: float = 0.0
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
        object.__setattr__(self, "lambda1", number("lambda1", self.lambda1, low=0.0, high=1.0, open_low=True))
        object.__setattr__(self, "lambda2", number("lambda2", self.lambda2, low=0.0))
        object.__setattr__(self, "dual", Dual(self.eta, self.mirror, self.domain, self.kappa1))

    @classmethod
    def balanced(cls, m: float, beta: float, **rest: Any) -> FairOBD:
        """lambda1 = 1 and lambda2 of (10) for m-strongly convex hitting costs:
        both factors of bound B are then C* of (10).
        """
        number("m", m, low=0.0, open_low=True)
        return cls(lambda1=1.0, lambda2=float(balanced_lambda2(m, number("beta", beta, low=0.0))), **rest)

    def init(self, setting: Setting) -> FairOBDState:
        """Start at x_0 and kappa_1."""
        return FairOBDState(0, setting.initial, self.dual.begin(setting))

    def decide(self, setting: Setting, state: FairOBDState, round: Round) -> tuple[Array, FairOBDState]:
        """The action (3) under the price in force."""
        deciding(state, FairOBDState, setting, round)
        kappa = self.dual.first(setting, round.impact.entities) if state.kappa is None else state.kappa
        tilt = round.impact.tilt(kappa)
        if self.lambda2:
            v = proximal(round)
            x = moved(setting, round, state.action, tilt, weight=self.lambda1, pull=self.lambda2, towards=v)
        else:
            x = moved(setting, round, state.action, tilt, weight=self.lambda1)
        return x, FairOBDState(state.round, state.action, kappa, True, state.rate)

    def settle(
        self, setting: Setting, state: FairOBDState, round: Round, applied: Array, burden: Array
    ) -> FairOBDState:
        """The price (4), (5) answers to the burden that was borne; moves start from the action that was applied."""
        settling(state, FairOBDState, burden)
        assert state.kappa is not None
        kappa, rate = self.dual.next(setting, state.kappa, burden, state.rate)
        return FairOBDState(state.round + 1, kept(applied), kappa, rate=rate)

    @property
    def unitless(self) -> bool:
        """Whether its actions are the same in any units of money, actions and burdens."""
        return self.dual.unitless

    def block(self, setting: Setting, state: FairOBDState, rounds: Round) -> Block | None:
        """Many rounds at once, where all of them is compiled."""
        pull = self.lambda2 or None
        price = Price(self.dual, state.kappa, state.rate)
        found = played(setting, rounds, state.action, weight=self.lambda1, pull=pull, price=price)
        if found is None:
            return None
        actions, burdens, prices, action, kappa, rate = found
        return Block(actions, burdens, prices, FairOBDState(state.round + actions.shape[-2], action, kappa, rate=rate))

    def price(self, state: FairOBDState) -> Array | None:
        """kappa_t."""
        return state.kappa
