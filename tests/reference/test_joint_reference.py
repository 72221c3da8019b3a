"""Joint solver against CVXPY + Clarabel with exact power and exponential cones, on drawn concave problems."""

import numpy as np
import pytest

from evenhand.allocation.several import acs, joint

cp = pytest.importorskip("cvxpy")


def draw(seed, K, alpha):
    rng = np.random.default_rng([seed, K, int(10 * alpha)])
    n = int(rng.integers(1, 8))
    g = rng.uniform(0.05, 1.0, (n, K))
    most = 1.0 if seed % 3 == 0 else 0.95  # every third exactly at the edge of concavity for one agent
    total = rng.uniform(0.2, most, n)
    total[0] = most
    g *= (total / g.sum(axis=1) / max(1.0 - alpha, 0.5))[:, None]
    if alpha < 1.0:
        g[0] *= 1.0 - 1e-15
    w, o, C = rng.uniform(0.2, 3.0, n), rng.uniform(0.0, 0.5, (n, K)), rng.uniform(0.2, 1.0, K) * n
    lower, upper = np.zeros((n, K)), np.full((n, K), np.inf)
    if seed % 2:
        lower[rng.random((n, K)) < 0.2] = 0.1
        upper[rng.random((n, K)) < 0.3] = 0.3
    return w, o, g, lower, upper, C, alpha


def power_mean(r, g):
    """Π r_k^{g_k} · 1^{1 − Σ g}: two at a time by three-dimensional power cones."""
    left = 1.0 - float(np.sum(g))
    value, weight = 1.0, max(left, 0.0)
    rows = []
    for rk, gk in zip(r, g, strict=True):
        share = gk / (gk + weight)
        weight += gk
        if share >= 1.0 - 1e-12:
            value = rk
            continue
        t = cp.Variable(nonneg=True)
        rows.append(cp.PowCone3D(rk, value * np.ones(()) if isinstance(value, float) else value, t, share))
        value = t
    return value, rows


def reference(w, o, g, lower, upper, C, alpha):
    n, K = g.shape
    x = cp.Variable((n, K))
    rows = [x >= lower, cp.sum(x, axis=0) <= C]
    i, k = np.nonzero(np.isfinite(upper))
    if i.size:
        rows.append(x[i, k] <= upper[i, k])
    s, terms = 1.0 - alpha, []
    for i in range(n):
        r = [x[i, k] + o[i, k] for k in range(K)]
        log_u = sum(g[i, k] * cp.log(r[k]) for k in range(K))
        if s > 0.0:
            value, more = power_mean(r, s * g[i])
            rows += more
            terms.append(w[i] / s * value)
        elif s == 0.0:
            terms.append(w[i] * log_u)
        else:
            terms.append(w[i] / s * cp.exp(s * log_u))
    problem = cp.Problem(cp.Maximize(sum(terms)), rows)
    tight = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-10)
    problem.solve(solver=cp.CLARABEL, **tight)
    assert problem.status == "optimal"
    return float(problem.value)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("K", [1, 2, 3, 4])
def test_same_optimum_as_a_conic_solver(K, alpha):
    for seed in range(12):
        problem = draw(seed, K, alpha)
        r = joint.solve(*problem, tol=1e-8)
        expected = reference(*problem)
        assert r.gap <= 1e-8
        # Clarabel stops at 1e-10, of what it solves: at alpha = 5 the terms span orders of magnitude
        assert r.primal == pytest.approx(expected, rel=1e-6, abs=1e-8)
        assert r.dual >= expected - 1e-6 * abs(expected) - 1e-8
        if np.max((1.0 - alpha) * problem[2]) < 0.99:
            assert acs.solve(*problem).objective == pytest.approx(r.primal, rel=1e-8, abs=1e-9)
