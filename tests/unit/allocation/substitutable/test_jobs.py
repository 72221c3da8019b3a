"""Substitutable resources: closed forms, independent optima, the certificate, bad input."""

from __future__ import annotations

import itertools

import cvxpy as cp
import numpy as np
import pytest

import evenhand as eh

RNG = np.random.default_rng(7)


def drawn(seed: int, n: int = 12, kinds: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Speeds with zeros, equal rows and proportional rows; workers, weights, capacities."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.1, 4.0, (n, kinds)) * (rng.random((n, kinds)) < 0.8)
    rate[:, 0] += 0.2
    rate[n // 2] = rate[0]
    rate[n // 2 + 1] = 3.0 * rate[0]
    rate[-1] = 1.0
    workers = rng.choice([1.0, 2.0, 4.0], n)
    return rate, workers, rng.uniform(0.2, 3.0, n), rng.uniform(0.05, 0.6, kinds) * workers.sum()


def best(jobs: eh.Jobs, capacity: np.ndarray, utility) -> float:
    """The optimum by a general conic solver; utility: CVXPY speed vector -> vector of utilities."""
    x = cp.Variable((jobs.n, jobs.k), nonneg=True)
    speed = cp.sum(cp.multiply(jobs.throughput, x), axis=1) + jobs.onboard
    rows = [cp.sum(x, axis=1) <= 1, jobs.workers @ x <= capacity, x <= jobs.limit]
    problem = cp.Problem(cp.Maximize(jobs.weight @ utility(speed)), rows)
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    return float(problem.value)


def pieces(y):
    """The concave pieces of PIECES in CVXPY."""
    return cp.minimum(2.0 * y, 0.5 + y, 1.7 + 0.2 * y, 2.5 + 0.0 * y)


PIECES = eh.PiecewiseLinear(np.array([0.0, 0.5, 1.5, 4.0]), np.array([0.0, 1.0, 2.0, 2.5]))
FAMILIES = {
    "log": (None, 1.0, cp.log),
    "alpha 2": (None, 2.0, lambda y: -cp.inv_pos(y)),
    "power": (eh.Power(0.5), 0.0, cp.sqrt),
    "power, fair": (eh.Power(0.5), 1.0, lambda y: cp.log(cp.sqrt(y))),
    "shifted log": (eh.Log(1.0), 0.0, lambda y: cp.log(1.0 + y)),
    "saturating": (eh.Saturating(2.0, 0.3, 1.0), 0.0, lambda y: 2.0 - 0.3 * cp.inv_pos(y)),
    "total": (None, 0.0, lambda y: y),
    "pieces": (PIECES, 0.0, pieces),
    "pieces, fair": (PIECES, 2.0, lambda y: -cp.inv_pos(pieces(y))),
    "exponential": (eh.Exponential(1.5, 0.7), 0.0, lambda y: 1.5 * (1.0 - cp.exp(-0.7 * y))),
}


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")  # of the other solver, which then met 1e-7
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("limited", [False, True])
def test_every_family_reaches_the_optimum_of_a_conic_solver(family, limited):
    utility, level, form = FAMILIES[family]
    for seed in range(3):
        rate, workers, weight, capacity = drawn(seed)
        limit = np.random.default_rng(seed).uniform(0.2, 1.0, rate.shape) if limited else 1.0
        jobs = eh.Jobs(rate, utility, workers=workers, weight=weight, limit=limit)
        answer = eh.allocate(jobs, capacity, level)
        proof = answer.certificate
        assert answer.status == "certified"
        assert proof.gap <= 1e-8
        wanted = best(jobs, capacity, form)
        assert proof.primal_objective == pytest.approx(wanted, abs=1e-6 * (1.0 + float(answer.prices @ capacity)))


def test_one_kind_is_the_problem_of_one_resource():
    """Closed form: log utility, no time used up: x = C w / (d Σ w), the price Σ w / C."""
    weight, workers = np.array([1.0, 2.0, 5.0]), np.array([1.0, 2.0, 1.0])
    answer = eh.allocate(eh.Jobs([[3.0], [1.0], [0.5]], workers=workers, weight=weight), 1.2, 1.0)
    np.testing.assert_allclose(answer.x[:, 0], 1.2 * weight / weight.sum() / workers, rtol=1e-9)
    assert answer.prices[0] == pytest.approx(weight.sum() / 1.2, rel=1e-9)


def test_one_job_takes_its_fastest_kind_and_leaves_the_rest_free():
    answer = eh.allocate(eh.Jobs([[2.0, 5.0, 3.0]]), [9.0, 9.0, 9.0], 1.0)
    np.testing.assert_allclose(answer.x, [[0.0, 1.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(answer.prices, 0.0, atol=1e-9)
    assert answer.certificate.slater


def test_specialists_split_where_each_is_relatively_best():
    """Two jobs, two kinds of one unit: each runs on the kind it is relatively better at, all the time."""
    answer = eh.allocate(eh.Jobs([[4.0, 1.0], [4.0, 3.0]]), [1.0, 1.0], 1.0)
    np.testing.assert_allclose(answer.x, [[1.0, 0.0], [0.0, 1.0]], atol=1e-8)


def test_identical_jobs_get_the_same_throughput():
    answer = eh.allocate(eh.Jobs(np.tile([3.0, 1.0], (10, 1))), [2.0, 5.0], 1.0)
    np.testing.assert_allclose(answer.throughput, (3.0 * 2.0 + 1.0 * 5.0) / 10.0, rtol=1e-8)
    assert answer.status == "certified"


def test_everybody_runs_all_the_time_when_capacity_is_just_enough():
    """Σ d = Σ C: prices are unique up to a common shift, and the answer is certified all the same."""
    jobs = eh.Jobs([[10, 6, 2], [40, 20, 14], [3, 2.5, 0], [100, 30, 20], [8, 7.5, 5]], workers=[1, 2, 1, 4, 1])
    answer = eh.allocate(jobs, [3.0, 2.0, 4.0], 1.0)
    assert answer.status == "certified"
    assert answer.certificate.gap <= 1e-8
    np.testing.assert_allclose(answer.x.sum(axis=1), 1.0, rtol=1e-7)


def test_weight_zero_and_a_kind_without_capacity():
    jobs = eh.Jobs([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0]], weight=[1.0, 1.0, 0.0], resources=["old", "new"])
    answer = eh.allocate(jobs, {"old": 1.0, "new": 0.0}, 1.0)
    assert np.all(answer.x[2] == 0.0)
    np.testing.assert_allclose(answer.x[:2], [[0.5, 0.0], [0.5, 0.0]], atol=1e-9)
    assert answer.status == "certified"
    assert answer.prices[1] > answer.prices[0]  # the faster kind would be dearer, if there were any


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_do_not_matter(scale):
    rate, workers, weight, capacity = drawn(5)
    plain = eh.allocate(eh.Jobs(rate, workers=workers, weight=weight), capacity, 1.0)
    other = eh.allocate(eh.Jobs(scale * rate, workers=workers / scale, weight=weight * scale), capacity / scale, 1.0)
    np.testing.assert_allclose(other.throughput, scale * plain.throughput, rtol=1e-6)
    assert float(other.prices @ capacity) == pytest.approx(scale * scale * float(plain.prices @ capacity), rel=1e-5)


def test_many_jobs_are_sampled_and_still_exact():
    """More jobs than the sample: the same answer as all at once, proved."""
    rng = np.random.default_rng(3)
    n = 20000
    rate = rng.uniform(0.1, 1.0, (n, 3)) * [1.0, 2.0, 3.0]
    answer = eh.allocate(eh.Jobs(rate, weight=rng.uniform(0.5, 2.0, n)), [n / 6, n / 5, n / 8], 1.0)
    proof = answer.certificate
    assert proof.gap <= 1e-9
    assert proof.primal <= 1e-12
    assert np.mean(np.count_nonzero(answer.x, axis=1) <= 2) > 0.999  # ties are few


def test_the_dual_is_never_below_a_feasible_value():
    """Weak duality with prices that are far from right, against random feasible times."""
    rng = np.random.default_rng(1)
    rate, workers, weight, capacity = drawn(2)
    jobs = eh.Jobs(rate, workers=workers, weight=weight)
    for _ in range(20):
        x = rng.dirichlet(np.ones(4), jobs.n)[:, :3]
        x *= np.minimum(1.0, capacity / (workers @ x))
        proof = eh.certify(jobs, capacity, x, rng.uniform(0.0, 3.0, 3), 1.0)
        other = rng.dirichlet(np.ones(4), jobs.n)[:, :3]
        other *= np.minimum(1.0, capacity / (workers @ other))
        assert proof.dual_objective >= float(weight @ np.log(jobs.speed(other))) - 1e-9
        assert proof.gap >= 0.0


def test_wrong_times_are_not_certified():
    rate, workers, weight, capacity = drawn(4)
    answer = eh.allocate(eh.Jobs(rate, workers=workers, weight=weight), capacity, 1.0)
    for wrong in (0.99 * answer.x, answer.x[::-1], 1.01 * answer.x):
        assert not eh.certify(answer.fleet, capacity, wrong, answer.prices, 1.0).proves()


BAD = {
    "can run nowhere": {"throughput": [[1.0, 1.0], [0.0, 0.0]]},
    "one row a job": {"throughput": [1.0, 2.0]},
    "0 where it cannot run": {"throughput": [[1.0, -1.0]]},
    "above 0": {"throughput": [[1.0, 1.0]], "workers": [0.0]},
    "part of the time": {"throughput": [[1.0, 1.0]], "limit": 1.5},
    "distinct names": {"throughput": [[1.0, 1.0]], "resources": ["a", "a"]},
    "speed alone": {"throughput": [[1.0, 1.0]], "utility": eh.CobbDouglas([[0.5, 0.5]])},
    "2 jobs": {"throughput": [[1.0, 1.0]], "weight": [1.0, 2.0]},
}


@pytest.mark.parametrize("said", BAD)
def test_bad_input_is_named(said):
    with pytest.raises(eh.EvenhandError, match=said):
        eh.Jobs(**BAD[said])


def test_explanation_and_record():
    jobs = eh.Jobs([[4.0, 1.0], [4.0, 0.0]], names=["resnet", "bert"], resources=["new", "old"])
    answer = eh.allocate(jobs, {"new": 1.0, "old": 1.0}, 1.0)
    told = answer.explain("bert")
    assert "cannot run on old" in told
    assert list(answer.to_frame().columns) == ["job", "x_new", "x_old", "throughput", "utility", "worth", "binding"]
    for i, k in itertools.product(range(2), range(2)):
        if answer.x[i, k] > 1e-6:
            assert answer.marginal[i, k] == pytest.approx(answer.prices[k], rel=1e-6)
