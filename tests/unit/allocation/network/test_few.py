"""Many flows on few links: the same answer as the interior point's, by another way, and back to it where that ends."""

import numpy as np
import pytest

import evenhand as eh
from evenhand.allocation.network import few
from evenhand.allocation.network.solve import NetworkStatus, solve


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(few, "A_LINK", 25)  # 500 flows a link are many


def tasks(seed, n=2400, K=4):
    rng = np.random.default_rng(seed)
    demands = rng.uniform(0.1, 1.0, (K, n)) * (rng.random((K, n)) < 0.7)
    demands[rng.integers(0, K, n), np.arange(n)] = 0.5
    return rng, demands, rng.uniform(0.05, 0.3, K) * n


def cases():
    rng, demands, capacity = tasks(0)
    n = demands.shape[1]
    yield eh.Log(), demands, capacity, {}
    yield eh.Power(rng.uniform(0.2, 0.8, n)), demands, capacity, {"onboard": rng.uniform(0.0, 1.0, n)}
    yield eh.AlphaFair(2.0), demands, 0.3 * capacity, {"weight": rng.uniform(0.5, 2.0, n), "upper": 0.4}
    yield eh.Log(), demands, capacity * [1.0, 1.0, 50.0, 1.0], {"lower": 0.02}  # one has more than enough
    yield eh.Exponential(1.0, rng.uniform(0.5, 2.0, n)), demands, capacity, {}  # many have nothing
    yield eh.Log(), demands * 1e-9, capacity * 1e9, {}
    yield eh.Power(0.5), demands * 1e9, capacity * 1e-9, {}


@pytest.mark.parametrize("case", range(7))
def test_agrees_with_the_interior_point(case, monkeypatch, small):
    utility, demands, capacity, options = list(cases())[case]
    answer = solve(utility, demands, capacity, **options)
    assert answer.status is NetworkStatus.SOLVED
    assert answer.iterations == 0  # no interior point was needed
    assert answer.residuals.primal <= 1e-12
    monkeypatch.setattr("evenhand.allocation.network.solve.applies", lambda problem: False)
    other = solve(utility, demands, capacity, **options, tol=1e-9)
    assert other.iterations > 0
    assert answer.objective == pytest.approx(other.objective, rel=2e-6)
    scale = float(np.mean(other.x))
    np.testing.assert_allclose(answer.x, other.x, rtol=1e-3, atol=1e-4 * scale)
    bill = other.price * capacity
    np.testing.assert_allclose(answer.price * capacity, bill, rtol=1e-3, atol=1e-5 * bill.sum())


def test_where_nothing_is_full_the_interior_point_answers(small):
    _, demands, capacity = tasks(1)
    answer = solve(eh.Power(0.5), demands, capacity * 1e6, upper=1.0)
    assert answer.status is NetworkStatus.SOLVED
    np.testing.assert_allclose(answer.x, 1.0, rtol=1e-4)  # the interior point stops at a gap of 1e-6


def test_a_thin_link_is_no_sample(small):
    """A link that few flows cross would be missed: not for this way."""
    _, demands, capacity = tasks(2)
    demands[1] = np.maximum(demands[1], 0.1)
    demands[0] = 0.0
    demands[0, :3] = 1.0
    answer = solve(eh.Log(), demands, capacity)
    assert answer.iterations > 0
    assert answer.status is NetworkStatus.SOLVED
