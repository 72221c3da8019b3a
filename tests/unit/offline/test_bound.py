"""The dual bound (11): kernel against its closed form, given kappa against CVXPY, the maximum against OPT."""

import cvxpy as cp
import numpy as np
import pytest

import evenhand as eh
from evenhand.core import Round
from evenhand.kernels.floor import floor
from evenhand.kernels.waterfill import waterfill
from evenhand.offline.bound import RunningBound, lower_bound, round_floor
from evenhand.theory.instances import draw


@pytest.mark.parametrize("seed", range(40))
def test_the_floor_kernel_is_the_water_filling_value_and_never_above_it(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    q = rng.uniform(0, 3, n) * (rng.random(n) < 0.7)
    c, low = rng.normal(0, 2, n), rng.uniform(-1, 0, n)
    high = low + rng.uniform(0, 2, n)
    total = np.array(low.sum() + rng.uniform(0, 1) * (high - low).sum())
    for equal in (0.0, 1.0):
        x, value = floor(q, c, low, high, total, np.array(equal))
        at, _ = waterfill(q, c, low, high, total, np.array(equal))
        np.testing.assert_allclose(x, at, rtol=1e-13, atol=1e-15)  # compiled apart, they may round differently
        primal = float((0.5 * q * at * at + c * at).sum())
        assert value == pytest.approx(primal, abs=1e-12 * (1 + np.abs(c).sum()))  # rounding of 2n sums


def test_the_floor_kernel_with_unbounded_agents():
    free = np.full(2, np.inf)
    with np.errstate(invalid="ignore"):  # 0 * inf that the compiled water-filling tries and discards
        x, value = floor(np.zeros(2), np.array([2.0, 3.0]), np.zeros(2), free, np.array(5.0), np.array(1.0))
    np.testing.assert_array_equal(x, [5.0, 0.0])
    assert value == 10.0


def test_the_floor_is_minus_infinity_where_the_minimum_is():
    low, high = np.array([-np.inf, 0.0]), np.full(2, 5.0)
    with np.errstate(invalid="ignore"):
        _, value = floor(np.zeros(2), np.array([1.0, 2.0]), low, high, np.array(8.0), np.array(0.0))
    assert value == -np.inf


@pytest.mark.parametrize("seed", range(12))
def test_a_given_kappa_against_cvxpy(seed):
    case = next(
        c for c in (draw(s) for s in range(50 * seed, 50 * seed + 50)) if isinstance(c.problem.feasible, eh.Box)
    )
    one, s = case.problem, case.problem.setting
    kappa = s.fairness.project(np.random.default_rng(seed).normal(0, 1, one.impact.entities))
    x = cp.Variable((s.horizon, s.initial.shape[0]))
    before = cp.vstack([s.initial[None, :], x[:-1]]) if s.horizon > 1 else s.initial[None, :]
    tilt = one.impact.tilt(kappa)
    goal = (
        cp.sum(cp.multiply(np.array(one.cost.linear) + tilt, x))
        + 0.5 * cp.sum(cp.multiply(np.array(one.cost.curvature), cp.square(x)))
        + float(one.cost.constant.sum())
        + 0.5 * s.beta * cp.sum_squares(x - before)
    )
    made = cp.Problem(cp.Minimize(goal), [x >= 0, x <= np.array(one.feasible.upper)])
    made.solve(solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    found = lower_bound(one, kappa)
    assert found.value == pytest.approx(made.value / s.horizon, abs=1e-7)
    np.testing.assert_array_equal(found.kappa, kappa)


@pytest.mark.parametrize("settings", [{}, {"p": 2.0}, {"p": 1.0}, {"beta": 0.0}, {"alpha": 0.0}])
def test_the_maximised_bound_closes_the_gap_on_geo7(settings):
    batch = eh.load("geo7", **settings).windows().select([0, 12, 55])
    best, found = eh.optimum(batch), eh.lower_bound(batch)
    gap = (best.cost.total - found.value) / best.cost.total
    assert (gap <= 1e-6).all()
    assert (gap >= -1e-9).all()
    again = eh.lower_bound(batch, found.kappa)  # its kappa gives it back
    np.testing.assert_allclose(again.value, found.value, rtol=1e-6)


def test_separable_drops_switching_and_is_tight_without_it():
    batch = eh.load("geo7").windows().select([3, 70])
    part = eh.lower_bound(batch, separable=True)
    assert part.separable
    assert (part.value <= eh.lower_bound(batch).value).all()
    still = eh.load("geo7", beta=0.0).windows().select([3, 70])
    np.testing.assert_allclose(part.value, eh.optimum(still).cost.total, rtol=1e-6)


def test_sets_and_costs_without_a_kernel_agree_with_those_that_have_one():
    rng = np.random.default_rng(2)
    c, u, w = rng.uniform(0, 2, (6, 3)), np.ones((6, 3)), rng.uniform(0.5, 2.5, 6)
    setting = eh.Setting(6, 0.4, eh.Norm(1.0, 2.0), np.zeros(3))
    impact = eh.Diagonal(rng.uniform(0, 2, (6, 3)))
    kernel = eh.Problem(setting, eh.Quadratic(c, 1.0), impact, eh.Budget(w, u))
    rows = eh.Polytope(np.ones((6, 1, 3)), w[:, None], w[:, None], 0.0, u)
    dense = eh.Problem(setting, eh.DenseQuadratic(np.broadcast_to(np.eye(3), (6, 3, 3)), c), impact, rows)
    kappa = np.array([0.3, 0.5, 0.1])
    for separable in (True, False):
        one, two = (eh.lower_bound(p, kappa, separable=separable).value for p in (kernel, dense))
        assert one == pytest.approx(two, abs=1e-8)  # DAQP stops at 1e-11 per coordinate


def test_the_bound_round_by_round_equals_the_bound_at_once():
    one = eh.load("geo7").window(20)
    prices = np.stack([eh.lower_bound(one).kappa, eh.lower_bound(one, separable=True).kappa, np.zeros(7)])
    bound = first = RunningBound.start(one.setting, prices)
    for r in one.rounds:
        bound = bound.add(r)
    assert first.rounds == 0  # a value, never changed in place
    assert not first.total.any()
    at_once = [float(eh.lower_bound(one, k, separable=True).value) for k in prices]
    np.testing.assert_allclose(bound.total / bound.rounds - bound.offset, at_once, rtol=1e-13)
    assert bound.value == pytest.approx(max(at_once), rel=1e-13)
    assert bound.value <= eh.optimum(one).cost.total


def test_a_round_floor_is_below_every_action_of_the_round():
    one = eh.load("geo7").window(0).rounds[5]
    kappa = np.linspace(0.0, 0.8, 7)
    value, x = round_floor(one, kappa)
    rng = np.random.default_rng(0)
    for share in rng.dirichlet(np.ones(7), 200):
        trial = np.minimum(share * one.feasible.total, one.feasible.upper)
        trial, _ = waterfill(np.ones(7), -trial, np.zeros(7), one.feasible.upper, one.feasible.total, np.array(1.0))
        assert one.cost.value(trial) + kappa @ one.impact.burden(trial) >= value - 1e-9
    assert one.feasible.violation(x) <= 1e-12
    assert isinstance(one, Round)


def test_errors():
    one = eh.load("geo7").window(0)
    with pytest.raises(eh.ParameterError, match=r"outside dom g\*.*dual ball"):
        eh.lower_bound(one, np.ones(7))
    with pytest.raises(eh.ParameterError, match="must end in the 7 entities"):
        eh.lower_bound(one, np.zeros(6))
    with pytest.raises(eh.ParameterError, match=r"outside dom g\*"):
        RunningBound.start(one.setting, np.full(7, 1.0))
    with pytest.raises(eh.ParameterError, match="no round was added"):
        _ = RunningBound.start(one.setting, np.zeros(7)).value
    with pytest.raises(eh.ProblemError, match="leading axes"):
        eh.lower_bound(one, np.zeros((2, 7)))


def test_excess_is_relative_and_infinite_where_nothing_is_proved():
    found = eh.lower_bound(eh.load("geo7").window(0))
    assert found.excess(found.value * 1.25) == pytest.approx(0.25, rel=1e-12)
    assert found.regret(found.value + 3.0) == pytest.approx(3.0, rel=1e-12)
    zero = eh.Problem(
        eh.Setting(1, 0.0, eh.Norm(1.0), np.zeros(1)), eh.Quadratic([[0.0]], 1.0), eh.Diagonal([[1.0]]),
        eh.Box([[0.0]], [[1.0]]),
    )  # fmt: skip
    assert eh.lower_bound(zero, np.zeros(1)).excess(1.0) == np.inf
