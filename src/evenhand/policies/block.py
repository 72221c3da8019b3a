"""Many rounds in one compiled call (`kernels/rounds.py`), where all that a policy asks for is compiled.

Diagonal quadratics over budgets or boxes, a diagonal impact, any switching cost without a matrix; where there is a
price, norms for fairness and the Euclidean step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from evenhand.columns import Array, kept
from evenhand.core import Round, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.kernels.rounds import How
from evenhand.kernels.rounds import rounds as run
from evenhand.mirror import Euclidean
from evenhand.policies.dual import Dual, Rate
from evenhand.proximal.oracle import route_of
from evenhand.proximal.separable import quadratic_box, quadratic_budget
from evenhand.sets import Budget

__all__ = ["Played", "Price", "played"]

_STAY = np.zeros((5, 1))  # terms of a switching cost that is nothing
_ZERO = np.zeros(1)


class Price(NamedTuple):
    """How a price answers, and where it stands."""

    dual: Dual
    kappa: Array | None
    rate: Rate | None


class Played(NamedTuple):
    """Actions (..., T, n), burdens and prices in force (..., T, m); the last action, the next price, its rate."""

    actions: Array
    burdens: Array
    prices: Array
    action: Array
    kappa: Array
    rate: Rate | None


def played(
    setting: Setting,
    block: Round,
    previous: Array | None,
    *,
    weight: float = 1.0,
    pull: Array | float | None = None,
    price: Price | None = None,
) -> Played | None:
    """Step (3) of `moved`, then (4) and (5), for all rounds of a block; None where not all of it is compiled.

    previous: the last action, None for a policy that does not look at it; pull: lambda2, (..., T) or a number, None for
    none. None also where some round has no answer: one by one, the rounds say why.
    """
    cost: Any = block.cost
    impact: Any = block.impact
    feasible: Any = block.feasible
    moves = setting.switching.moves
    if type(cost) is not Quadratic or type(impact) is not Diagonal:
        return None
    if route_of(cost, feasible).step not in (quadratic_budget, quadratic_box):
        return None
    if previous is not None and (moves.matrix is not None or (moves.waived and block.index == 0)):
        return None
    answer = _answer(setting, price, impact.weight.shape[-1])
    if answer is None:
        return None
    budget = type(feasible) is Budget
    actions, burdens, prices, kappa, energy = run(
        cost.curvature,
        cost.linear,
        feasible.lower,
        feasible.upper,
        feasible.total if budget else np.zeros(feasible.lower.shape[:-1]),
        impact.weight,
        np.zeros(cost.linear.shape[:-1]) if pull is None else np.broadcast_to(pull, cost.linear.shape[:-1]),
        _STAY if previous is None else moves.terms,
        np.zeros(feasible.actions) if previous is None else previous,
        answer.kappa,
        answer.start,
        answer.shares,
        answer.low,
        answer.high,
        answer.rate,
        answer.energy,
        np.array(
            How(
                kind=float(feasible.equal) if budget else -1.0,
                kinked=previous is not None and not moves.smooth,
                scale=weight,
                pulled=pull is not None,
                **answer.how,
            )
        ),
    )
    if np.isnan(actions).any():
        return None
    seen = Rate(answer.rate, energy) if answer.how["auto"] else None
    return Played(actions, burdens, prices, kept(actions[..., -1, :]), kept(kappa), seen)


class _Answer(NamedTuple):
    """What the kernel has to know of the price, by the names it has there."""

    kappa: Array
    start: Array
    shares: Array
    low: Array
    high: Array
    rate: Any
    energy: Any
    how: dict[str, Any]


def _answer(setting: Setting, price: Price | None, m: int) -> _Answer | None:
    """None for a fairness cost or a reference function that is not compiled."""
    none = np.zeros(m)
    if price is None:
        how = {
            "priced": False,
            "ball": True,
            "auto": False,
            "memory": False,
            "keep": 1.0,
            "mu": 0.0,
            "p": 1.0,
            "q": 1.0,
        }
        return _Answer(none, none, none, none, none, 0.0, 0.0, how)
    dual, g, memory = price.dual, setting.fairness, setting.memory
    if price.kappa is None or type(g) is not Norm or type(dual.mirror) is not Euclidean:
        return None
    ends = setting.burden_lower, setting.burden_upper
    low, high = (none if end is None else np.broadcast_to(end, (m,)) for end in ends)
    rate: Any = dual.eta[..., 0] if isinstance(dual.eta, np.ndarray) else dual.eta
    energy: Any = 0.0
    if dual.auto:
        rate, energy = (dual.reach(setting, m), 0.0) if price.rate is None else (price.rate.reach, price.rate.energy)
    how = {
        "priced": True,
        "ball": dual.domain == "ball",
        "auto": dual.auto,
        "memory": memory is not None,
        "keep": 1.0 if memory is None else memory.retention,
        "mu": g.mu,
        "p": g.p,
        "q": g.dual_exponent,
    }
    start = none if memory is None else dual.home(setting, m)
    return _Answer(price.kappa, start, np.broadcast_to(g.weights, (m,)), low, high, rate, energy, how)
