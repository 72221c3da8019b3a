"""Joint solver on drawn problems: the bound bounds, answers are feasible, hostile data do not stop it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.allocation.several import joint
from evenhand.errors import InfeasibleError

SEEDS = st.integers(0, 2**32 - 1)
DRAWN = settings(max_examples=100, deadline=None, derandomize=True)
ALPHAS = [0.0, 0.5, 0.9, 1.0, 1.1, 2.0, 5.0]


def hostile(seed):
    """Weights, onboard and capacities over twelve orders of magnitude, zeros among them; bounds that bind."""
    rng = np.random.default_rng(seed)
    n, K, alpha = int(rng.choice([1, 2, 3, 10, 50])), int(rng.integers(1, 5)), float(rng.choice(ALPHAS))
    g = rng.uniform(0.02, 1.0, (n, K)) if rng.random() < 0.5 else 10.0 ** rng.uniform(-4.0, 0.0, (n, K))
    if rng.random() < 0.3:
        g[rng.random((n, K)) < 0.2] = 0.0
    if alpha < 1.0:
        near = rng.random(n) < 0.3
        total = np.where(near, 1.0 - 10.0 ** rng.uniform(-9.0, -1.0, n), rng.uniform(0.05, 1.0, n))
        g *= (total / np.maximum(g.sum(axis=1), 1e-9) / (1.0 - alpha))[:, None]
    o = rng.choice([1e-12, 1e-2, 1.0, 1e6]) * rng.random((n, K))
    o[rng.random((n, K)) < 0.2] = 0.0
    C = rng.uniform(0.2, 1.0, K) * n * rng.choice([1.0, 1.0, 1e3, 1e-12, 1e12], K)
    if rng.random() < 0.1:
        C[rng.integers(K)] = 0.0
    w = rng.random(n) if rng.random() < 0.5 else 10.0 ** rng.uniform(-6.0, 6.0, n)
    w[rng.random(n) < 0.1] = 0.0
    lower = rng.random((n, K)) * C / n * rng.random() if rng.random() < 0.5 else np.zeros((n, K))
    upper = np.full((n, K), np.inf)
    if rng.random() < 0.5:
        upper = lower + rng.random((n, K)) * C / n * rng.choice([0.5, 3.0, 10.0])
    return w, o, g, lower, upper, C, alpha


def mild(seed):
    rng = np.random.default_rng(seed)
    n, K, alpha = int(rng.integers(1, 20)), int(rng.integers(1, 5)), float(rng.choice(ALPHAS))
    g = rng.uniform(0.05, 1.0, (n, K))
    g *= (rng.uniform(0.2, 0.97, n) / g.sum(axis=1))[:, None]
    o, C = rng.uniform(0.01, 0.5, (n, K)), rng.uniform(0.2, 1.0, K) * n
    return rng.uniform(0.2, 3.0, n), o, g, np.zeros((n, K)), np.full((n, K), np.inf), C, alpha


def value(w, o, g, x, alpha):
    log_u = np.sum(g * np.log(o + x), axis=1)
    return float(w @ (log_u if alpha == 1.0 else np.exp((1.0 - alpha) * log_u) / (1.0 - alpha)))


@DRAWN
@given(SEEDS)
def test_no_feasible_split_beats_the_bound_at_any_prices(seed):
    problem = mild(seed)
    w, o, g, _, _, C, alpha = problem
    r = joint.solve(*problem)
    rng = np.random.default_rng(seed + 1)
    n, K = g.shape
    scale = abs(r.primal) + float(r.prices @ C)
    for spread in (0.0, 0.1, 1.0, 5.0):
        bound = joint.bound(*problem, prices=r.prices * np.exp(spread * rng.normal(size=K)))
        assert bound >= r.dual - 1e-6 * scale  # the dual optimum, to the gap
        for _ in range(5):
            x = rng.dirichlet(np.full(n, rng.choice([0.1, 1.0, 10.0])), K).T * C
            assert value(w, o, g, x, alpha) <= bound + 1e-12 * scale  # rounding of the sums
    assert value(w, o, g, r.x, alpha) == pytest.approx(r.primal, rel=1e-12, abs=1e-12 * scale)


@settings(DRAWN, max_examples=400)
@given(SEEDS)
def test_hostile_data_are_solved_to_the_gap(seed):
    problem = hostile(seed)
    _, o, g, lower, upper, C, alpha = problem
    most = np.minimum(upper, C - lower.sum(axis=0) + lower)  # of one agent
    if alpha >= 1.0 and np.any((g > 0.0) & (problem[0] > 0.0)[:, None] & (o + most <= 0.0)):
        with pytest.raises(InfeasibleError, match="worth −∞"):
            joint.solve(*problem)
        return
    r = joint.solve(*problem)
    assert -1e-9 <= r.gap <= 1e-6  # below zero only by the rounding of sums over twelve orders of magnitude
    assert np.all(r.x >= lower * (1 - 1e-12))
    assert np.all(r.x <= upper * (1 + 1e-12))
    assert np.all(r.x.sum(axis=0) <= C * (1 + 1e-12))
    assert np.all(np.isfinite(r.prices) & (r.prices >= 0.0))


@DRAWN
@given(SEEDS)
def test_order_of_agents_and_of_resources_does_not_matter(seed):
    w, o, g, lower, upper, C, alpha = mild(seed)
    rng = np.random.default_rng(seed)
    i, k = rng.permutation(w.size), rng.permutation(C.size)
    a = joint.solve(w, o, g, lower, upper, C, alpha, tol=1e-9)
    b = joint.solve(w[i], o[i][:, k], g[i][:, k], lower, upper, C[k], alpha, tol=1e-9)
    np.testing.assert_allclose(b.prices, a.prices[k], rtol=1e-7)  # residual 1e-11, elasticities up to 33
    np.testing.assert_allclose(b.x, a.x[i][:, k], rtol=1e-6, atol=1e-7 * C.max())


@DRAWN
@given(SEEDS)
def test_price_is_the_value_of_one_more_unit(seed):
    *head, C, alpha = mild(seed)
    r = joint.solve(*head, C, alpha, tol=1e-10)
    for k in range(C.size):
        step = np.zeros_like(C)
        step[k] = 1e-4 * C[k]
        up, down = (joint.solve(*head, C + d, alpha, tol=1e-10).primal for d in (step, -step))
        # central differences: error of second order in 1e-4, and the gaps 1e-10 over 1e-4
        assert (up - down) / (2 * step[k]) == pytest.approx(r.prices[k], rel=1e-5)
