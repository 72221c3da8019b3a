"""Max-min for jobs: against a sequence of linear programs, its bound, Gavel's normalisation, finish times, baselines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

import evenhand as eh
from evenhand.allocation.substitutable import policies


def drawn(seed: int, n: int = 12, kinds: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Speeds with zeros, equal and proportional rows; workers; capacities."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.1, 4.0, (n, kinds)) * (rng.random((n, kinds)) < 0.8)
    rate[:, 0] += 0.2
    rate[n // 2], rate[n // 2 + 1], rate[-1] = rate[0], 3.0 * rate[0], 1.0
    workers = rng.choice([1.0, 2.0, 4.0], n)
    return rate, workers, rng.uniform(0.05, 0.6, kinds) * workers.sum()


def lexicographic(rate: np.ndarray, workers: np.ndarray, capacity: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Speeds of the lexicographic max-min: raise the least, hold who cannot rise above it, repeat."""
    n, kinds = rate.shape
    held, cells = np.full(n, np.nan), n * kinds
    time = np.hstack([np.kron(np.eye(n), np.ones(kinds)), np.zeros((n, 1))])
    load = np.hstack([np.kron(workers, np.eye(kinds)), np.zeros((kinds, 1))])
    speed = np.hstack([-np.kron(np.eye(n), np.ones(kinds)) * np.tile(rate.ravel(), (n, 1)), np.zeros((n, 1))])

    def most(goal: np.ndarray, floor: np.ndarray, risen: np.ndarray) -> float:
        rows = speed.copy()
        rows[risen, -1] = 1.0
        found = linprog(
            -goal, np.vstack([time, load, rows]), np.concatenate([np.ones(n), capacity, -floor]),
            bounds=[*((0.0, u) for u in limit.ravel()), (None, None)], method="highs",
        )  # fmt: skip
        assert found.status == 0
        return -found.fun

    while np.any(open_ := np.isnan(held)):
        level = most(np.eye(cells + 1)[-1], np.where(open_, 0.0, held), open_)
        floor = np.where(open_, level, held) - 1e-10
        stuck = [i for i in np.flatnonzero(open_) if most(-speed[i], floor, np.zeros(n, dtype=bool)) <= level + 1e-7]
        assert stuck
        held[stuck] = level
    return held


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_lexicographic_against_linear_programs(seed, limited):
    rate, workers, capacity = drawn(seed)
    limit = np.random.default_rng(seed).uniform(0.2, 1.0, rate.shape) if limited else np.ones(rate.shape)
    answer = eh.allocate(eh.Jobs(rate, workers=workers, limit=limit), capacity, np.inf)
    np.testing.assert_allclose(answer.throughput, lexicographic(rate, workers, capacity, limit), rtol=1e-6, atol=1e-7)
    proof = answer.certificate
    assert answer.status == "certified"
    assert proof.primal_objective <= proof.dual_objective <= proof.primal_objective * (1.0 + 1e-6)


def test_many_jobs_reach_the_level_of_one_linear_program():
    """More jobs than the sample, equal speeds too; the level proved by the bill."""
    rng = np.random.default_rng(1)
    rate = rng.uniform(0.5, 1.0, (6000, 3)) * [1.0, 2.0, 3.0]
    rate[3000:] = rate[0]
    answer = eh.allocate(eh.Jobs(rate), [900.0, 800.0, 700.0], np.inf)
    proof = answer.certificate
    assert answer.throughput.min() == pytest.approx(answer.throughput.max(), rel=1e-7)
    assert proof.gap <= 1e-8
    assert proof.primal <= 1e-12


def test_the_bound_holds_for_any_prices_and_any_times():
    rng = np.random.default_rng(2)
    rate, workers, capacity = drawn(2)
    jobs = eh.Jobs(rate[:4], workers=workers[:4])
    best = eh.allocate(jobs, 0.1 * capacity, np.inf).throughput.min()
    for _ in range(10):
        x = rng.dirichlet(np.ones(4), 4)[:, :3]
        x *= np.minimum(1.0, 0.1 * capacity / (workers[:4] @ x))
        proof = eh.certify(jobs, 0.1 * capacity, x, rng.uniform(0.1, 1.0, 3), np.inf)
        assert proof.dual_objective >= best * (1.0 - 1e-9)
        assert not proof.proves()


def test_utilities_are_levelled_not_throughputs():
    answer = eh.allocate(eh.Jobs([[2.0], [2.0]], eh.Exponential([1.0, 2.0], 1.0)), [1.0], np.inf)
    assert answer.utility[0] == pytest.approx(answer.utility[1], rel=1e-8)
    assert answer.used[0] == pytest.approx(1.0, rel=1e-9)


def test_ample_capacity_gives_everyone_its_best():
    rate, workers, _ = drawn(3)
    answer = eh.allocate(eh.Jobs(rate, workers=workers), [1e3, 1e3, 1e3], np.inf)
    np.testing.assert_array_equal(answer.throughput, rate.max(axis=1))
    assert answer.status == "certified"


def test_gavels_normalisation():
    """In units of an equal share's throughput over the weight: everyone at the same multiple, at least 1."""
    rate, workers, _ = drawn(4)
    rate = rate + 0.1
    weight = np.linspace(1.0, 2.0, rate.shape[0])
    capacity = 0.1 * workers.sum() * np.array([1.0, 1.2, 0.8])
    jobs = eh.Jobs(rate, workers=workers)
    plain = eh.allocate(policies.relative(jobs, capacity), capacity, np.inf)
    assert plain.throughput.min() >= 1.0
    own = eh.Jobs(rate, workers=workers, weight=weight)
    weighted = eh.allocate(policies.relative(own, capacity), capacity, np.inf)
    multiple = own.speed(weighted.x) / (policies.equal_throughput(own, capacity) * weight)
    np.testing.assert_allclose(multiple, multiple[0], rtol=1e-7)


def test_finish_times_are_level():
    rate, workers, capacity = drawn(5)
    rng = np.random.default_rng(5)
    work, elapsed = rng.uniform(1.0, 9.0, 12), rng.uniform(0.0, 4.0, 12)
    jobs = eh.Jobs(rate + 0.1, workers=workers)
    capacity = 0.3 * capacity
    answer = eh.allocate(policies.finish_time(jobs, capacity, work, elapsed), capacity, np.inf)
    alone = elapsed + work / policies.equal_throughput(jobs, capacity)
    ratio = (elapsed + work / answer.throughput) / alone
    np.testing.assert_allclose(-answer.utility, ratio, rtol=1e-12)
    assert ratio.max() <= 1.0
    assert answer.status == "certified"


def test_baselines_are_feasible_and_no_better():
    rate, workers, capacity = drawn(1)
    jobs = eh.Jobs(rate, workers=workers, limit=0.7)
    best = eh.allocate(jobs, capacity, np.inf).throughput.min()
    most = eh.allocate(jobs, capacity, 0.0).throughput.sum()
    for rule in (policies.equal_share, policies.as_you_go):
        answer = rule(jobs, capacity)
        assert answer.certificate.primal <= 1e-12
        assert answer.throughput.min() <= best * (1.0 + 1e-7)
        assert answer.throughput.sum() <= most * (1.0 + 1e-9)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda j: policies.relative(eh.Jobs([[1.0]], eh.Log()), [1.0]), "a utility of their own"),
        (lambda j: policies.relative(eh.Jobs([[0.0, 1.0]]), [1.0, 0.0]), "nothing from an equal share"),
        (lambda j: policies.finish_time(j, [1.0], -1.0), "remaining"),
        (lambda j: eh.allocate(eh.Jobs([[1.0]], eh.Custom(np.sqrt, lambda r: 0.5 / np.sqrt(r))), [1.0]), "Custom"),
        (lambda j: eh.allocate(j, [1.0], -1.0), "fairness"),
        (lambda j: eh.allocate(j, [1.0, 2.0]), "capacity"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(eh.EvenhandError, match=said):
        call(eh.Jobs([[1.0]]))
