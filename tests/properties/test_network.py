"""Network utility maximisation: inequalities that hold for every problem, on drawn ones."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from evenhand.allocation.network.problem import pose
from evenhand.allocation.network.solve import dual_gradient, solve


@dataclass(frozen=True, slots=True)
class AlphaFair:
    alpha: object

    def value(self, r):
        a = np.broadcast_to(self.alpha, np.shape(r))
        flat = a == 1.0
        return np.where(flat, np.log(r), r ** (1.0 - a) / np.where(flat, 1.0, 1.0 - a))

    def marginal(self, r):
        return r**-self.alpha

    def demand(self, price):
        return price ** (-1.0 / self.alpha)

    def curvature(self, r):
        return -self.alpha * r ** (-self.alpha - 1.0)


@dataclass(frozen=True, slots=True)
class Saturating:
    k: object

    def value(self, r):
        return 1.0 - np.exp(-self.k * r)

    def marginal(self, r):
        return self.k * np.exp(-self.k * r)

    def demand(self, price):
        return np.maximum(0.0, -np.log(price / self.k) / self.k)

    def curvature(self, r):
        return -(self.k**2) * np.exp(-self.k * r)


def draw(seed, spread=0.5):
    """A network of up to 60 flows and 20 links; weights, capacities and utilities spread by e^(±spread)."""
    rng = np.random.default_rng(seed)
    links, flows = int(rng.integers(1, 21)), int(rng.integers(1, 61))
    pattern = rng.random((links, flows)) < min(1.0, 4.0 / links)
    pattern[rng.integers(0, links, flows), np.arange(flows)] = True

    def around(size):
        return np.exp(spread * rng.normal(size=size))

    data = {
        "capacity": 5.0 * around(links),
        "weight": around(flows),
        "onboard": around(flows) * (rng.random(flows) < 0.3),
        "upper": np.where(rng.random(flows) < 0.3, around(flows), np.inf),
    }
    kinds = [AlphaFair(rng.uniform(0.1, 4.0, flows)), AlphaFair(1.0), Saturating(around(flows))]
    return rng, kinds[int(rng.integers(3))], sparse.csr_array(pattern.astype(float)), data


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_solution_is_feasible_and_proved(seed):
    _, utility, routing, data = draw(seed)
    got = solve(utility, routing, tol=1e-8, **data)
    assert np.all(routing @ got.x <= data["capacity"])
    assert np.all((got.x >= 0.0) & (got.x <= data["upper"]))
    assert np.all(got.price >= 0.0)
    # the proof is a difference of two sums of doubles: rounding may take it below zero by as much
    assert -1e-13 <= got.gap <= 1e-8
    assert got.residuals.primal == 0.0
    assert got.residuals.slackness <= 1e-6


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_dual_bounds_every_feasible_point_at_any_prices(seed):
    rng, utility, routing, data = draw(seed)
    problem = pose(utility, routing, data["capacity"], data["weight"], data["onboard"], 0.0, data["upper"])
    best = solve(utility, routing, tol=1e-9, **data).objective
    for _ in range(5):
        price = np.exp(rng.normal(size=problem.capacity.size) * 3.0) * (rng.random(problem.capacity.size) < 0.8)
        x = problem.repair(rng.random(problem.cap.size) * problem.cap)
        assert np.all(routing @ x <= data["capacity"])
        room = 1e-12 * max(1.0, abs(best))
        assert problem.measure(x, price)[0] <= best + 1e-8 * max(1.0, abs(best))
        assert problem.dual(price) >= best - room


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_proportional_fairness_inequality(seed):
    """Kelly, Maulloo, Tan (1998): Σ w (x − x*) / x* ≤ 0 for every feasible x, at the log optimum x*."""
    rng, _, routing, data = draw(seed)
    got = solve(AlphaFair(1.0), routing, data["capacity"], weight=data["weight"], tol=1e-10)
    problem = pose(AlphaFair(1.0), routing, data["capacity"], data["weight"], 0.0, 0.0, np.inf)
    for _ in range(10):
        x = problem.repair(rng.random(problem.cap.size) ** 3 * problem.cap)
        # Σ w (x − x*) / x* is a derivative of the objective: a gap g leaves it √g-small, not g-small
        assert data["weight"] @ ((x - got.x) / got.x) <= 1e-4 * data["weight"].sum()


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from([1e-6, 1e-3, 1e3, 1e6]), st.sampled_from([1e-6, 1.0, 1e6]))
def test_units_do_not_matter(seed, unit, money):
    """Capacities in other units and utilities times a number give the same shares in those units."""
    _, _, routing, data = draw(seed)
    alpha = AlphaFair(2.0)
    one = solve(alpha, routing, data["capacity"], weight=data["weight"], tol=1e-10)
    other = solve(alpha, routing, unit * data["capacity"], weight=money * data["weight"], tol=1e-10)
    np.testing.assert_allclose(other.x / unit, one.x, rtol=1e-4)
    np.testing.assert_allclose(other.objective * unit / money, one.objective, rtol=1e-8)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_flows_may_be_reordered(seed):
    rng, _, routing, data = draw(seed)
    order = rng.permutation(routing.shape[1])
    moved = {k: v[order] if k != "capacity" else v for k, v in data.items()}
    one = solve(AlphaFair(1.5), routing, tol=1e-10, **data)
    other = solve(AlphaFair(1.5), sparse.csr_array(routing.toarray()[:, order]), tol=1e-10, **moved)
    np.testing.assert_allclose(other.x, one.x[order], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_wide_spreads_are_solved(seed):
    """Weights, capacities and utilities over about six decades."""
    _, utility, routing, data = draw(seed, spread=2.0)
    got = solve(utility, routing, tol=1e-6, **data)
    assert got.gap <= 1e-6


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_dual_gradient_never_contradicts_the_solver(seed):
    _, utility, routing, data = draw(seed)
    ours = solve(utility, routing, tol=1e-9, **data)
    base = dual_gradient(utility, routing, iterations=300, step=0.05, **data)
    room = 1e-8 * max(1.0, abs(ours.objective), float(ours.price @ data["capacity"]))
    assert base.objective <= ours.dual_objective + room
    assert base.dual_objective >= ours.objective - room
    assert base.residuals.primal == 0.0
