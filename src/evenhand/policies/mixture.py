"""Mixture: several policies, each on its own trajectory; their mixture is played. Source: spec/online.md §12.

    x_t = sum_i w_{i,t} x^i_t,   w_t proportional to prior_i exp(-rate L_{i,t} / c_t)

L_{i,t} is what expert i's own trajectory has cost so far and c_t about what the best one has (`planning/opinions.py`).
The mixture costs at most what expert i costs, plus c_T ln(1 / prior_i) / (rate T), plus what the moves of the weights
cost; `mixture_bound` gives every term for a run. No horizon and no unit enters.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand import params
from evenhand.columns import Array, kept, number, offers, same
from evenhand.core import Policy, Round, Setting
from evenhand.errors import ParameterError
from evenhand.planning.opinions import Opinions, blend, happened, opened, priors, within_limits
from evenhand.policies.fair_obd import FairOBD
from evenhand.policies.robd import ROBD
from evenhand.policies.turn import deciding, settling

__all__ = ["Mixture", "MixtureState"]


@final
@dataclass(frozen=True, slots=True)
class MixtureState:
    """Rounds settled, the last action applied, or decided where a round is open (..., n), the opinions, the experts'
    own states, and whether a round is decided and open.
    """

    round: int
    action: Array
    opinions: Opinions
    states: tuple[Any, ...]
    open: bool = False

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of policies, in proportion to how well their own trajectories have done.

    experts: any policies, with any forecasts. prior: their shares before anything was seen, above 0; None: equal.
    rate >= 0: how fast shares follow costs; an expert that is x % dearer than the best so far keeps the share
    exp(-rate x / 100) of what it would have. 0: the prior for ever. Raises ParameterError for no expert, or one that
    plays one episode at a time.
    """

    experts: tuple[Policy[Any], ...] = (FairOBD(), ROBD())
    prior: Any = None
    rate: float = 60.0
    shares: Array = field(init=False, repr=False, compare=False)
    speed: float = field(init=False, repr=False, compare=False)

    __eq__ = same
    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def __post_init__(self) -> None:
        try:
            experts: tuple[Any, ...] = tuple(self.experts)
        except TypeError:
            experts = ()
        if not experts or any(isinstance(one, type) or not offers(type(one), Policy) for one in experts):
            raise ParameterError(f"experts is {self.experts!r:.80}: give policies, such as (FairOBD(), ROBD())")
        if not all(getattr(one, "batched", True) for one in experts):
            raise ParameterError(f"experts is {self.experts!r:.80}: one of them plays one episode at a time")
        object.__setattr__(self, "experts", experts)
        object.__setattr__(self, "rate", number("rate", self.rate, low=0.0))
        object.__setattr__(self, "speed", self.rate)
        object.__setattr__(self, "shares", priors(self.prior, len(experts)))
        if self.prior is not None:
            object.__setattr__(self, "prior", self.shares)

    def init(self, setting: Setting) -> MixtureState:
        """Everyone at x_0."""
        states = tuple(expert.init(setting) for expert in self.experts)
        return MixtureState(0, setting.initial, opened(setting, self.shares), states)

    def decide(self, setting: Setting, state: MixtureState, round: Round) -> tuple[Array, MixtureState]:
        """What each would do, then the mixture of it."""
        deciding(state, MixtureState, setting, round)
        told = [expert.decide(setting, own, round) for expert, own in zip(self.experts, state.states, strict=True)]
        actions = np.stack(np.broadcast_arrays(*(action for action, _ in told)), axis=-2)
        x, opinions = blend(setting, round, state.opinions, actions, self.shares, self.rate)
        x = within_limits(setting, round, state.action, x)
        return x, MixtureState(state.round, kept(x), opinions, tuple(own for _, own in told), True)

    def settle(
        self, setting: Setting, state: MixtureState, round: Round, applied: Array, burden: Array
    ) -> MixtureState:
        """Everyone's round is over, as decided but for what went beyond the decision."""
        settling(state, MixtureState, burden)
        opinions, burdens = happened(setting, round, state.opinions, state.action, applied, burden)
        states = tuple(
            expert.settle(setting, own, round, opinions.actions[..., i, :], burdens[..., i, :])
            for i, (expert, own) in enumerate(zip(self.experts, state.states, strict=True))
        )
        return replace(state, round=state.round + 1, action=kept(applied), opinions=opinions, states=states, open=False)
