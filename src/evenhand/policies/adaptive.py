"""AdaptiveFairOBD: several plans, re-solving and FairOBD, mixed; the policy to begin with. Source: spec/online.md §12.

Each round every expert goes on with its own trajectory, and their mixture is played (`planning/opinions.py`). A planner
(1) forecasts the rounds to come from rounds already seen, or takes a forecast from outside; (2) makes a few steps on
the saddle point of that horizon, started from its last plan: kappa answers to the *projected* final burden, and the
planned moves to the switching to come; (3) takes the exact proximal step (3) between x_{t-1} and the planned x_{t+1}.
Without a period three plan, over ``hold`` rounds: one takes things to stay as they are for a while, one to be as usual
in the next round, one to come back to it by and by. With a period two more plan on the pattern: its mean at today's
level, and its busiest. Every outside forecast is one more. Where moving is free no round hangs on another but by its
price: there one more re-solves for that price alone (`AdaptiveResolving`), and has most of the say. FairOBD at its
automatic rate trusts no forecast; a switching cost that cannot be planned (a matrix together with prices or limits) is
left to it alone.

What is known before a run: `Mixture`'s bound against every expert, FairOBD among them, whatever any forecast says, but
for what the moves of the weights cost. After it: every term of that bound (`mixture_bound`) and
the lower bound (11) on OPT.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, final

import numpy as np

from evenhand import params
from evenhand.columns import Array, kept, number, same
from evenhand.core import Round, Setting
from evenhand.errors import ParameterError
from evenhand.kernels import reduce
from evenhand.planning.chain import plannable
from evenhand.planning.charge import charge_of, horizon_of
from evenhand.planning.forecast import Demand, ahead, fan
from evenhand.planning.history import History, observe, pooled, visits
from evenhand.planning.opinions import Opinions, blend, each_of, happened, opened, priors, within_limits
from evenhand.planning.plan import Plan, blank, counted, first_action, improve, of_phases, shift, start
from evenhand.planning.told import Forecast, heeded, stacked
from evenhand.policies.adaptive_resolving import AdaptiveResolving, AdaptiveResolvingState
from evenhand.policies.fair_obd import FairOBD, FairOBDState
from evenhand.policies.turn import deciding, settling

__all__ = ["AdaptiveFairOBD", "AdaptiveFairOBDState"]

#: what plans without and with a pattern take demands to be
AT_ONCE: tuple[Demand, ...] = ("held", "usual", "fading")
BY_PHASE: tuple[Demand, ...] = ("level", "peak")
#: their shares before anything was seen, and that of a forecast from outside
BLIND, PATTERN, OUTSIDE = (0.25, 0.15, 0.25), (0.8, 0.9), 0.5
#: and of FairOBD, without a pattern and with one
ALONE, BESIDE = 0.2, 0.02
#: of re-solving where moving is free, of all shares; the others keep the rest in their proportions
RESOLVING = 0.6
#: rates without a pattern and with one
FAST, SLOW = 150.0, 5.0
_FAIR = FairOBD()
_RESOLVING = AdaptiveResolving()


@final
@dataclass(frozen=True, slots=True)
class AdaptiveFairOBDState:
    """Rounds settled, the last action applied, or decided where a round is open (..., n); kappa, the mixture of the
    experts' prices (..., m), None before the first round where the setting names no entities; the opinions; FairOBD's
    state; the plans, short and long, each with an axis for its planners; what was seen; what outside forecasts say;
    re-solving's state where moving is free.
    """

    round: int
    action: Array
    kappa: Array | None
    opinions: Opinions
    fair: FairOBDState
    plans: tuple[Plan | None, ...] = ()
    history: History | None = None
    told: tuple[Forecast, ...] = ()
    open: bool = False
    resolving: AdaptiveResolvingState | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class AdaptiveFairOBD:
    """The recommended policy: no learning rate, the same in any units, with an end or without, robust to any forecast.

    period: rounds in a pattern (24 for hours of a day), or None. history: what was seen before the first round
    (`history.remember`). forecasts: opinions from outside, each one more expert; `hear` replaces what they say as
    rounds go by, so Forecast() is a place for one. hold: rounds that a plan without a pattern covers; reach: most
    rounds of one with. prior: as that of `Mixture`, for planners without a pattern (3), with one (2), on outside
    forecasts, and FairOBD, in this order; where moving is free re-solving has 0.6 of all and stands before FairOBD.
    rate: as that of `Mixture`, None for 150, and 5 with a pattern, whose plans prepare for what costs so far cannot
    show. first_steps, steps: dual steps in the first and in later rounds, half as many on long plans, which change
    less; sweeps: chain sweeps for each. Raises ParameterError for a count below 1.
    """

    period: int | None = None
    hold: int = 10
    reach: int = 36
    history: History | None = None
    forecasts: tuple[Forecast, ...] = ()
    prior: Any = None
    rate: float | None = None
    first_steps: int = 30
    steps: int = 4
    sweeps: int = 5
    shares: Array = field(init=False, repr=False, compare=False)
    freely: Array = field(init=False, repr=False, compare=False)
    speed: float = field(init=False, repr=False, compare=False)

    __eq__ = same
    get_params: ClassVar[Any] = params.get_params
    set_params: ClassVar[Any] = params.set_params
    __sklearn_clone__: ClassVar[Any] = params.clone

    def __post_init__(self) -> None:
        counted(self, *(() if self.period is None else ("period",)), "hold", "reach", "first_steps", "steps", "sweeps")
        of_phases(self.history, self.period or 1)
        given: Any = self.forecasts
        told: tuple[Any, ...] = (given,) if isinstance(given, Forecast) else tuple(given)
        if not all(isinstance(one, Forecast) for one in told):
            raise ParameterError(f"forecasts is {self.forecasts!r:.60}: give Forecasts, such as (Forecast(),)")
        object.__setattr__(self, "forecasts", told)
        if self.rate is not None:
            object.__setattr__(self, "rate", number("rate", self.rate, low=0.0))
        blind = self.period is None
        usual_rate = FAST if blind else SLOW
        object.__setattr__(self, "speed", usual_rate if self.rate is None else self.rate)
        usual = [*BLIND, *(() if blind else PATTERN), *[OUTSIDE] * len(told), ALONE if blind else BESIDE]
        object.__setattr__(self, "shares", priors(usual if self.prior is None else self.prior, len(usual)))
        if self.prior is not None:
            object.__setattr__(self, "prior", self.shares)
        rest = (1.0 - RESOLVING) * self.shares
        object.__setattr__(self, "freely", kept(np.array([*rest[:-1], RESOLVING, rest[-1]])))

    def init(self, setting: Setting) -> AdaptiveFairOBDState:
        """Everyone at x_0, at the prices that favour no entity."""
        fair = _FAIR.init(setting)
        opinions = opened(setting, self._prior(setting))
        resolving = _RESOLVING.init(setting) if setting.switching.moves.free else None
        return AdaptiveFairOBDState(
            0, setting.initial, fair.kappa, opinions, fair, (None, None), self.history, self.forecasts,
            resolving=resolving,
        )  # fmt: skip

    def _prior(self, setting: Setting) -> Array:
        """Shares of the experts that a setting has."""
        if not plannable(setting.switching.moves):
            return kept(np.ones(1))
        return self.freely if setting.switching.moves.free else self.shares

    def hear(self, state: AdaptiveFairOBDState, *forecasts: Forecast) -> AdaptiveFairOBDState:
        """The state with what outside forecasts now say, one for each of ``self.forecasts``."""
        if len(forecasts) != len(self.forecasts):
            raise ParameterError(
                f"hear was given {len(forecasts)} forecasts, the policy has places for {len(self.forecasts)}: "
                "AdaptiveFairOBD(forecasts=(Forecast(),)) has one"
            )
        return replace(state, told=forecasts)

    def decide(self, setting: Setting, state: AdaptiveFairOBDState, round: Round) -> tuple[Array, AdaptiveFairOBDState]:
        """Every expert's action and their mixture."""
        deciding(state, AdaptiveFairOBDState, setting, round)
        own, fair = _FAIR.decide(setting, state.fair, round)
        assert fair.kappa is not None
        plans, history, resolving = state.plans, state.history, state.resolving
        played: list[tuple[Array, Array]] = []
        if plannable(setting.switching.moves):
            history = observe(state.history, round, self.period or 1, visits(setting))
            made = [self._plan(setting, state, round, group) for group in self._futures(setting, state, round, history)]
            plans = tuple(plan for plan, _, _ in made)
            played = [(x, price) for _, x, price in made]
        if resolving is not None:
            x, resolving = _RESOLVING.decide(setting, resolving, round)
            assert resolving.kappa is not None
            played.append((x[..., None, :], resolving.kappa[..., None, :]))
        played.append((own[..., None, :], fair.kappa[..., None, :]))
        lead = np.broadcast_shapes(*(x.shape[:-2] for x, _ in played))
        actions, prices = (_joined(parts, lead) for parts in zip(*played, strict=True))
        x, opinions = blend(setting, round, state.opinions, actions, self._prior(setting), self.speed, prices)
        x = within_limits(setting, round, state.action, x)
        kappa = reduce.apply_transposed(prices, opinions.weights)
        return x, replace(
            state, action=kept(x), kappa=kappa, opinions=opinions, fair=fair, plans=plans, history=history, open=True,
            resolving=resolving,
        )  # fmt: skip

    def _futures(
        self, setting: Setting, state: AdaptiveFairOBDState, round: Round, history: History
    ) -> list[tuple[int, int, int, Round]]:
        """(number of its plan, first expert, rounds it stands for, futures (..., k, h, .)) of a group of planners."""
        length, left = horizon_of(setting, state.round, self.reach)
        near, short = min(left, self.hold), min(length, self.hold)
        count_to = visits(setting)
        before, after = pooled(state.history, count_to), pooled(history, count_to)
        assert after is not None
        groups = [(0, 0, near, fan(round, before, after, short, AT_ONCE))]
        if self.period is None and not self.forecasts:
            return groups
        pattern = () if self.period is None else BY_PHASE
        if not state.told:
            return [*groups, (1, len(AT_ONCE), left, fan(round, state.history, history, length, pattern))]
        futures = [ahead(round, state.history, history, length, kind) for kind in pattern]
        base = futures[0] if futures else ahead(round, before, after, length, "usual")
        futures += [heeded(said, base) for said in state.told]
        return [*groups, (1, len(AT_ONCE), left, stacked(futures))]

    def _plan(
        self, setting: Setting, state: AdaptiveFairOBDState, round: Round, group: tuple[int, int, int, Round]
    ) -> tuple[Plan, Array, Array]:
        """A group's plans, its actions (..., k, n) and its prices (..., k, m)."""
        which, first, left, future = group
        low = future.feasible.bounds[0]
        count, length, m = low.shape[-3], low.shape[-2], round.impact.entities
        mine = slice(first, first + count)
        last = state.opinions.actions[..., mine, :]
        borne = 0.0 if state.opinions.borne is None else _of(state.opinions.borne, mine, setting)
        plan, steps = state.plans[which], self.steps if which == 0 else (self.steps + 1) // 2
        if plan is None:
            kappa = np.broadcast_to(start(setting.fairness, m), (*low.shape[:-2], m))
            plan, steps = blank(setting, future, kappa), self.first_steps
        else:
            plan = shift(setting, plan, length)
        charge = charge_of(setting, borne, round.index, length, left, m)
        plan = improve(setting, future, last, charge, plan, sweeps=self.sweeps, steps=steps)
        price = charge.price(plan.kappa)[..., 0, :]
        return plan, first_action(setting, each_of(round), last, plan, price), price

    def settle(
        self, setting: Setting, state: AdaptiveFairOBDState, round: Round, applied: Array, burden: Array
    ) -> AdaptiveFairOBDState:
        """Everyone's round is over, as decided but for what went beyond the decision."""
        settling(state, AdaptiveFairOBDState, burden)
        opinions, burdens = happened(setting, round, state.opinions, state.action, applied, burden)
        fair = _FAIR.settle(setting, state.fair, round, opinions.actions[..., -1, :], burdens[..., -1, :])
        resolving = state.resolving
        if resolving is not None:
            own = opinions.actions[..., -2, :]
            resolving = _RESOLVING.settle(setting, resolving, round, own, burdens[..., -2, :])
        return replace(
            state, round=state.round + 1, action=kept(applied), opinions=opinions, fair=fair, resolving=resolving,
            open=False,
        )  # fmt: skip

    def price(self, state: AdaptiveFairOBDState) -> Array | None:
        """The mixture of the experts' prices: (..., m)."""
        return state.kappa


def _joined(parts: tuple[Array, ...], lead: tuple[int, ...]) -> Array:
    """What groups of experts say, (..., k, n) of each, as one."""
    return np.concatenate([np.broadcast_to(part, (*lead, *part.shape[-2:])) for part in parts], axis=-2)


def _of(borne: Array, experts: slice, setting: Setting) -> Array:
    """The part of what is borne (..., k, m), or held by a memory (..., k, *held), that is these experts'."""
    rank = 1 if setting.memory is None else setting.memory.begin(1).ndim
    return borne[(..., experts, *(slice(None),) * rank)]
