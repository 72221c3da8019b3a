"""The certificate tells the truth about right and about spoilt answers."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.allocation.baselines import BASELINES
from evenhand.allocation.certificate import certify, fitting_prices
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.utilities import CobbDouglas, Custom, Log, PiecewiseLinear, Power

FLEET = Fleet(Log(), weight=[1.0, 2.0, 5.0])
X, PRICE = np.array([2.0, 4.0, 10.0]), 0.5


def test_the_optimum_has_no_residuals():
    c = certify(FLEET, 16.0, X, PRICE)
    assert (c.primal, c.dual, c.slackness, c.stationarity, c.spread, c.gap) == (0, 0, 0, 0, 0, 0)
    assert c.primal_objective == pytest.approx(np.log(2) + 2 * np.log(4) + 5 * np.log(10), rel=1e-15)
    assert c.proves()
    assert c.slater
    assert "strong duality" in c.slater_text


def test_too_much_and_out_of_bounds():
    assert certify(FLEET, 15.0, X, PRICE).primal == pytest.approx(1 / 15)
    assert certify(FLEET, 16.0, [-1.6, 4.0, 10.0], PRICE).primal == pytest.approx(0.1)
    assert not certify(FLEET, 15.0, X, PRICE).proves()


def test_wrong_price_and_wrong_split():
    c = certify(FLEET, 16.0, X, 0.55)
    assert c.stationarity == pytest.approx(1 - 0.5 / 0.55)
    # dual at λ: λC + Σ w log(w/λ) − Σ w; the gap is λC − Σw − Σw log(λC/Σw) (> 0)
    assert c.dual_objective - c.primal_objective == pytest.approx(0.55 * 16 - 8 - 8 * np.log(1.1), rel=1e-12)
    assert certify(FLEET, 16.0, X, -0.5).dual == 1.0
    moved = certify(FLEET, 16.0, [3.0, 3.0, 10.0], PRICE)
    assert moved.spread == pytest.approx(0.5)  # marginals 1/3, 2/3, 1/2
    assert moved.proportional > 0  # a better deviation exists
    assert moved.gap > 1e-3
    assert certify(FLEET, 18.0, X, PRICE).slackness == pytest.approx(2 / 18)


def test_the_gap_bounds_what_is_missed():
    rng = np.random.default_rng(0)
    fleet = Fleet(Power(rng.uniform(0.1, 0.9, 6)), onboard=rng.uniform(0, 1, 6))
    best = allocate(fleet, 5.0).certificate.primal_objective
    for _ in range(20):
        x = rng.dirichlet(np.ones(6)) * 5.0
        c = certify(fleet, 5.0, x, fitting_prices(fleet, x, 0.0)[0])
        assert c.primal_objective <= best <= c.dual_objective * (1 + 1e-14)


def test_a_kink_has_an_interval_of_prices():
    fleet = Fleet(PiecewiseLinear([0.0, 1.0, 2.0], [0.0, 1.0, 1.2]), onboard=[0.0, 0.0])
    for price in (1.0, 0.5, 0.2):
        assert certify(fleet, 2.0, [1.0, 1.0], price).stationarity <= 1e-15
        assert certify(fleet, 2.0, [1.0, 1.0], price).gap <= 1e-15
    assert certify(fleet, 2.0, [1.0, 1.0], 0.1).stationarity == pytest.approx(0.5)


def test_slater_fails_when_the_lower_bounds_use_everything():
    c = allocate(Fleet(Log(), lower=[1.0, 2.0]), 3.0).certificate
    assert not c.slater
    assert "fails" in c.slater_text
    assert c.gap == 0.0


def test_several_resources():
    """Two equal agents with Π r^0.4: the equal split is optimal, λ_k = 0.4 U/r_k; the gap proves it."""
    fleet = Fleet(CobbDouglas([[0.4, 0.4]] * 2), resources=["rho", "alpha"])
    x, prices = np.array([[1.0, 2.0]] * 2), 0.4 * 2**0.4 / np.array([1.0, 2.0])
    c = certify(fleet, {"rho": 2.0, "alpha": 4.0}, x, prices)
    assert c.stationarity <= 1e-15
    assert c.gap <= 1e-15
    assert c.proves()
    np.testing.assert_allclose(fitting_prices(fleet, x, 0.0)[0], prices)
    spoilt = certify(fleet, [2.0, 4.0], [[1.2, 2.0], [0.8, 2.0]], prices)
    assert spoilt.gap > 0
    assert spoilt.primal_objective < c.primal_objective <= spoilt.dual_objective
    fair = certify(fleet, [2.0, 4.0], x, 0.4 / np.array([1.0, 2.0]), fairness=1.0)  # ∂ log U = γ/r
    assert fair.gap <= 1e-15
    convex = Fleet(CobbDouglas([[0.9, 0.9]] * 2))
    even = certify(convex, [2.0, 4.0], x, prices)
    assert (
        not even.proves()
    )  # a non-concave problem is never certified, but bounded: here by (2 · 4)^0.9 for one of two
    told = certify(convex, [2.0, 4.0], x, prices, bounding=8.0**0.9 / np.array([4.0, 8.0]))
    assert told.dual_objective == pytest.approx(8.0**0.9, rel=1e-11)
    assert even.dual_objective >= told.dual_objective
    assert told.percent == pytest.approx(100.0 * (2.0**0.8 - 1.0), rel=1e-9)  # 8^0.9 over 2 · 2^0.9
    assert np.isnan(certify(convex, [2.0, 4.0], 2 * x, prices).percent)  # not feasible: nothing is proved


def test_an_agent_of_little_weight_is_measured_on_its_own_scale():
    """Weights 1, 1, 1e-9 of 3: the third's due is 1.5e-9. With 667 times as much the gap is 3e-7, and nothing certified."""
    weight = np.array([1.0, 1.0, 1e-9])
    fleet, due = Fleet(Log(), weight=weight), 3.0 * weight / weight.sum()
    assert certify(fleet, 3.0, due, [weight.sum() / 3.0]).proves()
    x = np.array([1.5 - 5e-7, 1.5 - 5e-7, 1e-6])
    wrong = certify(fleet, 3.0, x, [weight.sum() / 3.0])
    assert abs(wrong.gap) <= 1e-6
    assert wrong.stationarity > 0.9
    assert not wrong.proves()
    two = Fleet(CobbDouglas(np.full((3, 2), 0.4)), weight=weight)  # at level 1 each resource is split like that
    prices = 0.4 * weight.sum() / np.array([3.0, 3.0])
    assert certify(two, [3.0, 3.0], np.stack((due, due), 1), prices, 1.0).proves()
    wrong = certify(two, [3.0, 3.0], np.stack((due, x), 1), prices, 1.0)
    assert abs(wrong.gap) <= 1e-6
    assert not wrong.proves()


def test_minus_infinity_proves_nothing():
    """Agent a can have nothing and is worth −∞ whatever is done; b and c share 4 in the ratio 1 : 3."""
    fleet = Fleet(Log(), upper=[0, 5, 5], weight=[1, 1, 3])
    even, best = BASELINES["uniform"](fleet, 4.0), allocate(fleet, 4.0)
    np.testing.assert_allclose(even.x, [0, 2, 2])
    assert even.status == "local"
    assert even.certificate.gap > 0.1
    np.testing.assert_allclose(best.x, [0, 1, 3])
    assert best.status == "certified"
    np.testing.assert_allclose(best.certificate.primal_objective, 3 * np.log(3))  # without the agent that has no choice
    nothing = certify(Fleet(Log(), upper=5.0, weight=[1, 3]), 4.0, [0.0, 4.0], [0.75])
    assert nothing.primal_objective == -np.inf
    assert not nothing.proves()


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_a_useful_resource_that_is_not_there(alpha):
    """Capacity 0 of a resource nobody has: everyone is worth 0 and every split is the best. Somebody has it: the others
    are worth 0, and what is left is one resource, concave whatever the sum of exponents."""
    exponents = [[0.5, 0.6], [0.7, 0.6]]
    all_lost = allocate(Fleet(CobbDouglas(exponents)), [3.0, 0.0], alpha)
    assert all_lost.status == "certified"
    assert all_lost.certificate.gap == 0.0
    two = allocate(Fleet(CobbDouglas([[0.5, 0.6], [0.5, 0.6]]), [[0, 1.0], [0, 2.0]]), [3.0, 0.0], alpha)
    assert two.status == "certified"
    part = np.array([1.0, 2.0]) ** (0.6 * (1 - alpha) / (1 - 0.5 * (1 - alpha)))
    np.testing.assert_allclose(two.x[:, 0], 3 * part / part.sum(), rtol=1e-6)
    one = allocate(Fleet(CobbDouglas(exponents), [[0, 0.0], [0, 2.0]]), [3.0, 0.0], alpha)
    np.testing.assert_allclose(one.x[1, 0], 3.0, rtol=1e-12)
    assert one.status == "certified"


def test_an_agent_with_nothing_has_no_tangent():
    """Two equal agents, one has all: √-like utilities gain 0.4 from the even split, though both margins at 0 are 0."""
    fleet = Fleet(CobbDouglas([[0.3, 0.3], [0.3, 0.3]]))
    c = certify(fleet, [1.0, 1.0], [[1.0, 1.0], [0.0, 0.0]], [0.3, 0.3])
    assert not c.proves()
    assert c.dual_objective >= 2 * 0.5**0.6


def test_the_gap_alone_is_no_proof():
    """One agent worth 1e12 of the other: a gap of 1e-11 with the small one a hundredfold off."""
    fleet = Fleet(Power(0.5, [1.0, 1e-6]), onboard=[0.0, 0.0])
    best = allocate(fleet, 1.0)
    x = np.array([1.0 - 1e-2 * best.x[1], 1e-2 * best.x[1]])
    c = certify(fleet, 1.0, x, best.prices)
    assert c.gap < 1e-6
    assert c.stationarity > 0.5
    assert not c.proves()
    assert best.status == "certified"


@pytest.mark.parametrize("level", [600.0, 5000.0])
@pytest.mark.parametrize("scale", [1e-12, 0.1, 1.0, 1e12])
def test_prices_of_high_levels_are_numbers(level, scale):
    """φ_600(0.3) is −1e313/599: prices come in a unit of U in which they fit, and still price the next unit."""
    fleet = Fleet(Power([0.3, 0.6], scale), onboard=[0.1, 0.2], names=["a", "b"])
    answer = allocate(fleet, 1.0, level)
    assert 0.0 < answer.price < np.inf
    assert answer.unit == 1.0 or 1e-9 < answer.price < 1e9
    assert answer.status == "certified"
    np.testing.assert_allclose(answer.marginal, answer.price, rtol=1e-9)
    exact = allocate(fleet, 1.0, np.inf)
    np.testing.assert_allclose(answer.x, exact.x, atol=3.0 / level)  # U_a/U_b is (slope ratio)^(1/level)
    gained = 1e-6 * np.mean(answer.price)
    more = certify(fleet, 1.0 + 1e-6, allocate(fleet, 1.0 + 1e-6, level).x, [answer.price], level, unit=answer.unit)
    np.testing.assert_allclose(more.primal_objective - answer.certificate.primal_objective, gained, rtol=1e-2)


def test_a_claim_of_concavity_is_called_one():
    """A bump of the slope between two points of the grid that the check looks at: no proof of concavity exists."""

    def slope(r):
        return np.where((r > 2.0) & (r < 3.0), 2.0, 1.0) / (1.0 + r)

    def value(r):
        return np.log1p(r) + np.log1p(np.clip(r, 2.0, 3.0)) - np.log(3.0)

    answer = allocate(Fleet(Custom(value, slope), upper=[5.0, 5.0]), 3.0)
    assert answer.certificate.claimed
    assert answer.status != "certified"
    plain = allocate(Fleet(Custom(np.log1p, lambda r: 1.0 / (1.0 + r))), 3.0, 0.0)
    assert (plain.status, plain.certificate.proves()) == ("certified if concave", True)
