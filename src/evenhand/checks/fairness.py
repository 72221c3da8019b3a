"""Checks of fairness costs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.checks import forms
from evenhand.checks.promises import ROUNDING, Check, arrays, guarded, has, insist, record, require, tried, unchanged
from evenhand.columns import Array
from evenhand.core import Fairness

__all__ = ["FAIRNESS", "Burdens", "burdens", "check_fairness"]


@final
@dataclass(frozen=True)
class Burdens:
    """A fairness cost and what it is tried on: burdens ys and others (k, m), prices raw (k, m) in and out of dom g*.

    Without slots, so that what a solver is asked for is asked once.
    """

    g: Any
    ys: Array
    others: Array
    raw: Array

    @property
    def exact(self) -> float:
        """How exact its dual operations are, as it states."""
        return getattr(self.g, "accuracy", ROUNDING)

    @functools.cached_property
    def values(self) -> tuple[Array, Array, Array]:
        """g at ys, at the others, and what rounding may take from an inequality between them."""
        value, apart = self.g.value(self.ys), self.g.value(self.others)
        return value, apart, ROUNDING * (1.0 + np.abs(value) + np.abs(apart))

    @property
    def loose(self) -> Array:
        """The same for what its dual operations compute."""
        return self.exact / ROUNDING * self.values[2]

    @functools.cached_property
    def slopes(self) -> Array:
        """Subgradients at ys."""
        return guarded(self.g, "subgradient", lambda: self.g.subgradient(self.ys))

    @functools.cached_property
    def dual(self) -> Array:
        """g* at the prices."""
        return guarded(self.g, "conjugate", lambda: self.g.conjugate(self.prices))

    @functools.cached_property
    def prices(self) -> Array:
        """The projections of raw."""
        return guarded(self.g, "projection on the dual ball", lambda: self.g.project(self.raw))


def burdens(fairness: Any, entities: int = 4) -> Burdens:
    """Drawn from a fixed seed, with 0 and 1 at the end; of as many entities as a cost for a fixed number has."""
    m = int(getattr(fairness, "entities", entities))
    rng = np.random.default_rng(11)
    ys = np.concatenate([rng.normal(size=(40, m)), np.zeros((1, m)), np.ones((1, m))])
    size = 1.0 + float(fairness.lipschitz(m)) if hasattr(fairness, "lipschitz") else 1.0
    return Burdens(fairness, ys, rng.permutation(ys), rng.normal(size=(42, m)) * size)


def check_fairness(fairness: Fairness, entities: int = 4) -> None:
    """Convex, subgradients below, Fenchel's inequality, projections on the dual ball, an optimal budget step.

    Where it brings its conic form: the epigraph has its values, and ``in_units`` is the same cost. Dual operations are
    held to 1e-9, or to the ``accuracy`` that it states.
    """
    insist(FAIRNESS, burdens(fairness, entities))


def _members(case: Burdens) -> None:
    has(case.g, Fairness)


def _values(case: Burdens) -> None:
    g, ys = case.g, case.ys
    value = guarded(g, "value of a batch", lambda: g.value(ys))
    require(np.shape(value) == (42,), g, "value takes (..., m) to (...)")
    require(np.isfinite(value), g, "values are finite")
    batch = [g.value(y) for y in ys]
    require(np.array_equal(value, batch), g, "the value of a batch is that of its elements, bit for bit")


def _inputs(case: Burdens) -> None:
    g, kept, y, kappa = case.g, arrays(case.g), case.ys[:1].copy(), case.raw[:1].copy()
    low, high = np.full(y.shape[-1], -1.0), np.ones(y.shape[-1])
    tried([lambda: g.value(y), lambda: g.subgradient(y), lambda: g.recession(y)])
    tried([lambda: g.conjugate(kappa), lambda: g.project(kappa), lambda: g.budget(kappa[0], low, high)])
    given = (y, kappa, low.max(), high.min()), (case.ys[:1], case.raw[:1], -1.0, 1.0)
    alike = all(np.array_equal(a, b) for a, b in zip(*given, strict=True))
    require(alike and unchanged(g, kept), g, "nothing it is given is changed")


def _convex(case: Burdens) -> None:
    value, apart, unit = case.values
    middle = case.g.value((case.ys + case.others) / 2)
    require(middle <= (value + apart) / 2 + unit, case.g, "g is convex")
    require(np.allclose(case.g.scaled(3.0).value(case.ys), 3.0 * value), case.g, "scaled(c) is c g")


def _slopes(case: Burdens) -> None:
    g, ys, others = case.g, case.ys, case.others
    value, apart, unit = case.values
    slope = case.slopes
    require(np.shape(slope) == ys.shape, g, "subgradient takes (..., m) to (..., m)")
    below = apart >= value + (slope * (others - ys)).sum(-1) - case.loose
    require(below, g, "a subgradient supports g from below")
    steep = np.abs(apart - value) > g.lipschitz(ys.shape[-1]) * np.linalg.norm(others - ys, axis=-1) + unit
    require(not steep.any(), g, "g is Lipschitz with the constant it states")
    far = guarded(g, "recession", lambda: g.recession(others))
    require((slope * others).sum(-1) <= far + case.loose, g, "no slope is above the recession")
    out = g.value(1e6 * others) / 1e6
    require(np.allclose(far, out, rtol=1e-5, atol=1e-4), g, "recession is the slope far out")


def _projects(case: Burdens) -> None:
    g, price, exact = case.g, case.prices, case.exact * (1 + case.g.lipschitz(case.ys.shape[-1]))
    require(np.isfinite(case.dual), g, "a projected price lies in dom g*")
    require(np.allclose(g.project(price), price, atol=exact), g, "projecting twice is projecting once")
    gap = np.linalg.norm(price[1:] - price[:-1], axis=-1) - np.linalg.norm(case.raw[1:] - case.raw[:-1], axis=-1)
    require(gap <= exact, g, "the projection brings no two prices farther apart")
    centre = g.centre(case.ys.shape[-1])
    require(np.isfinite(g.conjugate(centre)), g, "the centre lies in dom g*")


def _dual(case: Burdens) -> None:
    g, ys, price, loose = case.g, case.ys, case.prices, case.loose
    value = case.values[0]
    fenchel = value + case.dual >= (price * ys).sum(-1) - loose
    require(fenchel, g, "Fenchel: g(y) + g*(kappa) >= kappa . y")
    slope = case.slopes
    off = np.abs(g.conjugate(slope) - ((slope * ys).sum(-1) - value))
    require(off <= loose, g, "Fenchel's equality holds at a subgradient")


def _budget(case: Burdens) -> None:
    g, m = case.g, case.ys.shape[-1]
    rng = np.random.default_rng(29)
    low, high = np.full(m, -1.0), np.linspace(0.5, 2.0, m)
    for one in case.raw:
        z = guarded(g, "budget step", lambda k=one: g.budget(k, low, high))
        require((z >= low) & (z <= high), g, "the budget step stays in its box")
        points = rng.uniform(low, high, (20, m))
        rivals = g.value(points) - points @ one
        best = g.value(z) - z @ one <= rivals + case.exact * (1 + np.abs(rivals))
        require(best, g, "the budget step is optimal")
    price = case.prices
    inside, dual = g.budget_ball(price), case.dual
    fenchel = np.abs(g.value(inside) + dual - (price * inside).sum(-1))
    size = 1 + np.abs(dual) + np.abs(g.value(inside))
    require(fenchel <= case.exact * size, g, "budget_ball is a subgradient of g*")


def _form(case: Burdens) -> str | None:
    if not hasattr(case.g, "epigraph"):
        return "it brings no epigraph, so hindsight does not know it"
    forms.fairness(case.g, case.ys[:8], case.values[0][:8])
    return None


FAIRNESS = (
    record(lambda case: case.g),
    Check("members", "all of evenhand.protocols.Fairness", _members, "add the methods that are missing", True),
    Check("inputs", "nothing given is changed", _inputs, "make new arrays: y = y * w, not y *= w", True),
    Check(
        "values",
        "(..., m) to (...), a batch bit for bit its elements",
        _values,
        "sum over the last axis with evenhand.kernels.reduce.total; one for a fixed number of entities has `entities`",
        True,
    ),
    Check("convex", "g((y + z) / 2) <= (g(y) + g(z)) / 2", _convex, "build it of norms, maxima and sums of them"),
    Check(
        "slopes",
        "subgradients below g, Lipschitz, recession",
        _slopes,
        "derive subgradient from value; lipschitz(m) is the largest |subgradient|_2, recession(d) g(t d) / t far out",
    ),
    Check(
        "projection",
        "onto dom g*, once and for all",
        _projects,
        "dom g* is the set of all slopes of g; without a closed form take DualBall(...).nearest",
    ),
    Check(
        "conjugate",
        "Fenchel: g(y) + g*(k) >= k . y, equal at slopes",
        _dual,
        "g*(k) = sup over y of k . y - g(y); inf outside dom g*",
    ),
    Check(
        "budget",
        "least of g(z) - k . z on a box",
        _budget,
        "clip after the minimum only where g is separable; else take DualBall(...).budget",
    ),
    Check(
        "form",
        "the epigraph has its values, in other units too",
        _form,
        "offset - on_y y - on_a a in cones, rows in their order; in_units: y in units.burden, g in units.money",
    ),
)
