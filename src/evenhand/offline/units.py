"""Units of one episode, so that the solver always sees numbers of about one. Source: spec/online.md §1.

With x = action x', y = burden o y' and cost = money cost', the problem in primed variables is of the same families, and
its answers are those of the original, divided by the units. `in_units` holds, family by family, what becomes of the
data; a family from elsewhere brings a method ``in_units(units)`` that does the same for it. Units are powers of two: to
divide by them and to multiply again changes no digit, and what is feasible in them is feasible. Which units:
`offline/sizes.py`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from evenhand.columns import Array, rebuild
from evenhand.core import Problem
from evenhand.costs.convex import Convex, cvxpy
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ProblemError
from evenhand.fairness.blocks import Blocks
from evenhand.fairness.norm import Norm
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.impacts import Dense, Diagonal, Stacked
from evenhand.offline.hypograph import Stretched
from evenhand.sets import Box, Budget, Polytope
from evenhand.switching.moves import Moves
from evenhand.switching.squared import Squared

__all__ = ["Units", "in_units", "power_of_two", "rescaled"]


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
class Counted:
    """A switching cost of any family, known by its moves."""

    moves: Moves

    def value(self, x: Array, previous: Array) -> Array:
        """s: two (..., n) -> (...)."""
        return self.moves.value(x, previous)


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
                switching=in_units(setting.switching, units),
                fairness=in_units(setting.fairness, units),
                initial=setting.initial / units.action,
                burden_lower=None if setting.burden_lower is None else setting.burden_lower / units.burden,
                burden_upper=None if setting.burden_upper is None else setting.burden_upper / units.burden,
            ),
        },
    )


def power_of_two(*sizes: float) -> float:
    """The power of two next to the first size that is one."""
    size = next((s for s in sizes if 0.0 < s < np.inf), 1.0)
    return float(2.0 ** np.clip(np.round(np.log2(size)), -1000, 1000))


# --- what becomes of each family --------------------------------------------------------------------------------------


@functools.singledispatch
def in_units(part: Any, units: Units) -> Any:
    """A hitting or switching cost, impact, action set or fairness cost in other units."""
    own = getattr(part, "in_units", None)
    if own is None and isinstance(moves := getattr(part, "moves", None), Moves):
        return Counted(in_units(moves, units))
    if own is None:
        raise ProblemError(
            f"{type(part).__name__} has no conic form: OPT does not know it; give it a method in_units(units) and rows"
        )
    return own(units)


def _bent(part: Any, units: Units) -> dict[str, Array]:
    """linear x + curvature x^2 / 2."""
    slope = units.action / units.money
    return {"linear": part.linear * slope, "curvature": part.curvature * slope * units.action}


@in_units.register
def _(part: Quadratic, units: Units) -> Quadratic:
    return rebuild(part, {"constant": part.constant / units.money, **_bent(part, units)})


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
    own = {"price": part.price * slope, "weight": part.weight * slope * units.action}
    return rebuild(part, {"demand": part.demand / units.action, **own, **_bent(part, units)})


@in_units.register
def _(part: Pooled, units: Units) -> Pooled:
    """Demand has a unit of its own, what one unit of action serves on the way."""
    served = power_of_two(float(part.rate.mean()) * units.action)
    return rebuild(
        part,
        {
            "demand": part.demand / served,
            "rate": part.rate * (units.action / served),
            "price": part.price / units.money * served,
            "weight": part.weight / units.money * served * served,
            **_bent(part, units),
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
def _(part: Squared, units: Units) -> Squared:
    return Squared(part.beta * units.action / units.money * units.action)


@in_units.register
def _(part: Moves, units: Units) -> Moves:
    slope = units.action / units.money
    square = None if part.matrix is None else part.matrix * slope * units.action
    rho, up, down = part.rho * slope * units.action, part.up * slope, part.down * slope
    return Moves(rho, up, down, part.rise / units.action, part.fall / units.action, square, part.waived)


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
