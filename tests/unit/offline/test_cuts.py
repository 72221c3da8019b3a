"""Proved bounds of a user's convex costs: below every feasible sequence, tight at kinks, in any unit."""

import cvxpy as cp
import numpy as np
import pytest

import evenhand as eh

T, N = 3, 2
RNG = np.random.default_rng(1)
DATA, WEIGHT, UPPER = RNG.uniform(0.2, 1.5, (T, N)), RNG.uniform(0.5, 2.0, (T, N)), RNG.uniform(0.5, 2.0, (T, N))
COSTS = {
    "smooth": lambda x, d: cp.sum_squares(x - d),
    "kinks": lambda x, d: cp.norm1(x - d) + 0.3 * cp.sum_squares(x),
    "cone": lambda x, d: 2.0 * cp.norm(x - d, 2),
    "pieces": lambda x, d: cp.max(cp.multiply(d, x)) + cp.max(d - x),
    "root": lambda x, d: -cp.sum(cp.sqrt(x)),
}
SETS = {
    "budget": eh.Budget(0.5 * UPPER.sum(-1), UPPER),
    "box": eh.Box(np.zeros((T, N)), UPPER),
    "polytope": eh.Polytope(RNG.normal(size=(2, N)), -1.0, 1.0, 0.0, 1.0),
}


def problem(cost, feasible, unit=1.0):
    made = eh.Convex(lambda x, d: unit * cost(x, d), DATA, N)
    return eh.Problem(
        eh.Setting(T, 0.7 * unit, eh.Norm(0.8 * unit), np.full(N, 0.2)), made, eh.Diagonal(WEIGHT), feasible
    )


@pytest.mark.parametrize("feasible", SETS.values(), ids=SETS)
@pytest.mark.parametrize("name", COSTS)
def test_tight_and_below_in_any_unit(name, feasible):
    one = problem(COSTS[name], feasible)
    best = eh.optimum(one)
    assert abs(best.gap) <= 1e-7
    small = eh.optimum(problem(COSTS[name], feasible, 1e-7))
    assert small.cost.total / 1e-7 == pytest.approx(float(best.cost.total), rel=1e-7)
    assert abs(small.gap) <= 1e-7
    x, rng = best.trajectory.actions, np.random.default_rng(0)
    nearest = eh.Quadratic(np.zeros(N))
    for share in (1e-6, 1e-3, 1.0):
        from evenhand.core import Round
        from evenhand.proximal import proximal

        other = x + share * rng.normal(size=x.shape)
        other = proximal(Round(0, nearest, one.impact, feasible), 0.0, 1.0, other)
        cost = float(eh.evaluate(one, other).cost.total)
        if np.isfinite(cost):
            assert best.lower_bound <= cost + 1e-12 * (1 + abs(cost))


def test_an_unbounded_set_with_a_kink_in_each_action():
    free = np.full((T, N), np.inf)
    assert abs(eh.optimum(problem(COSTS["kinks"], eh.Box(-free, free))).gap) <= 1e-7
