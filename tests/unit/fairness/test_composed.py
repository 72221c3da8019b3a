"""Blocks, Target, Shortfall: values, conjugates and budget steps by Fenchel's inequality and by CVXPY."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core import Fairness
from evenhand.errors import ParameterError, ProblemError
from evenhand.fairness.blocks import Blocks
from evenhand.fairness.norm import Norm
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.kernels.dual import budget_step
from evenhand.kernels.shifted import shifted_step

P = (1.0, 1.3, 2.0, 3.5, np.inf)
COSTS = [make(p) for p in P for make in (
    lambda p: Target(2.0, [0.5, -1.0, 0.0, 3.0], p, [1.0, 0.5, 2.0, 0.0]),
    lambda p: Shortfall(1.5, [1.0, 0.2, 0.0, 2.0], p, [1.0, 3.0, 0.5, 1.0]),
    lambda p: Blocks((Norm(1.2, p), Target(0.7, 1.0, p)), (3, 1)),
)]  # fmt: skip


def box_value(kappa, weight, lower, upper, mu, p):
    s = cp.Variable(len(kappa))
    goal = mu * cp.pnorm(cp.multiply(weight, s), p) - kappa @ s
    problem = cp.Problem(cp.Minimize(goal), [s >= lower, s <= upper])
    problem.solve(solver="CLARABEL")
    return problem.value


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0, np.inf])
def test_shifted_step_against_cvxpy_on_boxes_with_and_without_the_origin(p):
    rng = np.random.default_rng(3)
    for _ in range(12):
        m = int(rng.integers(1, 6))
        ends = np.sort(rng.normal(0, 2, (2, m)), axis=0)
        weight = rng.uniform(0.2, 2, m) * (rng.random(m) < 0.9)
        kappa = rng.normal(0, 1.5, m) * (rng.random(m) < 0.9)
        s = shifted_step(kappa, weight, ends[0], ends[1], 1.1, p)
        assert (s >= ends[0]).all()
        assert (s <= ends[1]).all()
        ours = float(Norm(1.1, p, weight).value(s) - kappa @ s)
        best = box_value(kappa, weight, ends[0], ends[1], 1.1, p)
        assert ours <= best + 1e-7 * (1 + abs(best))  # CVXPY's accuracy, ours is exact


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from([1.0, 1.05, 1.7, 2.0, 7.0, np.inf]), st.sampled_from([0.0, 1e-3, 1.0, 50.0])
)
def test_shifted_step_is_a_local_hence_global_minimum(seed, p, mu):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 7))
    ends = np.sort(rng.normal(0, 10.0 ** rng.uniform(-2, 2), (2, m)) + rng.normal(0, 1), axis=0)
    weight, kappa = rng.uniform(0, 2, m), rng.normal(0, 1, m)
    s = shifted_step(kappa, weight, ends[0], ends[1], mu, p)
    g = Norm(mu, p, weight)
    here = float(g.value(s) - kappa @ s)
    others = rng.uniform(ends[0], ends[1], (400, m))
    others = np.concatenate([others, s + (others - s) * 1e-3])
    there = g.value(others) - others @ kappa
    assert here <= there.min() + 1e-10 * (1 + abs(here))


@pytest.mark.parametrize("p", [1.0, 1.2, 2.0, 5.0, np.inf])
def test_shifted_step_agrees_with_the_kernel_for_boxes_that_hold_the_origin(p):
    rng = np.random.default_rng(8)
    kappa, weight = rng.normal(0, 2, (50, 5)), rng.uniform(0.1, 2, 5)
    lower, upper = -rng.uniform(0, 3, 5), rng.uniform(0, 3, 5)
    a = shifted_step(kappa, weight, lower, upper, 1.0, p)
    b = budget_step(kappa, weight, lower, upper, 1.0, p)
    g = Norm(1.0, p, weight)
    np.testing.assert_allclose(
        g.value(a) - (kappa * a).sum(-1), g.value(b) - (kappa * b).sum(-1), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("g", COSTS, ids=repr)
def test_protocol_fenchel_and_subgradient(g):
    assert isinstance(g, Fairness)
    rng = np.random.default_rng(0)
    y, other = rng.normal(0, 2, (200, 4)), rng.normal(0, 2, (200, 4))
    slope = g.subgradient(y)
    gap = g.value(other) - g.value(y) - (slope * (other - y)).sum(-1)
    assert gap.min() >= -1e-9  # the definition of a subgradient
    equality = g.value(y) + g.conjugate(slope) - (slope * y).sum(-1)
    np.testing.assert_allclose(equality, 0.0, atol=1e-8)  # Fenchel-Young, with equality at a subgradient
    assert (np.linalg.norm(slope, axis=-1) <= g.lipschitz(4) * (1 + 1e-12)).all()
    kappa = g.project(rng.normal(0, 5, (200, 4)))
    z = g.budget_ball(kappa)
    assert (g.value(y) + g.conjugate(kappa) - (kappa * y).sum(-1) >= -1e-8).all()
    np.testing.assert_allclose(g.value(z) + g.conjugate(kappa) - (kappa * z).sum(-1), 0.0, atol=1e-8)
    assert np.isfinite(g.conjugate(g.centre(4)))
    np.testing.assert_allclose(g.scaled(3.0).value(y), 3.0 * g.value(y), rtol=1e-12)


@pytest.mark.parametrize("g", COSTS, ids=repr)
def test_projection_is_nearest_and_budget_is_the_minimum(g):
    rng = np.random.default_rng(1)
    kappa = rng.normal(0, 4, (60, 4))
    inside = g.project(kappa)
    trial = g.project(rng.normal(0, 4, (60, 300, 4)))
    # a projection on a convex set makes an obtuse angle with every point of the set
    assert ((kappa - inside)[:, None, :] * (trial - inside[:, None, :])).sum(-1).max() <= 1e-7
    lower, upper = np.array([-2.0, -1.0, 0.0, -3.0]), np.array([1.0, 2.0, 2.0, 0.0])
    z = g.budget(kappa, lower, upper)
    assert (z >= lower).all()
    assert (z <= upper).all()
    points = rng.uniform(lower, upper, (60, 500, 4))
    points = np.concatenate([points, z[:, None] + 1e-3 * (points - z[:, None])], axis=1)
    value = g.value(points) - (kappa[:, None, :] * points).sum(-1)
    assert (g.value(z) - (kappa * z).sum(-1) <= value.min(axis=1) + 1e-9).all()


def test_shortfall_is_one_sided_and_target_two_sided():
    got = np.array([3.0, 1.0])
    assert Shortfall(2.0, 2.0).value(-got) == 2.0
    assert Shortfall(2.0, 0.5).value(-got) == 0.0
    assert Target(2.0, 2.0).value(got) == 2.0
    assert Shortfall(1.0, 1.0).conjugate(np.array([-0.1, 0.0])) == np.inf


def test_entropic_step_by_blocks_equals_each_block_alone():
    g = Blocks((Norm(1.0), Norm(2.0, 2.0)), (2, 2))
    kappa, d = np.array([[0.4, 0.6, 1.0, 1.0]]), np.array([[1.0, -1.0, 0.5, 0.0]])
    eta = np.array([[[0.1]], [[1.0]]])
    got = g.project_entropic(kappa, d, np.broadcast_to(eta, (2, 1, 4)), True)
    for k, rate in enumerate((0.1, 1.0)):
        for part, at in zip(g.parts, g.slices, strict=True):
            alone = part.project_entropic(kappa[0, at], d[0, at], np.full(2, rate), True)
            np.testing.assert_array_equal(got[k, 0, at], alone)


def test_errors_name_the_remedy():
    with pytest.raises(ParameterError, match="one size a part"):
        Blocks((Norm(1.0),), (1, 2))
    with pytest.raises(ParameterError, match="at least 1"):
        Blocks((Norm(1.0),), (0,))
    with pytest.raises(ProblemError, match="covers 3 entities, the burdens have 4"):
        Blocks((Norm(1.0),), (3,)).value(np.zeros(4))
    with pytest.raises(ParameterError, match="one number per entity"):
        Target(1.0, np.zeros((2, 2)))
    with pytest.raises(ParameterError, match="one number per entity"):
        Shortfall(1.0, np.zeros((2, 2)))
