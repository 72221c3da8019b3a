"""The proof without concavity: never below any feasible value, close at the least prices, closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand import CobbDouglas, Fleet, allocate
from evenhand.allocation.several import acs, bound
from evenhand.errors import ParameterError

INF = np.inf


def value(w, o, g, x, alpha, scale=1.0):
    u = scale * np.prod((o + x) ** g, axis=-1)
    return np.sum(w * u ** (1.0 - alpha) / (1.0 - alpha), axis=-1)


def random_fleet(seed, n, K=2):
    """The paper's random fleets, as in test_acs: budgets Σ U(0, 1), on board U(0, 0.01), exponents U(0, 1)."""
    rng = np.random.default_rng(seed)
    o, g = rng.uniform(0.0, 0.01, (n, K)), rng.uniform(0.0, 1.0, (n, K))
    return np.ones(n), o, g, rng.uniform(0.0, 1.0, (n, K)).sum(axis=0)


def splits(rng, n, K, C, lower, upper, count):
    """Feasible allocations (count, n, K), from even ones to corners: shares of the room, cut at the bounds."""
    part = rng.exponential(size=(count, n, K)) ** rng.choice([0.3, 1.0, 4.0, 20.0], size=(count, 1, 1))
    part /= part.sum(axis=1, keepdims=True)
    return np.minimum(lower + part * (C - lower.sum(axis=0)), upper)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 4), st.sampled_from([0.0, 0.2, 0.5, 0.9]))
@settings(max_examples=250, deadline=None)
def test_never_below_a_feasible_value(seed, n, K, alpha):
    """250 problems × 60 drawn splits and the best of alternate search, at the least prices and at drawn ones."""
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.integers(-9, 10)
    g = rng.uniform(0.0, 0.999, (n, K))
    o = np.where(rng.random((n, K)) < 0.3, 0.0, rng.uniform(0.0, 1.0, (n, K))) * size
    lower = np.where(rng.random((n, K)) < 0.2, rng.uniform(0.0, 0.2, (n, K)), 0.0) * size
    upper = np.where(rng.random((n, K)) < 0.5, INF, lower + rng.uniform(0.0, 2.0, (n, K)) * size)
    C = lower.sum(axis=0) + rng.uniform(0.0, 2.0, K) * size * (rng.random(K) > 0.1)
    w, scale = rng.integers(0, 4, n).astype(float), np.exp(rng.normal(size=n))
    w[0] = 1.0
    arguments = (w, o, g, lower, upper, C, alpha)
    answer = bound.solve(*arguments, scale=scale)
    tried = splits(rng, n, K, C, lower, upper, 60)
    most = max(float(np.max(value(w, o, g, tried, alpha, scale))), answer.found.objective)
    assert answer.found.objective == pytest.approx(float(value(w, o, g, answer.found.x, alpha, scale)), rel=1e-11)
    assert np.all(answer.found.x.sum(axis=0) <= C * (1.0 + 1e-12))
    assert answer.bound >= most
    for _ in range(3):
        prices = answer.prices * np.exp(rng.normal(0.0, 1.0, K))
        assert bound.bound(*arguments, prices, scale) >= most
    assert bound.bound(*arguments, answer.prices, scale) == pytest.approx(answer.bound, rel=1e-9)
    assert bound.bound(*arguments, np.zeros(K), scale) >= most


@pytest.mark.parametrize("seed", range(4))
def test_brute_force(seed):
    """Two agents, two resources, all splits on a grid of 1/400: the search finds the best, the bound is above it."""
    rng = np.random.default_rng([5, seed])
    w, o, g = np.ones(2), rng.uniform(0.0, 0.3, (2, 2)), rng.uniform(0.5, 0.99, (2, 2))
    C = np.array([1.0, 2.0])
    a, b = np.meshgrid(np.linspace(0.0, 1.0, 401), np.linspace(0.0, 2.0, 401))
    x = np.stack((np.stack((a, b), -1), np.stack((1.0 - a, 2.0 - b), -1)), axis=-2)
    most = float(np.max(value(w, o, g, x, 0.0)))
    answer = bound.solve(w, o, g, 0.0, INF, C, 0.0)
    assert most <= answer.found.objective * (1.0 + 1e-12) <= answer.bound * (1.0 + 1e-12)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_one_agent_and_equal_agents_leave_no_gap(size):
    """Everything to one is best, and the dual says so: U(C) = scale (C_1 C_2)^0.9."""
    C = np.array([2.0, 3.0]) * size
    for n in (1, 3):
        answer = bound.solve(np.ones(n), 0.0, np.full((n, 2), 0.9), 0.0, INF, C, 0.0, scale=size**-1.8)
        assert answer.found.objective == pytest.approx(6.0**0.9, rel=1e-12)
        assert answer.bound == pytest.approx(6.0**0.9, rel=2e-7)  # the search for the least prices stops at 1e-7


@pytest.mark.parametrize(("n", "gap"), [(10, 3e-2), (100, 1e-4), (1000, 1e-5)])
def test_the_gap_shrinks_with_the_fleet(n, gap):
    """The papers' random fleets and the same with shares of 3 at most. Measured: 1e-2, 2e-5, 5e-8 at worst, and 20
    times that with bounds on the shares, which leave many agents to be split."""
    for seed in range(3):
        w, o, g, C = random_fleet([6, seed], n)
        for upper, slack in ((INF, 1.0), (3.0, 20.0)):
            answer = bound.solve(w, o, g, 0.0, upper, C, 0.0)
            assert 0.0 <= answer.bound / answer.found.objective - 1.0 <= slack * gap
            assert answer.found.objective >= acs.solve(w, o, g, 0.0, upper, C, 0.0).objective * (1.0 - 1e-12)


def test_a_large_fleet_stops_at_a_proof():
    w, o, g, C = random_fleet(7, 60_000)
    answer = bound.solve(w, o, g, 0.0, 3.0, C, 0.0)
    assert answer.bound <= answer.found.objective * (1.0 + 1e-6)
    assert answer.found.objectives.size == 1
    assert answer.found.start < 0


def test_an_allocation_carries_the_proof():
    w, o, g, C = random_fleet(8, 30)
    fleet = Fleet(CobbDouglas(g), o, w, upper=2.0)
    answer = allocate(fleet, C)
    proof = answer.certificate
    assert answer.status == "bounded"
    assert 0.0 <= proof.percent <= 1.0
    assert proof.dual_objective >= proof.primal_objective
    assert proof.dual_objective == pytest.approx(proof.primal_objective * (1.0 + proof.percent / 100.0), rel=1e-12)
    worse = allocate(fleet, C, 0.5)  # concave from about 0.5 on: the sum of exponents is below 2
    assert worse.status == "certified"
    assert np.isnan(worse.certificate.percent)
    assert "better by more than" in answer.explain(0)
    assert "better by more than" not in worse.explain(0)


def test_bad_input():
    w, o, g, C = random_fleet(9, 3)
    with pytest.raises(ParameterError, match="alpha is 1"):
        bound.solve(w, o, g, 0.0, INF, C, 1.0)
    for prices in ([1.0], [1.0, -1.0], [np.nan, 1.0], [INF, 1.0]):
        with pytest.raises(ParameterError, match="prices is"):
            bound.bound(w, o, g, 0.0, INF, C, 0.0, prices)
