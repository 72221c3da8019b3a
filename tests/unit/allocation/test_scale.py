"""A scale is not a weight: closed forms with scaled utilities, in Python, tables, fits, costs and cones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evenhand.allocation.certificate import certify
from evenhand.allocation.fitting import fit_groups, fleet_of
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.network.solve import solve as solve_network
from evenhand.allocation.solve import allocate
from evenhand.allocation.table import fleet_from_table
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ParameterError, ProblemError
from evenhand.kernels.response import responses
from evenhand.report.fit import agents_frame
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

SCALE = np.array([0.5, 3.0, 20.0])
PLAIN = {
    "power": Power(0.5),
    "log": Log([1.0, 1.5, 2.0]),
    "alpha-fair": AlphaFair([0.2, 0.5, 0.8]),
    "saturating": Saturating(1.0, 0.2, [0.5, 1.0, 1.5]),
    "exponential": Exponential([1.0, 2.0, 3.0], 0.5),
    "pieces": PiecewiseLinear([1.0, 2.0, 4.0], [1.0, 1.5, 2.0]),
    "own pieces": PiecewiseLinear([[1.0, 2.0, 4.0]] * 3, [[1.0, 1.5, 2.0], [1.0, 1.2, 1.3], [2.0, 3.0, 3.5]]),
    "custom": Custom(lambda r, k: np.log1p(k * r), lambda r, k: k / (1 + k * r), [[0.5, 1.0, 2.0]]),
    "mixed": Mixed([Power(0.5), Exponential(1.0, 1.0)], [0, 1, 0]),
}


def with_scale(u):
    """The same utility with one scale an agent, built by the constructor."""
    if isinstance(u, Power):
        return Power(u.gamma, SCALE)
    if isinstance(u, Log):
        return Log(u.shift, SCALE)
    if isinstance(u, AlphaFair):
        return AlphaFair(u.alpha, SCALE)
    if isinstance(u, Saturating):
        return Saturating(u.a, u.b, u.c, SCALE)
    if isinstance(u, Exponential):
        return Exponential(u.a, u.k, SCALE)
    if isinstance(u, PiecewiseLinear):
        return PiecewiseLinear(u.at, u.level, SCALE)
    if isinstance(u, Custom):
        return Custom(u.value_function, u.marginal_function, u.parameters, SCALE)
    return Mixed([Power(0.5, SCALE[[0, 2]]), Exponential(1.0, 1.0, SCALE[1])], [0, 1, 0])


@pytest.mark.parametrize("name", PLAIN)
def test_a_scale_multiplies_value_marginal_curvature_and_nothing_else(name):
    u, s, r = PLAIN[name], with_scale(PLAIN[name]), np.array([1.3, 2.2, 3.1])
    np.testing.assert_allclose(s.value(r), SCALE * u.value(r), rtol=1e-15)
    np.testing.assert_allclose(s.marginal(r), SCALE * u.marginal(r), rtol=1e-15)
    bend = SCALE * u.curvature(r)  # of Custom a difference quotient
    np.testing.assert_allclose(s.curvature(r), bend, rtol=1e-9 if name == "custom" else 1e-13)
    np.testing.assert_allclose(s.invert(s.value(r)), u.invert(u.value(r)), rtol=1e-12)
    price = np.array([0.05, 0.1, 0.2])
    np.testing.assert_allclose(s.demand(SCALE * price), u.demand(price), rtol=1e-13)
    np.testing.assert_allclose(s.take([2, 0]).value(r[[2, 0]]), s.value(r)[[2, 0]], rtol=0)
    np.testing.assert_allclose(s.scaled(7.0).value(r), 7.0 * s.value(r), rtol=1e-15)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0, 8.0])
@pytest.mark.parametrize("name", [n for n in PLAIN if n != "custom"])
def test_compiled_columns_are_those_of_the_transform(name, alpha):
    """The kernel's answer to the marginal of φ_α(scale · U) at r is r."""
    s, r = with_scale(PLAIN[name]), np.array([1.3, 2.2, 3.1])
    t = np.log(Fair(s, alpha).marginal(r))
    c, found = s.columns(np.zeros(3), alpha), np.empty(3)
    responses(*c, np.zeros((4, 0)), t, found)
    pieces = np.isin(np.broadcast_to(c.code, 3), [5]) if alpha == 0.0 else np.zeros(3, dtype=bool)
    np.testing.assert_allclose(found[~pieces], r[~pieces], rtol=1e-10)
    if alpha == 0.0 and pieces.any():  # a step: the end of the piece that r lies on
        np.testing.assert_allclose(found[pieces], s.demand(s.marginal(r))[pieces], rtol=1e-12)


@pytest.mark.parametrize(
    ("alpha", "x"),
    [
        (0.0, [40 / 10001, 400000 / 10001]),
        (1.0, [20.0, 20.0]),
        (np.inf, [400000 / 10001, 40 / 10001]),
        # c^(1−α) r^((1−α)/2 − 1) equal: r ∝ c^(2(1−α)/(1+α))
        (0.5, [40 / (1 + 100 ** (2 / 3)), 40 * 100 ** (2 / 3) / (1 + 100 ** (2 / 3))]),
        (3.0, [20.0 * 2 * 100 / 101, 40 / 101]),
    ],
)
def test_a_root_and_a_hundred_roots(alpha, x):
    fleet = Fleet(Power(0.5, [1.0, 100.0]))
    answer = allocate(fleet, 40.0, alpha)
    np.testing.assert_allclose(answer.x, x, rtol=1e-12)
    np.testing.assert_allclose(answer.utility, np.array([1.0, 100.0]) * np.sqrt(x), rtol=1e-12)
    assert answer.status == "certified"
    if alpha == 1.0:  # utilities 1 : 100
        np.testing.assert_allclose(answer.fairness.jain, 101**2 / (2 * (1 + 100**2)), rtol=1e-12)
        np.testing.assert_allclose(answer.fairness.ratio, 100.0, rtol=1e-12)


@pytest.mark.parametrize(("alpha", "x"), [(1.0, [20.0, 20.0]), (np.inf, [400000 / 10001, 40 / 10001])])
def test_a_fit_keeps_its_scale_apart_from_the_weight(alpha, x):
    r = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
    fits = fit_groups(
        np.tile(r, 2), np.concatenate([np.sqrt(r), 100 * np.sqrt(r)]), ["small"] * 7 + ["big"] * 7, "power"
    )
    frame = agents_frame(fits)
    assert "weight" not in frame.columns
    np.testing.assert_allclose(frame["scale"], [1.0, 100.0], rtol=1e-6)
    for fleet in (fleet_of(fits), fleet_from_table(frame)):
        np.testing.assert_array_equal(fleet.weight, 1.0)
        np.testing.assert_allclose(allocate(fleet, 40.0, alpha).x, x, rtol=1e-5)


def test_a_table_has_scales_for_one_and_for_several_resources():
    one = fleet_from_table(pd.DataFrame({"agent": ["a", "b"], "gamma": [0.5, 0.5], "scale": [1.0, 100.0]}))
    np.testing.assert_allclose(allocate(one, 40.0, 1.0).x, 20.0)
    two = fleet_from_table(
        pd.DataFrame({"agent": ["a", "b"], "gamma_x": 0.3, "gamma_y": 0.4, "scale": [2.0, np.nan], "weight": [1, 3]})
    )
    np.testing.assert_array_equal(two.utility.scale, [2.0, 1.0])
    with pytest.raises(ProblemError, match=r"row 3, column 'scale' = 0.0; give a finite number above 0"):
        fleet_from_table(pd.DataFrame({"agent": ["a", "b"], "gamma": [0.5, 0.5], "scale": [1.0, 0.0]}))
    with pytest.raises(ParameterError, match=r"Power: scale\[1\] = -1.0 is outside its domain; give scale > 0"):
        Power(0.5, [1.0, -1.0])
    with pytest.raises(ParameterError, match="scale has 3"):
        Power([0.5, 0.5], SCALE)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 3.0, 8.0])
def test_several_resources_count_a_scale_with_its_power(alpha):
    """Equal exponents: r_ik ∝ (w c^(1−α))^(1/(1 − (1−α)Σγ)), the same for every resource."""
    g, c, w = np.tile([0.3, 0.4], (3, 1)), SCALE, np.array([1.0, 2.0, 0.5])
    answer = allocate(Fleet(CobbDouglas(g, c), weight=w), [6.0, 9.0], alpha)
    part = (w * c ** (1 - alpha)) ** (1 / (1 - (1 - alpha) * 0.7))
    np.testing.assert_allclose(answer.x, part[:, None] / part.sum() * np.array([6.0, 9.0]), rtol=1e-6)
    assert answer.status == "certified"
    np.testing.assert_allclose(answer.utility, c * np.prod(answer.x**g, axis=1), rtol=1e-14)


def test_alternate_search_counts_a_scale():
    """Not concave at level 0: a scale multiplies what an agent is worth as a weight does."""
    g = np.array([[0.8, 0.7], [0.6, 0.9], [0.7, 0.7]])
    scaled = allocate(Fleet(CobbDouglas(g, SCALE), 0.2), [4.0, 3.0])
    weighted = allocate(Fleet(CobbDouglas(g), 0.2, SCALE), [4.0, 3.0])
    assert scaled.status == "bounded"
    np.testing.assert_allclose(scaled.x, weighted.x, rtol=1e-9)


def test_explanations_and_certificates_are_of_the_scaled_utility():
    fleet = Fleet(Log(0.0, [1.0, 3.0]), names=["a", "b"])
    answer = allocate(fleet, 4.0)
    np.testing.assert_allclose(answer.x, [1.0, 3.0], rtol=1e-12)
    assert answer.price == pytest.approx(1.0)
    assert "one more unit of capacity would give it 0.75" in answer.explain("b")
    proof = certify(fleet, 4.0, [2.0, 2.0], [1.0])
    missed = 3 * np.log(3) - 4 * np.log(2)
    assert proof.primal_objective == pytest.approx(4 * np.log(2))
    assert proof.dual_objective == pytest.approx(4 * np.log(2) + missed)
    assert not proof.proves()


def test_a_network_counts_a_scale():
    got = solve_network(Log(0.0, [1.0, 3.0]), np.ones((1, 2)), 4.0, tol=1e-10)
    np.testing.assert_allclose(got.x, [1.0, 3.0], rtol=1e-5)


def test_over_time_and_in_cones():
    """The hitting cost and its cones are those of the scaled utility: cost · v = −w U up to constants."""
    u = Mixed(
        [Power([0.5], [3.0]), Exponential(2.0, 0.5, [7.0]), Log(1.0, [5.0]), Saturating(1.0, 0.5, 1.5, [2.0])],
        [0, 1, 2, 3],
    )
    n, w, best = 4, np.array([1.0, 2.0, 0.5, 3.0]), np.full(4, 9.0)
    cost = UtilityCost(u, w, np.zeros(n), best)
    x = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(cost.lack(x), w * (u.value(best) - u.value(x)), rtol=1e-14)
    np.testing.assert_allclose(cost.gradient(x), -w * u.marginal(x), rtol=1e-14)
    one = UtilityCost(u, w[None, :], np.zeros((1, n)), best[None, :])
    worth = one.conic().slope[n:]
    at = np.stack([x, x + 0.5])
    v = np.stack([at[:, 0] ** 0.5, np.exp(-0.5 * at[:, 1]), np.log1p(at[:, 2]), at[:, 3] ** -1.5], axis=1)
    gained = -w * (u.value(at[1]) - u.value(at[0]))
    np.testing.assert_allclose(worth * (v[1] - v[0]), gained, rtol=1e-12)
