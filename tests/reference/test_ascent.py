"""The step on a plan's price: against an independent solver, and the compiled one against the general one."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.fairness.blocks import Blocks
from evenhand.fairness.norm import Norm
from evenhand.fairness.shortfall import Shortfall
from evenhand.fairness.target import Target
from evenhand.kernels.ascent import ascend
from evenhand.planning.plan import _ascend

NORMS = st.tuples(st.sampled_from([1.0, 1.5, 2.0, 3.0, np.inf]), st.integers(1, 6), st.integers(0, 2**20))


def metric(rng, m):
    root = rng.normal(size=(m, m))
    return root @ root.T + 0.1 * np.eye(m)


@settings(max_examples=40)
@given(case=NORMS, kind=st.sampled_from([Norm, Target, Shortfall]), lead=st.sampled_from([(), (3,), (2, 3)]))
def test_the_compiled_step_is_the_general_one_bit_for_bit(case, kind, lead):
    """A cost of one block is the same cost, and has no compiled step."""
    p, m, seed = case
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 2.0, m)
    more = () if kind is Norm else (rng.normal(size=m),)
    fairness = kind(1.3, *more, p=p, weights=weights)
    kappa = fairness.project(rng.normal(size=(*lead, m)))
    projected = 3.0 * rng.normal(size=(*lead, m))
    give, weight = metric(rng, m), np.full(lead[-1:], 2.5)
    found = _ascend(fairness, kappa, projected, give, weight)
    np.testing.assert_array_equal(found, _ascend(Blocks((fairness,), (m,)), kappa, projected, give, weight))
    assert np.isfinite(fairness.conjugate(found)).all()


@pytest.mark.parametrize("cut", [0.0, 1.0])
@pytest.mark.parametrize(("p", "q"), [(np.inf, 1), (1.0, np.inf)])
@pytest.mark.parametrize("seed", range(3))
def test_many_steps_reach_the_optimum_of_an_independent_solver(seed, p, q, cut):
    rng = np.random.default_rng(seed)
    m, mu = 4, 1.5
    weight, slack, give = rng.uniform(0.5, 2.0, m), 4.0 * rng.normal(size=m), metric(rng, m)
    start = Norm(mu, p, weight).project(np.maximum(rng.normal(size=m), 0.0))
    k = cp.Variable(m)
    goal = slack @ k - 0.5 * cp.quad_form(k - start, cp.psd_wrap(give))
    ball = [cp.norm(cp.multiply(1.0 / weight, k), q) <= mu] + [k >= 0] * int(cut)
    best = cp.Problem(cp.Maximize(goal), ball)
    best.solve(solver="CLARABEL", tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    found = ascend(start, slack, give, weight, mu, Norm(mu, p).dual_exponent, cut, 3000.0)
    np.testing.assert_allclose(found, k.value, atol=2e-5)
    reached = slack @ found - 0.5 * (found - start) @ give @ (found - start)
    assert reached >= float(best.value) - 1e-7


def test_no_answer_to_prices_leaves_them_where_they_are():
    kappa = np.array([0.2, 0.3])
    found = ascend(kappa, np.array([5.0, -5.0]), np.zeros((2, 2)), np.ones(2), 1.0, 1.0, 0.0, 20.0)
    np.testing.assert_array_equal(found, kappa)
