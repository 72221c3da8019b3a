"""OPT with unserved demand, block, target and shortfall fairness, against the same problem written in CVXPY."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest

import evenhand as eh

T, N = 5, 3


def g_of(fairness, y):
    if isinstance(fairness, eh.Blocks):
        return sum(g_of(part, y[at]) for part, at in zip(fairness.parts, fairness.slices, strict=True))
    if isinstance(fairness, eh.Target):
        y = y - fairness.target
    if isinstance(fairness, eh.Shortfall):
        y = cp.pos(y + fairness.quota)
    m = y.shape[0]
    weights = np.broadcast_to(getattr(fairness, "norm", fairness).weights, (m,))
    return fairness.mu * cp.pnorm(cp.multiply(weights, y), fairness.p)


FAIR = {
    "norm": eh.Norm(2.0),
    "target": eh.Target(3.0, [0.2, 1.0, 0.5], 2.0),
    "target 3": eh.Target(3.0, 0.7, 3.0, [1.0, 0.5, 2.0]),
    "shortfall": eh.Shortfall(4.0, [0.5, 2.0, 0.1]),
    "shortfall 1": eh.Shortfall(4.0, 1.0, 1.0),
    "blocks": eh.Blocks((eh.Norm(1.0), eh.Shortfall(2.0, 1.0, 2.0)), (2, 1)),
}


@pytest.mark.parametrize("kind", ["unserved", "pooled"])
@pytest.mark.parametrize("name", FAIR)
def test_optimum_against_cvxpy(name, kind):
    rng = np.random.default_rng(len(name))
    linear, bend = rng.uniform(0, 2, (T, N)), rng.uniform(0, 1, (T, N))
    upper = np.full(N, 2.0)
    sign = -1.0 if "shortfall" in name else 1.0
    impact = sign * rng.uniform(0.5, 1.5, (T, N))
    beta, start = 0.4, np.array([0.3, 0.0, 1.0])
    x = cp.Variable((T, N))
    rule = [x >= 0, x <= 2]
    goal = cp.sum(cp.multiply(linear, x)) + 0.5 * cp.sum(cp.multiply(bend, cp.square(x)))
    if kind == "unserved":
        demand, weight, price = rng.uniform(0, 2, (T, N)), rng.uniform(0, 2, (T, N)), rng.uniform(0, 2, (T, N))
        cost, chosen = eh.Unserved(demand, weight, price, linear, bend), eh.Budget(2.5, upper, equal=False)
        u = cp.pos(demand - x)
        rule.append(cp.sum(x, axis=1) <= 2.5)
    else:
        demand, rate, weight, price = rng.uniform(1, 6, T), rng.uniform(0.5, 2, N), 1.3, rng.uniform(0, 2, T)
        cost, chosen = eh.Pooled(demand, linear, bend, rate, weight, price), eh.Box(np.zeros(N), upper)
        u = cp.pos(demand - x @ rate)
    goal = goal + cp.sum(cp.multiply(price, u)) + 0.5 * cp.sum(cp.multiply(weight, cp.square(u)))
    moves = cp.sum_squares(x[0] - start) + cp.sum_squares(x[1:] - x[:-1])
    goal = (goal + 0.5 * beta * moves) / T + g_of(FAIR[name], cp.sum(cp.multiply(impact, x), axis=0) / T)
    reference = cp.Problem(cp.Minimize(goal), rule)
    reference.solve(solver="CLARABEL")
    problem = eh.Problem(eh.Setting(T, beta, FAIR[name], start), cost, eh.Diagonal(impact), chosen)
    best = eh.optimum(problem)
    assert float(best.gap) <= 1e-6
    np.testing.assert_allclose(float(best.cost.total), reference.value, rtol=1e-6)  # two runs of one solver


def test_optimum_with_stacked_burdens_equals_dense():
    rng = np.random.default_rng(1)
    weight = rng.uniform(0, 1, (T, 2, N))
    dense = np.stack([np.vstack([np.diag(w[0]), np.diag(w[1])]) for w in weight])
    setting = eh.Setting(T, 0.5, eh.Blocks((eh.Norm(3.0), eh.Norm(1.0, 2.0)), (N, N)), np.zeros(N))
    cost, chosen = eh.Quadratic(rng.uniform(0, 1, (T, N)), 0.5), eh.Budget(np.full(T, 2.0), np.full(N, 1.0))
    a, b = (eh.optimum(eh.Problem(setting, cost, impact, chosen)) for impact in (eh.Stacked(weight), eh.Dense(dense)))
    np.testing.assert_allclose(float(a.cost.total), float(b.cost.total), rtol=1e-8)


@pytest.mark.parametrize("fairness", [eh.Norm(2.0), eh.Norm(1.0, 3.0), eh.Shortfall(2.0, -0.5, 2.0)], ids=repr)
@pytest.mark.parametrize("chosen", [eh.Budget(np.full(T, 1.5), np.ones(N)), eh.Box(np.zeros(N), np.ones(N))], ids=type)
def test_optimum_of_a_users_own_cost_is_that_of_the_same_quadratic(fairness, chosen):
    rng = np.random.default_rng(2)
    linear = rng.normal(0, 1, (T, N))
    own = eh.Convex(lambda x, d: 0.5 * cp.sum_squares(x) + d @ x, linear, n=N, modulus=1.0)
    setting, impact = eh.Setting(T, 0.5, fairness, np.zeros(N)), eh.Diagonal(rng.uniform(0.5, 1.5, (T, N)))
    a = eh.optimum(eh.Problem(setting, own, impact, chosen))
    b = eh.optimum(eh.Problem(setting, eh.Quadratic(linear, 1.0), impact, chosen))
    assert float(a.gap) <= 1e-6
    np.testing.assert_allclose(float(a.cost.total), float(b.cost.total), rtol=1e-6, atol=1e-7)  # two solvers
