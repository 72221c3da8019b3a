"""Checks of reference functions."""

from __future__ import annotations

from functools import partial

import numpy as np

from evenhand.checks.promises import ROUNDING, Check, frozen, guarded, has, record, require
from evenhand.columns import Array
from evenhand.core import Fairness, Mirror
from evenhand.fairness.norm import Norm

__all__ = ["MIRROR", "check_mirror"]


def check_mirror(mirror: Mirror, fairness: Fairness | None = None, entities: int = 4) -> None:
    """The step minimises direction . k + V_h(k, kappa) / eta, on the dual ball where asked; V_h >= 0 = V_h(k, k).

    Its norms are a pair, and h is strongly convex in that of prices by the modulus it states.
    """
    frozen(mirror)
    missing = [name for name in ("order", "burden_weights", "positive", "modulus") if not hasattr(mirror, name)]
    require(not missing, mirror, f"it brings its norms and its modulus; missing: {', '.join(missing)}")
    g = Norm(2.0) if fairness is None else fairness
    rng = np.random.default_rng(17)
    weights = np.asarray(mirror.burden_weights)
    require(mirror.order in (2.0, np.inf), mirror, "burdens are measured in l_2 or l_inf: order is 2 or inf")
    fits = weights.shape in ((), (entities,)) and bool((weights > 0.0).all())
    require(fits, mirror, "burden_weights are above 0, a number or one for each entity (m,)")
    for _ in range(20):
        kappa = g.project(rng.uniform(0.1, 1.0, entities)) + 1e-3
        direction, eta = rng.normal(size=entities), np.asarray(rng.uniform(0.05, 1.0))
        require(
            np.abs(mirror.divergence(kappa, kappa)) <= ROUNDING, mirror, "the divergence from a point to itself is 0"
        )
        for ball in (False, True):
            got = guarded(mirror, "step", partial(mirror.step, kappa, direction, eta, g, ball))
            if ball:
                require(np.isfinite(g.conjugate(got)), mirror, "a step in the ball stays in dom g*")
            if mirror.positive:
                require((got > 0.0).all(), mirror, "a step keeps prices above 0, as positive says")
            near = got + rng.normal(size=(50, entities)) * rng.choice([1e-3, 0.3])
            near = np.abs(near) if mirror.positive else near
            if ball:
                near = g.project(near)
                near = np.abs(near) if mirror.positive else near
            costs = near @ direction + mirror.divergence(near, kappa) / eta
            here = got @ direction + mirror.divergence(got, kappa) / eta
            require(mirror.divergence(near, kappa) >= -ROUNDING, mirror, "a divergence is never negative")
            require(
                here <= costs + ROUNDING * (1 + np.abs(costs)), mirror, "the step minimises d . k + V_h(k, kappa) / eta"
            )
    _strongly_convex(mirror, weights, rng, entities)


def _strongly_convex(mirror: Mirror, weights: Array, rng: np.random.Generator, entities: int) -> None:
    """V_h(k, s) >= sigma |k - s|^2 / 2 on drawn pairs, near and far, small and large."""
    dual = 2.0 if mirror.order == 2.0 else 1.0
    for scale in (1e-3, 1.0, 1e3):
        start, end = scale * rng.normal(size=(2, 200, entities))
        if mirror.positive:
            start, end = np.abs(start), np.abs(end)
        end = np.where(rng.random((200, 1)) < 0.5, end, start + 0.1 * (end - start))
        norms = [np.linalg.norm(k / weights, ord=dual, axis=-1) for k in (start, end, end - start)]
        sigma = mirror.modulus(np.maximum(norms[0], norms[1]))
        require(np.shape(sigma) == (200,), mirror, "modulus takes (...) to (...)")
        require((sigma > 0.0).all(), mirror, "the modulus is above 0")
        least = 0.5 * sigma * norms[2] ** 2
        size = np.abs(end).sum(axis=-1) + np.abs(start).sum(axis=-1) + least  # terms that cancel in a divergence
        promise = "h is strongly convex by its modulus in its norm of prices"
        require(mirror.divergence(end, start) >= least - ROUNDING * size, mirror, promise)


def _members(mirror: Mirror) -> None:
    has(mirror, Mirror)


MIRROR = (
    record(),
    Check("members", "all of evenhand.protocols.Mirror", _members, "add the members that are missing", True),
    Check(
        "mirror",
        "its step is a minimum, h strongly convex in its norm",
        check_mirror,
        "step: argmin of direction . k + V_h(k, kappa) / eta, where ball on the dual ball; modulus: in that norm",
    ),
)
