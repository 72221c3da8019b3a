"""Joint solver: closed forms, degenerate problems, errors, and the kernels against plain twins."""

import numpy as np
import pytest
from scipy.optimize import brentq

from evenhand.allocation.several import agents as tables
from evenhand.allocation.several import dual, interior, joint
from evenhand.errors import InfeasibleError, ParameterError, ProblemError, SolverError
from evenhand.kernels.cobb_douglas import level

INF = np.inf
EXACT = 1e-9  # Newton stops at a demand residual of 1e-2 · tol, tol = 1e-8 below; the next digits are rounding


def solve(w, o, g, C, alpha, lower=0.0, upper=INF, tol=1e-8):
    return joint.solve(w, o, g, lower, upper, C, alpha, tol=tol)


def fleet(seed, n, K, most=0.9):
    rng = np.random.default_rng(seed)
    g = rng.uniform(0.05, 1.0, (n, K))
    g *= (rng.uniform(0.2, most, n) / g.sum(axis=1))[:, None]
    return rng.uniform(0.5, 2.0, n), rng.uniform(0.0, 0.5, (n, K)), g, rng.uniform(0.2, 1.0, K) * n


def test_proportional_fairness_splits_by_weight_times_exponent():
    w, _, g, C = fleet(0, 7, 3)
    r = solve(w, np.zeros_like(g), g, C, 1.0)
    share = w[:, None] * g / (w[:, None] * g).sum(axis=0)
    np.testing.assert_allclose(r.x, C * share, rtol=EXACT)
    np.testing.assert_allclose(r.prices, (w[:, None] * g).sum(axis=0) / C, rtol=EXACT)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0, 5.0])
def test_one_resource_equal_exponents(alpha):
    # r ∝ w^{1/(1 − (1−α)γ)}
    w, gamma, C = np.array([1.0, 2.0, 5.0]), 0.6, 4.0
    r = solve(w, np.zeros((3, 1)), np.full((3, 1), gamma), [C], alpha)
    share = w ** (1.0 / (1.0 - (1.0 - alpha) * gamma))
    np.testing.assert_allclose(r.x[:, 0], C * share / share.sum(), rtol=EXACT)


def test_two_equal_agents_get_half():
    r = solve([1, 1], np.full((2, 2), 0.1), np.full((2, 2), 0.4), [3.0, 5.0], 0.0)
    np.testing.assert_allclose(r.x, [[1.5, 2.5], [1.5, 2.5]], rtol=EXACT)


def test_a_single_agent_gets_everything_at_its_marginal_value():
    o, g, C = np.array([[0.2, 0.3]]), np.array([[0.3, 0.5]]), np.array([2.0, 7.0])
    r = solve([3.0], o, g, C, 0.0)
    np.testing.assert_allclose(r.x, C[None], rtol=EXACT)
    u = 3.0 * np.prod((o + C) ** g)
    np.testing.assert_allclose(r.primal, u, rtol=1e-12)
    np.testing.assert_allclose(r.prices, u * g[0] / (o + C)[0], rtol=EXACT)


def test_binding_bounds():
    # log utility, three equal agents of 9 units: one held at most 1, one at least 5 → 1, 5, 3.
    lower, upper = np.array([[0.0], [5.0], [0.0]]), np.array([[1.0], [INF], [INF]])
    r = solve(np.ones(3), np.zeros((3, 1)), np.full((3, 1), 0.5), [9.0], 1.0, lower, upper)
    np.testing.assert_allclose(r.x[:, 0], [1.0, 5.0, 3.0], rtol=EXACT)
    np.testing.assert_allclose(r.prices, [0.5 / 3.0], rtol=EXACT)


def test_who_has_no_use_gets_nothing():
    # γ = 0 (a case of the shipped fleet data) and weight 0: the lower bound and no more
    g = np.array([[0.0, 0.42], [0.3, 0.4], [0.3, 0.3]])
    r = solve([1.0, 1.0, 0.0], np.full((3, 2), 0.1), g, [1.0, 1.0], 0.0)
    assert r.x[0, 0] == 0.0
    assert np.all(r.x[2] == 0.0)
    np.testing.assert_allclose(r.x.sum(axis=0), 1.0, rtol=1e-12)


def test_more_than_anyone_can_use_has_price_zero():
    upper = np.full((2, 2), 1.0)
    r = solve([1, 1], np.full((2, 2), 0.1), np.full((2, 2), 0.4), [5.0, 1.0], 0.0, 0.0, upper)
    np.testing.assert_allclose(r.x, [[1.0, 0.5], [1.0, 0.5]], rtol=EXACT)
    assert r.prices[0] == 0.0
    assert r.prices[1] > 0.0


def test_no_capacity_leaves_what_is_on_board():
    w, o, g, C = fleet(3, 5, 2)
    o += 0.1
    C[0] = 0.0
    r = solve(w, o, g, C, 0.0)
    assert np.all(r.x[:, 0] == 0.0)
    rest = solve(w * o[:, 0] ** g[:, 0], o[:, 1:], g[:, 1:], C[1:], 0.0)
    np.testing.assert_allclose(r.x[:, 1:], rest.x, rtol=1e-7)
    marginal = w * g[:, 0] * np.prod((o + r.x) ** g, axis=1) / o[:, 0]
    np.testing.assert_allclose(r.prices[0], marginal.max(), rtol=1e-12)


def test_lower_bounds_may_use_up_the_capacity():
    r = solve([1, 2], np.full((2, 1), 0.1), np.full((2, 1), 0.5), [3.0], 0.0, np.array([[1.0], [2.0]]))
    assert r.x[:, 0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("onboard", [0.0, 1e-12])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 5.0])
def test_nothing_on_board(onboard, alpha):
    w, _, g, C = fleet(4, 20, 3)
    r = solve(w, np.full_like(g, onboard), g, C, alpha)
    assert r.gap <= 1e-8
    assert np.all(r.x > 0.0)  # the first unit is worth without limit


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_units_do_not_matter(scale):
    w, o, g, C = fleet(5, 20, 2)
    unit = np.array([scale, 1.0])
    r, s = solve(w, o, g, C, 0.5), solve(w, o * unit, g, C * unit, 0.5)
    # U scales by scale^γ_i, which is a weight: take it back
    s = solve(w * scale ** (-0.5 * g[:, 0]), o * unit, g, C * unit, 0.5)
    np.testing.assert_allclose(s.x / unit, r.x, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(s.primal, r.primal, rtol=1e-9)


def test_a_useless_value_is_zero_or_infeasible():
    # nothing on board and nothing to be had of resource 0: worth zero at alpha < 1, −∞ from 1 on
    o, g = np.array([[0.0, 1.0], [1.0, 1.0]]), np.full((2, 2), 0.4)
    r = solve([1, 1], o, g, [0.0, 1.0], 0.0)
    np.testing.assert_allclose(r.x, [[0.0, 0.0], [0.0, 1.0]], rtol=EXACT)
    with pytest.raises(InfeasibleError, match="agent 0 is worth −∞"):
        solve([1, 1], o, g, [0.0, 1.0], 1.0)


@pytest.mark.parametrize("n", [2, 30])
def test_edge_of_concavity(n):
    # Σ γ = 1, equal agents, nothing on board: constant returns, so any proportional split is worth Π C^γ
    gamma, C = np.array([0.3, 0.7]), np.array([2.0, 5.0])
    r = joint.solve(np.ones(n), np.zeros((n, 2)), np.tile(gamma, (n, 1)), 0.0, INF, C, 0.0)
    best = np.prod(C**gamma)
    assert r.primal <= best * (1 + 1e-12) <= r.dual * (1 + 2e-12)
    np.testing.assert_allclose(r.primal, best, rtol=1e-6)  # tol of the gap


def test_start_prices_save_passes():
    w, o, g, C = fleet(6, 500, 3)
    cold = solve(w, o, g, C, 0.0)
    warm = joint.solve(w, o, g, 0.0, INF, C, 0.0, start_prices=cold.prices, tol=1e-8)
    assert warm.iterations < cold.iterations
    np.testing.assert_allclose(warm.x, cold.x, rtol=1e-7, atol=1e-9)


def test_same_bits_on_any_number_of_threads(monkeypatch):
    w, o, g, C = fleet(7, 30_000, 2)
    answers = []
    for count in (1, 2, 5):
        monkeypatch.setattr(tables, "workers", lambda count=count: count)
        answers.append(solve(w, o, g, C, 0.0))
    for other in answers[1:]:
        assert np.array_equal(other.x, answers[0].x)
        assert other.dual == answers[0].dual


def test_the_sample_start_does_not_change_the_answer(monkeypatch):
    w, o, g, C = fleet(8, 20_000, 2)
    plain = solve(w, o, g, C, 0.0)
    monkeypatch.setattr(dual, "_SAMPLE", 1000)
    sampled = solve(w, o, g, C, 0.0)
    np.testing.assert_allclose(sampled.prices, plain.prices, rtol=EXACT)


def test_inputs_are_left_alone():
    w, o, g, C = fleet(9, 5, 2)
    upper = np.full((5, 2), 0.3)
    before = [a.copy() for a in (w, o, g, upper, C)]
    solve(w, o, g, C, 0.0, 0.0, upper)
    for a, b in zip((w, o, g, upper, C), before, strict=True):
        assert np.array_equal(a, b)


def test_layout_and_read_only_inputs_do_not_matter():
    w, o, g, C = fleet(10, 6, 2)
    plain = solve(w, o, g, C, 0.0)
    odd = [np.asfortranarray(a) for a in (w, o, g, C)]
    for a in odd:
        a.flags.writeable = False
    other = solve(*odd, 0.0, np.asfortranarray(np.zeros((6, 2))), np.asfortranarray(np.full((6, 2), INF)))
    assert np.array_equal(plain.x, other.x)


def test_level_against_a_root_finder():
    rng = np.random.default_rng(11)
    for _ in range(300):
        K = int(rng.integers(1, 5))
        s = float(rng.choice([1.0, 0.5, -1.0, -4.0]))
        gain = rng.uniform(0.0, 1.0, (1, K))
        gain *= rng.uniform(0.1, 0.999) / gain.sum() / max(s, 0.1)
        want, theta = rng.normal(0, 5, (1, K)), rng.normal(0, 5, K)
        floor = rng.normal(-2, 5, (1, K))
        ceil = floor + rng.exponential(3, (1, K)) * (rng.random((1, K)) < 0.8)

        def h(v, s=s, gain=gain, want=want, theta=theta, floor=floor, ceil=ceil):
            return v - np.sum(s * gain * np.clip(want - theta + v, floor, ceil))

        expected = brentq(h, -2000, 2000, xtol=1e-13)
        got = level(want, floor, ceil, gain, theta, s, 0)
        # an error e in h is e / slope in v, and the slope is at least 1 − 0.999
        assert got == pytest.approx(expected, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
def test_demand_and_its_derivative(alpha):
    w, o, g, C = fleet(12, 40, 3)
    a = tables.tabulate(w, o, g, 0.0, 0.4, C * 0.2, alpha)
    theta = dual.start(a, float((a.s * a.gain.sum(axis=1)).max()))
    with tables.over_chunks(40) as run:
        at = dual.evaluate(a, theta, run)
        np.testing.assert_allclose(at.M, at.M.T, rtol=1e-10)
        for k in range(3):
            e = np.zeros(3)
            e[k] = 1e-6
            up, down = dual.evaluate(a, theta + e, run), dual.evaluate(a, theta - e, run)
            # central differences at h = 1e-6: error h² from curvature, 1e-16 / h from rounding
            np.testing.assert_allclose((up.dual - down.dual) / 2e-6, at.slope[k], rtol=1e-6, atol=1e-7)
            slope = -np.exp(theta) * (up.used - down.used) / 2e-6
            np.testing.assert_allclose(slope, at.M[:, k], rtol=1e-5, atol=1e-7)


def test_not_concave_is_refused():
    with pytest.raises(ParameterError, match=r"Σ_k exponents\[1, k\] = 1\.1 > 1"):
        solve([1, 1], np.ones((2, 2)), np.array([[0.2, 0.3], [0.5, 0.6]]), [1, 1], 0.0)
    assert solve([1, 1], np.ones((2, 2)), np.array([[0.2, 0.3], [0.5, 0.6]]), [1, 1], 0.5).gap <= 1e-8


def test_bad_input_is_named():
    w, o, g, C = fleet(13, 3, 2)
    with pytest.raises(ProblemError, match=r"onboard\[1, 0\] is nan"):
        solve(w, np.array([[0, 0], [np.nan, 0], [0, 0]]), g, C, 0.0)
    with pytest.raises(ProblemError, match=r"capacity\[1\] is -1"):
        solve(w, o, g, [1.0, -1.0], 0.0)
    with pytest.raises(ProblemError, match="at least one agent"):
        solve([], np.zeros((0, 2)), np.zeros((0, 2)), C, 0.0)
    with pytest.raises(ProblemError, match="shape"):
        solve(w, o, g[:, 0], C, 0.0)
    with pytest.raises(ProblemError, match=r"weight has shape \(2,\)"):
        solve(w[:2], o, g, C, 0.0)
    with pytest.raises(InfeasibleError, match=r"lower bounds of resource 1"):
        solve(w, o, g, [10.0, 1.0], 0.0, 0.5)
    with pytest.raises(InfeasibleError, match=r"upper\[0, 0\]"):
        solve(w, o, g, C, 0.0, 0.2, 0.1)
    with pytest.raises(ParameterError, match="alpha"):
        solve(w, o, g, C, -0.5)
    with pytest.raises(ParameterError, match="tol"):
        solve(w, o, g, C, 0.0, tol=0.0)
    with pytest.raises(ParameterError, match="start_prices"):
        joint.solve(w, o, g, 0.0, INF, C, 0.0, start_prices=[np.nan, 1.0])


def test_a_failed_solve_says_how_far_it_got(monkeypatch):
    monkeypatch.setattr(dual, "_STEPS", 1)
    monkeypatch.setattr(interior, "_MOST", 1)
    with pytest.raises(SolverError, match=r"stopped after 2 passes: relative gap .* above tol .*demand residual"):
        solve(*fleet(14, 50, 3), 0.0)
