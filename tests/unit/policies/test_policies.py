"""Each policy's rule on cases solved by hand, its parameters and refusals; the shared dual half."""

import numpy as np
import pytest

from evenhand import (
    DMD,
    ROBD,
    Box,
    Budget,
    Diagonal,
    Entropy,
    Euclidean,
    FairOBD,
    Greedy,
    HitMin,
    Norm,
    ParameterError,
    Problem,
    Quadratic,
    Setting,
    SolverError,
    play,
    simulate,
)
from evenhand.errors import EvenhandError
from evenhand.policies.robd import balanced_lambda2


def line(targets, beta=1.0, mu=0.0, curvature=1.0, **rest):
    """n = 1, f_t(x) = curvature (x - target)^2 / 2, A = 1, x free enough."""
    targets = np.asarray(targets, dtype=float)[:, None]
    setting = Setting(len(targets), beta, Norm(mu, **rest), [0.0], burden_lower=[0.0], burden_upper=[5.0])
    cost = Quadratic(-curvature * targets, curvature, 0.5 * curvature * targets[:, 0] ** 2)
    return Problem(setting, cost, Diagonal([1.0]), Box([-100.0], 100.0))


def path(policy, problem):
    return simulate(problem, policy).actions[:, 0]


def test_hitmin_is_the_target():
    run = simulate(line([1.0, 3.0], beta=2.0), HitMin())
    np.testing.assert_array_equal(run.actions[:, 0], [1.0, 3.0])
    np.testing.assert_array_equal(run.hitting, [0.0, 0.0])
    np.testing.assert_array_equal(run.switching, [1.0, 4.0])
    assert run.cost.total == 2.5


def test_greedy_is_the_proximal_step():
    np.testing.assert_allclose(path(Greedy(), line([4.0, 4.0], beta=3.0)), [1.0, 1.75])
    np.testing.assert_allclose(path(Greedy(), line([4.0, 4.0], beta=0.0)), [4.0, 4.0])


def test_robd_by_hand():
    # (x - 4)^2/2 + 0.5 * 1 * x^2 + 1.0 * 1 * (x - 4)^2 with lambda1 = 0.5, lambda2 = 1, beta = 2
    np.testing.assert_allclose(path(ROBD(0.5, 1.0), line([4.0], beta=2.0)), [12.0 / 4.0])
    np.testing.assert_allclose(
        path(ROBD(1.0, 0.0), line([4.0, 4.0], beta=3.0)), path(Greedy(), line([4.0, 4.0], beta=3.0))
    )
    given, found = ROBD.balanced(1.0, 3.0), ROBD()
    np.testing.assert_allclose(
        path(given, line([4.0, 1.0], beta=3.0)), path(found, line([4.0, 1.0], beta=3.0)), rtol=1e-15
    )


@pytest.mark.parametrize("beta", [1e-9, 1e-3, 1.0, 850.0, 1e9])
def test_balanced_lambda2_balances_and_gives_the_best_ratio(beta):
    """Both factors of bound B equal C* = (1 + sqrt(1 + 4 beta / m)) / 2: spec (9), (10)."""
    m = 17.5
    pull = balanced_lambda2(m, beta)
    best = (1 + np.sqrt(1 + 4 * beta / m)) / 2
    assert 1 + pull * beta / m == pytest.approx(best, rel=1e-12)
    assert 1 + beta / (m + pull * beta) == pytest.approx(best, rel=1e-12)
    assert ROBD.balanced(m, beta).lambda2 == FairOBD.balanced(m, beta).lambda2 == float(pull)


def test_balanced_lambda2_at_the_edges():
    assert balanced_lambda2(1.0, 0.0) == 1.0
    assert balanced_lambda2(0.0, 1.0) == 0.0


def test_dmd_and_fairobd_by_hand():
    """mu = 2, kappa_1 = 1: x_1 = target - kappa; z = 0 below mu; kappa_2 = kappa_1 + eta x_1; above mu z = 5."""
    problem = line([4.0, 4.0, 4.0], beta=0.0, mu=2.0)
    for policy in (DMD(eta=0.5), FairOBD(eta=0.5)):
        run = simulate(problem, policy)
        np.testing.assert_allclose(run.price[:, 0], [1.0, 2.5, 2.5 - 0.5 * (5.0 - 1.5)])
        np.testing.assert_allclose(run.actions[:, 0], [3.0, 1.5, 4.0 - 0.75])
    run = simulate(problem, FairOBD(eta=0.5, domain="ball"))
    np.testing.assert_allclose(run.price[:, 0], [2.0, 2.0, 2.0])  # starts and stays on the ball
    run = simulate(line([4.0, 4.0], beta=0.0, mu=2.0), FairOBD(eta=0.1, mirror=Entropy(), kappa1=[1.0]))
    np.testing.assert_allclose(run.price[:, 0], [1.0, np.exp(0.1 * 3.0)])


def test_fairobd_without_fairness_is_greedy_and_with_pull_is_robd():
    problem = line([4.0, -2.0, 1.0], beta=3.0)
    still = {"domain": "ball"}  # mu = 0: the ball is {0}
    np.testing.assert_allclose(path(FairOBD(**still), problem), path(Greedy(), problem))
    np.testing.assert_allclose(
        path(FairOBD(lambda1=0.4, lambda2=0.8, **still), problem), path(ROBD(0.4, 0.8), problem), rtol=1e-14
    )
    np.testing.assert_allclose(path(FairOBD(mirror=Entropy(), **still), problem), path(Greedy(), problem), atol=1e-12)


def test_entropy_in_the_ball_is_a_softmax_of_all_burdens():
    """Spec §2: p = inf with entropy gives kappa = mu softmax(eta sum A x)."""
    n = 3
    setting = Setting(4, 1.0, Norm(2.0), np.zeros(n))
    problem = Problem(
        setting, Quadratic(np.array([0.0, 0.5, 1.0]), 1.0), Diagonal([3.0, 2.0, 1.0]), Budget(1.5, np.ones(n))
    )
    steps = list(play(problem, FairOBD(eta=0.3, mirror=Entropy(), domain="ball")))
    total = np.zeros(n)
    for step in steps:
        expected = 2.0 * np.exp(0.3 * total) / np.exp(0.3 * total).sum()
        np.testing.assert_allclose(step.price, expected, rtol=1e-12)
        total += step.burden


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FairOBD(eta=0.0), ["eta", "0.0", "above 0"]),
        (lambda: FairOBD(eta=-1.0), ["eta", "-1"]),
        (lambda: DMD(eta=[0.1, 0.0]), ["eta", "above 0"]),
        (lambda: FairOBD(eta=np.nan), ["eta", "nan"]),
        (lambda: FairOBD(eta="fast"), ["eta", "fast"]),
        (lambda: FairOBD(lambda1=0.0), ["lambda1", "0.0", "(0, 1]"]),
        (lambda: FairOBD(lambda1=1.5), ["lambda1", "1.5", "(0, 1]"]),
        (lambda: ROBD(lambda1=-0.5), ["lambda1", "-0.5"]),
        (lambda: ROBD(lambda2=-1.0), ["lambda2", "-1", "[0"]),
        (lambda: FairOBD(lambda2=np.inf), ["lambda2", "inf"]),
        (lambda: FairOBD(domain="sphere"), ["domain", "sphere", "'free' or 'ball'"]),
        (lambda: FairOBD(mirror="entropy"), ["mirror", "entropy", "Entropy()"]),
        (lambda: FairOBD(kappa1=[np.nan]), ["kappa1", "nan"]),
        (lambda: ROBD.balanced(0.0, 1.0), ["m", "0.0"]),
        (lambda: FairOBD.balanced(1.0, -1.0), ["beta", "-1"]),
        (lambda: FairOBD(kappa1=[1.0, 1.0]).init(line([1.0]).setting), ["kappa1", "2", "1 entities"]),
        (lambda: FairOBD(kappa1=[-1.0], mirror=Entropy()).init(line([1.0]).setting), ["kappa1", "above 0"]),
        (lambda: DMD(eta=0.1).init(Problem(Setting(1, 0.0, Norm(1.0), [0.0]), Quadratic([0.0], 1.0), Diagonal([1.0]), Box([0.0], np.inf)).setting), ["free", "burden_upper", "ball"]),
    ],
)  # fmt: skip
def test_refuses(make, words):
    with pytest.raises(EvenhandError) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_round_without_a_minimum_is_said():
    flat = Problem(Setting(1, 0.0, Norm(1.0), [0.0]), Quadratic([-1.0]), Diagonal([1.0]), Box([0.0], np.inf))
    with pytest.raises(SolverError, match="unbounded"):
        simulate(flat, HitMin())
    deep = Problem(
        Setting(1, 0.0, Norm(1.0), [0.0]), Quadratic([1.0]), Diagonal([1.0]), Budget(0.0, [1.0], -np.inf, equal=False)
    )
    with pytest.raises(SolverError, match="unbounded"):
        simulate(deep, HitMin())


def test_mirrors():
    kappa, way, g = np.array([1.0, 2.0]), np.array([1.0, -1.0]), Norm(1.0, 1.0)
    np.testing.assert_allclose(Euclidean().step(kappa, way, 0.5, g, False), [0.5, 2.5])
    np.testing.assert_allclose(Euclidean().step(kappa, way, 0.5, g, True), [0.5, 1.0])
    np.testing.assert_allclose(Entropy().step(kappa, way, 0.5, g, False), kappa * np.exp([-0.5, 0.5]))
    assert Euclidean().divergence(kappa, way) == 0.5 * 9.0
    assert Entropy().divergence(kappa, kappa) == 0.0
    assert Entropy().divergence(np.array([0.0, 1.0]), np.array([1.0, 1.0])) == 1.0


def test_smallest_and_largest():
    for policy in (HitMin(), Greedy(), ROBD(), DMD(), FairOBD(), FairOBD(domain="ball", mirror=Entropy())):
        for scale in (1e-12, 1.0, 1e12):
            total = np.array([0.0, 1.0, 0.5]) * scale  # empty, full, half
            setting = Setting(3, 2.0, Norm(1.0), [0.0])
            problem = Problem(setting, Quadratic([[0.5 * scale]], 1.0), Diagonal([1.0]), Budget(total, [scale]))
            np.testing.assert_array_equal(simulate(problem, policy).actions[:, 0], total)
    with pytest.raises(ParameterError):
        FairOBD(eta=-1)
