"""The certificate tells the truth about right and about spoilt answers."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.allocation.certificate import certify, fitting_prices
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.utilities import CobbDouglas, Log, PiecewiseLinear, Power

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
    assert np.isnan(certify(convex, [2.0, 4.0], x, prices).gap)
    assert not certify(convex, [2.0, 4.0], x, prices).proves()  # a non-concave problem is never certified
