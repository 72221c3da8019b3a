"""Certificates, recomputed from the problem: is this allocation feasible, priced right, and how far from
the best?

The Karush-Kuhn-Tucker residuals of `spec/allocation.md §1, §5`, all relative, and a duality gap where the
problem is concave. Nothing is taken from the solver but the answer itself, x and the prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.fleet import Fleet
from evenhand.utilities.base import Utility, marginal_range
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.fair import Fair, transform
from evenhand.utilities.log import Log

__all__ = ["Certificate", "certify", "fitting_prices", "gradient", "worth"]

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class Certificate:
    """Residuals of an allocation x with prices λ; m_ik = w_i ∂φ_α(U_i)/∂r_k is an agent's weighted marginal
    utility.

    * primal: largest excess over a capacity or bound, relative to the capacity.
    * dual: largest negative price, relative to the largest price.
    * slackness: largest λ_k |C_k − Σ_i x_ik|, relative to λ_max C_k.
    * stationarity: largest min(|m − λ|/max(m, λ), distance to the bound that would excuse it over C_k/n).
    * prices: λ (K,).
    * primal_objective, dual_objective: Σ w φ_α(U), and an upper bound of it over all allocations.
    * gap: (dual − primal)/|primal|, added up agent by agent without cancellation; nan if not concave.
    * spread: largest relative difference of m between agents strictly inside their bounds.
    * proportional: for Log, worst Σ w (y − x)/(o + x) over seeded random feasible y, relative to Σ w; ≤ 0 at
      the optimum, up to rounding. nan for other families.
    * concave: whether the problem is concave. slater, slater_text: strict feasibility and what it implies.
    """

    primal: float
    dual: float
    slackness: float
    stationarity: float
    prices: tuple[float, ...]
    primal_objective: float
    dual_objective: float
    gap: float
    spread: float
    proportional: float
    concave: bool
    slater: bool
    slater_text: str

    def proves(self, tol: float = 1e-6) -> bool:
        """Whether feasibility and the gap prove the allocation optimal to the relative tolerance."""
        return self.concave and self.primal <= 1e-9 and self.dual <= 1e-9 and self.gap <= tol


def gradient(fleet: Fleet, utility: Utility | CobbDouglas, x: Array, alpha: float) -> tuple[Array, Array]:
    """Weighted marginal utilities (n, K) of φ_α(U) at x (n, K), from the right and from the left (linear
    pieces)."""
    r = np.maximum(fleet.onboard.reshape(x.shape) + x, 0.0)
    weight = fleet.weight[:, None]
    if isinstance(utility, CobbDouglas):
        m = utility.marginal(r)
        if alpha:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                m = np.where(m > 0.0, utility.value(r)[:, None] ** -alpha * m, np.where(r > 0.0, 0.0, np.inf))
                m = np.where(utility.exponents > 0.0, m, 0.0)
        both = (m, m)
    else:
        right, left = marginal_range(utility, r[:, 0])
        both = tuple(np.broadcast_to(m, (fleet.n,))[:, None] for m in ((right,) if left is right else (right, left)))
    with np.errstate(invalid="ignore"):
        weighted = [np.where(weight > 0.0, weight * m, 0.0) for m in both]
    return weighted[0], weighted[-1]


def worth(fleet: Fleet, utility: Utility | CobbDouglas, r: Array, alpha: float = 0.0) -> Array:
    """w φ_α(U) at total resources r (n, K); (n,). An agent without weight counts 0."""
    if isinstance(utility, CobbDouglas):
        u = transform(utility.value(r), alpha)
    else:
        u = np.broadcast_to(utility.value(r[:, 0]), (fleet.n,))
    with np.errstate(invalid="ignore"):
        return np.where(fleet.weight > 0.0, fleet.weight * u, 0.0)


def certify(fleet: Fleet, capacity: Any, x: Any, prices: Any, fairness: float = 0.0, seed: int = 0) -> Certificate:
    """Certificate of shares x ((n,) or (n, K)) with prices (K,) for Σ w φ_α(U), α = fairness (finite)."""
    c = fleet.capacities(capacity)
    x = np.asarray(x, dtype=np.float64).reshape(fleet.n, fleet.k)
    lam = np.atleast_1d(np.asarray(prices, dtype=np.float64))
    utility = fleet.utility
    if not isinstance(utility, CobbDouglas) and fairness > 0.0:
        utility = Fair(utility, fairness)
    alpha = fairness if isinstance(utility, CobbDouglas) else 0.0
    lower, upper = fleet.lower.reshape(x.shape), fleet.upper.reshape(x.shape)
    used, scale = np.sum(x, axis=0), np.where(c > 0.0, c, 1.0)
    primal = float(max(np.max((used - c) / scale), np.max((lower - x) / scale), np.max((x - upper) / scale), 0.0))
    top = float(np.max(np.where(np.isfinite(lam), np.abs(lam), 0.0)))
    dual = float(np.max(np.maximum(-lam, 0.0))) / top if top > 0.0 else 0.0
    with np.errstate(invalid="ignore"):
        share = np.where(lam > 0.0, np.abs(c - used) / scale, 0.0)
    finite = np.isfinite(lam)
    slackness = float(np.max(np.where(finite & (top > 0.0), np.abs(lam) / (top or 1.0), 1.0) * share))
    right, left = gradient(fleet, utility, x, alpha)
    stationarity = _stationarity(right, left, lam, x - lower, upper - x, scale / fleet.n)
    concave = utility.concave(alpha) if isinstance(utility, CobbDouglas) else True
    mine = worth(fleet, utility, np.maximum(fleet.onboard.reshape(x.shape) + x, 0.0), alpha)
    objective = float(np.sum(mine))
    excess = _excess(fleet, utility, alpha, x, lam, c, mine, right) if concave else float("nan")
    with np.errstate(invalid="ignore"):
        gap = 0.0 if excess == 0.0 else excess / max(abs(objective), 1e-300)
    slater, text = _slater(fleet, c)
    return Certificate(
        primal, dual, slackness, stationarity, tuple(lam.tolist()), objective, objective + excess, gap,
        _spread(right, left, x, lower, upper), _proportional(fleet, c, x, fairness, seed), concave, slater,
        text,
    )  # fmt: skip


def _stationarity(right: Array, left: Array, lam: Array, above: Array, below: Array, scale: Array) -> float:
    """Natural residual: how far λ is outside [right, left], unless a bound excuses it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.where(right > lam, 1.0 - lam / right, 0.0)  # wants more: excused at the upper bound
        high = np.where(left < lam, 1.0 - left / lam, 0.0)  # wants less: excused at the lower bound
    low, high = (np.where(np.isnan(v), 1.0, v) for v in (low, high))
    residual = np.maximum(np.minimum(low, below / scale), np.minimum(high, above / scale))
    return float(np.max(np.maximum(residual, 0.0)))


def _spread(right: Array, left: Array, x: Array, lower: Array, upper: Array) -> float:
    inside = (x > lower) & (x < upper)
    worst = 0.0
    for k in range(x.shape[1]):
        mine = inside[:, k]
        if np.any(mine):
            low, high = float(np.min(left[mine, k])), float(np.max(right[mine, k]))
            if high > low:
                worst = max(worst, (high - low) / high if np.isfinite(high) else 1.0)
    return worst


def _excess(
    fleet: Fleet,
    utility: Utility | CobbDouglas,
    alpha: float,
    x: Array,
    lam: Array,
    c: Array,
    mine: Array,
    m: Array,
) -> float:
    """Upper bound of what any other allocation could add to the objective.

    One resource: the Lagrange dual, Σ_i max_y [w U(o+y) − λy] − [w U(o+x) − λx] + λ(C − Σx). Several: the
    same with each concave utility replaced by its tangent at x (Frank-Wolfe's bound), with the prices raised
    where it needs them.
    """
    lower, upper = fleet.lower.reshape(x.shape), fleet.upper.reshape(x.shape)
    left = c - np.sum(x, axis=0)
    if not np.any((x < upper) & (m > 0.0)) or np.all(np.sum(lower, axis=0) >= c):
        return 0.0  # everyone has its best, or nothing can be moved
    if not isinstance(utility, CobbDouglas):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            r = np.broadcast_to(utility.demand(np.where(fleet.weight > 0.0, lam[0] / fleet.weight, np.inf)), (fleet.n,))
            best = np.clip(r - fleet.onboard, lower[:, 0], upper[:, 0])[:, None]
            gain = worth(fleet, utility, fleet.onboard[:, None] + best, alpha) - mine
            cost = np.where(lam[0] > 0.0, lam[0] * (best - x)[:, 0], 0.0)
            net = np.where(best[:, 0] == x[:, 0], 0.0, gain - cost)
        return max(0.0, float(np.sum(np.maximum(net, 0.0))) + float(lam[0]) * max(float(left[0]), 0.0))
    free = ~np.isfinite(upper)
    raised = np.maximum(lam, np.max(np.where(free, m, 0.0), axis=0))
    with np.errstate(invalid="ignore"):
        more = np.where((m > raised) & (upper > x), (m - raised) * (upper - x), 0.0)
        less = np.where((m < raised) & (x > lower), (raised - m) * (x - lower), 0.0)
    return float(np.sum(more) + np.sum(less) + np.sum(raised * np.maximum(left, 0.0)))


def _proportional(fleet: Fleet, c: Array, x: Array, fairness: float, seed: int) -> float:
    """Kelly's inequality Σ w (y − x)/(o + x + shift) ≤ 0, over Σ w, at 32 random feasible y."""
    if not isinstance(fleet.utility, Log) or fairness != 0.0:
        return float("nan")
    m = gradient(fleet, fleet.utility, x, 0.0)[0][:, 0]
    rng = np.random.default_rng(seed)
    spare, worst = max(float(c[0] - np.sum(fleet.lower)), 0.0), -np.inf
    for k in range(32):
        part = rng.exponential(size=fleet.n) ** (1 + k % 4)  # from even to very uneven deviations
        y = np.minimum(fleet.lower + spare * part / np.sum(part), fleet.upper)
        with np.errstate(invalid="ignore"):
            worst = max(worst, float(np.sum(np.where(y == x[:, 0], 0.0, m * (y - x[:, 0])))))
    return worst / float(np.sum(fleet.weight))


def fitting_prices(fleet: Fleet, utility: Utility | CobbDouglas, x: Array, alpha: float) -> Array:
    """Prices (K,) that fit given shares: per resource the median marginal utility of agents inside their
    bounds."""
    x = x.reshape(fleet.n, fleet.k)
    m = gradient(fleet, utility, x, alpha)[0]
    inside = (x > fleet.lower.reshape(x.shape)) & (x < fleet.upper.reshape(x.shape)) & np.isfinite(m)
    prices = np.zeros(fleet.k)
    for k in range(fleet.k):
        mine = m[inside[:, k], k]
        prices[k] = float(np.median(mine)) if mine.size else float(np.max(m[:, k], initial=0.0))
    return prices


def _slater(fleet: Fleet, c: Array) -> tuple[bool, str]:
    needed = np.atleast_1d(np.sum(fleet.lower, axis=0))
    short = np.flatnonzero(needed >= c)
    if short.size == 0:
        return True, (
            "Slater's condition holds: the lower bounds leave capacity over, so where the problem is concave "
            "strong duality holds and finite optimal prices exist"
        )
    name = fleet.resources[int(short[0])]
    return False, (
        f"Slater's condition fails: the lower bounds use all of {name!r}, so its allocation is forced and "
        "its price may be infinite or not unique"
    )
