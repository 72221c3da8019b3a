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
c_T + (1 - v) sum_{t < T} c_t takes the place of c_T. Where experts tell prices, weights follow L_t + PRICED D_t,

    D_{i,t} = sum_s kappa_s . b^i_s - t g(y^i_t),     kappa_s the mixture of their prices,

for what g charges an average that is still to change says little: it can be made up for, and prices look ahead. The
inequality holds for that sum. `theory/mixing.py` has the rest of the bound. Source: spec/online.md §12.
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
#: share of the charge for fairness that counts at the price of the round, where there is one
PRICED = 0.8


@final
@dataclass(frozen=True, slots=True)
class Opinions:
    """What is kept of k experts: the weights of the last round (..., k); losses, L_t (..., k); what fairness charged
    them, t g of the average or, with a memory, g in the last round (..., k); c_t, size (...); their last actions
    (..., k, n); the sum of their burdens, with a memory what it holds (..., k, m), None before the first round; where
    experts tell prices D_t, dues (..., k), and the price of the last round (..., m).
    """

    weights: Array
    losses: Array
    charged: Array
    size: Array
    actions: Array
    borne: Array | None = None
    dues: Array | None = None
    price: Array | None = None

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
    setting: Setting, round: Round, opinions: Opinions, actions: Array, prior: Array, rate: float,
    prices: Array | None = None,
) -> tuple[Array, Opinions]:  # fmt: skip
    """What is played (..., n) when the experts would play ``actions`` (..., k, n), and the opinions once decided.

    prices: those that the experts go by (..., k, m); the round's is their mixture by the weights of the round before.
    """
    every = each_of(round)
    burdens = every.impact.burden(actions)
    _, charged = _charged(setting, opinions, burdens, round.index)
    fresh = every.cost.value(actions) + setting.switching.moves.value(actions, opinions.actions)
    more = charged - opinions.charged if setting.memory is None else charged
    fresh = fresh + more
    left = lasting(setting)
    losses = left * opinions.losses + fresh
    seen = np.abs(losses.min(axis=-1)) + EARLY * np.abs(fresh).min(axis=-1)
    size = np.maximum(left * opinions.size, seen)
    counted, dues, price = losses, None, None
    if prices is not None:
        price = reduce.apply_transposed(prices, np.broadcast_to(opinions.weights, prices.shape[:-1]))
        due = reduce.inner(price[..., None, :], burdens) - more
        dues = due if opinions.dues is None else left * opinions.dues + due
        counted = losses + PRICED * dues
    weights = shares(prior, counted, size / rate) if rate > 0.0 else np.broadcast_to(prior, losses.shape)
    x = reduce.apply_transposed(actions, weights)
    return x, Opinions(weights, losses, charged, size, actions, opinions.borne, dues, price)


def happened(
    setting: Setting, round: Round, opinions: Opinions, decided: Array, applied: Array, burden: Array
) -> tuple[Opinions, Array]:
    """The opinions when a round is over, and the burdens of the experts' own actions (..., k, m).

    What went beyond the decision, of the action and of its burden, went beyond every expert's alike: the mixture of
    their trajectories stays the trajectory that was played, whatever happens to it.
    """
    off = (burden - round.impact.burden(decided))[..., None, :]
    burdens = each_of(round).impact.burden(opinions.actions) + off
    actions = opinions.actions + (applied - decided)[..., None, :]
    borne, charged = _charged(setting, opinions, burdens, round.index)
    more, dues, price = charged - opinions.charged, opinions.dues, opinions.price  # burdens may be other than decided
    if dues is not None and price is not None:
        dues = dues + reduce.inner(price[..., None, :], off) - more
    losses = opinions.losses + more
    return Opinions(opinions.weights, losses, charged, opinions.size, kept(actions), borne, dues, price), burdens


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
