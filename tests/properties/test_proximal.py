"""The one oracle on its three routes: water-filling, DAQP and CVXPY give the same action."""

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drawn
from evenhand import Box, Budget, Convex, DenseQuadratic, Diagonal, Polytope, Pooled, Quadratic, Round, Unserved
from evenhand.proximal import proximal


def at(cost, feasible, *rest):
    return proximal(Round(0, cost, Diagonal(np.ones(feasible.bounds[0].shape[-1])), feasible), *rest)


@st.composite
def rounds(draw):
    n = draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    q, c, upper = rng.uniform(0.1, 3.0, n), rng.normal(size=n), rng.uniform(0.0, 2.0, n)
    rho = draw(st.sampled_from([0.0, 0.5, 20.0]))
    share = draw(st.sampled_from([0.0, 0.3, 1.0]))
    return q, c, upper, float(share * upper.sum()), rng.normal(size=n), rho, rng.normal(size=n), rng


@settings(max_examples=150)
@given(rounds(), st.booleans())
def test_kernel_and_daqp_agree(case, equal):
    q, c, upper, total, tilt, rho, anchor, _ = case
    here = at(Quadratic(c, q), Budget(total, upper, equal=equal), tilt, rho, anchor)
    rows = Polytope(np.ones((1, len(q))), total if equal else -np.inf, total, 0.0, upper)
    dense = DenseQuadratic(np.diag(q), c)
    for cost, feasible in ((dense, Budget(total, upper, equal=equal)), (dense, rows), (Quadratic(c, q), rows)):
        # DAQP stops at a primal tolerance of 1e-11; the curvatures here are at least 0.1
        np.testing.assert_allclose(at(cost, feasible, tilt, rho, anchor), here, atol=1e-9)


@settings(max_examples=25)
@given(rounds(), st.sampled_from(["=", "<=", "box"]))
def test_kernel_and_cvxpy_agree(case, kind):
    q, c, upper, total, tilt, rho, anchor, _ = case
    feasible = Box(-upper, upper) if kind == "box" else Budget(total, upper, equal=kind == "=")
    convex = Convex(
        lambda x, d: 0.5 * cp.sum(cp.multiply(d[: len(q)], x**2)) + d[len(q) :] @ x, np.concatenate([q, c]), len(q)
    )
    here = at(Quadratic(c, q), feasible, tilt, rho, anchor)
    # an interior-point answer to a gap of 1e-10 is within sqrt(2e-10 / 0.1) of the minimiser; 1e-5 is typical at bounds
    np.testing.assert_allclose(at(convex, feasible, tilt, rho, anchor), here, atol=5e-5)


@settings(max_examples=150)
@given(rounds())
def test_box_is_a_clip(case):
    q, c, upper, _, tilt, rho, anchor, _ = case
    x = at(Quadratic(c, q), Box(-upper, upper), tilt, rho, anchor)
    np.testing.assert_allclose(x, np.clip((rho * anchor - c - tilt) / (q + rho), -upper, upper), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(at(DenseQuadratic(np.diag(q), c), Box(-upper, upper), tilt, rho, anchor), x, atol=1e-9)


@settings(max_examples=60)
@given(rounds())
def test_daqp_satisfies_the_variational_inequality(case):
    q, c, _, total, tilt, rho, anchor, rng = case
    n = len(q)
    root = rng.normal(size=(n, n))
    cost = DenseQuadratic(root @ root.T + 0.1 * np.eye(n), c)
    feasible = Polytope(np.vstack([np.ones(n), rng.normal(size=n)]), [-np.inf, -1.0], [total, 1.0], -1.0, 1.0)
    x = at(cost, feasible, tilt, rho, anchor)
    slope = cost.gradient(x) + tilt + rho * (x - anchor)
    assert feasible.violation(x) <= 1e-9
    assert slope @ x <= feasible.support(slope) + 1e-7 * (1 + np.abs(slope).sum())


@settings(max_examples=100)
@given(drawn.problems(), st.integers(0, 2**20))
def test_batches_are_their_rounds(problem, seed):
    """A tilt and an anchor with a time axis: all rounds in one call are the rounds one by one, bit for bit."""
    rng = np.random.default_rng(seed)
    tilt, anchor = rng.normal(size=(2, problem.setting.horizon, problem.setting.initial.shape[0]))
    whole = proximal(Round(0, problem.cost, problem.impact, problem.feasible), tilt, 1.5, anchor)
    for round in problem.rounds:
        one = proximal(round, tilt[round.index], 1.5, anchor[round.index])
        np.testing.assert_array_equal(whole[round.index], one)


@pytest.mark.parametrize("route", ["kernel", "box", "daqp", "cvxpy"])
def test_inputs_are_left_alone(route):
    c, q, tilt, anchor = np.ones(2), np.ones(2), np.full(2, 0.5), np.zeros(2)
    cost = {"daqp": DenseQuadratic(np.eye(2), c), "cvxpy": Convex(lambda x, d: cp.sum_squares(x) + d @ x, c, 2)}.get(
        route, Quadratic(c, q)
    )
    feasible = Box([0.0, 0.0], 1.0) if route == "box" else Budget(1.0, [1.0, 1.0])
    before = [a.copy() for a in (c, q, tilt, anchor)]
    at(cost, feasible, tilt, 1.0, anchor)
    for a, b in zip((c, q, tilt, anchor), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rho", [[1.0, 2.0, 4.0], [0.5]])
def test_every_route_honours_a_rho_for_each_action(rho):
    rho, anchor, slope = np.array(rho), np.array([1.0, 0.5, -1.0]), np.array([0.1, 0.2, -0.3])
    feasible = Budget(1.5, np.full(3, 2.0), -1.0)
    full = np.broadcast_to(rho, 3)
    here = at(Quadratic(slope - full * anchor, full), feasible, 0.3)
    for cost in (
        Quadratic(slope, np.zeros(3)),
        DenseQuadratic(np.zeros((3, 3)), slope),
        Unserved(np.full(3, -5.0), linear=slope),
        Pooled(-5.0, slope),
        Convex(lambda x, d: d @ x, slope, 3),
    ):
        np.testing.assert_allclose(at(cost, feasible, np.full(3, 0.3), rho, anchor), here, atol=1e-9)
