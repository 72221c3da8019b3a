"""Several opinions, none trusted: experts that each play their own trajectory, and the mixture of them that is played.

(1) is jointly convex in the whole trajectory, so a fixed mixture of feasible trajectories is feasible and costs at most
the mixture of their costs. Here the weights follow what each expert's own trajectory has cost so far,

    w_t = argmin over the simplex of  L_t . w + (c_t / rate) KL(w | prior),     L_{i,t} = t cost(x^i_1..x^i_t),

the round at hand included, for it is revealed before it is played; c_t, the largest so far of |min_i L_{i,s}| and
``EARLY`` times what round s cost, added up, gives the rate its unit: costs count relative to what the best expert has
seen, and little before some rounds were played. c_t does not fall, so (be the regularised leader)

    sum_t w_t . (L_t - L_{t-1})  <=  L_{i,T} + (c_T / rate) ln(1 / prior_i)     for every expert i,

whatever the losses. Where fairness has a memory, costs fade too, over ``LONGER`` of its half-lives: with v the share
left after a round, L_t = v L_{t-1} + what round t costs and c_t >= v c_{t-1}, the same holds for the faded sums, and
c_T + (1 - v) sum_{t < T} c_t takes the place of c_T. `theory/mixing.py` has the rest of the bound. Source:
spec/online.md §12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, kept, layout, rebuild, same
from evenhand.core import Round, Setting, view
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import ParameterError
from evenhand.kernels import reduce
from evenhand.kernels.mixing import shares
from evenhand.proximal import moved

__all__ = ["Opinions", "blend", "each_of", "happened", "lasting", "opened", "priors", "within_limits"]


#: half-lives of fairness's memory over which the costs of experts fade by half
LONGER = 4.0
#: rounds that are taken as seen before the first
EARLY = 10.0


@final
@dataclass(frozen=True, slots=True)
class Opinions:
    """What is kept of k experts: the weights of the last round (..., k); losses, L_t (..., k); what fairness charged
    them, t g of the average or, with a memory, g in the last round (..., k); c_t, size (...); their last actions
    (..., k, n); and the sum of their burdens, with a memory what it holds (..., k, m), None before the first round.
    """

    weights: Array
    losses: Array
    charged: Array
    size: Array
    actions: Array
    borne: Array | None = None

    __eq__ = same


def lasting(setting: Setting) -> float:
    """v, the share of an expert's cost that is left after a round: 1 for the average of an episode."""
    return 1.0 if setting.memory is None else setting.memory.retention ** (1.0 / LONGER)


def priors(value: Any, experts: int) -> Array:
    """Shares before anything was seen, above 0, scaled to sum to 1 (k,); None: the same for all."""
    if value is None:
        return kept(np.full(experts, 1.0 / experts))
    array = as_array("prior", value)
    if array.shape != (experts,) or not (array > 0.0).all():
        raise ParameterError(f"prior is {value!r:.60}: give one number above 0 for each of the {experts} experts")
    return kept(array / array.sum())


def opened(setting: Setting, prior: Array) -> Opinions:
    """Before the first round: everyone at x_0."""
    zero = kept(np.zeros(prior.shape[0]))
    actions = kept(np.broadcast_to(setting.initial, (prior.shape[0], setting.initial.shape[0])))
    return Opinions(prior, zero, zero, kept(0.0), actions)


def each_of(round: Round) -> Round:
    """The round with an axis for experts before the last axes of its columns, so that it takes actions (..., k, n)."""
    return view(round.index, *(_opened_up(part) for part in (round.cost, round.impact, round.feasible)))


def _opened_up(part: Any) -> Any:
    columns = ((name, rank, getattr(part, name)) for name, rank in layout(type(part)) if rank is not None)
    change = {name: np.expand_dims(value, value.ndim - rank) for name, rank, value in columns if value.ndim > rank}
    return rebuild(part, change) if change else part


def blend(
    setting: Setting, round: Round, opinions: Opinions, actions: Array, prior: Array, rate: float
) -> tuple[Array, Opinions]:
    """What is played (..., n) when the experts would play ``actions`` (..., k, n), and the opinions once decided."""
    every = each_of(round)
    _, charged = _charged(setting, opinions, every.impact.burden(actions), round.index)
    fresh = every.cost.value(actions) + setting.switching.moves.value(actions, opinions.actions)
    fresh = fresh + (charged - opinions.charged if setting.memory is None else charged)
    left = lasting(setting)
    losses = left * opinions.losses + fresh
    seen = np.abs(losses.min(axis=-1)) + EARLY * np.abs(fresh).min(axis=-1)
    size = np.maximum(left * opinions.size, seen)
    weights = shares(prior, losses, size / rate) if rate > 0.0 else np.broadcast_to(prior, losses.shape)
    x = reduce.apply_transposed(actions, weights)
    return x, Opinions(weights, losses, charged, size, actions, opinions.borne)


def happened(
    setting: Setting, round: Round, opinions: Opinions, decided: Array, applied: Array, burden: Array
) -> tuple[Opinions, Array]:
    """The opinions when a round is over, and the burdens of the experts' own actions (..., k, m).

    What went beyond the decision, of the action and of its burden, went beyond every expert's alike: the mixture of
    their trajectories stays the trajectory that was played, whatever happens to it.
    """
    burdens = each_of(round).impact.burden(opinions.actions) + (burden - round.impact.burden(decided))[..., None, :]
    actions = opinions.actions + (applied - decided)[..., None, :]
    borne, charged = _charged(setting, opinions, burdens, round.index)
    losses = opinions.losses + (charged - opinions.charged)  # burdens may have been others than those decided on
    return Opinions(opinions.weights, losses, charged, opinions.size, kept(actions), borne), burdens


def within_limits(setting: Setting, round: Round, last: Array, x: Array) -> Array:
    """x, or where moves have limits the action within them that is nearest to it: weights move what is played."""
    if not setting.switching.moves.limited:
        return x
    near = view(round.index, Quadratic(-x, np.ones(x.shape[-1])), round.impact, round.feasible)
    return moved(setting, near, last, weight=0.0)


def _charged(setting: Setting, opinions: Opinions, burdens: Array, index: int) -> tuple[Array, Array]:
    """What is borne after one more round of burdens (..., k, m), and t g of it, or with a memory g."""
    memory, g, before = setting.memory, setting.fairness, opinions.borne
    if memory is None:
        total, count = burdens if before is None else before + burdens, index + 1.0
        return total, count * g.value(total / count)
    held = memory.add(memory.begin(burdens.shape[-1]) if before is None else before, burdens)
    return held, g.value(memory.remembered(held))
