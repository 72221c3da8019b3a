"""Every family and fairness level against CVXPY with exact cones (Clarabel): objective, shares, price."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest

from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.utilities import AlphaFair, Exponential, Log, Mixed, PiecewiseLinear, Power, Saturating

ALPHAS = (0.0, 0.5, 1.0, 2.0, 5.0)
N = 5


def pw(x, p):
    return cp.power(x, p, approx=False)  # an exact power cone, no rational approximation of the exponent


def power(rng, n=N):
    g = rng.uniform(0.1, 0.9, n)
    return Power(g), lambda r: [pw(r[i], g[i]) for i in range(n)]


def log(rng, n=N):
    return Log(1.0), lambda r: [cp.log(1.0 + r[i]) for i in range(n)]


def alpha_fair(rng, n=N):
    a = rng.uniform(0.2, 0.8, n)
    return AlphaFair(a), lambda r: [pw(r[i], 1 - a[i]) / (1 - a[i]) for i in range(n)]


def saturating(rng, n=N):
    a, b, c = rng.uniform(0.8, 1.0, n), rng.uniform(0.05, 0.2, n), rng.uniform(0.3, 1.5, n)
    return Saturating(a, b, c), lambda r: [a[i] - b[i] * pw(r[i], -c[i]) for i in range(n)]


def exponential(rng, n=N):
    a, k = rng.uniform(0.5, 2, n), rng.uniform(0.3, 2, n)
    return Exponential(a, k), lambda r: [a[i] * (1 - cp.exp(-k[i] * r[i])) for i in range(n)]


def piecewise(rng, n=N):
    at, slope = np.tile([0.0, 0.5, 1.5, 4.0], (n, 1)), np.sort(rng.uniform(0.1, 2, (n, 3)), axis=1)[:, ::-1]
    level = np.concatenate([np.zeros((n, 1)), np.cumsum(slope * np.diff(at, axis=1), axis=1)], axis=1) + 0.1

    def lines(r):
        top = [cp.minimum(*[level[i, j] + slope[i, j] * (r[i] - at[i, j]) for j in range(3)]) for i in range(n)]
        return [cp.minimum(top[i], level[i, -1]) for i in range(n)]

    return PiecewiseLinear(at, level), lines


def mixed(rng, n=N):
    kinds = [power, exponential, piecewise, saturating, log]
    made = [kind(rng, 1) for kind in kinds]
    return Mixed([u for u, _ in made], np.arange(N)), lambda r: [made[i][1](r[i : i + 1])[0] for i in range(N)]


FAMILIES = [power, log, alpha_fair, saturating, exponential, piecewise, mixed]


def phi(u, alpha):
    if alpha == 0.0:
        return u
    return cp.log(u) if alpha == 1.0 else pw(u, 1.0 - alpha) / (1.0 - alpha)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(6))
def test_same_optimum_as_exact_cones(family, alpha, seed):
    rng = np.random.default_rng([seed, int(10 * alpha)])
    utility, terms = family(rng)
    onboard, weight = rng.uniform(0.2, 0.6, N), rng.uniform(0.5, 2.0, N)
    lower, upper = rng.uniform(0.0, 0.2, N), rng.uniform(0.5, 4.0, N)
    capacity = rng.uniform(0.3, 0.9) * np.sum(upper)
    answer = allocate(Fleet(utility, onboard, weight, lower, upper), capacity, alpha)
    assert answer.certificate.primal <= 1e-15 * N
    # the gap proves optimality by itself; the modeller is an independent second opinion
    assert abs(answer.certificate.gap) <= 1e-12

    x = cp.Variable(N)
    objective = sum(w * phi(u, alpha) for w, u in zip(weight, terms(onboard + x), strict=True))
    full = cp.sum(x) <= capacity
    problem = cp.Problem(cp.Maximize(objective), [full, x >= lower, x <= upper])

    problem.solve(solver=cp.CLARABEL)
    assert problem.status == "optimal"
    mine = answer.certificate.primal_objective
    # Clarabel stops at a relative gap of 1e-8, nested cones lose a digit
    assert abs(mine - problem.value) <= 1e-7 * max(1.0, abs(problem.value))
    # values near the optimum are flat: shares agree to about the root of that, prices to the cone's accuracy
    if family is not piecewise and alpha <= 2.0:
        np.testing.assert_allclose(answer.x, x.value, atol=2e-3 * np.max(upper))
        assert answer.price == pytest.approx(float(full.dual_value), rel=1e-3)
