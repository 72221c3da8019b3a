"""The dual bound (11): a proved lower bound on every sequence's cost, without solving OPT. Source: spec/online.md §5.

    LB(kappa) = (1/T) min_{x_t in X_t} sum_t [ f_t(x_t) + (beta/2) ||x_t - x_{t-1}||^2 + kappa . A_t x_t ] - g*(kappa)

for kappa in dom g*, and the same with any other switching cost and with limits of moves. In full the inner problem is a
chain over rounds; without the switching term it separates, one
water-filling per round, and can be kept up to date while a controller runs (`RunningBound`). Every value given here
is proved by weak duality at the end (`lower_bound_at`, `kernels.floor`), whatever the accuracy of the solver before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, same, stretch
from evenhand.core import Fairness, FairnessMemory, Problem, Round, Setting
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.errors import ParameterError, ProblemError, expect
from evenhand.fairness.dual import supported
from evenhand.kernels import reduce
from evenhand.kernels.floor import floor
from evenhand.notebook import glance
from evenhand.offline.cuts import least_by_cuts
from evenhand.offline.duality import exact, lower_bound_at
from evenhand.offline.frames import linear
from evenhand.offline.optimum import optimum
from evenhand.offline.program import whole
from evenhand.offline.remembered import charged, each_round
from evenhand.offline.running import begin_late, bounded, more_late, still_due, to_come
from evenhand.offline.sizes import measure
from evenhand.offline.units import rescaled
from evenhand.proximal import proximal
from evenhand.sets import Budget
from evenhand.switching.squared import Squared

__all__ = ["LowerBound", "RunningBound", "lower_bound", "round_floor"]


@final
@dataclass(frozen=True, slots=True)
class LowerBound:
    """A proved lower bound on the cost (1) of every feasible sequence: value (...), at the price kappa (..., m), with a
    memory (..., T, m), one for what is remembered in each round.

    separable: the switching cost was dropped (its least value, zero, was taken instead), and the limits of moves.
    """

    value: Array
    kappa: Array
    separable: bool

    __eq__ = same

    def regret(self, cost: Array | float) -> Array:
        """Cost above the bound, per round: at most this much regret against OPT, proved."""
        return cost - self.value

    def excess(self, cost: Array | float) -> Array:
        """How far a cost is above the bound, relative: at most this much above the best possible in hindsight."""
        return np.divide(cost - self.value, self.value, out=np.full_like(self.value, np.inf), where=self.value > 0)

    def _repr_html_(self) -> str:
        facts = {"episodes": self.value.size, "switching cost": "dropped" if self.separable else "counted"}
        return glance("LowerBound", facts, ("episode", "proved cost"), list(enumerate(self.value.reshape(-1))))


def lower_bound(problem: Problem, kappa: Any = None, *, separable: bool = False) -> LowerBound:
    """LB(kappa) of (11); maximised over kappa when none is given, each leading element on its own.

    kappa: (m,) or (..., m) in dom g*; with a memory (..., T, m), or (m,) for every round. Maximising takes the
    multiplier of the conic program (of OPT, or of OPT without switching cost) and proves it: strong duality makes the
    full bound tight, its gap to OPT is that of `optimum`.
    Raises ParameterError for a kappa outside dom g*.
    """
    expect("problem", problem, Problem, 'a Problem, such as load("geo7").window(0)')
    expect("separable", separable, (bool, np.bool_), "True or False")
    if kappa is None:
        flat = replace(problem, setting=replace(problem.setting, switching=Squared(0.0))) if separable else problem
        best = optimum(flat)
        kappa, _ = supported(problem.setting.fairness, best.kappa)
        if not separable:
            return LowerBound(best.lower_bound, kappa, separable)
    price, charge = _inside(problem.setting.fairness, kappa, problem.impact.entities)
    lead, core = problem.lead, 1
    if problem.setting.memory is not None:
        price, core = each_round(problem, price), 2
    if price.ndim - core > len(lead):
        raise ProblemError(f"kappa has shape {price.shape}: its leading axes must fit the problem's, {lead}")
    price = np.broadcast_to(price, (*lead, *price.shape[price.ndim - core :]))
    if separable:
        paid, more = charged(problem, price, charge)
        each, _ = round_floor(Round(0, problem.cost, problem.impact, problem.feasible), paid)
        value = reduce.total(each) / problem.horizon + more
        return LowerBound(value, price, separable)
    moves = problem.setting.switching.moves
    actions = np.empty((*lead, problem.horizon, problem.setting.initial.shape[0]))
    pushes = np.zeros_like(actions) if moves.kinked or moves.limited else None
    for index in np.ndindex(*lead):
        one = problem.episode(index) if lead else problem
        units = measure(one).units
        view = rescaled(one, units)
        linear_cost = linear((price[index] / units.price).reshape(-1))
        found = whole(view, linear_cost).back(units.action, units.money, units.burden)
        actions[index] = found.actions
        if pushes is not None and found.pushes is not None:
            pushes[index] = found.pushes
    return LowerBound(lower_bound_at(problem, actions, price, pushes=pushes), price, separable)


def round_floor(round: Round, kappa: Array) -> tuple[Array, Array]:
    """min over X_t of f_t(x) + kappa . A_t x, proved: (...), and a minimiser (..., n).

    kappa (..., m) broadcasts against the round's leading axes. Separable quadratics with one budget take one kernel;
    the rest the proximal oracle and, at its answer, the tangent, or cuts where one is not tight, minimised over the
    set.
    """
    tilt = round.impact.tilt(kappa)
    cost, feasible = round.cost, round.feasible
    if isinstance(cost, Quadratic) and isinstance(feasible, Budget):
        x, value = floor(
            cost.curvature,
            cost.linear + tilt,
            feasible.lower,
            feasible.upper,
            feasible.total,
            1.0 if feasible.equal else 0.0,
        )
        return value + cost.constant, x
    x = proximal(round, tilt)
    if isinstance(cost, Quadratic | DenseQuadratic):
        slope = cost.gradient(x) + tilt
        return cost.value(x) + reduce.total((tilt - slope) * x) + feasible.support(slope), x
    if exact(cost, feasible):
        return cost.value(x) + reduce.total(tilt * x), x  # at a kink no tangent is tight: the oracle's minimum is taken
    own: Any = cost
    lead = x.shape[:-1]
    each = stretch(own, lead, own.core), stretch(feasible, lead, feasible.core)
    return least_by_cuts(*each, np.broadcast_to(tilt, x.shape), x, cost.value(x)), x


@final
@dataclass(frozen=True, slots=True)
class RunningBound:
    """The separable bound kept up to date round by round: a value, never changed in place.

    kappa (..., m): one price, or many candidates as leading axes; every one gives a bound, `value` is the best.
    offset: g*(kappa) (...); rounds seen; total (...), the sum of the rounds' floors.
    With a memory total is less the rounds' g*; idle: g*(0); late: what the last rounds will still be remembered for,
    at most (`offline/running.py`). Prices need a HalfLife or a Window; with another memory only kappa = 0 proves
    something.
    """

    kappa: Array
    offset: Array
    rounds: int
    total: Array
    memory: FairnessMemory | None = None
    idle: Array | None = None
    late: Array | None = None

    __eq__ = same

    @classmethod
    def start(cls, setting: Setting, kappa: Any) -> RunningBound:
        """Before the first round.

        Raises ParameterError for a kappa outside dom g*, ProblemError for one above 0 where the memory allows none.
        """
        price, charge = _inside(setting.fairness, kappa, len(setting.entities) or np.shape(kappa)[-1])
        none = np.zeros(price.shape[:-1])
        if setting.memory is None:
            return cls(price, charge, 0, none)
        if price.any() and not bounded(setting.memory):
            raise ProblemError(
                f"no price bounds a running system with {type(setting.memory).__name__}: give kappa = 0, or certify "
                "the whole record by lower_bound"
            )
        _, idle = supported(setting.fairness, np.zeros(price.shape[-1]))
        return cls(price, charge, 0, none, setting.memory, idle, begin_late(setting.memory, none.shape))

    def add(self, round: Round) -> RunningBound:
        """One more round."""
        value, _ = round_floor(round, self.kappa)
        memory, late, t = self.memory, self.late, self.rounds + 1
        if memory is not None and late is not None and self.idle is not None:
            free, _ = round_floor(round, np.zeros(self.kappa.shape[-1]))
            late = more_late(memory, late, value, free)
            value = value - to_come(memory, self.kappa, self.offset, self.idle, t)
        return RunningBound(self.kappa, self.offset, t, self.total + value, memory, self.idle, late)

    @property
    def value(self) -> float:
        """The best candidate's proved lower bound on the mean cost of the rounds so far."""
        if not self.rounds:
            raise ParameterError("no round was added yet: the bound is over at least one")
        if self.memory is not None and self.late is not None:
            return float(((self.total - still_due(self.memory, self.late)) / self.rounds).max())
        return float((self.total / self.rounds - self.offset).max())


def _inside(fairness: Fairness, kappa: Any, m: int) -> tuple[Array, Array]:
    """kappa in dom g*, and a bound on g* there."""
    price = as_array("kappa", kappa)
    if price.shape[-1:] != (m,):
        raise ParameterError(f"kappa has shape {price.shape}: it must end in the {m} entities (..., {m})")
    dual = fairness.conjugate(price)
    if not np.isfinite(dual).all():
        raise ParameterError(
            f"kappa is outside dom g* of {fairness!r}, where the bound is -inf: it must lie in the dual ball; "
            "fairness.project(kappa) gives the nearest point of it"
        )
    return supported(fairness, price) if hasattr(fairness, "support") else (price, dual)
