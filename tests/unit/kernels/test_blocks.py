"""The sweep over a horizon's rounds against one dense system."""

import numpy as np
import pytest
from scipy.linalg import null_space

from evenhand.kernels.blocks import EQUAL, LIMIT, factor, many, one

RNG = np.random.default_rng


def drawn(seed, spread):
    rng = RNG(seed)
    T, n, m = (int(rng.integers(1, high)) for high in (7, 6, 4))
    bend, link = (10.0 ** rng.uniform(-spread, spread, (T, n)) for _ in range(2))
    link[rng.random((T, n)) < 0.2] = 0.0
    row = rng.uniform(0.5, 2.0, (T, n))
    kind, sigma = rng.integers(0, 3, T), 10.0 ** rng.uniform(-spread, spread, T)
    return bend, link, row, kind, sigma, rng.random((T, n)) < 0.15, rng.normal(size=(T, m, n))


def dense(bend, link, row, kind, sigma, pinned, right):
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
            K[here, here] += sigma[t] * np.outer(row[t], row[t])
        if kind[t] == EQUAL:
            fixed.append(np.zeros(T * n))
            fixed[-1][here] = row[t]
    fixed += list(np.eye(T * n)[pinned.reshape(-1)])
    N = null_space(np.array(fixed)) if fixed else np.eye(T * n)
    if not N.shape[1]:
        return np.zeros((T, n))
    return -(N @ np.linalg.solve(N.T @ K @ N, N.T @ right.reshape(-1))).reshape(T, n)


@pytest.mark.parametrize("seed", range(100))
def test_the_sweep_solves_the_system(seed):
    bend, link, row, kind, sigma, pinned, impact = drawn(seed, 2)
    T, n = bend.shape
    open_, out, together = np.empty((T, n, n)), np.empty((T, n)), np.empty((T, n, impact.shape[1]))
    assert factor(bend, link, row, kind, sigma, pinned, open_)
    many(open_, link, impact, False, together)
    for j in range(impact.shape[1]):
        right = np.ascontiguousarray(impact[:, j])
        one(open_, link, right, out)
        expected = dense(bend, link, row, kind, sigma, pinned, right)
        np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-10 * max(1.0, np.abs(expected).max()))
        np.testing.assert_allclose(together[:, :, j], out, rtol=1e-12, atol=1e-13)


def test_weights_far_apart_lose_nothing():
    """Two rounds glued by a link of 1e12, one of them held at its place by 1e10, the other free but for 1e-9."""
    bend = np.array([[1e-9, 1e-9], [1.0, 1e10]])
    link = np.array([[1e-12, 1e-12], [1e-12, 1e12]])
    row, kind = np.ones((2, 2)), np.full(2, EQUAL)
    open_, out = np.empty((2, 2, 2)), np.empty((2, 2))
    assert factor(bend, link, row, kind, np.zeros(2), np.zeros((2, 2), dtype=bool), open_)
    one(open_, link, np.array([[0.3, -0.7], [0.0, 0.0]]), out)
    # d_1 = (-u, u), d_2 = (-v, v): u (2e-9) + 1e12 (u - v) = 1,  v (1 + 1e10) + 1e12 (v - u) = 0, but for 1e-12
    v = 1.0 / (1.0 + 1e10) * (1.0 - 1e-12)
    assert out[1, 1] == pytest.approx(v, rel=1e-9)
    assert 1e12 * (out[0, 1] - out[1, 1]) == pytest.approx(1.0, rel=1e-3)
