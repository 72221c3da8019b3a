"""The sweep over a horizon's rounds against one dense system."""

import numpy as np
import pytest
from scipy.linalg import null_space

from evenhand.kernels.blocks import EQUAL, LIMIT, factor, residual, solve

RNG = np.random.default_rng


def drawn(seed, spread):
    rng = RNG(seed)
    T, n, m = (int(rng.integers(1, high)) for high in (7, 6, 4))
    bend, link = (10.0 ** rng.uniform(-spread, spread, (T, n)) for _ in range(2))
    link[rng.random((T, n)) < 0.2] = 0.0
    kind, sigma = rng.integers(0, 3, T), 10.0 ** rng.uniform(-spread, spread, T)
    return bend, link, kind, sigma, rng.random((T, n)) < 0.15, rng.normal(size=(T, m, n))


def dense(bend, link, kind, sigma, pinned, right):
    """The minimiser by elimination of what is fixed."""
    T, n = bend.shape
    K, fixed = np.zeros((T * n, T * n)), []
    for t in range(T):
        here = slice(t * n, t * n + n)
        K[here, here] += np.diag(bend[t] + link[t])
        if t:
            before = slice(t * n - n, t * n)
            K[before, before] += np.diag(link[t])
            K[here, before] -= np.diag(link[t])
            K[before, here] -= np.diag(link[t])
        if kind[t] == LIMIT:
            K[here, here] += sigma[t]
        if kind[t] == EQUAL:
            fixed.append(np.zeros(T * n))
            fixed[-1][here] = 1.0
    fixed += list(np.eye(T * n)[pinned.reshape(-1)])
    N = null_space(np.array(fixed)) if fixed else np.eye(T * n)
    if not N.shape[1]:
        return np.zeros((T, n))
    return -(N @ np.linalg.solve(N.T @ K @ N, N.T @ right.reshape(-1))).reshape(T, n)


def factored(bend, link, kind, sigma, pinned, impact):
    """The factors of one episode, and the burdens' response."""
    T, n = bend.shape
    m = impact.shape[1]
    open_, coupling, held = np.empty((1, T, n, n)), np.empty((1, m, m)), np.empty(1, dtype=bool)
    factor(bend[None], link[None], kind[None], sigma[None], pinned[None], impact[None], False, open_, coupling, held)
    assert held[0]
    return open_, coupling[0]


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("steep", [False, True])
def test_the_sweep_solves_the_system(seed, steep):
    bend, link, kind, sigma, pinned, impact = drawn(seed, 2)
    if steep:  # moves that hardly give: every round takes the way with three inversions
        link *= 1e6
    open_, coupling = factored(bend, link, kind, sigma, pinned, impact)
    out, left, fine = np.empty((1, *bend.shape)), np.empty((1, *bend.shape)), 1e-5 if steep else 1e-9
    answers = []
    for j in range(impact.shape[1]):
        right = np.ascontiguousarray(impact[:, j])
        solve(open_, link[None], right[None], out)
        expected = dense(bend, link, kind, sigma, pinned, right)
        size = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(out[0], expected, rtol=fine, atol=0.1 * fine * size)
        residual(bend[None], link[None], kind[None], sigma[None], pinned[None], right[None], out, left)
        assert np.abs(left).max() <= 1e-11 * size * max(link.max(), bend.max(), sigma.max())
        answers.append(out[0].copy())
    expected = -np.einsum("tji,kti->jk", impact, np.array(answers))
    np.testing.assert_allclose(coupling, expected, rtol=1e-9, atol=1e-10 * max(1.0, np.abs(expected).max()))


def test_a_diagonal_impact_is_one_with_zeros():
    bend, link, kind, sigma, pinned, _ = drawn(3, 2)
    T, n = bend.shape
    weight = RNG(0).normal(size=(T, 1, n))
    open_, coupling, held = np.empty((1, T, n, n)), np.empty((1, n, n)), np.empty(1, dtype=bool)
    parts = (bend[None], link[None], kind[None], sigma[None], pinned[None])
    factor(*parts, weight[None], True, open_, coupling, held)
    same, expected = factored(bend, link, kind, sigma, pinned, np.eye(n) * weight)
    np.testing.assert_array_equal(open_, same)
    np.testing.assert_allclose(coupling[0], expected, rtol=1e-13)


def test_weights_far_apart_lose_nothing():
    """Two rounds glued by a link of 1e12, one of them held at its place by 1e10, the other free but for 1e-9."""
    bend = np.array([[1e-9, 1e-9], [1.0, 1e10]])
    link = np.array([[1e-12, 1e-12], [1e-12, 1e12]])
    kind = np.full(2, EQUAL)
    open_, _ = factored(bend, link, kind, np.zeros(2), np.zeros((2, 2), dtype=bool), np.zeros((2, 1, 2)))
    out = np.empty((1, 2, 2))
    solve(open_, link[None], np.array([[[0.3, -0.7], [0.0, 0.0]]]), out)
    # d_1 = (-u, u), d_2 = (-v, v): u (2e-9) + 1e12 (u - v) = 1,  v (1 + 1e10) + 1e12 (v - u) = 0, but for 1e-12
    v = 1.0 / (1.0 + 1e10) * (1.0 - 1e-12)
    assert out[0, 1, 1] == pytest.approx(v, rel=1e-9)
    assert 1e12 * (out[0, 0, 1] - out[0, 1, 1]) == pytest.approx(1.0, rel=1e-3)
