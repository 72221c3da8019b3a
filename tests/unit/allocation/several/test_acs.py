"""Alternate convex search: water-filling, ascent, the baselines it must beat, agreement where concave."""

import numpy as np
import pytest

from evenhand.allocation.several import acs, joint
from evenhand.allocation.several import agents as tables
from evenhand.errors import ParameterError, ProblemError
from evenhand.kernels.alternate import fill

INF = np.inf
# Two-agent cases of the fleet study: budgets (ρ, α), on board of agent 1 and 2 (ρ, α), exponents (ρ, α).
REAL = np.array([
    [0.41727877832666804, 0.3474834838058471, 0.39522188, 0.05957552, 0.08760578, 0.2112791, 0.445, 0.04],
    [0.45380641008714023, 0.0046342802289614515, 0.35802217, 0.1319328, 0.11754254, 0.38193354, 0.43, 0.125],
    [0.33261751373500253, 0.30904139393093666, 0.28252683, 0.05767522, 0.35612262, 0.00251099, 0.345, 0.075],
    [0.012107561939196654, 0.44898320595195323, 0.03571687, 0.37848928, 0.45441527, 0.29190465, 0.0, 0.42],
    [0.22963700254208302, 0.10677992690729238, 0.48774423, 0.30113741, 0.44775762, 0.43899741, 0.475, 0.285],
    [0.4235806290061547, 0.0017304356925613718, 0.41825653, 0.31735234, 0.39391969, 0.28522114, 0.38, 0.255],
])  # fmt: skip


def random_fleet(seed, n, K=2):
    """The paper's random fleets: budgets Σ U(0, 1), on board U(0, 0.01), exponents U(0, 1): often Σ γ > 1."""
    rng = np.random.default_rng(seed)
    o, g = rng.uniform(0.0, 0.01, (n, K)), rng.uniform(0.0, 1.0, (n, K))
    return np.ones(n), o, g, rng.uniform(0.0, 1.0, (n, K)).sum(axis=0)


def value(w, o, g, x, alpha):
    log_u = np.sum(g * np.log(o + x), axis=1)
    return float(w @ (log_u if alpha == 1.0 else np.exp((1.0 - alpha) * log_u) / (1.0 - alpha)))


def test_fill_meets_the_room_at_one_price():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 30))
        power = rng.uniform(-3.0, 0.99, n)
        base, span = rng.uniform(0.0, 1.0, n), rng.uniform(0.1, 2.0, n)
        c, push = rng.normal(0.0, 2.0, n), 1.0 / (1.0 - power)
        room = float(rng.uniform(0.05, 0.95) * span.sum())
        log_r, y = np.empty(n), np.empty(n)
        theta = fill(c * push, push, np.log(base), np.log(base + span), base, span, room, np.nan, log_r, y)
        assert y.sum() == pytest.approx(room, rel=1e-13)  # the kernel's own tolerance is 1e-14
        marginal = c - (1.0 - power) * np.log(base + y)  # of c r^g: log of the derivative, up to constants
        free = (y > 1e-9) & (y < span - 1e-9)
        # one rounding of y, relative to r, and then of the exponent: 1 − g up to 4
        np.testing.assert_allclose(marginal[free], theta, atol=1e-10)
        assert np.all(marginal[y == 0.0] <= theta + 1e-10)
        assert np.all(marginal[y == span] >= theta - 1e-10)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_history_never_falls_and_ends_above_the_baselines(alpha):
    for seed in range(60):
        n = (1, 2, 5, 20, 60)[seed % 5]
        w, o, g, C = random_fleet([1, seed], n)
        r = acs.solve(w, o, g, 0.0, INF, C, alpha, starts=4)
        once = acs.single_pass(w, o, g, 0.0, INF, C, alpha)
        slip = 1e-12 * abs(r.objective)  # the two sides are summed in different orders
        assert np.all(np.diff(r.history) >= 0.0)
        assert r.converged
        assert r.objective == pytest.approx(value(w, o, g, r.x, alpha), rel=1e-12)
        assert r.objective >= once.objective - slip
        assert r.objective >= value(w, o, g, np.tile(C / n, (n, 1)), alpha) - slip
        assert np.all(r.x >= 0.0)
        assert np.all(r.x.sum(axis=0) <= C * (1 + 1e-12))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0])
def test_every_single_sweep_ascends(alpha):
    # the kernel's own record, before the result takes the running best of it
    for seed in range(40):
        w, o, g, C = random_fleet([12, seed], 15, 3)
        a = tables.tabulate(w, o, g, 0.01, 2.0, C, alpha)
        _, history, _ = acs._climb(a, acs._tables(a), acs._start(a, 3, seed), 0.0, 60)
        # a sum of 15 terms, each with the rounding of an exponential
        assert np.all(np.diff(history) >= -1e-14 * np.abs(history[1:]))


def test_stationarity_is_real():
    # linear convergence in the value is half as fast in the prices: the winner goes on until they settle
    worst = max(acs.solve(*random_fleet([2, s], 30)[:3], 0.0, INF, [9.0, 9.0], 0.5).residual for s in range(20))
    assert worst < 1e-9


@pytest.mark.parametrize("case", range(len(REAL)))
def test_real_cases_reach_the_global_optimum(case):
    C, o, g = REAL[case, :2], REAL[case, 2:6].reshape(2, 2), np.tile(REAL[case, 6:], (2, 1))
    r, best = acs.solve([1, 1], o, g, 0.0, INF, C, 0.0), joint.solve([1, 1], o, g, 0.0, INF, C, 0.0, tol=1e-9)
    assert r.objective == pytest.approx(best.primal, rel=1e-8)  # the tolerance
    np.testing.assert_allclose(r.x, best.x, atol=1e-5)  # first order: the root of the value's accuracy


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("K", [1, 2, 4])
def test_agrees_with_joint_where_concave(K, alpha):
    for seed in range(10):
        w, o, g, C = random_fleet([3, seed], 12, K)
        g *= np.minimum(1.0, 0.95 / g.sum(axis=1))[:, None]
        lower = np.where(o < 0.002, 0.05, 0.0)
        upper = np.where(o > 0.008, 0.2, INF)
        C += lower.sum(axis=0)
        r = acs.solve(w, o, g, lower, upper, C, alpha)
        best = joint.solve(w, o, g, lower, upper, C, alpha, tol=1e-9)
        assert r.objective == pytest.approx(best.primal, rel=1e-8)
        assert r.residual < 1e-6
        assert np.all((r.x >= lower * (1 - 1e-14)) & (r.x <= upper))


def test_single_pass_is_one_water_filling_after_the_other():
    # resource 0 first, at weights from what is on board of resource 1; then resource 1 (here by K = 1 solves)
    w, o, g, C = random_fleet(4, 8)
    once = acs.single_pass(w, o, g, 0.0, INF, C, 0.0)
    first = joint.solve(w * o[:, 1] ** g[:, 1], o[:, :1], g[:, :1], 0.0, INF, C[:1], 0.0, tol=1e-10)
    np.testing.assert_allclose(once.x[:, 0], first.x[:, 0], rtol=1e-7, atol=1e-9)
    r0 = o[:, 0] + first.x[:, 0]
    second = joint.solve(w * r0 ** g[:, 0], o[:, 1:], g[:, 1:], 0.0, INF, C[1:], 0.0, tol=1e-10)
    np.testing.assert_allclose(once.x[:, 1], second.x[:, 0], rtol=1e-7, atol=1e-9)
    assert not once.converged


def test_single_pass_can_be_worse_than_the_equal_split():
    cases = [random_fleet([5, s], 2) for s in range(40)]
    worse = sum(
        acs.single_pass(w, o, g, 0.0, INF, C, 0.0).objective < value(w, o, g, np.tile(C / 2, (2, 1)), 0.0)
        for w, o, g, C in cases
    )
    assert 4 <= worse <= 20  # 27 % of 400 such fleets: 11 ± 3 of 40


def test_increasing_returns_concentrate():
    # two equal agents, Σ γ = 1.8, next to nothing on board: all to one is worth C^1.8, halves 2 (C/2)^1.8
    r = acs.solve([1, 1], np.full((2, 2), 1e-6), np.full((2, 2), 0.9), 0.0, INF, [4.0, 4.0], 0.0)
    assert r.objective == pytest.approx(4.0**1.8, rel=1e-5)  # 1e-6 on board
    assert r.objectives[0] == pytest.approx(2 * 2.0**1.8, rel=1e-5)  # the equal split is a saddle
    assert r.start > 0


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0])
def test_nothing_on_board_is_no_trap(alpha):
    w, _, g, C = random_fleet(6, 10)
    r = acs.solve(w, np.zeros((10, 2)), g * 0.5, 0.0, INF, C, alpha)
    best = joint.solve(w, np.zeros((10, 2)), g * 0.5, 0.0, INF, C, alpha)
    assert r.objective == pytest.approx(best.primal, rel=1e-8)


def test_no_capacity_and_no_weight():
    w, o, g, C = random_fleet(7, 6)
    w[2] = 0.0
    r = acs.solve(w, o, g, 0.0, INF, [0.0, C[1]], 0.0)
    assert np.all(r.x[:, 0] == 0.0)
    assert np.all(r.x[2] == 0.0)
    np.testing.assert_allclose(r.x[:, 1].sum(), C[1], rtol=1e-12)


def test_same_answer_from_the_seed_on_any_number_of_threads(monkeypatch):
    w, o, g, C = random_fleet(8, 40)
    a = acs.solve(w, o, g, 0.0, INF, C, 0.0, seed=3)
    monkeypatch.setattr(acs, "workers", lambda: 5)
    b = acs.solve(w, o, g, 0.0, INF, C, 0.0, seed=3)
    assert np.array_equal(a.objectives, b.objectives)
    assert np.array_equal(a.x, b.x)


def test_starts_hand_out_everything_within_bounds():
    w, o, g, C = random_fleet(9, 7)
    lower, upper = np.full((7, 2), 0.02), np.full((7, 2), 0.9)
    a = tables.tabulate(w, o, g, lower, upper, C, 0.0)
    for j in (0, 2, 3, 4, 5):
        y = acs._start(a, j, 0)
        assert np.all((y >= 0.0) & (y <= a.span))
        np.testing.assert_allclose(y.sum(axis=0), a.room, rtol=1e-12)


def test_bad_options_and_exponents():
    w, o, g, C = random_fleet(10, 3)
    with pytest.raises(ParameterError, match="starts is 0"):
        acs.solve(w, o, g, 0.0, INF, C, 0.0, starts=0)
    with pytest.raises(ParameterError, match=r"exponents\[1, 0\] = 1.2"):
        acs.solve(w, o, np.array([[0.5, 0.5], [1.2, 0.5], [0.5, 0.5]]), 0.0, INF, C, 0.0)
    with pytest.raises(ProblemError, match="exponents"):
        acs.solve(w, o, np.full((3, 2), np.nan), 0.0, INF, C, 0.0)


def test_unconverged_is_said():
    w, o, g, C = random_fleet(11, 40)
    assert not acs.solve(w, o, g, 0.0, INF, C, 0.0, max_sweeps=1).converged
