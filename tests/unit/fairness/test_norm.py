"""Weighted p-norm fairness: closed forms, duality, edges, refusals."""

import numpy as np
import pytest

from evenhand import Norm, ParameterError, ProblemError
from evenhand.errors import EvenhandError

EXPONENTS = [1.0, 1.5, 2.0, 4.0, np.inf]
Y = np.array([3.0, -4.0, 0.0])


@pytest.mark.parametrize(("p", "value"), [(1.0, 14.0), (2.0, 10.0), (np.inf, 8.0), (4.0, 2.0 * (81 + 256) ** 0.25)])
def test_value(p, value):
    assert Norm(2.0, p).value(Y) == pytest.approx(value, rel=1e-15)
    assert Norm(2.0, p, [1.0, 1.0, 9.0]).value(Y) == pytest.approx(value, rel=1e-15)
    assert Norm(2.0, p).scaled(3.0).value(Y) == pytest.approx(3.0 * value, rel=1e-15)
    assert Norm(2.0, p).value(np.stack([Y, 1e200 * Y]))[1] == pytest.approx(1e200 * value, rel=1e-14)
    assert Norm(2.0, p).value(1e-200 * Y) == pytest.approx(1e-200 * value, rel=1e-14)


@pytest.mark.parametrize("p", EXPONENTS)
def test_subgradient_attains_the_dual_norm_and_the_value(p):
    g = Norm(2.0, p, [1.0, 0.5, 3.0])
    k = g.subgradient(Y)
    assert k @ Y == pytest.approx(g.value(Y), rel=1e-14)  # Euler: g is homogeneous
    assert g.dual_norm(k) == pytest.approx(2.0, rel=1e-14)
    assert (g.subgradient(np.zeros(3)) == 0).all()


def test_worst_entities_share_the_subgradient():
    np.testing.assert_array_equal(Norm(6.0).subgradient(np.array([2.0, -2.0, 1.0])), [3.0, -3.0, 0.0])


@pytest.mark.parametrize("p", EXPONENTS)
def test_conjugate_is_the_indicator_of_the_ball(p):
    g = Norm(2.0, p, [1.0, 0.5, 3.0])
    edge = g.centre(3)
    assert g.dual_norm(edge) == pytest.approx(2.0, rel=1e-14)
    assert g.conjugate(edge) == 0.0
    assert g.conjugate(1.001 * edge) == np.inf
    assert g.conjugate(np.zeros(3)) == 0.0
    np.testing.assert_allclose(g.project(edge), edge, rtol=1e-14)


def test_an_entity_without_weight_has_no_price():
    g = Norm(2.0, np.inf, [1.0, 0.0])
    assert g.conjugate(np.array([1.0, 0.1])) == np.inf
    assert g.conjugate(np.array([1.0, 0.0])) == 0.0
    np.testing.assert_array_equal(g.project(np.array([1.0, 5.0])), [1.0, 0.0])
    np.testing.assert_array_equal(g.centre(2), [2.0, 0.0])


def test_projections_by_hand():
    np.testing.assert_allclose(Norm(1.0, np.inf).project(np.array([2.0, 1.5])), [0.75, 0.25])
    np.testing.assert_allclose(Norm(1.0, 1.0).project(np.array([2.0, -0.5])), [1.0, -0.5])
    np.testing.assert_allclose(Norm(5.0, 2.0).project(np.array([30.0, 40.0])), [3.0, 4.0])
    np.testing.assert_allclose(Norm(0.0).project(np.array([2.0, 1.0])), [0.0, 0.0])


def test_budget_step_by_hand():
    box = np.zeros(2), np.array([3.0, 5.0])
    np.testing.assert_array_equal(Norm(1.0).budget(np.array([0.4, 0.5]), *box), [0.0, 0.0])
    np.testing.assert_array_equal(Norm(1.0).budget(np.array([0.9, 0.5]), *box), [3.0, 3.0])
    np.testing.assert_array_equal(Norm(1.0).budget(np.array([0.1, 1.5]), *box), [3.0, 5.0])
    np.testing.assert_array_equal(Norm(1.0, 1.0).budget(np.array([0.9, 1.5]), *box), [0.0, 5.0])
    np.testing.assert_array_equal(Norm(0.0).budget(np.array([0.1, 0.0]), *box), [3.0, 0.0])
    np.testing.assert_array_equal(Norm(1.0).budget(np.array([-9.0, 0.0]), -box[1], box[1]), [-3.0, 0.0])
    z = Norm(1.0, 2.0).budget(np.array([3.0, 4.0]), np.zeros(2), np.array([10.0, 100.0]))
    # entity 0 is full; the other minimises sqrt(100 + s^2) - 4 s, which falls for ever, so it is full too
    np.testing.assert_allclose(z, [10.0, 100.0])
    z = Norm(5.0, 2.0).budget(np.array([6.0, 4.0]), np.zeros(2), np.array([9.0, 100.0]))
    np.testing.assert_allclose(z, [9.0, 12.0])  # 5 s / sqrt(81 + s^2) = 4 at s = 12


@pytest.mark.parametrize("p", EXPONENTS)
def test_lipschitz_constant_is_the_farthest_point_of_the_ball(p):
    g = Norm(2.0, p, [1.0, 0.5, 3.0])
    ways = np.random.default_rng(0).normal(size=(4000, 3))
    ends = ways * (2.0 / g.dual_norm(ways))[:, None]
    sizes = np.linalg.norm(np.concatenate([ends, np.diag([2.0, 1.0, 6.0]) if p >= 2 else ends]), axis=1)
    bound = g.lipschitz(3)
    assert sizes.max() <= bound * (1 + 1e-12)
    assert sizes.max() >= 0.97 * bound  # and it is nearly attained


def test_no_fairness_at_all():
    g = Norm(0.0)
    assert g.value(Y) == 0.0
    assert g.lipschitz(3) == 0.0
    assert g.conjugate(Y) == np.inf
    assert (g.centre(3) == 0.0).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"mu": -1.0}, ParameterError, ["mu", "-1", "[0"]),
        ({"mu": np.nan}, ParameterError, ["mu", "nan"]),
        ({"mu": "much"}, ParameterError, ["mu", "number", "much"]),
        ({"mu": 1.0, "p": 0.5}, ParameterError, ["p is 0.5", "[1, inf]"]),
        ({"mu": 1.0, "p": np.nan}, ParameterError, ["p is nan"]),
        ({"mu": 1.0, "p": "max"}, ParameterError, ["p", "max"]),
        ({"mu": 1.0, "p": None}, ParameterError, ["p", "None"]),
        ({"mu": 1.0, "weights": [1.0, -2.0]}, ProblemError, ["weights[1]", "-2", "at least 0"]),
        ({"mu": 1.0, "weights": [[1.0]]}, ParameterError, ["weights", "(1, 1)", "one number per entity"]),
    ],
)
def test_refuses(arguments, kind, words):
    with pytest.raises(kind) as caught:
        Norm(**arguments)
    assert all(word in str(caught.value) for word in words)


def test_weights_that_do_not_fit_the_burdens_are_named():
    with pytest.raises(EvenhandError, match=r"weights.*2.*3"):
        Norm(1.0, 2.0, [1.0, 1.0]).value(Y)
