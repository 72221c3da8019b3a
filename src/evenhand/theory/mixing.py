"""The bound of a mixture of experts, with every term of a run. Source: spec/online.md §12.

Experts i play x^i, the mixture plays x_t = sum_i w_{i,t} x^i_t. With L_{i,t} = t cost(x^i_1..x^i_t) and all parts
averages per round,

    cost(mixture)  <=  min_i cost(x^i)  +  hedging  +  prices  +  moves  +  shift

    hedging   (1/T) sum_t (w_t - e_b) . (l_t - l_{t-1}), b the best expert and l_t = L_t + PRICED D_t what weights
              follow, at most (1/T) (min_i [l_{i,T} + c ln(1 / prior_i) / rate] - l_{b,T}), with the c and D of
              `planning/opinions.py`; D = 0 where experts tell no prices
    prices    -(PRICED/T) sum_t (w_t - e_b) . (D_t - D_{t-1}), what the prices of the rounds charged otherwise than g
    moves     (1/T) sum_t s(x_t, x_{t-1}) - s(sum_i w_{i,t} x^i_t, sum_i w_{i,t} x^i_{t-1})
    shift     g^(r) + (1/T) ( w_T . G_T - sum_t w_t . (G_t - G_{t-1}) ),  r = y_T - sum_i w_{i,T} y^i_T;
              with a memory (1/T) sum_t g^(r_t),  r_t = y_t - sum_i w_{i,t} y^i_t

For f_t and s are convex, so f_t(x_t) <= w_t . f_t(x^i_t) and s of the mixed move is at most the mixture of s; and
g(y + r) <= g(y) + g^(r) with g^ the slope of g far out (`Fairness.recession`), y the burdens averaged or remembered,
G_{i,t} = t g(y^i_t). The weights' moves are all that `moves` and `shift` are made of: constant weights make both 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.errors import ParameterError, expect
from evenhand.kernels import reduce
from evenhand.planning.opinions import PRICED, Opinions, lasting
from evenhand.simulation import play
from evenhand.trajectory import Trajectory

__all__ = ["MixtureBound", "mixture_bound"]


@final
@dataclass(frozen=True, slots=True)
class MixtureBound:
    """Every term of the bound on a run of a mixture, averages per round (...).

    experts: what each expert's own trajectory cost (..., k); hedging, prices, moves, shift: see the module; limit: what
    hedging may be at most, known from the rate and the costs alone; measured: what the mixture cost.
    """

    experts: Array
    hedging: Array
    prices: Array
    moves: Array
    shift: Array
    limit: Array
    measured: Array

    __eq__ = same

    @property
    def best(self) -> Array:
        """min_i cost(x^i): (...)."""
        return self.experts.min(axis=-1)

    @property
    def terms(self) -> Mapping[str, Array]:
        """The terms by name, in the order of the formula."""
        rest = {name: getattr(self, name) for name in ("hedging", "prices", "moves", "shift")}
        return {"best expert": self.best, **rest}

    @property
    def bound(self) -> Array:
        """Sum of the terms."""
        return self.best + self.hedging + self.prices + self.moves + self.shift

    @property
    def holds(self) -> bool:
        """Measured <= bound and hedging <= limit everywhere, to 1e-9 of the costs for rounding."""
        size = 1e-9 * (np.abs(self.measured) + np.abs(self.experts).max(axis=-1))
        return bool((self.measured <= self.bound + size).all() and (self.hedging <= self.limit + size).all())


def mixture_bound(run: Trajectory, *, policy: Any = None) -> MixtureBound:
    """The bound on a run of `Mixture` or `AdaptiveFairOBD`, which is played again for what its experts did.

    policy: what played the run, by default ``run.policy``. Raises ParameterError for a policy that mixes nothing, and
    where moves have limits: what is played is then not the mixture.
    """
    expect("run", run, Trajectory, "a Trajectory, such as simulate(problem, policy) gives")
    player: Any = run.policy if policy is None else policy
    problem, setting = run.problem, run.problem.setting
    moves, g, memory, rounds = setting.switching.moves, setting.fairness, setting.memory, problem.horizon
    if moves.limited:
        raise ParameterError("moves have limits, which weights that move may leave: what is played is then no mixture")
    left = lasting(setting)
    hedged = paid = shift = sizes = experts = priced = dues = zero = np.zeros(())
    before: Opinions | None = None
    now: Any = None
    mean = held = None
    for step in play(problem, player):
        now = getattr(step.state, "opinions", None)
        if not isinstance(now, Opinions):
            raise ParameterError(f"{type(player).__name__} mixes nothing: give a run of Mixture or AdaptiveFairOBD")
        w, past = now.weights, setting.initial if before is None else before.actions
        fresh = now.losses - (zero if before is None else left * before.losses)
        experts, hedged = experts + fresh, hedged + reduce.inner(w, fresh)
        if now.dues is not None:
            due = PRICED * (now.dues - (zero if before is None or before.dues is None else left * before.dues))
            dues, priced = dues + due, priced + reduce.inner(w, due)
        sizes = sizes + (zero if before is None else (1.0 - left) * before.size)
        stays = reduce.apply_transposed(np.broadcast_to(past, now.actions.shape), w)
        paid = paid + step.switching - moves.value(step.action, stays)
        assert now.borne is not None
        if memory is None:
            shift = shift + reduce.inner(w, now.charged - (zero if before is None else before.charged))
            mean = step.burden if mean is None else mean + step.burden
        else:
            held = memory.add(memory.begin(step.burden.shape[-1]) if held is None else held, step.burden)
            off = memory.remembered(held) - reduce.apply_transposed(memory.remembered(now.borne), w)
            shift = shift + g.recession(off)
        before = now
    assert now is not None
    assert now.borne is not None
    experts, shift = experts / rounds, shift / rounds
    if memory is None:
        assert mean is not None
        off = (mean - reduce.apply_transposed(now.borne, now.weights)) / rounds
        shift = g.recession(off) - shift + reduce.inner(now.weights, now.charged) / rounds
    prior = player.init(setting).opinions.weights
    slack = (now.size + sizes)[..., None] * np.log(1.0 / prior)
    late = np.divide(slack, player.speed * rounds) if player.speed > 0.0 else np.where(slack > 0.0, np.inf, 0.0)
    best = experts.min(axis=-1)
    due = np.broadcast_to(dues / rounds, experts.shape)
    followed = experts + due
    leader = experts.argmin(axis=-1)[..., None]
    own, debt = (np.take_along_axis(part, leader, axis=-1)[..., 0] for part in (followed, due))
    prices = debt - priced / rounds
    hedging = hedged / rounds - best - prices
    limit = (followed + late).min(axis=-1) - own
    return MixtureBound(experts, hedging, prices, paid / rounds, shift, limit, run.cost.total + 0.0 * best)
