"""Quadratic, DenseQuadratic and Convex hitting costs; Diagonal and Dense impacts."""

import cvxpy as cp
import numpy as np
import pytest

from evenhand import Convex, Dense, DenseQuadratic, Diagonal, ProblemError, Quadratic

X = np.array([2.0, -1.0])


def test_quadratic():
    f = Quadratic([1.0, 3.0], [2.0, 0.0], 10.0)
    assert f.value(X) == 4.0 + 2.0 - 3.0 + 10.0
    np.testing.assert_array_equal(f.gradient(X), [5.0, 3.0])
    assert f.strong_convexity() == 0.0
    assert Quadratic([1.0, 3.0], 2.0).strong_convexity() == 2.0
    assert Quadratic(np.ones((5, 2)), np.ones((1, 2))).curvature.shape == (5, 2)


def test_dense_quadratic_and_its_diagonal_twin():
    f = DenseQuadratic([[2.0, 1.0], [1.0, 2.0]], [1.0, 3.0], 10.0)
    assert f.value(X) == 0.5 * (8.0 - 4.0 + 2.0) + 2.0 - 3.0 + 10.0
    np.testing.assert_array_equal(f.gradient(X), [4.0, 3.0])
    assert f.strong_convexity() == pytest.approx(1.0)
    flat = DenseQuadratic(np.diag([2.0, 0.5]), [1.0, 3.0])
    assert flat.value(X) == Quadratic([1.0, 3.0], [2.0, 0.5]).value(X)
    assert DenseQuadratic([[1.0, 1.0], [1.0, 1.0]], [0.0, 0.0]).strong_convexity() == pytest.approx(0.0, abs=1e-15)


def test_convex_agrees_with_the_quadratic_it_writes():
    f = Convex(lambda x, d: cp.sum_squares(x) + d @ x, [[1.0, 3.0], [0.0, 0.0]], n=2, modulus=2.0)
    same = Quadratic([[1.0, 3.0], [0.0, 0.0]], 2.0)
    np.testing.assert_allclose(f.value(X), same.value(X))
    np.testing.assert_allclose(f.gradient(X), same.gradient(X))
    np.testing.assert_array_equal(f.strong_convexity(), [2.0, 2.0])
    assert f.core == {"data": (2,)}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Quadratic([1.0], -1.0), ["curvature", "-1", "at least 0"]),
        (lambda: Quadratic([1.0, np.nan]), ["linear[1]", "nan"]),
        (lambda: Quadratic(1.0), ["linear", "last axis"]),
        (lambda: Quadratic([1.0, 2.0], [1.0, 2.0, 3.0]), ["linear (2,)", "curvature (3,)"]),
        (lambda: Quadratic([1.0], 1.0, np.inf), ["constant", "inf"]),
        (lambda: DenseQuadratic([[1.0, 2.0]], [1.0]), ["matrix", "(1, 2)", "(n, n)"]),
        (lambda: DenseQuadratic([[1.0, 2.0], [0.0, 1.0]], [0.0, 0.0]), ["symmetric", "(Q + Q') / 2"]),
        (lambda: DenseQuadratic([[-1.0]], [0.0]), ["eigenvalue -1", "semidefinite"]),
        (lambda: DenseQuadratic(np.eye(2), [0.0, 0.0, 0.0]), ["matrix (2, 2)", "linear (3,)"]),
        (lambda: DenseQuadratic(np.eye(2), 0.0), ["matrix (2, 2)", "linear ()"]),
        (lambda: Convex(lambda x, d: -cp.sum_squares(x), [[0.0]]), ["build", "concave", "convex scalar"]),
        (lambda: Convex(lambda x, d: x, [[0.0]], n=2), ["build", "(2,)", "scalar"]),
        (lambda: Convex(lambda x, d: cp.sum(x), 0.0), ["data", "last axis"]),
        (lambda: Diagonal(1.0), ["weight", "last axis"]),
        (lambda: Diagonal([np.inf]), ["weight[0]", "inf"]),
        (lambda: Dense([1.0]), ["matrix", "(..., m, n)"]),
        (lambda: Dense([[np.nan]]), ["matrix[0, 0]", "nan"]),
    ],
)
def test_refuses(make, words):
    with pytest.raises(ProblemError) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_impacts():
    one, full = Diagonal([2.0, -3.0]), Dense([[2.0, 0.0], [0.0, -3.0]])
    for part in (one, full):
        assert part.entities == 2
        np.testing.assert_array_equal(part.burden(X), [4.0, 3.0])
        np.testing.assert_array_equal(part.tilt(X), [4.0, 3.0])
        low, high = part.range(np.zeros(2), np.array([1.0, 2.0]))
        np.testing.assert_array_equal(low, [0.0, -6.0])
        np.testing.assert_array_equal(high, [2.0, 0.0])
    wide = Dense([[1.0, 2.0]])
    assert wide.entities == 1
    np.testing.assert_array_equal(wide.tilt(np.array([3.0])), [3.0, 6.0])
    low, high = Dense([[0.0, -1.0]]).range(np.array([-np.inf, 0.0]), np.array([np.inf, 2.0]))
    assert (low[0], high[0]) == (-2.0, 0.0)  # an unbounded action without impact burdens nobody
