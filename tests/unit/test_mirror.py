"""The weighted Euclidean mirror by value: its step, its projection, its norms; what is refused."""

import numpy as np
import pytest

import evenhand as eh
from evenhand.offline.frames import attained_deviation, burden_weights, size
from evenhand.theory.guarantees import _largest, guarantee

A = np.array([0.5, 1.0, 4.0])


def test_with_equal_weights_it_is_euclidean_at_another_rate():
    rng = np.random.default_rng(0)
    kappa, d = rng.normal(size=(2, 5, 3))
    for g in (eh.Norm(1.0), eh.Norm(1.0, 2.0), eh.Norm(1.0, 1.5), eh.Target(1.0, 0.5), eh.Shortfall(1.0, 0.5)):
        for ball in (False, True):
            ours = eh.WeightedEuclidean(4.0).step(kappa, d, 0.3, g, ball)
            theirs = eh.Euclidean().step(kappa, d, 0.3 / 4.0, g, ball)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "g",
    [
        eh.Norm(1.0),
        eh.Norm(1.3, 2.0, [1.0, 2.0, 0.5]),
        eh.Norm(1.0, 1.0),
        eh.Norm(1.0, 3.0),
        eh.Shortfall(1.0, [0.5, 1.0, 2.0], 2.0),
        eh.Target(0.7, 1.0, 1.5),
        eh.Blocks((eh.Norm(1.0, 2.0), eh.Norm(0.5)), (2, 1)),
    ],
    ids=repr,
)
def test_the_step_in_the_ball_is_the_nearest_point_in_its_own_metric(g):
    """Obtuse angles: sum a (moved - got)(other - got) <= 0 for every other point of the ball."""
    rng = np.random.default_rng(1)
    kappa, d = rng.normal(size=(2, 60, 3)) * 2.0
    got = eh.WeightedEuclidean(A).step(kappa, d, 0.5, g, True)
    assert np.isfinite(g.conjugate(got)).all()
    moved = kappa - 0.5 * d / A
    other = g.project(rng.normal(size=(60, 200, 3)) * 2.0)
    angle = (A * (moved - got))[:, None, :] * (other - got[:, None, :])
    assert angle.sum(-1).max() <= 1e-8


def test_one_rate_for_each_entity_by_hand():
    moved = eh.WeightedEuclidean(A).step(np.zeros(3), np.ones(3), 1.0, eh.Norm(1.0), False)
    np.testing.assert_array_equal(moved, -1.0 / A)
    assert eh.WeightedEuclidean(A).divergence(np.ones(3), np.zeros(3)) == pytest.approx(2.75, rel=1e-15)


def test_norms_are_a_pair():
    """|kappa| is the largest kappa . y over |y| <= 1, for every mirror."""
    rng = np.random.default_rng(2)
    for mirror in (eh.Euclidean(), eh.Entropy(), eh.WeightedEuclidean(A)):
        kappa, y = rng.normal(size=(2, 500, 3))
        assert ((kappa * y).sum(-1) <= size(kappa, mirror, dual=True) * size(y, mirror) * (1 + 1e-12)).all()
        w = burden_weights(mirror, 3)
        best = np.sign(kappa) / w if mirror.order == np.inf else kappa / w**2
        equal = size(kappa, mirror, dual=True) * size(best, mirror)
        np.testing.assert_allclose((kappa * best).sum(-1), equal, rtol=1e-12)


def test_the_deviation_by_hand():
    burdens = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 6.0]])  # frames of 2 stray by (2, -4) and (-2, 4)
    mirror = eh.WeightedEuclidean([4.0, 1.0])
    assert attained_deviation(burdens, 2, mirror) == pytest.approx(2 * np.sqrt(1.0 + 16.0), rel=1e-15)


def test_the_modulus_in_the_ball_knows_the_largest_price_of_every_cost():
    """Target's ball does not shrink as its target nears 1: sup ||kappa||_1 is the slope far out, not g(1)."""
    for g in (eh.Norm(2.0, 3.0), eh.Target(2.0, 0.9, 3.0), eh.Shortfall(2.0, -0.9, 3.0), eh.Shortfall(2.0, 5.0, 3.0)):
        assert _largest(g, eh.Entropy(), 3) == pytest.approx(2.0 * 3.0 ** (1.0 / 3.0), rel=1e-12)
        prices = g.project(np.random.default_rng(0).normal(size=(500, 3)) * 9.0)
        assert np.abs(prices).sum(-1).max() <= _largest(g, eh.Entropy(), 3) * (1 + 1e-9)
        for mirror in (eh.Euclidean(), eh.WeightedEuclidean(A)):
            assert size(prices, mirror, dual=True).max() <= _largest(g, mirror, 3) * (1 + 1e-9)


def test_the_guarantee_in_its_norms_by_hand():
    one = eh.Problem(
        eh.Setting(4, 0.0, eh.Norm(1.0), np.zeros(2)),
        eh.Quadratic(np.random.default_rng(0).uniform(0, 1, (4, 2)), 2.0),
        eh.Diagonal(np.array([[1.0, 0.5], [2.0, 1.0], [1.0, 1.0], [0.5, 2.0]])),
        eh.Budget(np.array([1.0, 1.5, 0.5, 1.0]), np.ones((4, 2))),
    )
    a = np.array([4.0, 1.0])
    run, best = eh.simulate(one, eh.FairOBD(0.1, mirror=eh.WeightedEuclidean(a))), eh.optimum(one)
    told = guarantee(run, best, frame=2)
    assert told.spread == pytest.approx(np.sqrt(4.0 / 4.0 + 4.0), rel=1e-14)  # burdens to (2, 2), the box is [0, 2]^2
    assert told.sigma == 1.0
    aim = np.where(run.mean_burden == run.mean_burden.max(), 1.0, 0.0)
    assert told.start == pytest.approx(0.5 * (a * (aim - run.price[0]) ** 2).sum() / (0.1 * 4), rel=1e-13)
    assert told.kappa_max == pytest.approx(np.sqrt((a * run.price**2).sum(-1)).max(), rel=1e-13)
    assert told.holds


def test_frames_in_its_norm_against_cvxpy():
    import cvxpy as cp

    rng = np.random.default_rng(3)
    linear, weight, total = rng.uniform(1, 3, (6, 3)), rng.uniform(0.5, 2, (6, 3)), rng.uniform(0.5, 2.0, 6)
    one = eh.Problem(
        eh.Setting(6, 0.7, eh.Norm(1.5), np.zeros(3)),
        eh.Quadratic(linear, 1.0),
        eh.Diagonal(weight),
        eh.Budget(total, np.ones(3)),
    )
    x = cp.Variable((6, 3))
    burden = cp.multiply(weight, x)
    mean = cp.sum(burden, axis=0) / 6
    stray = [cp.norm(cp.multiply(A**-0.5, cp.sum(burden[k : k + 2], axis=0) - 2 * mean), 2) for k in (0, 2, 4)]
    before = cp.vstack([np.zeros((1, 3)), x[:-1]])
    goal = cp.sum(cp.multiply(linear, x)) + 0.5 * cp.sum_squares(x) + 0.35 * cp.sum_squares(x - before)
    rules = [x >= 0, x <= 1, cp.sum(x, axis=1) == total, sum(stray) <= 1.2]
    made = cp.Problem(cp.Minimize(goal / 6 + 1.5 * cp.norm_inf(mean)), rules)
    made.solve(solver="CLARABEL")
    best = eh.optimum(one, frame=2, deviation=1.2, mirror=eh.WeightedEuclidean(A))
    assert best.cost.total == pytest.approx(made.value, rel=1e-7)
    assert best.cost.total > eh.optimum(one).cost.total + 1e-6  # (6) binds
    assert best.gap <= 1e-6


@pytest.mark.parametrize("weights", [0.0, [-1.0, 1.0], [[1.0, 2.0]], [np.nan, 1.0]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(eh.EvenhandError, match="weights"):
        eh.WeightedEuclidean(weights)


def test_weights_for_another_number_of_entities_are_refused():
    with pytest.raises(eh.ParameterError, match="3 numbers for 2 entities"):
        eh.WeightedEuclidean(A).step(np.zeros(2), np.zeros(2), 0.1, eh.Norm(1.0), False)
    with pytest.raises(eh.ParameterError, match="one number above 0 for each of 2 entities"):
        attained_deviation(np.zeros((4, 2)), 2, eh.WeightedEuclidean(A))
