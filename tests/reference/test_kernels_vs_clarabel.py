"""Water-filling against Clarabel at 1e-12 settings: two ways to one answer."""

import clarabel
import numpy as np
import pytest
import scipy.sparse as sp

from evenhand.kernels.waterfill import waterfill


def by_clarabel(q, c, lower, upper, total, equal):
    n = len(q)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.presolve_enable = False
    for name in ("tol_gap_abs", "tol_gap_rel", "tol_feas"):
        setattr(settings, name, 1e-12)
    rows = sp.csc_matrix(np.vstack([np.ones(n), np.eye(n), -np.eye(n)]))
    ends = np.concatenate([[total], upper, -lower])
    cones = [clarabel.ZeroConeT(1) if equal else clarabel.NonnegativeConeT(1), clarabel.NonnegativeConeT(2 * n)]
    return clarabel.DefaultSolver(sp.csc_matrix(np.diag(q)), c, rows, ends, cones, settings).solve()


@pytest.mark.parametrize("equal", [True, False])
def test_a_thousand_cases(equal):
    rng = np.random.default_rng(20 + equal)
    apart = []
    for _ in range(500):
        n = int(rng.integers(1, 8))
        q = rng.choice([0.5, 1.0, 2.0], n) if rng.random() < 0.5 else rng.uniform(0.1, 4.0, n)
        c = rng.choice([-1.0, 0.0, 1.0], n) if rng.random() < 0.5 else rng.normal(size=n)
        lower = rng.choice([0.0, -1.0, 0.5], n)
        upper = lower + rng.choice([0.0, 0.5, 1.0, 3.0], n)
        total = lower.sum() + rng.choice([0.0, 0.3, 0.7, 1.0]) * (upper - lower).sum()
        x, _ = waterfill(q, c, lower, upper, total, float(equal))
        assert ((x >= lower) & (x <= upper)).all()
        answer = by_clarabel(q, c, lower, upper, total, equal)
        if str(answer.status) != "Solved" or max(answer.r_prim, answer.r_dual) > 1e-11:
            continue  # no interior (equal bounds, full budgets): the interior point method gives up at these settings
        theirs = np.asarray(answer.x)

        def value(v):
            return float(0.5 * v @ (q * v) + c @ v)

        unit = 1.0 + abs(value(x))
        # theirs is feasible and optimal to 1e-12; value moves by the price times that
        assert abs(value(x) - value(theirs)) <= 1e-9 * unit
        # strongly convex with modulus 0.1: a value off by 1e-12 allows an action off by sqrt(2e-12 / 0.1) = 4e-6,
        # which an interior point method reaches only where constraints are weakly active
        assert np.abs(x - theirs).max() <= 5e-6
        apart.append(np.abs(x - theirs).max())
    assert len(apart) > 200
    assert np.median(apart) <= 1e-9  # and where curvature decides, the actions agree as well
