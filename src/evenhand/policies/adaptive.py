"""AdaptiveFairOBD: fairness-regularised online descent that plans ahead, with no learning rate. Source: spec/online.md.

Each round: (1) a forecast of the rounds to come, from rounds already seen; (2) a few steps on the saddle point of
that horizon, started from the last round's plan: kappa answers to the *projected* final burden, and the planned moves
to the switching to come; (3) the exact proximal step (3) between x_{t-1} and the planned x_{t+1}.

What carries over from spec/online.md §5, with d_t = z_t - A_t x_t, S_t = sum_{s<=t} ||d_s||^2, h Euclidean:

* kappa_t stays in dom g* (domain `ball`), so kappa_max <= L, with a plan or without.
* Switching costs that cannot be planned (a matrix together with prices or limits) are played by (3) with
  lambda1 = 1, lambda2 = 0 and dual averaging kappa_{t+1} = Proj(kappa_1 - eta_t sum_s d_s), eta_t = L / sqrt(S_t). The
  terms V/(eta T) + eta Z^2/2 of (7) become  V/(eta_T T) + (1/T) sum_t min(eta_{t-1} ||d_t||^2 / 2, 2 L ||d_t||),
  V <= 2 L^2. Rounds with ||d_t||^2 <= S_{t-1} add at most sqrt(2) L sqrt(S_T), the others telescope to
  7 L sqrt(S_T): in all at most 11 L Z / sqrt(T), with neither T nor Z known. The frame term of (8) becomes
  kappa_max delta/T plus Z times the mean distance of kappa_t from its value at the start of the frame.

What does not: with a plan, kappa_t is no mirror step, and the pull towards the planned x_{t+1} is none towards v_t, so
neither dual regret nor ratio is bounded before the run. After it, the regret g(mean burden) - mean kappa_t . A_t x_t
(kappa_t: that of the state after round t) is exact, and the lower bound (11) gives the ratio to OPT.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from evenhand.columns import Array, kept, same
from evenhand.core import Round, Setting
from evenhand.kernels import reduce
from evenhand.planning.chain import plannable
from evenhand.planning.charge import borne, charge_of, horizon_of
from evenhand.planning.forecast import ahead
from evenhand.planning.history import History, observe, visits
from evenhand.planning.plan import Plan, begin, blank, counted, first_action, improve, of_phases, shift, start
from evenhand.policies.turn import deciding, settling
from evenhand.proximal import moved

__all__ = ["AdaptiveFairOBD", "AdaptiveFairOBDState"]


@final
@dataclass(frozen=True, slots=True)
class AdaptiveFairOBDState:
    """Rounds settled, x_{t-1} (..., n), kappa in force in the last round (..., m) or, without a plan, in the next.

    burden: sum of A_s x_s (..., m), with a memory what it holds; without a plan sum of A_s x_s - z_s, and energy the
    sum of its squares (...); open: a round is decided and not settled. kappa is None before the first round where the
    setting names no entities.
    """

    round: int
    action: Array
    kappa: Array | None
    burden: Array | float = 0.0
    energy: Array | float = 0.0
    plan: Plan | None = None
    history: History | None = None
    open: bool = False

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class AdaptiveFairOBD:
    """FairOBD that plans: no learning rate, scale-free, horizon used only to shorten the last plans.

    period: rounds in a daily pattern (24 for hours), or None for no forecast: the demand at hand is held for ``hold``
    rounds, costs and impacts return to their running mean. reach: most rounds a plan with a pattern covers (the rest
    repeats it). history: what was seen before the first round (`history.remember`). first_steps, steps: dual steps in
    the first and in later rounds; sweeps: chain sweeps for each. Raises ParameterError for a count below 1.
    """

    period: int | None = None
    hold: int = 10
    reach: int = 72
    history: History | None = None
    first_steps: int = 30
    steps: int = 4
    sweeps: int = 5

    def __post_init__(self) -> None:
        counted(self, *(() if self.period is None else ("period",)), "hold", "reach", "first_steps", "steps", "sweeps")
        of_phases(self.history, self.period or 1)

    def init(self, setting: Setting) -> AdaptiveFairOBDState:
        """Start at x_0 and the centre of the dual ball."""
        return AdaptiveFairOBDState(0, setting.initial, begin(setting), history=self.history)

    def decide(self, setting: Setting, state: AdaptiveFairOBDState, round: Round) -> tuple[Array, AdaptiveFairOBDState]:
        """Forecast, plan, act."""
        deciding(state, AdaptiveFairOBDState, setting, round)
        kappa = start(setting.fairness, round.impact.entities) if state.kappa is None else state.kappa
        if not plannable(setting.switching.moves):
            x = moved(setting, round, state.action, round.impact.tilt(kappa))
            return x, replace(state, kappa=kappa, open=True)
        history = observe(state.history, round, self.period or 1, visits(setting))
        length, left = horizon_of(setting, state.round, self.reach)
        if self.period is None:
            left = min(left, self.hold)
            length = min(length, left)
        future = ahead(round, state.history, history, length, "held" if self.period is None else "peak")
        steps = self.steps
        if state.plan is None:
            plan, steps = blank(setting, future, kappa), self.first_steps
        else:
            plan = shift(setting, state.plan, length)
        charge = charge_of(setting, state.burden, round.index, length, left, kappa.shape[-1])
        plan = improve(setting, future, state.action, charge, plan, sweeps=self.sweeps, steps=steps)
        price = charge.price(plan.kappa)[..., 0, :]
        x = first_action(setting, round, state.action, plan, price)
        return x, replace(state, kappa=price, plan=plan, history=history, open=True)

    def settle(
        self, setting: Setting, state: AdaptiveFairOBDState, round: Round, applied: Array, burden: Array
    ) -> AdaptiveFairOBDState:
        """Remember what was applied and borne; without a plan, dual averaging with the self-bounding step.

        With a memory both sums of that fade by its `retention` a round, so that the rate never dies out.
        """
        settling(state, AdaptiveFairOBDState, burden)
        assert state.kappa is not None
        g, kappa, m = setting.fairness, state.kappa, state.kappa.shape[-1]
        memory, total, energy = setting.memory, state.burden, state.energy
        if state.plan is None:
            fade = 1.0 if memory is None else memory.retention
            y = burden - g.budget_ball(kappa)
            total, energy = fade * total + y, fade * energy + reduce.total(y * y)
            size = np.sqrt(energy)[..., None]
            rate = np.divide(g.lipschitz(m), size, out=np.zeros_like(size), where=size > 0)
            kappa = g.project(start(g, m) + rate * total)
        else:
            total = borne(setting, total, burden)
        return AdaptiveFairOBDState(state.round + 1, kept(applied), kappa, total, energy, state.plan, state.history)

    def price(self, state: AdaptiveFairOBDState) -> Array | None:
        """The price kappa that the next plan starts from: (..., m)."""
        return state.kappa
