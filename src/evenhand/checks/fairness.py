"""Checks of fairness costs."""

from __future__ import annotations

import numpy as np

from evenhand.checks import forms
from evenhand.checks.promises import ROUNDING, frozen, guarded, require
from evenhand.core import Fairness

__all__ = ["check_fairness"]


def check_fairness(fairness: Fairness, entities: int = 4) -> None:
    """Convex, subgradients below, Fenchel's inequality, projections on the dual ball, an optimal budget step.

    Where it brings its conic form: the epigraph has its values, and ``in_units`` is the same cost. Dual operations are
    held to 1e-9, or to the ``accuracy`` that it states.
    """
    frozen(fairness)
    exact = getattr(fairness, "accuracy", ROUNDING)  # of what its dual operations compute
    rng = np.random.default_rng(11)
    ys = np.concatenate([rng.normal(size=(40, entities)), np.zeros((1, entities)), np.ones((1, entities))])
    value = guarded(fairness, "value of a batch", lambda: fairness.value(ys))
    require(np.shape(value) == (42,), fairness, "value takes (..., m) to (...)")
    require(np.isfinite(value), fairness, "values are finite")
    batch = [fairness.value(y) for y in ys]
    require(np.array_equal(value, batch), fairness, "the value of a batch is that of its elements, bit for bit")
    others = rng.permutation(ys)
    apart, unit = fairness.value(others), ROUNDING * (1.0 + np.abs(value) + np.abs(fairness.value(others)))
    loose = exact / ROUNDING * unit
    require(fairness.value((ys + others) / 2) <= (value + apart) / 2 + unit, fairness, "g is convex")
    slope = fairness.subgradient(ys)
    require(
        apart >= value + (slope * (others - ys)).sum(-1) - loose,
        fairness,
        "a subgradient supports g from below",
    )
    bound = fairness.lipschitz(entities)
    steep = np.abs(apart - value) > bound * np.linalg.norm(others - ys, axis=-1) + unit
    require(not steep.any(), fairness, "g is Lipschitz with the constant it states")
    require(
        (slope * others).sum(-1) <= fairness.recession(others) + loose,
        fairness,
        "no slope is above the recession",
    )
    far = fairness.value(1e6 * others) / 1e6
    require(
        np.allclose(fairness.recession(others), far, rtol=1e-5, atol=1e-4), fairness, "recession is the slope far out"
    )
    raw = rng.normal(size=(42, entities)) * (1.0 + bound)
    price = guarded(fairness, "projection on the dual ball", lambda: fairness.project(raw))
    dual = fairness.conjugate(price)
    require(np.isfinite(dual), fairness, "a projected price lies in dom g*")
    require(
        value + dual >= (price * ys).sum(-1) - loose,
        fairness,
        "Fenchel: g(y) + g*(kappa) >= kappa . y",
    )
    equal = (slope * ys).sum(-1) - value
    require(
        np.abs(fairness.conjugate(slope) - equal) <= loose,
        fairness,
        "Fenchel's equality holds at a subgradient",
    )
    require(
        np.allclose(fairness.project(price), price, atol=exact * (1 + bound)),
        fairness,
        "projecting twice is projecting once",
    )
    gap = np.linalg.norm(price[1:] - price[:-1], axis=-1) - np.linalg.norm(raw[1:] - raw[:-1], axis=-1)
    require(gap <= exact * (1 + bound), fairness, "the projection brings no two prices farther apart")
    centre = fairness.centre(entities)
    require(np.isfinite(fairness.conjugate(centre)), fairness, "the centre lies in dom g*")
    low, high = np.full(entities, -1.0), np.linspace(0.5, 2.0, entities)
    for one in raw:
        z = guarded(fairness, "budget step", lambda k=one: fairness.budget(k, low, high))
        require((z >= low) & (z <= high), fairness, "the budget step stays in its box")
        points = rng.uniform(low, high, (20, entities))
        rivals = fairness.value(points) - points @ one
        require(
            fairness.value(z) - z @ one <= rivals + exact * (1 + np.abs(rivals)),
            fairness,
            "the budget step is optimal",
        )
    inside = fairness.budget_ball(price)
    fenchel = fairness.value(inside) + dual - (price * inside).sum(-1)
    require(
        np.abs(fenchel) <= exact * (1 + np.abs(dual) + np.abs(fairness.value(inside))),
        fairness,
        "budget_ball is a subgradient of g*",
    )
    require(np.allclose(fairness.scaled(3.0).value(ys), 3.0 * value), fairness, "scaled(c) is c g")
    forms.fairness(fairness, ys[:8], value[:8])
