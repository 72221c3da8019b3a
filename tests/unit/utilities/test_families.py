"""Every family: marginal is the derivative, demand its inverse; curvature, inverse value, limits, take."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.errors import ParameterError
from evenhand.utilities import (
    AlphaFair,
    CobbDouglas,
    Custom,
    Exponential,
    Fair,
    Log,
    Mixed,
    PiecewiseLinear,
    Power,
    Saturating,
)

N = 4
SMOOTH = {
    "power": Power([0.1, 0.4, 0.6, 0.9]),
    "log": Log(),
    "shifted log": Log([0.0, 0.5, 1.0, 2.0]),
    "alpha-fair": AlphaFair([0.3, 0.8, 1.0, 2.5]),
    "saturating": Saturating(0.9, [0.1, 0.2, 0.3, 0.4], [0.5, 1.0, 1.5, 2.0]),
    "exponential": Exponential([0.5, 1.0, 1.0, 2.0], [0.5, 1.0, 2.0, 0.3]),
    "custom": Custom(lambda r, k: np.log1p(k * r), lambda r, k: k / (1 + k * r), [[0.5, 1.0, 2.0, 3.0]]),
    "mixed": Mixed([Power([0.2, 0.7]), Exponential(1.0, 1.0), Log()], [0, 1, 2, 0]),
    "fair power": Fair(Power([0.1, 0.4, 0.6, 0.9]), 2.0),
    "fair saturating": Fair(Saturating(0.9, 0.1, [0.5, 1.0, 1.5, 2.0]), 0.5),
    "fair exponential": Fair(Exponential(1.0, [0.5, 1.0, 2.0, 0.3]), 1.0),
    "fair log": Fair(Log(1.0), 5.0),
    "fair custom": Fair(Custom(lambda r: np.log1p(r), lambda r: 1 / (1 + r)), 2.0),
    "fair mixed": Fair(Mixed([Power([0.2, 0.7]), Exponential(1.0, 1.0)], [0, 1, 1, 0]), 0.5),
}
cases = pytest.mark.parametrize("utility", SMOOTH.values(), ids=SMOOTH.keys())


@cases
@pytest.mark.parametrize("r", [0.6, 1.7, 3.0])
def test_marginal_and_curvature_are_derivatives(utility, r):
    r, h = np.full(N, r), 1e-5
    slope = (utility.value(r + h) - utility.value(r - h)) / (2 * h)
    np.testing.assert_allclose(utility.marginal(r), slope, rtol=1e-7)  # central difference: h² and ulp/h
    bend = (utility.marginal(r + h) - utility.marginal(r - h)) / (2 * h)
    np.testing.assert_allclose(utility.curvature(r), bend, rtol=1e-6)
    assert np.all(utility.curvature(r) < 0)


@cases
def test_demand_and_inverse_undo_marginal_and_value(utility):
    r = np.array([0.6, 1.1, 2.0, 3.5])
    np.testing.assert_allclose(utility.demand(utility.marginal(r)), r, rtol=1e-11)
    np.testing.assert_allclose(utility.invert(utility.value(r)), r, rtol=1e-10)


@cases
def test_demand_falls_and_ends_at_the_limits(utility):
    prices = np.logspace(-3, 3, 25)
    demand = np.stack([np.broadcast_to(utility.demand(np.full(N, p)), (N,)) for p in prices])
    assert np.all(np.diff(demand, axis=0) <= 0)
    assert np.all(utility.demand(np.full(N, 0.0)) >= 1e15)  # no one has enough of a free resource


@cases
def test_take_keeps_the_agents(utility):
    r = np.array([0.6, 1.1, 2.0, 3.5])
    index = np.array([2, 0])
    np.testing.assert_array_equal(
        np.broadcast_to(utility.take(index).value(r[index]), 2), np.broadcast_to(utility.value(r), N)[index]
    )


def test_values_by_hand():
    assert Power(0.5).value(4.0) == 2.0
    assert Power(0.5).marginal(4.0) == 0.25
    assert Power(0.5).marginal(0.0) == np.inf
    assert Power(0.5).demand(0.25) == 4.0
    assert Log().demand(0.25) == 4.0
    assert Log(1.0).demand(2.0) == 0.0
    assert AlphaFair(2.0).value(4.0) == -0.25
    assert AlphaFair(2.0).demand(0.25) == 2.0
    assert Saturating(1.0, 2.0, 1.0).value(4.0) == 0.5
    assert Saturating(1.0, 2.0, 1.0).value(0.0) == -np.inf
    assert Saturating(1.0, 2.0, 1.0).demand(0.125) == 4.0
    assert Exponential(2.0, 1.0).marginal(0.0) == 2.0
    assert Exponential(2.0, 1.0).demand(3.0) == 0.0
    assert Fair(Power(0.5), 2.0).value(4.0) == -0.5  # φ_2(U) = −1/U
    # φ_α needs U ≥ 0: a scaling law below its zero has an infinite marginal and at least the zero in demand
    low = Fair(Saturating(1.0, 2.0, 1.0), 1.0)
    assert low.marginal(1.0) == np.inf
    assert low.demand(1e30) == pytest.approx(2.0, rel=1e-12)


def test_piecewise_is_the_upper_concave_envelope():
    u = PiecewiseLinear([3.0, 1.0, 2.0, 4.0, 5.0], [2.0, 1.0, 1.2, 2.2, 2.1])  # unordered, a dent, a fall
    np.testing.assert_allclose(u.at, [1.0, 3.0, 4.0, 4.0, 4.0])
    np.testing.assert_allclose(u.value([0.0, 1.0, 2.0, 3.5, 9.0]), [0.5, 1.0, 1.5, 2.1, 2.2])
    np.testing.assert_allclose(u.marginal([0.0, 1.0, 3.0, 3.5, 4.0]), [0.5, 0.5, 0.2, 0.2, 0.0])
    np.testing.assert_allclose(np.stack(u.marginal_range([1.0, 3.0, 4.0])), [[0.5, 0.2, 0.0], [0.5, 0.5, 0.2]])
    np.testing.assert_allclose(u.demand([0.6, 0.5, 0.3, 0.2, 0.1]), [0.0, 3.0, 3.0, 4.0, 4.0])
    assert u.demand(0.0) == np.inf
    np.testing.assert_allclose(u.invert([0.4, 0.75, 2.1, 5.0]), [0.0, 0.5, 3.5, 4.0])


def test_piecewise_constant_and_ragged_rows():
    u = PiecewiseLinear([[1.0, 2.0, np.nan], [0.0, 1.0, 3.0]], [[1.0, 1.0, np.nan], [0.0, 2.0, 3.0]])
    assert u.n == 2
    np.testing.assert_allclose(u.value(np.array([0.5, 2.0])), [1.0, 2.5])
    np.testing.assert_allclose(u.demand(np.array([0.1, 0.5])), [0.0, 3.0])
    np.testing.assert_allclose(u.take([1]).value(np.array([2.0])), [2.5])
    single = PiecewiseLinear([1.0], [3.0])
    assert single.value(0.0) == 3.0
    assert single.demand(0.1) == 0.0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Power([0.5, 1.0]), r"gamma\[1\] = 1.0 .*0 < gamma < 1"),
        (lambda: Power(0.0), "gamma = 0.0"),
        (lambda: Power([0.5, np.nan]), r"gamma\[1\] = nan"),
        (lambda: Power([]), "empty"),
        (lambda: Power("a"), "must be numbers"),
        (lambda: Power([[0.5]]), "one value per agent"),
        (lambda: Log(-1.0), "shift >= 0"),
        (lambda: AlphaFair([1.0, 0.0]), r"alpha\[1\] = 0.0"),
        (lambda: Saturating(1.0, 0.0, 1.0), "b = 0.0"),
        (lambda: Saturating(1.0, [1.0, 2.0], [1.0, 1.0, 1.0]), "different numbers of agents"),
        (lambda: Exponential(1.0, -1.0), "k = -1.0"),
        (lambda: PiecewiseLinear([-1.0, 2.0], [0.0, 1.0]), "resource >= 0"),
        (lambda: PiecewiseLinear([1.0, 2.0], [0.0]), "one shape"),
        (lambda: PiecewiseLinear([[np.nan]], [[np.nan]]), "agent 0 has no point"),
        (lambda: Mixed([Power(0.5)], [0, 1]), r"member\[1\] = 1"),
        (lambda: Mixed([Power([0.5, 0.6])], [0]), "describes 2 agents but has 1"),
        (lambda: Custom(lambda r: r**2, lambda r: 2 * r), "non-increasing"),
        (lambda: Fair(Power(0.5), -1.0), ">= 0"),
        (lambda: Fair(Fair(Power(0.5), 1.0), 1.0), "already"),
        (lambda: Fair(AlphaFair([0.5, 2.0]), 1.0), r"alpha\[1\] = 2.0 >= 1"),
        (lambda: Fair(Saturating(-0.5, 1.0, 1.0), 1.0), "a > 0"),
        (lambda: CobbDouglas([[0.5, 1.0]]), r"exponents\[0, 1\] = 1.0"),
        (lambda: CobbDouglas([[0.5, 0.1], [0.0, 0.0]]), "agent 1 has only zero"),
        (lambda: CobbDouglas([0.5]), "agents, resources"),
    ],
)
def test_outside_the_domain_says_what_and_where(make, said):
    with pytest.raises(ParameterError, match=said):
        make()


def test_cobb_douglas():
    u = CobbDouglas([[0.5, 0.5], [0.3, 0.9]])
    r = np.array([[4.0, 9.0], [2.0, 3.0]])
    np.testing.assert_allclose(u.value(r)[0], 6.0)
    np.testing.assert_allclose(u.marginal(r)[0], [0.75, 1 / 3])
    h = 1e-6
    for k in range(2):
        step = h * np.eye(2)[k]
        slope = (u.value(r + step) - u.value(r - step)) / (2 * h)
        np.testing.assert_allclose(u.marginal(r)[:, k], slope, rtol=1e-8)
    assert not u.concave(0.0)  # 1.2 > 1
    assert u.concave(0.2)  # 0.8 · 1.2 = 0.96
    assert u.concave(1.0)
    assert u.take([0]).concave(0.0)
    # nothing on board: only a factor that the others keep positive has a slope, an infinite one
    np.testing.assert_array_equal(u.marginal(np.array([[0.0, 1.0], [0.0, 0.0]])), [[np.inf, 0.0], [0.0, 0.0]])
