"""Certificates, recomputed from the problem: is this allocation feasible, priced right, and how far from
the best?

The Karush-Kuhn-Tucker residuals of `spec/allocation.md §1, §5`, all relative, and a duality gap where the
problem is concave. Nothing is taken from the solver but the answer itself, x and the prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.fleet import Fleet
from evenhand.allocation.objective import between, level_of, log_gradient, objective, unit_for
from evenhand.columns import number, numbers, whole
from evenhand.errors import ProblemError, expect
from evenhand.notebook import glance
from evenhand.utilities.base import Utility, marginal_range
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.fair import transform
from evenhand.utilities.log import Log

if TYPE_CHECKING:
    from evenhand.allocation.substitutable.jobs import Jobs

__all__ = ["Certificate", "certify", "concave", "fitting_prices", "gradient", "worth"]

Array = NDArray[np.float64]
_LARGEST = float(np.finfo(np.float64).max)


@final
@dataclass(frozen=True, slots=True)
class Certificate:
    """Residuals of an allocation x with prices λ; m_ik = w_i ∂φ_α(U_i)/∂r_k is an agent's weighted marginal
    utility.

    * primal: largest excess over a capacity or bound, relative to the capacity.
    * dual: largest negative price, relative to the largest price.
    * slackness: largest λ_k |C_k − Σ_i x_ik|, relative to λ_max C_k.
    * stationarity: largest min(|m − λ|/max(m, λ), distance to the bound that would excuse it over C_k/n); of
      one resource also at most the relative distance of x from the best answer to λ. A bound excuses whom it would
      hold, so that an agent is measured on its own scale, however little it weighs in the objective.
    * prices: λ (K,).
    * primal_objective, dual_objective: Σ w φ_α(U / unit), and an upper bound of it over all allocations. An
      agent without weight, or that no allocation lifts above −∞ (or zero, of several resources), is left out.
    * gap: (dual − primal) over what the capacity is worth, Σ λ_k C_k (over |primal| where every price is 0),
      added up agent by agent without cancellation: the same in any unit. Not concave: over |primal|, and
      dual_objective is the dual function itself, which bounds every allocation all the same (`spec/allocation.md §10`).
    * spread: largest relative difference of m between agents strictly inside their bounds.
    * proportional: for Log, worst Σ w (y − x)/(o + x) over seeded random feasible y, relative to Σ w; ≤ 0 at
      the optimum, up to rounding. nan for other families.
    * concave: whether the problem is concave where something can be moved; claimed: whether that rests on
      the word of whoever wrote the utility (Custom). slater, slater_text: strict feasibility and what it implies.
    * unit: the utility that objectives and prices are measured in; 1 unless they would leave the range of floats.
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
    claimed: bool = False
    unit: float = 1.0

    def proves(self, tol: float = 1e-6) -> bool:
        """Whether feasibility, the gap and stationarity (to √tol, as a gap fixes no more) prove it optimal.

        Where concavity is claimed, so is the proof.
        """
        finite = bool(np.isfinite(self.primal_objective) and np.isfinite(self.dual_objective))
        feasible = self.primal <= 1e-9 and self.dual <= 1e-9
        return self.concave and finite and feasible and abs(self.gap) <= tol and self.stationarity <= tol**0.5

    @property
    def percent(self) -> float:
        """No allocation is better than this one by more per cent: proved by the dual function, without concavity.

        nan where the problem is concave (see gap) and where this allocation is not feasible or nothing is proved.
        """
        bounded = not self.concave and self.primal <= 1e-9 and np.isfinite(self.gap)
        return 100.0 * self.gap if bounded else float("nan")

    def _repr_html_(self) -> str:
        facts = {"proves it optimal": self.proves(), "concave": self.concave, "strictly feasible": self.slater_text}
        names = ("primal", "dual", "slackness", "stationarity", "gap", "spread", "primal_objective", "dual_objective")
        return glance("Certificate", facts, ("residual", "value"), [(name, getattr(self, name)) for name in names])


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
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(fleet.weight > 0.0, fleet.weight * u, 0.0)


def certify(
    fleet: Fleet | Jobs, capacity: Any, x: Any, prices: Any, fairness: float = 0.0, seed: int = 0, unit: float = 1.0,
    bounding: Any = None,
) -> Certificate:  # fmt: skip
    """Certificate of shares x ((n,) or (n, K)) with prices (K,) for Σ w φ_α(U / unit), α = fairness (finite).

    bounding: where the problem is not concave, the prices (K,) that the dual function is taken at; default: prices.
    Of jobs: of their times x (n, K), as `evenhand.allocation.substitutable.certificate.certify_jobs`.
    """
    if not isinstance(fleet, Fleet):
        from evenhand.allocation.substitutable.certificate import Jobs, certify_jobs

        expect("fleet", fleet, Jobs, "a Fleet, such as Fleet(Power([0.3, 0.6])), or Jobs")
        return certify_jobs(fleet, capacity, x, prices, fairness)
    fairness, seed = level_of(fairness, finite=True), whole("seed", seed, low=0)
    unit = number("unit", unit, low=0.0, open_low=True)
    c = fleet.capacities(capacity)
    x, lam = numbers("x", x), np.atleast_1d(numbers("prices", prices))
    if x.size != fleet.n * fleet.k or not np.isfinite(x).all():
        raise ProblemError(f"x has shape {x.shape}: it must be finite shares, {(fleet.n, fleet.k)}")
    if lam.shape != (fleet.k,):
        raise ProblemError(f"prices has shape {lam.shape}: give one number per resource, {fleet.k}")
    x = x.reshape(fleet.n, fleet.k)
    utility = objective(fleet, fairness, unit)
    alpha = fairness if isinstance(utility, CobbDouglas) else 0.0
    lower, upper, onboard = (a.reshape(x.shape) for a in (fleet.lower, fleet.upper, fleet.onboard))
    used, size = np.sum(x, axis=0), np.maximum(c, np.finfo(np.float64).tiny)
    primal = float(max(np.max((used - c) / size), np.max((lower - x) / size), np.max((x - upper) / size), 0.0))
    top = float(np.max(np.where(np.isfinite(lam), np.abs(lam), 0.0)))
    dual = float(np.max(np.maximum(-lam, 0.0))) / top if top > 0.0 else 0.0
    with np.errstate(invalid="ignore"):
        share = np.where(lam > 0.0, np.abs(c - used) / size, 0.0)
    finite = np.isfinite(lam)
    slackness = float(np.max(np.where(finite & (top > 0.0), np.abs(lam) / (top or 1.0), 1.0) * share))

    room = _room(fleet, c)
    reach = np.minimum(upper, lower + room)
    counts = (fleet.weight > 0.0) & ~_hopeless(fleet, onboard + reach, fairness)
    held = np.maximum(onboard + x, 0.0)
    mine = np.where(counts, worth(fleet, utility, held, alpha), 0.0)
    right, left = (np.where(counts[:, None], m, 0.0) for m in gradient(fleet, utility, x, alpha))
    best = _answer(fleet, utility, lam, x) if not isinstance(utility, CobbDouglas) else None
    movable = room > 0.0
    stays = _stays(fleet, utility, alpha, x, lam, right)
    stationarity = _stationarity(right, left, lam, x - lower, upper - x, size / fleet.n, best, x, movable, stays)
    is_concave = concave(fleet, c, fairness)
    own = np.broadcast_to(fleet.utility.value(held[:, 0] if fleet.k == 1 else held), (fleet.n,))
    lost = np.isinf(mine) & (own > 0.0)  # φ_α of a small U beyond the range of floats, which is no −∞
    value = float(np.sum(np.where(lost, np.sign(mine) * _LARGEST / fleet.n, mine)))
    bill = float(np.sum(np.where((lam > 0.0) & finite, lam * c, 0.0)))
    if not is_concave:
        excess = _dual_function(fleet, fairness, unit, c, lam if bounding is None else bounding) - value
        excess, bill = max(excess, 0.0), abs(value)
    elif not movable.any():
        excess = 0.0
    elif isinstance(utility, CobbDouglas):
        excess = _tangent_excess(fleet, utility, alpha, x, lam, c, mine, right, counts)
    else:
        excess = _dual_excess(fleet, utility, x, lam, c, mine, right, left, best)
    with np.errstate(invalid="ignore"):
        gap = 0.0 if excess == 0.0 else float(excess / (bill or abs(value) or np.finfo(np.float64).tiny))
    slater, text = _slater(fleet, c)
    claimed = not getattr(utility, "proved_concave", False)
    return Certificate(
        primal, dual, slackness, stationarity, tuple(lam.tolist()), value, value + excess, gap,
        _spread(right, left, x, lower, upper), _proportional(fleet, c, x, fairness, seed), is_concave, slater,
        text, claimed, unit,
    )  # fmt: skip


def _hopeless(fleet: Fleet, most: Array, level: float) -> NDArray[np.bool_]:
    """Agents whose part of the objective is −∞ (or zero, of several resources) even with the most they can get."""
    own = fleet.utility
    if isinstance(own, CobbDouglas):
        return own.value(most) <= 0.0
    u = np.broadcast_to(own.value(most[:, 0]), (fleet.n,))
    if level == 0.0:
        return u == -np.inf
    return (u < 0.0) | ((u == 0.0) & (level >= 1.0))


def concave(fleet: Fleet, c: Array, level: float) -> bool:
    """Whether Σ w φ_α(U) is concave in what can be moved: (1 − α) Σ_k γ_ik ≤ 1 over the resources that are scarce.

    c: (K,). A resource of which everyone can have the most it may get, and one that nobody can get any of, play no
    part; nor do agents without weight, or worth nothing whatever they get.
    """
    own = fleet.utility
    if not isinstance(own, CobbDouglas):
        return True
    room = _room(fleet, c)
    span = np.minimum(fleet.upper, fleet.lower + room) - fleet.lower
    counts = (fleet.weight > 0.0) & ~_hopeless(fleet, fleet.onboard + fleet.lower + span, level)
    scarce = (np.sum(fleet.upper - fleet.lower, axis=0) > room) & (room > 0.0)
    moved = np.where((span > 0.0) & scarce & counts[:, None], own.exponents, 0.0)
    return bool(np.all((1.0 - level) * np.sum(moved, axis=1) <= 1.0 + 1e-12))


def _room(fleet: Fleet, c: Array) -> Array:
    """What the lower bounds leave of each resource (K,); below 1e-12 of the capacity it is rounding, 0."""
    room = np.maximum(c - np.atleast_1d(np.sum(fleet.lower, axis=0)), 0.0)
    return np.where(room <= 1e-12 * c, 0.0, room)


def _answer(fleet: Fleet, utility: Utility, lam: Array, x: Array) -> Array:
    """The best answer (n, 1) of every agent to the price; what it has where it is indifferent."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        paid = np.where(fleet.weight > 0.0, lam[0] / fleet.weight, np.inf)
        wanted = np.broadcast_to(utility.demand(paid), (fleet.n,))
    return np.clip(wanted - fleet.onboard, fleet.lower, fleet.upper)[:, None]


def _stays(
    fleet: Fleet, utility: Utility | CobbDouglas, alpha: float, x: Array, lam: Array, right: Array
) -> tuple[Any, Any]:
    """Whether an agent at its lower, and at its upper bound would stay there, the other resources as they are."""
    low, high = (np.asarray(a).reshape(x.shape) for a in (fleet.lower, fleet.upper))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if isinstance(utility, CobbDouglas):  # the marginal is a power of what is held
            onboard = fleet.onboard.reshape(x.shape)
            bend, held = (1.0 - alpha) * utility.exponents - 1.0, np.maximum(onboard + x, 0.0)
            at_low, at_high = (right * ((onboard + bound) / held) ** bend for bound in (low, high))
        else:
            at_low = gradient(fleet, utility, low, alpha)[0]
            at_high = gradient(fleet, utility, np.where(np.isfinite(high), high, x), alpha)[1]
        return ~(at_low > lam * (1.0 + 1e-9)), ~(at_high < lam * (1.0 - 1e-9))


def _stationarity(
    right: Array, left: Array, lam: Array, above: Array, below: Array, size: Array, best: Array | None, x: Array,
    movable: Any, stays: tuple[Any, Any],
) -> float:  # fmt: skip
    """Natural residual: how far λ is outside [right, left], or x from the answer to λ, unless a bound excuses it.

    A bound excuses an agent near it that would stay there; else an agent that weighs little in the objective might
    hold a thousand times its due, which is next to nothing beside what the others hold.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        low = np.where(right > lam, 1.0 - lam / right, 0.0)  # wants more: excused at the upper bound
        high = np.where(left < lam, 1.0 - left / lam, 0.0)  # wants less: excused at the lower bound
        low, high = (np.where(np.isnan(v), 1.0, v) for v in (low, high))
        below, above = np.where(stays[1], below / size, 1.0), np.where(stays[0], above / size, 1.0)
        residual = np.maximum(np.minimum(low, below), np.minimum(high, above))
        if best is not None:
            apart = np.abs(best - x) / np.maximum(np.maximum(best, x), np.finfo(np.float64).tiny)
            residual = np.where(np.isfinite(apart), np.minimum(residual, apart), residual)
    return float(np.max(np.where(movable, np.maximum(residual, 0.0), 0.0)))


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


def _dual_excess(
    fleet: Fleet, utility: Utility, x: Array, lam: Array, c: Array, mine: Array, right: Array, left: Array,
    best: Array | None,
) -> float:  # fmt: skip
    """The Lagrange dual over the objective: Σ_i max_y [w U(o+y) − λy] − [w U(o+x) − λx] + λ(C − Σx).

    No agent gains more than its tangent promises, which has no cancellation where x is near its best.
    """
    assert best is not None
    if not np.any((x < fleet.upper[:, None]) & (right > 0.0)) and np.all(mine > -np.inf):
        return 0.0  # everyone has its best
    with np.errstate(invalid="ignore", over="ignore"):
        gain = worth(fleet, utility, fleet.onboard[:, None] + best) - mine
        cost = np.where(lam[0] > 0.0, lam[0] * (best - x)[:, 0], 0.0)
        more = (best - x)[:, 0]
        steep = np.where(more > 0.0, right[:, 0], left[:, 0])
        tangent = np.where(more == 0.0, 0.0, (steep - lam[0]) * more)
        net = np.where(more == 0.0, 0.0, np.fmin(gain - cost, tangent))
    return max(0.0, float(np.sum(np.maximum(net, 0.0))) + float(lam[0]) * max(float((c - np.sum(x))[0]), 0.0))


def _tangent_excess(
    fleet: Fleet, utility: CobbDouglas, alpha: float, x: Array, lam: Array, c: Array, mine: Array, m: Array,
    counts: Any,
) -> float:  # fmt: skip
    """Frank-Wolfe's bound: every concave utility replaced by its tangent at x, with prices raised where needed.

    Where an agent is worth nothing at x but could be worth something it has no tangent: then the dual function.
    """
    if np.any(counts & (utility.value(fleet.onboard + x) <= 0.0)):
        from evenhand.allocation.several.joint import bound

        arguments = (fleet.weight, fleet.onboard, utility.exponents, fleet.lower, fleet.upper, c, alpha, lam)
        return float("inf") if alpha >= 1.0 else max(0.0, bound(*arguments, scale=utility.scale) - float(np.sum(mine)))
    if not np.any((x < fleet.upper) & (m > 0.0)):
        return 0.0  # everyone has its best
    free = ~np.isfinite(fleet.upper)
    raised = np.maximum(lam, np.max(np.where(free, m, 0.0), axis=0))
    with np.errstate(invalid="ignore"):
        more = np.where((m > raised) & (fleet.upper > x), (m - raised) * (fleet.upper - x), 0.0)
        less = np.where((m < raised) & (x > fleet.lower), (raised - m) * (x - fleet.lower), 0.0)
    return float(np.sum(more) + np.sum(less) + np.sum(raised * np.maximum(c - np.sum(x, axis=0), 0.0)))


def _dual_function(fleet: Fleet, level: float, unit: float, c: Array, prices: Any) -> float:
    """D at the prices, an upper bound without concavity; inf where they are none."""
    from evenhand.allocation.several.bound import bound

    utility = objective(fleet, level, unit)
    prices = np.atleast_1d(numbers("bounding", prices))
    if not isinstance(utility, CobbDouglas) or not np.all((prices >= 0.0) & np.isfinite(prices)):
        return float("inf")
    arguments = (fleet.weight, fleet.onboard, utility.exponents, fleet.lower, fleet.upper, c, level, prices)
    return bound(*arguments, scale=utility.scale)


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


def fitting_prices(fleet: Fleet, x: Array, alpha: float) -> tuple[Array, float]:
    """Prices (K,) that fit given shares, and their unit: per resource the median marginal utility of agents inside
    their bounds."""
    x = x.reshape(fleet.n, fleet.k)
    log_m = log_gradient(fleet, x, alpha)
    inside = between(fleet, x) & np.isfinite(log_m)
    prices = np.full(fleet.k, -np.inf)
    for k in range(fleet.k):
        mine = log_m[inside[:, k], k]
        prices[k] = float(np.median(mine)) if mine.size else float(np.max(log_m[:, k], initial=-np.inf))
    unit = unit_for(fleet, x, prices, alpha)
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(prices + (alpha - 1.0) * np.log(unit)), unit


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
