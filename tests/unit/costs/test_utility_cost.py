"""Utilities as a hitting cost: values, derivatives, windows, bad input, and one-shot allocation as a special case."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.core import Round
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ParameterError, ProblemError
from evenhand.impacts import Diagonal
from evenhand.proximal import proximal
from evenhand.sets import Budget
from evenhand.utilities import CobbDouglas, Custom, Exponential, Log, Mixed, PiecewiseLinear, Power

U = Mixed([Power([0.5, 0.3]), Exponential(2.0, 0.7), PiecewiseLinear([0.0, 1.0, 4.0], [0.0, 1.0, 2.0])], [0, 1, 0, 2])


def test_value_and_gradient_over_leading_axes():
    rng = np.random.default_rng(0)
    weight, x = rng.uniform(0.0, 2.0, (3, 5, 4)), rng.uniform(0.1, 0.9, (3, 5, 4))
    cost = UtilityCost(U, weight, 0.1, 4.0)
    for at in np.ndindex(3, 5):
        want = float(np.sum(weight[at] * (U.value(np.full(4, 4.0)) - U.value(0.1 + x[at]))))
        assert cost.value(x)[at] == pytest.approx(want, rel=1e-13)
    step = 1e-6
    for i in range(4):
        move = np.eye(4)[i] * step
        slope = (cost.value(x + move) - cost.value(x - move)) / (2 * step)
        np.testing.assert_allclose(cost.gradient(x)[..., i], slope, rtol=1e-5, atol=1e-8)
    assert (cost.value(x) >= 0.0).all()


def test_strong_convexity_is_a_true_modulus():
    rng = np.random.default_rng(1)
    cost = UtilityCost(Power(rng.uniform(0.2, 0.8, 3)), rng.uniform(0.5, 2.0, 3), 0.1, 3.0)
    m = cost.strong_convexity()
    assert m > 0.0
    for _ in range(50):
        x, y = rng.uniform(0.0, 2.9, (2, 3))
        assert cost.value(y) >= cost.value(x) + cost.gradient(x) @ (y - x) + m / 2 * np.sum((y - x) ** 2) - 1e-12
    assert UtilityCost(U, np.ones(4), 0.1, 4.0).strong_convexity() == 0.0  # linear pieces


@pytest.mark.parametrize("utility", [Power([0.5, 0.3, 0.7, 0.2]), Log([0.0, 1.0, 2.0, 0.5]), U])
def test_without_tilt_and_proximal_term_it_is_allocate(utility):
    """spec/online.md §8: one-shot allocation is the step with rho = 0, p = 0."""
    weight, onboard = np.array([1.0, 0.5, 2.0, 1.5]), np.array([0.2, 0.1, 0.0, 1.0])
    upper = np.array([9.0, 9.0, 2.0, 2.5])
    answer = allocate(Fleet(utility, onboard, weight, 0.0, upper), 5.0)
    feasible = Budget(5.0, upper, equal=False)
    x = proximal(Round(0, UtilityCost(utility, weight, onboard, 20.0), Diagonal(np.zeros(4)), feasible))
    np.testing.assert_allclose(x, answer.x, atol=1e-13)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: UtilityCost(Power(0.5), [-1.0, 1.0], 0.0, 1.0), "weight"),
        (lambda: UtilityCost(Power(0.5), [1.0, np.nan], 0.0, 1.0), "weight"),
        (lambda: UtilityCost(Power([0.5, 0.2, 0.1]), [1.0, 1.0], 0.0, 1.0), "do not fit together"),
        (lambda: UtilityCost(Power(0.5), 1.0, 0.0, 1.0), "last axis"),
        (lambda: UtilityCost(Log(), [1.0, 1.0], 0.0, 0.0), "not finite"),
        (lambda: UtilityCost(CobbDouglas(np.full((2, 2), 0.3)), [1.0, 1.0], 0.0, 1.0), "one resource"),
        (lambda: UtilityCost(Custom(np.sqrt, lambda r: 0.5 / np.sqrt(r)), [1.0, 1.0], 0.0, 1.0), "compiled form"),
    ],
)
def test_bad_input(make, told):
    with pytest.raises((ProblemError, ParameterError), match=told):
        make()
