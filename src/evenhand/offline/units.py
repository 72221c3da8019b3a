"""Units of one episode, so that the solver always sees numbers of about one. Source: spec/online.md §1.

With x = action x', y = burden o y' and cost = money cost', the problem in primed variables is of the same families, and
its answers are those of the original, divided by the units. `measure` finds the units at a sequence that is cheap to
get, or at an answer; `in_units` holds, family by family, what becomes of the data. A family from elsewhere brings a
method ``in_units(units)`` that does the same for it. Units are powers of two: to divide by them and to multiply again
changes no digit, and what is feasible in them is feasible.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from evenhand.columns import Array, rebuild
from evenhand.core import Problem, Round
from evenhand.costs.convex import Convex, cvxpy
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.errors import EvenhandError, ProblemError
from evenhand.fairness.blocks import Blocks
from evenhand.fairness.norm import Norm
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.impacts import Dense, Diagonal, Stacked
from evenhand.offline.hypograph import Stretched
from evenhand.proximal import proximal
from evenhand.sets import Box, Budget, Polytope
from evenhand.trajectory import evaluate

__all__ = ["Sizes", "Units", "in_units", "measure", "rescaled"]

#: a cost below this share of what moving every action by its unit costs is rounding
NOTHING = 1e-4


@final
@dataclass(frozen=True, slots=True)
class Units:
    """action: the unit of x. money: that of the cost. burden (m,): that of each entity's burden. Powers of two."""

    action: float
    money: float
    burden: Array

    @property
    def price(self) -> Array:
        """The unit of kappa, money per burden: (m,)."""
        return self.money / self.burden

    def same(self, other: Units) -> bool:
        """Whether nothing differs."""
        alike = self.action == other.action and self.money == other.money
        return alike and bool((self.burden == other.burden).all())


@final
@dataclass(frozen=True, slots=True)
class Sizes:
    """Units, and what was seen when they were measured, in the user's money.

    effort: |hitting| + switching cost of a cheap sequence; unfairness: its fairness cost; least: money below which
    nothing is told apart.
    """

    units: Units
    effort: float
    unfairness: float
    least: float


def measure(problem: Problem, actions: Array | None = None, *, alike: bool = False) -> Sizes:
    """The units of one episode at a sequence (T, n), or at the minimisers of its hitting costs where a kernel has them.

    alike: one unit for all burdens, where a norm over entities must keep its meaning.
    """
    cost = _without_constant(problem.cost)
    bare = rebuild(problem, {"cost": cost})
    lower, upper = problem.feasible.bounds
    here = _cheap(problem) if actions is None else actions
    start = np.abs(problem.setting.initial).max(initial=0.0)
    action = _two(np.abs(here).max(axis=-1, initial=0.0).mean(), _extent(problem.feasible), start)
    n = here.shape[-1]
    _, ends = problem.impact.range(np.full(n, -action), np.full(n, action))
    burden = ends.reshape(-1, ends.shape[-1]).mean(axis=0)
    largest = burden.max(initial=0.0)
    each = np.full(burden.shape, largest) if alike else np.where(burden > 0.0, burden, largest)
    burden = np.array([_two(size) for size in each])
    with np.errstate(all="ignore"):
        run = evaluate(bare, here)
        base = run.hitting
        moved = [np.abs(cost.value(np.clip(here + step, lower, upper)) - base) for step in (action, -action)]
        swing = _finite(np.maximum(*(np.where(np.isfinite(m), m, 0.0) for m in moved)).mean())
        far = problem.setting.switching.moves.value(np.full(n, action), np.zeros(n))
        swing += _finite(far) + _finite(problem.setting.fairness.value(burden))
        effort = _finite(np.abs(base).mean()) + _finite(run.switching.mean())
        unfairness = _finite(np.abs(run.cost.fairness))
    money = _two(max(effort + unfairness, NOTHING * swing))
    return Sizes(Units(action, money, burden), effort, unfairness, NOTHING * swing)


def rescaled(problem: Problem, units: Units) -> Problem:
    """The episode in other units. Raises ProblemError for a family that does not say how."""
    setting = problem.setting
    return rebuild(
        problem,
        {
            "cost": in_units(problem.cost, units),
            "impact": in_units(problem.impact, units),
            "feasible": in_units(problem.feasible, units),
            "setting": replace(
                setting,
                switching=setting.switching.moves.in_units(units.action, units.money),
                fairness=in_units(setting.fairness, units),
                initial=setting.initial / units.action,
                burden_lower=None if setting.burden_lower is None else setting.burden_lower / units.burden,
                burden_upper=None if setting.burden_upper is None else setting.burden_upper / units.burden,
            ),
        },
    )


def _two(*sizes: float) -> float:
    """The power of two next to the first size that is one."""
    size = next((s for s in sizes if 0.0 < s < np.inf), 1.0)
    return float(2.0 ** np.clip(np.round(np.log2(size)), -1000, 1000))


def _finite(size: Any) -> float:
    return float(size) if np.isfinite(size) else 0.0


def _without_constant(cost: Any) -> Any:
    constant = getattr(cost, "constant", None)
    return cost if constant is None else rebuild(cost, {"constant": np.zeros_like(constant)})


def _cheap(problem: Problem) -> Array:
    """Actions of a size that the problem suggests: (T, n)."""
    feasible, cost, initial = problem.feasible, problem.cost, problem.setting.initial
    kernel = isinstance(feasible, Box | Budget) and isinstance(cost, Quadratic | Unserved | Pooled | UtilityCost)
    shape = (problem.horizon, initial.shape[0])
    if kernel:
        try:
            return np.broadcast_to(proximal(Round(0, cost, problem.impact, feasible)), shape)
        except EvenhandError:
            pass  # unbounded without the other costs
    if isinstance(feasible, Box | Budget):
        nearest = Quadratic(np.zeros(shape[-1]))
        return np.broadcast_to(proximal(Round(0, nearest, problem.impact, feasible), 0.0, 1.0, initial), shape)
    return np.broadcast_to(np.clip(initial, *feasible.bounds), shape)


def _extent(feasible: Any) -> float:
    """A size of the set's actions, 0 where it has none."""
    ends = [np.where(np.isfinite(end), np.abs(end), 0.0).max(axis=-1, initial=0.0) for end in feasible.bounds]
    size = np.maximum(*ends)
    if isinstance(feasible, Budget):
        total = np.abs(feasible.total)
        size = np.where((size > 0.0) & (total > 0.0), np.minimum(size, total), np.maximum(size, total))
    elif isinstance(feasible, Polytope):
        aim = [np.where(np.isfinite(end), np.abs(end), 0.0).max(axis=-1, initial=0.0) for end in
               (feasible.low, feasible.high)]  # fmt: skip
        steep = np.abs(feasible.rows).max(axis=(-2, -1), initial=0.0)
        across = np.divide(np.maximum(*aim), steep, out=np.zeros_like(steep), where=steep > 0.0)
        size = np.where(size > 0.0, size, across)
    return float(size.mean())


# --- what becomes of each family --------------------------------------------------------------------------------------


@functools.singledispatch
def in_units(part: Any, units: Units) -> Any:
    """A hitting or switching cost, impact, action set or fairness cost in other units."""
    own = getattr(part, "in_units", None)
    if own is None:
        raise ProblemError(
            f"{type(part).__name__} has no conic form: OPT does not know it; give it a method in_units(units) and rows"
        )
    return own(units)


@in_units.register
def _(part: Quadratic, units: Units) -> Quadratic:
    slope = units.action / units.money
    return rebuild(
        part,
        {
            "linear": part.linear * slope,
            "curvature": part.curvature * slope * units.action,
            "constant": part.constant / units.money,
        },
    )


@in_units.register
def _(part: DenseQuadratic, units: Units) -> DenseQuadratic:
    slope = units.action / units.money
    return rebuild(
        part,
        {
            "linear": part.linear * slope,
            "matrix": part.matrix * slope * units.action,
            "constant": part.constant / units.money,
        },
    )


@in_units.register
def _(part: Unserved, units: Units) -> Unserved:
    slope = units.action / units.money
    return rebuild(
        part,
        {
            "demand": part.demand / units.action,
            "linear": part.linear * slope,
            "price": part.price * slope,
            "curvature": part.curvature * slope * units.action,
            "weight": part.weight * slope * units.action,
        },
    )


@in_units.register
def _(part: Pooled, units: Units) -> Pooled:
    """Demand has a unit of its own, what one unit of action serves on the way."""
    slope = units.action / units.money
    served = _two(float(part.rate.mean()) * units.action)
    return rebuild(
        part,
        {
            "demand": part.demand / served,
            "rate": part.rate * (units.action / served),
            "linear": part.linear * slope,
            "curvature": part.curvature * slope * units.action,
            "price": part.price / units.money * served,
            "weight": part.weight / units.money * served * served,
        },
    )


@in_units.register
def _(part: UtilityCost, units: Units) -> UtilityCost:
    return rebuild(
        part,
        {
            "utility": Stretched(part.utility, units.action),
            "weight": part.weight / units.money,
            "onboard": part.onboard / units.action,
            "best": part.best / units.action,
        },
    )


@in_units.register
def _(part: Convex, units: Units) -> Convex:
    def build(x: Any, data: Array) -> Any:
        return part.build(cvxpy().multiply(units.action, x), data) / units.money

    return rebuild(part, {"build": build, "modulus": part.modulus * units.action / units.money * units.action})


@in_units.register
def _(part: Diagonal, units: Units) -> Diagonal:
    return rebuild(part, {"weight": part.weight * (units.action / units.burden)})


@in_units.register
def _(part: Dense, units: Units) -> Dense:
    return rebuild(part, {"matrix": part.matrix * (units.action / units.burden)[:, None]})


@in_units.register
def _(part: Stacked, units: Units) -> Stacked:
    return rebuild(part, {"weight": part.weight * (units.action / units.burden).reshape(part.weight.shape[-2:])})


@in_units.register
def _(part: Box, units: Units) -> Box:
    return rebuild(part, {"lower": part.lower / units.action, "upper": part.upper / units.action})


@in_units.register
def _(part: Budget, units: Units) -> Budget:
    ends = {"lower": part.lower / units.action, "upper": part.upper / units.action}
    return rebuild(part, {**ends, "total": part.total / units.action})


@in_units.register
def _(part: Polytope, units: Units) -> Polytope:
    """Each row in a unit of its own."""
    steep = np.abs(part.rows).max(axis=-1, initial=0.0) * units.action
    own = np.exp2(np.round(np.log2(np.where(steep > 0.0, steep, 1.0))))
    return rebuild(
        part,
        {
            "rows": part.rows * (units.action / own[..., None]),
            "low": part.low / own,
            "high": part.high / own,
            "lower": part.lower / units.action,
            "upper": part.upper / units.action,
        },
    )


def _norm(part: Any, units: Units) -> dict[str, Any]:
    """mu ||w o burden o y'|| / money, with the largest unit in mu and the others' shares of it in the weights."""
    top = float(units.burden.max())
    return {"mu": part.mu / units.money * top, "weights": part.weights * (units.burden / top)}


@in_units.register
def _(part: Norm, units: Units) -> Norm:
    return replace(part, **_norm(part, units))


@in_units.register
def _(part: Target, units: Units) -> Target:
    return replace(part, target=part.target / units.burden, **_norm(part, units))


@in_units.register
def _(part: Shortfall, units: Units) -> Shortfall:
    return replace(part, quota=part.quota / units.burden, **_norm(part, units))


@in_units.register
def _(part: Blocks, units: Units) -> Blocks:
    inner = zip(part.parts, part.slices, strict=True)
    return Blocks(tuple(in_units(g, replace(units, burden=units.burden[at])) for g, at in inner), part.sizes)
