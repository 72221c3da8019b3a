"""Unserved and Pooled: values, gradients, and proximal steps against CVXPY and against brute perturbation."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core import Round
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.errors import ProblemError, SolverError
from evenhand.impacts import Diagonal
from evenhand.proximal import proximal
from evenhand.sets import Box, Budget


def draw(rng, n, kind):
    linear, bend = rng.normal(0.5, 1, n), rng.uniform(0, 2, n) * (rng.random(n) < 0.7)
    if kind == "unserved":
        return Unserved(
            rng.uniform(0, 2, n), rng.uniform(0, 3, n) * (rng.random(n) < 0.7), rng.uniform(0, 2, n), linear, bend
        )
    return Pooled(rng.uniform(0, 3), linear, bend, rng.uniform(0.3, 2, n), rng.uniform(0, 3), rng.uniform(0, 2))


def expression(cost, x):
    goal = cost.linear @ x + 0.5 * cp.sum(cp.multiply(cost.curvature, cp.square(x)))
    if isinstance(cost, Unserved):
        u = cp.pos(cost.demand - x)
        return goal + cost.price @ u + 0.5 * cp.sum(cp.multiply(cost.weight, cp.square(u)))
    u = cp.pos(cost.demand - cost.rate @ x)
    return goal + cost.price * u + 0.5 * cost.weight * cp.square(u)


@pytest.mark.parametrize("kind", ["unserved", "pooled"])
@pytest.mark.parametrize("shape", ["box", "equal", "at most"])
def test_proximal_against_cvxpy(kind, shape):
    rng = np.random.default_rng(5)
    for _ in range(15):
        n = int(rng.integers(1, 6))
        cost = draw(rng, n, kind)
        lower = rng.uniform(-0.5, 0.5, n)
        upper = lower + rng.uniform(0, 2, n)
        if kind == "pooled" and shape != "box":
            cost = Pooled(cost.demand, cost.linear, cost.curvature, 1.0, cost.weight, cost.price)
        total = float(rng.uniform(lower.sum(), upper.sum()))
        chosen = Box(lower, upper) if shape == "box" else Budget(total, upper, lower, equal=shape == "equal")
        tilt, rho, anchor = rng.normal(0, 1, n), float(rng.choice([0.0, 0.7])), rng.normal(0, 1, n)
        x = proximal(Round(0, cost, Diagonal(np.ones(n)), chosen), tilt, rho, anchor)
        assert chosen.violation(x) <= 1e-12
        v = cp.Variable(n)
        goal = expression(cost, v) + tilt @ v + 0.5 * rho * cp.sum_squares(v - anchor)
        rule = [v >= lower, v <= upper]
        if shape != "box":
            rule.append(cp.sum(v) == total if shape == "equal" else cp.sum(v) <= total)
        problem = cp.Problem(cp.Minimize(goal), rule)
        problem.solve(solver="CLARABEL")
        ours = float(cost.value(x) + tilt @ x + 0.5 * rho * ((x - anchor) ** 2).sum())
        assert ours <= problem.value + 1e-7 * (1 + abs(problem.value))  # CVXPY's accuracy


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["unserved", "pooled"]))
def test_no_feasible_point_is_better(seed, kind):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    cost = draw(rng, n, kind)
    lower, upper = np.zeros(n), rng.uniform(0.1, 2, n)
    tilt = rng.normal(0, 1, n)
    x = proximal(Round(0, cost, Diagonal(np.ones(n)), Box(lower, upper)), tilt)
    trial = rng.uniform(lower, upper, (300, n))
    trial = np.concatenate([trial, x + 1e-3 * (trial - x)])
    assert cost.value(x) + tilt @ x <= (cost.value(trial) + trial @ tilt).min() + 1e-11


@pytest.mark.parametrize("kind", ["unserved", "pooled"])
def test_gradient_is_a_subgradient_and_batches_are_bit_identical(kind):
    rng = np.random.default_rng(2)
    cost = draw(rng, 4, kind)
    x, y = rng.uniform(0, 2, (50, 4)), rng.uniform(0, 2, (50, 4))
    assert (cost.value(y) - cost.value(x) - (cost.gradient(x) * (y - x)).sum(-1)).min() >= -1e-12
    chosen = Box(np.zeros(4), np.full(4, 2.0)) if kind == "pooled" else Budget(2.0, np.full(4, 2.0))
    round = Round(0, cost, Diagonal(np.ones(4)), chosen)
    together = proximal(round, x, 0.3, y)
    for k in range(50):
        np.testing.assert_array_equal(together[k], proximal(round, x[k], 0.3, y[k]))


def test_hand_values():
    cost = Unserved([3.0, 1.0], weight=2.0, price=1.0)
    assert cost.value(np.array([1.0, 5.0])) == 2.0 + 4.0
    pool = Pooled(3.0, [0.0, 0.0], rate=[1.0, 2.0], weight=2.0, price=1.0)
    assert pool.value(np.array([0.0, 0.5])) == 2.0 + 4.0
    # one action, price of serving 1 against 2 (3 - x): serve up to 2.5
    x = proximal(Round(0, Unserved([3.0], 2.0, 0.0, 1.0), Diagonal([1.0]), Box([0.0], [9.0])))
    np.testing.assert_allclose(x, [2.5], rtol=1e-15)
    # servers of rate 2: marginal cost 1/2 a unit of demand against 2 (3 - 2x): 2x = 2.75
    x = proximal(Round(0, Pooled(3.0, [1.0], 0.0, 2.0, 2.0), Diagonal([1.0]), Box([0.0], [9.0])))
    np.testing.assert_allclose(x, [1.375], rtol=1e-15)


def test_errors():
    with pytest.raises(ProblemError, match="do not fit together"):
        Unserved(np.ones(3), weight=np.ones(2))
    with pytest.raises(ProblemError, match="weight is -1: it must be at least 0"):
        Unserved(np.ones(3), weight=-1.0)
    with pytest.raises(ProblemError, match="rate has a zero"):
        Pooled(1.0, np.ones(2), rate=[1.0, 0.0])
    two = Pooled(1.0, np.ones(2), rate=[1.0, 2.0])
    with pytest.raises(ProblemError, match="needs one rate"):
        proximal(Round(0, two, Diagonal(np.ones(2)), Budget(1.0, np.ones(2))))
    with pytest.raises(SolverError, match="unbounded below"):
        proximal(Round(0, Unserved([1.0], linear=-1.0), Diagonal([1.0]), Box([0.0], [np.inf])))


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("make", [lambda linear: Unserved([1.0, 1.0], 0.0, 0.0, linear), lambda linear: Pooled(2.0, linear, weight=0.0)])  # fmt: skip
def test_unbounded_rounds_say_so(make, equal):
    """One action gives without end to a cheaper one; a budget that caps what falls makes the round bounded."""

    def step(linear, lower, upper=np.inf):
        return proximal(
            Round(0, make(linear), Diagonal(np.ones(2)), Budget(1.5, [upper] * 2, [lower] * 2, equal=equal))
        )

    for linear in ([-1.0, 1.0], [5.0, 1.0]):
        with pytest.raises(SolverError, match="unbounded"):
            step(linear, -np.inf)
    assert step([-2.0, -1.0], 0.0).tolist() == [1.5, 0.0]
    if not equal:
        with pytest.raises(SolverError, match="unbounded"):
            step([5.0, 5.0], -np.inf, 3.0)


def test_a_box_serves_what_costs_nothing_however_far_the_bounds():
    """Flat actions without an upper bound stop where the demand is met."""
    x = proximal(Round(0, Pooled(2.0, [0.0, 0.0]), Diagonal(np.ones(2)), Box(np.zeros(2), np.full(2, np.inf))))
    assert x.tolist() == [1.0, 1.0]
    with pytest.raises(SolverError, match="unbounded"):
        proximal(Round(0, Pooled(2.0, [-1.0, 0.0]), Diagonal(np.ones(2)), Box(np.zeros(2), np.full(2, np.inf))))
