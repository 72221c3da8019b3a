"""Kernels on cases solved by hand; drawn cases stand in tests/properties."""

import numpy as np
import pytest

from evenhand.kernels import dual, reduce
from evenhand.kernels.waterfill import waterfill

inf = np.inf

# curvature, linear, lower, upper, total, equal -> x, price
BY_HAND = [
    ("one agent", [2.0], [1.0], [0.0], [5.0], 3.0, 1.0, [3.0], 7.0),
    ("equal agents share", [1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [9.0, 9.0], 4.0, 1.0, [2.0, 2.0], 2.0),
    ("cheap first", [1.0, 1.0], [0.0, 1.0], [0.0, 0.0], [9.0, 9.0], 3.0, 1.0, [2.0, 1.0], 2.0),
    ("upper bound", [1.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0, 9.0], 3.0, 1.0, [1.0, 2.0], 3.0),
    ("lower bound", [1.0, 1.0], [0.0, 9.0], [0.0, 0.5], [9.0, 9.0], 3.0, 1.0, [2.5, 0.5], 2.5),
    ("slack budget", [1.0, 2.0], [-1.0, -4.0], [0.0, 0.0], [9.0, 9.0], 5.0, 0.0, [1.0, 2.0], 0.0),
    ("tight budget", [1.0, 1.0], [-3.0, -3.0], [0.0, 0.0], [9.0, 9.0], 4.0, 0.0, [2.0, 2.0], -1.0),
    ("tie without curvature", [0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 3.0], 2.0, 1.0, [0.5, 1.5], 1.0),
    ("linear programme", [0.0, 0.0], [1.0, 2.0], [0.0, 0.0], [1.0, 3.0], 2.0, 1.0, [1.0, 1.0], 2.0),
    ("flat and curved", [0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [9.0, 9.0], 3.0, 1.0, [2.0, 1.0], 1.0),
    ("two without end", [0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [inf, inf], 3.0, 1.0, [1.5, 1.5], 1.0),
    ("one without end", [0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [inf, inf], 3.0, 1.0, [2.0, 1.0], 1.0),
    ("flat without floor", [0.0, 0.0], [1.0, 1.0], [-inf, 0.0], [2.0, 5.0], -3.0, 1.0, [-3.0, 0.0], 1.0),
    ("curved without floor", [1.0, 1.0], [0.0, 2.0], [-inf, -inf], [inf, inf], 0.0, 1.0, [1.0, -1.0], 1.0),
    ("free without any end", [0.0], [0.0], [-inf], [inf], 3.0, 0.0, [0.0], 0.0),
    ("free without floor, a low ceiling", [0.0, 0.0, 1.0], [0, 0, 0], [-inf, -inf, -2], [0, 0, 0], -2.0, 0.0, [-1, -1, 0], 0.0),
    ("huge equal costs", [1e-6, 1e-6], [1e12, 1e12], [0.0, 0.0], [9.0, 9.0], 4.0, 1.0, [2.0, 2.0], 1e12),
    ("one huge cost, others small", [1.0, 1.0, 1.0], [1e15, 0.5, 0.0], [0, 0, 0], [9, 9, 9], 1.5, 1.0, [0, 0.5, 1.0], 1.0),
    ("costs that dwarf the budget", [1.5, 0.6], [565657380736853.0, 17390.0], [0, 0], [1, 1], 0.9, 1.0, [0, 0.9], 17390.54),
    ("a budget below rounding of the price", [0.1, 1e-4], [506.94, -546.26], [0, 0], [1e-4, 0.1], 1e-9, 1.0, [0, 1e-9], -546.26),
    ("flat costs closer than rounding", [0.0, 0.0, 0.0], [1e16, 0.125, 0.25], [0, 0, 0], [9, 1, 9], 3.0, 1.0, [0, 1, 2], 0.25),
    ("a knee beside a steep agent", [1.0, 0.0, 0.0], [-5.0, 1.0, 1.0 + 2.0**-52], [0, 0, 0], [9, 2, 9], 8.0, 1.0, [6, 2, 0], 1.0),
    ("a huge cost beside a slack budget", [1.0, 1.0], [1e15, -1e-3], [0, 0], [9, 9], 4.0, 0.0, [0.0, 1e-3], 0.0),
]  # fmt: skip


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: case[0])
def test_waterfill(case):
    *arguments, expected, price = (np.asarray(a, dtype=float) for a in case[1:])
    with np.errstate(all="raise", under="ignore"):
        x, nu = waterfill(*arguments)
    np.testing.assert_allclose(x, expected, rtol=1e-14, atol=1e-300)
    assert nu == pytest.approx(price, rel=1e-14)


@pytest.mark.parametrize(("total", "expected"), [(0.0, [0.0, 0.0]), (5.0, [2.0, 3.0]), (5.0000001, [2.0, 3.0]), (-1e-9, [0.0, 0.0])])  # fmt: skip
def test_waterfill_at_and_just_beyond_the_ends(total, expected):
    x, _ = waterfill(np.ones(2), np.array([3.0, 1.0]), np.zeros(2), np.array([2.0, 3.0]), total, 1.0)
    np.testing.assert_array_equal(x, expected)


def test_waterfill_without_a_minimum_is_nan_not_a_number_that_looks_right():
    x, price = waterfill(np.zeros(2), np.array([1.0, 0.0]), np.full(2, -inf), np.full(2, inf), 1.0, 1.0)
    assert np.isnan(x).all()
    assert np.isnan(price)
    assert np.isnan(waterfill(np.zeros(1), np.ones(1), np.full(1, -inf), np.ones(1), 1.0, 0.0)[1])


def test_waterfill_of_many_agents_meets_the_total():
    rng = np.random.default_rng(1)
    n = 100_000
    upper = rng.uniform(0, 1, n)
    total = 0.3 * upper.sum()
    x, nu = waterfill(rng.uniform(0.5, 2, n), rng.normal(size=n), np.zeros(n), upper, total, 1.0)
    assert x.sum() == pytest.approx(total, rel=1e-14)
    assert np.isfinite(nu)


def test_shapes_broadcast():
    x, nu = waterfill(1.0 + np.zeros((1, 1, 3)), np.zeros(3), np.zeros(3), np.ones(3), np.ones((4, 1)), 1.0)
    assert x.shape == (4, 1, 3)
    assert nu.shape == (4, 1)


def test_entropic_steps_of_any_length_stay_finite_and_positive():
    for eta in (1e-3, 1.0, 1e3, 1e6):
        for p_dual, weight in (
            (1.0, [1.0, 1.0, 1.0]),
            (1.0, [1.0, 2.0, 0.5]),
            (3.0, [1.0, 2.0, 0.5]),
            (inf, [1.0, 2.0, 0.5]),
        ):
            weight = np.array(weight)
            k = dual.entropic_step(np.ones(3), np.array([-3.0, -2.0, 1.0]), np.full(3, eta), weight, 2.0, p_dual, 1.0)
            assert (k > 0).all()
            assert np.isfinite(k).all()
            assert dual.weighted_norm(k, 1 / weight, p_dual) <= 2.0 * (1 + 1e-9)
    # the worst burden takes the whole price when the step is long
    k = dual.entropic_step(np.ones(2), np.array([-3.0, -2.9]), np.full(2, 1e4), np.ones(2), 2.0, 1.0, 1.0)
    np.testing.assert_allclose(k, [2.0, 0.0], atol=1e-12)


def test_reduce_by_hand():
    a = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    np.testing.assert_array_equal(reduce.apply(a, np.array([1.0, -1.0])), [-1.0, -1.0, -1.0])
    np.testing.assert_array_equal(reduce.apply_transposed(a, np.array([1.0, 0.0, 2.0])), [11.0, 14.0])
    np.testing.assert_array_equal(reduce.mean_rows(a), [3.0, 4.0])
    assert reduce.total(a[2]) == 11.0
    assert reduce.quadratic_value(np.array([2.0, 0.0]), np.array([1.0, 1.0]), np.array([3.0, 4.0])) == 9.0 + 3.0 + 4.0
    assert reduce.squared_distance(a[0], a[1]) == 8.0
