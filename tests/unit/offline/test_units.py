"""Units of an episode: what becomes of each family, and the problems on which absolute tolerances used to fail."""

from dataclasses import dataclass, replace

import cvxpy as cp
import numpy as np
import pytest

import evenhand as eh
from evenhand.core import Problem, Setting
from evenhand.costs.stretched import Stretched
from evenhand.offline.sizes import measure
from evenhand.offline.units import rescaled
from evenhand.switching.limits import Limits
from evenhand.switching.linear import Linear
from evenhand.switching.ramp import RampUp
from evenhand.switching.squared import Squared
from evenhand.switching.sum import Sum
from evenhand.switching.weighted import Weighted
from evenhand.units import Units, in_units

T, N = 6, 3
BY = Units(0.25, 8.0, np.array([4.0, 0.5, 2.0]))  # the entities' units may differ


def families():
    rng = np.random.default_rng(0)
    up = rng.uniform(0.5, 2.0, (T, N))
    linear, weight = rng.normal(size=(T, N)), rng.uniform(0.5, 2.0, (T, N))
    costs = {
        "quadratic": eh.Quadratic(linear, rng.uniform(0, 2, (T, N)), 3.0),
        "dense": eh.DenseQuadratic(np.broadcast_to(np.eye(N) + 0.3, (T, N, N)), linear, 1.0),
        "unserved": eh.Unserved(rng.uniform(0, 2, (T, N)), 1.0, 0.3, 0.2, 0.1),
        "pooled": eh.Pooled(rng.uniform(1, 3, T), np.abs(linear), 0.1, 1.5),
        "power": eh.UtilityCost(eh.Power(np.array([0.3, 0.5, 0.8])), weight, 0.1, 3.0),
        "log": eh.UtilityCost(eh.Log(), weight, 0.1, 3.0),
        "exponential": eh.UtilityCost(eh.Exponential(1.0, 2.0), weight, 0.1, 3.0),
        "saturating": eh.UtilityCost(eh.Saturating(1.0, 0.5, 0.7), weight, 0.1, 3.0),
        "convex": eh.Convex(lambda x, d: cp.norm1(x - d) + cp.sum_squares(x), np.abs(linear), N),
    }
    matrix = rng.normal(size=(T, N, N))
    impacts = {"diagonal": eh.Diagonal(weight), "dense": eh.Dense(matrix), "stacked": eh.Stacked(weight[:, None, :])}
    sets = {
        "box": eh.Box(np.zeros((T, N)), up),
        "budget": eh.Budget(0.5 * up.sum(-1), up),
        "polytope": eh.Polytope(rng.normal(size=(2, N)), -1.0, 1.0, 0.0, 1.0),
    }
    fair = {
        "norm": eh.Norm(1.3, 1.5, [0.5, 1.0, 2.0]),
        "target": eh.Target(1.2, [0.4, 0.1, 0.2], 2.0),
        "shortfall": eh.Shortfall(2.0, 0.6),
        "blocks": eh.Blocks((eh.Norm(1.0), eh.Norm(2.0, 2.0)), (1, 2)),
    }
    return costs, impacts, sets, fair


COSTS, IMPACTS, SETS, FAIR = families()
POINTS = np.random.default_rng(1).uniform(0.1, 1.0, (5, T, N))


@pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS)
def test_a_cost_has_the_same_value(cost):
    other = in_units(cost, BY)
    np.testing.assert_allclose(other.value(POINTS[0] / BY.action) * BY.money, cost.value(POINTS[0]), rtol=1e-12)
    slope = other.gradient(POINTS[0] / BY.action) * BY.money / BY.action
    np.testing.assert_allclose(slope, cost.gradient(POINTS[0]), rtol=1e-12)
    modulus = other.strong_convexity() * BY.money / BY.action**2
    np.testing.assert_allclose(modulus, cost.strong_convexity(), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("impact", IMPACTS.values(), ids=IMPACTS)
def test_an_impact_has_the_same_burden(impact):
    got = in_units(impact, BY).burden(POINTS / BY.action) * BY.burden
    np.testing.assert_allclose(got, impact.burden(POINTS), rtol=1e-13)


@pytest.mark.parametrize("feasible", SETS.values(), ids=SETS)
def test_a_set_has_the_same_support(feasible):
    ways = np.random.default_rng(2).normal(size=(T, N))
    other = in_units(feasible, BY)
    np.testing.assert_allclose(other.support(ways) * BY.action, feasible.support(ways), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(other.violation(POINTS / BY.action), feasible.violation(POINTS), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("g", FAIR.values(), ids=FAIR)
def test_a_fairness_cost_has_the_same_value_and_price(g):
    other = in_units(g, BY)
    y = np.random.default_rng(3).normal(size=(20, N))
    np.testing.assert_allclose(other.value(y / BY.burden) * BY.money, g.value(y), rtol=1e-13)
    price = g.subgradient(y)
    np.testing.assert_allclose(other.subgradient(y / BY.burden) * BY.price, price, rtol=1e-12, atol=1e-15)
    inside = other.conjugate(price / BY.price) * BY.money
    np.testing.assert_allclose(inside, g.conjugate(price), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "s",
    [Squared(3.0), Linear(2.0), Sum(RampUp(np.array([1.0, 2.0, 0.0])), Weighted(np.eye(N) + 0.2), Limits(rise=9.0))],
)
def test_a_switching_cost_has_the_same_value(s):
    other = s.moves.in_units(BY.action, BY.money)
    got = other.value(POINTS[0] / BY.action, POINTS[1] / BY.action) * BY.money
    np.testing.assert_allclose(got, s.value(POINTS[0], POINTS[1]), rtol=1e-13)
    np.testing.assert_array_equal(other.rise * BY.action, s.moves.rise)


@pytest.mark.parametrize("utility", [eh.Power(0.4), eh.Log(), eh.Exponential(1.0, 2.0), eh.Saturating(1.0, 0.5, 0.7)])
def test_a_stretched_utility_has_the_columns_of_its_marginal(utility):
    """The water-filling kernel, which reads the columns, equalises the marginals that the utility itself gives."""
    from evenhand.core import Round
    from evenhand.proximal import proximal

    weight = np.array([1.0, 2.0, 3.0])
    cost = eh.UtilityCost(Stretched(utility, 4.0), weight, 0.0, 9.0)
    x = proximal(Round(0, cost, eh.Diagonal(np.ones(N)), eh.Budget(2.0, np.full(N, 9.0))))
    level = weight * 4.0 * utility.marginal(4.0 * x)
    np.testing.assert_allclose(level, level[0], rtol=1e-9)


def plain(cost="quadratic", feasible="budget", g="norm", impact="diagonal"):
    return Problem(Setting(T, 0.7, FAIR[g], np.full(N, 0.2)), COSTS[cost], IMPACTS[impact], SETS[feasible])


@pytest.mark.parametrize("cost", [name for name in COSTS if name != "convex"])
@pytest.mark.parametrize("g", FAIR)
def test_every_family_has_the_same_optimum_in_every_unit(cost, g):
    one = plain(cost, "budget" if cost != "pooled" else "box", g)
    best = eh.optimum(one)
    size = max(float(best.cost.total), float(best.least))
    for action, money, burden in ((1e-9, 1.0, 1e9), (1e9, 1e-9, 1.0), (1.0, 1e9, 1e-9)):
        moved = eh.optimum(rescaled(one, Units(1 / action, 1 / money, np.full(N, 1 / burden))))
        assert moved.cost.total / money == pytest.approx(float(best.cost.total), abs=1e-7 * size)
        assert abs(moved.gap) <= 1e-7


def test_units_are_powers_of_two_and_follow_the_data():
    one = plain()
    here = measure(one).units
    moved = measure(rescaled(one, Units(2.0**-30, 2.0**20, np.full(N, 2.0**10)))).units
    assert np.log2([here.action, here.money, *here.burden]) % 1 == pytest.approx(0.0, abs=0)
    assert moved.action == here.action * 2.0**30
    assert moved.money == here.money * 2.0**-20
    np.testing.assert_array_equal(moved.burden, here.burden * 2.0**-10)
    alike = measure(one, alike=True).units.burden
    assert (alike == alike[0]).all()


@dataclass(frozen=True)
class Doubled:
    """A cost from elsewhere that knows its units."""

    factor: float

    def in_units(self, units):
        return Doubled(self.factor / units.money)


def test_a_family_from_elsewhere_brings_its_own_method_or_is_refused():
    assert in_units(Doubled(16.0), BY) == Doubled(2.0)
    with pytest.raises(eh.ProblemError, match=r"object has no method in_units"):
        in_units(object(), BY)


@pytest.mark.parametrize(
    "settings", [{"beta": 1e5}, {"beta": 1e9}, {"beta": 0.0, "alpha": 0.0}, {"mu": 1e-6}, {"mu": 1e6}]
)
def test_geo7_at_the_ends_of_its_parameters(settings):
    one = eh.load("geo7", **settings).window(12)
    assert abs(eh.optimum(one).gap) <= 1e-8
    fair = eh.fair_optimum(one)
    least = eh.fair_optimum(eh.load("geo7").window(12)).cost.fairness / eh.load("geo7").problem.setting.fairness.mu
    assert fair.cost.fairness / one.setting.fairness.mu == pytest.approx(float(least), rel=2e-5)


@pytest.mark.parametrize("start", [1e3, -1e3, 1e6])
def test_a_start_far_from_every_action(start):
    one = eh.load("geo7").window(0)
    far = replace(one, setting=replace(one.setting, initial=np.full(7, start)))
    assert abs(eh.optimum(far).gap) <= 1e-9
    assert eh.fair_optimum(far).cost.fairness >= eh.fair_optimum(one).cost.fairness * (1 - 1e-5)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_bounds_that_only_say_no_limit(unit):
    """Upper bounds of 10^12 of what is asked for: the units come from the answer."""
    rng = np.random.default_rng(4)
    asked = unit * rng.uniform(1, 2, (T, N))
    g, a = eh.Norm(0.3), eh.Diagonal(np.ones((T, N)))
    far, near = (
        eh.optimum(Problem(Setting(T, 1.0, g, np.zeros(N)), eh.Quadratic(-asked, 1.0), a, eh.Box(np.zeros(N), top)))
        for top in (np.full((T, N), 1e12 * unit), np.full((T, N), 5.0 * unit))
    )
    assert far.cost.total == pytest.approx(float(near.cost.total), rel=1e-9)


def test_an_optimum_that_costs_nothing_is_proved():
    still = Problem(
        Setting(4, 1.0, eh.Norm(2.0), np.zeros(1)), eh.Quadratic(np.zeros((4, 1)), 1.0), eh.Diagonal(np.ones((4, 1))),
        eh.Box(-np.ones((4, 1)), np.ones((4, 1))),
    )  # fmt: skip
    best = eh.optimum(still)
    assert best.cost.total == pytest.approx(0.0, abs=1e-12)
    assert abs(best.gap) <= 1e-6


def test_a_cost_that_falls_without_limit_is_unbounded_and_said_so():
    endless = Problem(
        Setting(2, 0.0, eh.Norm(0.1), np.zeros(1)), eh.Quadratic(np.full((2, 1), -1.0)), eh.Diagonal(np.ones((2, 1))),
        eh.Box(np.zeros((2, 1)), np.full((2, 1), np.inf)),
    )  # fmt: skip
    with pytest.raises(eh.InfeasibleError, match="unbounded"):
        eh.optimum(endless)


def test_a_gap_below_zero_is_an_error(monkeypatch):
    from evenhand.offline import optimum as module

    true = module.lower_bound_at
    monkeypatch.setattr(module, "lower_bound_at", lambda *a: true(*a) + 1e-3)
    with pytest.raises(eh.SolverError, match="below zero"):
        eh.optimum(plain())
