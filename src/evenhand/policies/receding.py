"""RecedingHorizon: re-solve the rest of the horizon on a forecast, every round. Source: spec/online.md §3, §7.

The certainty-equivalent baseline: today's forecast is taken for the truth, the problem (1) that is left is solved to
convergence (kernels.chain, `planner.improve`), its first action is played. With a perfect forecast it is OPT.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand import params
from evenhand.columns import Array, kept, same
from evenhand.core import Round, Setting
from evenhand.errors import ProblemError, expect
from evenhand.planning.chain import plannable
from evenhand.planning.charge import borne, charge_of, horizon_of
from evenhand.planning.forecast import ahead
from evenhand.planning.history import History, observe, visits
from evenhand.planning.plan import Plan, begin, blank, counted, first_action, improve, of_phases, shift, start
from evenhand.policies.turn import deciding, settling

__all__ = ["RecedingHorizon", "RecedingHorizonState"]


@final
@dataclass(frozen=True, slots=True)
class RecedingHorizonState:
    """Rounds settled, x_{t-1} (..., n), kappa (..., m), the burden so far (..., m) or what memory holds, the plan, what
    was seen, and whether a round is decided and open.
    """

    round: int
    action: Array
    kappa: Array | None
    burden: Array | float = 0.0
    plan: Plan | None = None
    history: History | None = None
    open: bool = False

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class RecedingHorizon:
    """Certainty equivalence on a daily pattern: mean of the phase, demand scaled to today's level.

    period: rounds in a pattern; reach: most rounds planned (the rest repeats them); prudent: forecast the busiest
    demand seen at the phase instead; history: what was seen before the first round (`history.remember`); steps,
    sweeps: dual steps per round and chain sweeps for each. Quadratic costs on a Budget or Box; ProblemError otherwise.
    """

    period: int = 24
    reach: int = 72
    prudent: bool = False
    history: History | None = None
    steps: int = 8
    sweeps: int = 8

    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def __post_init__(self) -> None:
        counted(self, "period", "reach", "steps", "sweeps")
        expect("prudent", self.prudent, (bool, np.bool_), "True or False")
        of_phases(self.history, self.period)

    def init(self, setting: Setting) -> RecedingHorizonState:
        """Start at x_0 and the centre of the dual ball."""
        return RecedingHorizonState(0, setting.initial, begin(setting), history=self.history)

    def decide(self, setting: Setting, state: RecedingHorizonState, round: Round) -> tuple[Array, RecedingHorizonState]:
        """Forecast, solve what is left, play its first action."""
        deciding(state, RecedingHorizonState, setting, round)
        if not plannable(setting.switching.moves):
            raise ProblemError(
                "RecedingHorizon cannot plan a switching cost with a matrix together with prices per unit of move or "
                "limits: use a diagonal weight, or AdaptiveFairOBD, which then acts without a plan"
            )
        length, left = horizon_of(setting, state.round, self.reach)
        history = observe(state.history, round, self.period, visits(setting))
        future = ahead(round, state.history, history, length, "peak" if self.prudent else "level")
        kappa = start(setting.fairness, round.impact.entities) if state.kappa is None else state.kappa
        plan, steps = state.plan, self.steps
        if plan is None:
            plan, steps = blank(setting, future, kappa), 5 * steps
        else:
            plan = shift(setting, plan, length)
        charge = charge_of(setting, state.burden, round.index, length, left, kappa.shape[-1])
        plan = improve(setting, future, state.action, charge, plan, sweeps=self.sweeps, steps=steps)
        price = charge.price(plan.kappa)[..., 0, :]
        x = first_action(setting, round, state.action, plan, price)
        return x, replace(state, kappa=price, plan=plan, history=history, open=True)

    def settle(
        self, setting: Setting, state: RecedingHorizonState, round: Round, applied: Array, burden: Array
    ) -> RecedingHorizonState:
        """Remember what was applied and borne."""
        settling(state, RecedingHorizonState, burden)
        total = borne(setting, state.burden, burden)
        return RecedingHorizonState(state.round + 1, kept(applied), state.kappa, total, state.plan, state.history)

    def price(self, state: RecedingHorizonState) -> Array | None:
        """The price kappa that the next plan starts from: (..., m)."""
        return state.kappa
