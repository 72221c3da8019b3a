"""Template: everybody's burden so far sets what more of it costs.

Check it:    evenhand check template.py
Compare it:  evenhand --plugin template.py compare geo7 --policies Template,FairOBD,HitMin --windows 0
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from evenhand import Round, Setting
from evenhand.columns import Array, kept, number
from evenhand.policies.turn import deciding, settling
from evenhand.proximal import moved


@final
@dataclass(frozen=True, slots=True)
class TemplateState:
    """All that is remembered: numbers, texts and arrays, so that a run can go to JSON and go on from there.

    round, open: whose turn it is. action: the last one applied (..., n). borne: the burdens so far, summed (..., m).
    kappa: what a unit of each entity's burden costs in the coming round (..., m).
    """

    round: int
    action: Array
    borne: Array | float = 0.0
    kappa: Array | None = None
    open: bool = False


@final
@dataclass(frozen=True, slots=True)
class Template:
    """x_t = argmin of f_t(x) + weight kappa_t . A_t x + s(x, x_{t-1}) over X_t.

    kappa_t is a slope of g at the mean burden so far. weight >= 0: how strongly it answers. Raises ParameterError for
    another one.
    """

    weight: float = 1.0

    #: a claim that `evenhand check` puts to the test: money, actions and burdens in other units, the same actions
    unitless: ClassVar[bool] = True
    # batched: ClassVar[bool] = False  # if it can play one episode at a time only

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", number("weight", self.weight, low=0.0))

    def init(self, setting: Setting) -> TemplateState:
        """The state before the first round. The setting holds what is known in advance: g, s, x_0, T or None."""
        return TemplateState(0, setting.initial)

    def decide(self, setting: Setting, state: TemplateState, round: Round) -> tuple[Array, TemplateState]:
        """The action (..., n), from this round and the state alone: round.cost, round.impact, round.feasible."""
        deciding(state, TemplateState, setting, round)  # refuses a state whose turn it is not
        kappa = np.zeros(round.impact.entities) if state.kappa is None else state.kappa
        # the exact minimiser over the set, whatever the cost, the set and the switching cost are
        x = moved(setting, round, state.action, round.impact.tilt(self.weight * kappa))
        return x, replace(state, open=True)

    def settle(
        self, setting: Setting, state: TemplateState, round: Round, applied: Array, burden: Array
    ) -> TemplateState:
        """The next state, from what really happened: the action applied (..., n) and the burden borne (..., m)."""
        settling(state, TemplateState, burden)
        borne = state.borne + burden
        kappa = setting.fairness.subgradient(borne / (state.round + 1))
        return TemplateState(state.round + 1, kept(applied), borne, kappa)  # a copy: the caller may write into applied

    def price(self, state: TemplateState) -> Array | None:
        """kappa_t, for figures and bounds; leave it out if there is no price."""
        return state.kappa
