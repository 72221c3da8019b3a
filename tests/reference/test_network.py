"""Network utility maximisation against CVXPY + Clarabel with exact exponential, power and quadratic cones."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import pytest
from scipy import sparse

from evenhand.allocation.network.solve import solve

#: Clarabel proves 1e-8 at best and its point may leave R x ≤ c by as much; 1e-6 relative is the promise
AGREE = 1e-6


@dataclass(frozen=True, slots=True)
class AlphaFair:
    """r^(1−α)/(1−α), log at α = 1; power utility r^γ is α = 1 − γ up to the factor γ."""

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


def draw(rng):
    """A small network: every flow crosses a link; some have bounds, onboard resources and uneven weights."""
    links, flows = int(rng.integers(1, 7)), int(rng.integers(1, 10))
    pattern = rng.random((links, flows)) < 0.5
    pattern[rng.integers(0, links, flows), np.arange(flows)] = True
    routing = np.where(pattern, rng.choice([1.0, 1.0, 0.5, 2.0], (links, flows)), 0.0)
    capacity = rng.uniform(0.5, 5.0, links)
    lower, upper, onboard = np.zeros(flows), np.full(flows, np.inf), np.zeros(flows)
    if rng.random() < 0.5:
        load = (routing @ np.ones(flows)).max() / capacity.min()
        lower = rng.uniform(0.0, 0.5, flows) / load
        upper = lower + rng.uniform(0.05, 2.0, flows)
    if rng.random() < 0.5:
        onboard = rng.uniform(0.0, 1.0, flows) * (rng.random(flows) < 0.7)
    return routing, capacity, rng.uniform(0.2, 3.0, flows), onboard, lower, upper


def reference(kind, gamma, routing, capacity, weight, onboard, lower, upper):
    x = cp.Variable(routing.shape[1])
    r = x + onboard
    if kind == "log":
        worth = cp.log(r)
    elif kind == "power":
        worth = cp.hstack([cp.power(r[i], float(g), approx=False) / float(g) for i, g in enumerate(gamma)])
    else:
        worth = -cp.inv_pos(r)
    bounded = np.isfinite(upper)
    constraints = [routing @ x <= capacity, x >= lower]
    if np.any(bounded):
        constraints.append(x[bounded] <= upper[bounded])
    problem = cp.Problem(cp.Maximize(weight @ worth), constraints)
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    return problem, x.value


@pytest.mark.parametrize("kind", ["log", "power", "alpha2"])
@pytest.mark.parametrize("block", range(7))
def test_agrees_with_exact_cones(kind, block):
    rng = np.random.default_rng([block, len(kind)])
    for _ in range(20):
        routing, capacity, weight, onboard, lower, upper = draw(rng)
        gamma = rng.uniform(0.2, 0.9, weight.size)
        alpha = {"log": 1.0, "power": 1.0 - gamma, "alpha2": 2.0}[kind]
        ours = solve(
            AlphaFair(alpha), sparse.csr_array(routing), capacity,
            weight=weight, onboard=onboard, lower=lower, upper=upper, tol=1e-10,
        )  # fmt: skip
        problem, x = reference(kind, gamma, routing, capacity, weight, onboard, lower, upper)
        assert problem.status == "optimal"
        scale = max(abs(ours.objective), float(ours.price @ capacity), 1.0)
        assert abs(ours.objective - problem.value) <= AGREE * scale
        assert ours.dual_objective >= problem.value - AGREE * scale
        # the optimum in x is unique; Clarabel's gap 1e-9 fixes it to about its square root
        np.testing.assert_allclose(ours.x, x, rtol=1e-3, atol=2e-4)


def test_larger_sparse_network_agrees():
    rng = np.random.default_rng(11)
    flows, links, hops = 200, 60, 4
    rows, columns = rng.integers(0, links, flows * hops), np.repeat(np.arange(flows), hops)
    routing = sparse.csr_array((np.ones(rows.size), (rows, columns)), (links, flows))
    capacity = rng.uniform(1.0, 10.0, links)
    ours = solve(AlphaFair(1.0), routing, capacity, tol=1e-10)
    x = cp.Variable(flows)
    problem = cp.Problem(cp.Maximize(cp.sum(cp.log(x))), [routing @ x <= capacity])
    problem.solve(solver=cp.CLARABEL)
    assert ours.objective == pytest.approx(problem.value, rel=AGREE)
    np.testing.assert_allclose(ours.x, x.value, rtol=1e-3)  # √ of the gap 1e-8 Clarabel stops at, and some
