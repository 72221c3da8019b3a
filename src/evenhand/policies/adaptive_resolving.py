"""AdaptiveResolving: after every round, price the burdens again for the rounds left, as if they were those seen.

Ma, Cao, Tsang, Xia, "Optimal Regularized Online Allocation by Adaptive Re-Solving", Operations Research 73(4), 2025:
the dual of the empirical problem is solved anew, to a certain accuracy, with what was consumed so far taken into
account; regret O(log T) for independent, identically distributed rounds without switching costs, under a second-order
growth condition. In this model, with the burden S borne in t rounds, R = T - t left and the last k rounds seen,

    kappa_{t+1} ~ argmax over dom g* of   (R/k) sum_s min_{x in X_s} [f_s(x) + kappa . A_s x] + kappa . S - T g*(kappa)
    x_t = argmin f_t(x) + kappa_t . A_t x + s(x, x_{t-1})

The paper was read from its abstract alone: the formulas are this model's. What differs: resources of theirs are hard
limits, here burdens have a price and nothing runs out; only the last rounds are kept, so that a state stays small; a
few steps of `planning/plan.py`, warm from the round before, are the certain accuracy; and moves, free in their model
and in this dual, are weighed round by round (greedy switching), or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand import params
from evenhand.columns import Array, kept, number, same
from evenhand.core import Round, Setting
from evenhand.errors import ParameterError
from evenhand.planning.charge import borne, charge_of, horizon_of
from evenhand.planning.plan import Plan, begin, improve, start
from evenhand.planning.sample import more, sampled
from evenhand.policies.turn import deciding, settling
from evenhand.proximal import moved
from evenhand.switching.squared import Squared

__all__ = ["AdaptiveResolving", "AdaptiveResolvingState"]


@final
@dataclass(frozen=True, slots=True)
class AdaptiveResolvingState:
    """Rounds settled, the last action applied (..., n), kappa of the coming round (..., m) or None before the first
    where the setting names no entities, the burden so far (..., m) or what memory holds, the columns of the rounds
    seen, the empirical solution, and whether a round is decided and open.
    """

    round: int
    action: Array
    kappa: Array | None
    burden: Array | float = 0.0
    seen: tuple[Array, ...] = ()
    plan: Plan | None = None
    open: bool = False

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class AdaptiveResolving:
    """The priced minimiser of the round, kappa from the rounds seen, adapted to what was borne and what is left.

    sample: most rounds that are kept, the last ones. steps, sweeps: dual steps after every round, and sweeps for each.
    greedy: weigh what the move costs in this round; False ignores it, as the source does (limits always hold). With a
    memory the rounds seen stand for those to come in their order. Raises ParameterError for a count below 1.
    """

    sample: int = 168
    steps: int = 2
    sweeps: int = 1
    greedy: bool = True

    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def __post_init__(self) -> None:
        for name in ("sample", "steps", "sweeps"):
            value = getattr(self, name)
            if number(name, value, low=1.0) != int(value):
                raise ParameterError(f"{name} is {value!r}: it must be a whole number, at least 1")
            object.__setattr__(self, name, int(value))
        if not isinstance(self.greedy, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ParameterError(f"greedy is {self.greedy!r}: it must be True or False")

    def init(self, setting: Setting) -> AdaptiveResolvingState:
        """Start at x_0 and the centre of the dual ball."""
        return AdaptiveResolvingState(0, setting.initial, begin(setting))

    def decide(
        self, setting: Setting, state: AdaptiveResolvingState, round: Round
    ) -> tuple[Array, AdaptiveResolvingState]:
        """The step under the price in force."""
        deciding(state, AdaptiveResolvingState, setting, round)
        kappa = start(setting.fairness, round.impact.entities) if state.kappa is None else state.kappa
        x = moved(setting, round, state.action, round.impact.tilt(kappa), weight=1.0 if self.greedy else 0.0)
        return x, replace(state, kappa=kappa, open=True)

    def settle(
        self, setting: Setting, state: AdaptiveResolvingState, round: Round, applied: Array, burden: Array
    ) -> AdaptiveResolvingState:
        """Add the round to the sample and re-solve for what is left."""
        settling(state, AdaptiveResolvingState, burden)
        assert state.kappa is not None
        done, total, seen = state.round + 1, borne(setting, state.burden, burden), more(state.seen, round, self.sample)
        kappa, plan = state.kappa, state.plan
        if setting.horizon is None or done < setting.horizon:
            reach, left = horizon_of(setting, done, self.sample)
            count = min(done, self.sample)
            length = count if setting.memory is None else min(count, reach)
            charge = charge_of(setting, total, done, length, left, kappa.shape[-1])
            plan = _one_more(setting, plan, kappa, applied, length)
            free, rounds = replace(setting, switching=Squared(0.0)), sampled(seen, round, length)
            plan = improve(free, rounds, applied, charge, plan, sweeps=self.sweeps, steps=self.steps)
            kappa = charge.price(plan.kappa)[..., 0, :]
        return AdaptiveResolvingState(done, kept(applied), kappa, total, seen, plan)

    def price(self, state: AdaptiveResolvingState) -> Array | None:
        """kappa_t."""
        return state.kappa


def _one_more(setting: Setting, plan: Plan | None, kappa: Array, applied: Array, length: int) -> Plan:
    """The empirical solution of the last ``length`` rounds, the one just played among them as it was played."""
    now = applied[..., None, :]
    if plan is None:
        actions, price = now, kappa
        if setting.memory is not None:
            price = np.broadcast_to(kappa[..., None, :], (*kappa.shape[:-1], length, kappa.shape[-1]))
        return Plan(actions, np.zeros_like(actions), price, np.ones(actions.shape[:-2]))
    first = plan.actions.shape[-2] + 1 - length
    lead = np.broadcast_shapes(plan.actions.shape[:-2], now.shape[:-2])
    before, force, now = (
        np.broadcast_to(part, (*lead, *part.shape[-2:]))
        for part in (plan.actions[..., first:, :], plan.force[..., first:, :], now)
    )
    actions = np.concatenate([before, now], axis=-2)
    force = np.concatenate([force, np.zeros_like(now)], axis=-2)
    price = plan.kappa
    if setting.memory is not None:
        price = price[..., np.minimum(np.arange(1, length + 1), price.shape[-2] - 1), :]
    return Plan(actions, force, price, plan.penalty)
