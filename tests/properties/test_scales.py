"""Units do not matter: utilities in other units, resources in other units, any family, any fairness level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.utilities import CobbDouglas, Exponential, Log, Mixed, PiecewiseLinear, Power, Saturating

LEVELS = (0.0, 0.5, 1.0, 2.0, 8.0, 600.0, np.inf)
FAMILIES = ("power", "log", "saturating", "exponential", "pieces", "mixed")
levels = pytest.mark.parametrize("level", LEVELS)
families = pytest.mark.parametrize("family", FAMILIES)
drawn = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def utility(family, u, scale, unit=1.0):
    """n agents whose utility of unit · r does not depend on the unit (up to a constant for none of them).

    u: (n, 3) uniform numbers. On board everyone has at least one unit, where all of them are above 0.
    """
    n = len(u)
    if family == "power":
        gamma = 0.1 + 0.8 * u[:, 0]
        return Power(gamma, scale * unit**-gamma)
    if family == "log":  # log(shift + r) in other units is another function: it is kept apart
        return Log(1.0 + u[:, 0], scale)
    if family == "saturating":
        c = 0.2 + u[:, 1]
        return Saturating(1.0, 0.8 * (0.1 + 0.9 * u[:, 0]) * unit**c, c, scale)
    if family == "exponential":
        return Exponential(0.5 + u[:, 0], (0.1 + u[:, 1]) / unit, scale)
    if family == "pieces":
        at = unit * np.cumsum(
            np.concatenate([np.full((n, 1), 0.5), 0.5 + 3 * u[:, :2], 1 + 9 * u[:, 2:]], axis=1), axis=1
        )
        return PiecewiseLinear(at, np.tile([0.5, 1.3, 1.8, 2.0], (n, 1)) * (0.5 + u[:, :1]), scale)
    member = np.arange(n) % 3
    names = ("power", "saturating", "exponential")[: min(n, 3)]
    return Mixed([utility(f, u[member == j], scale[member == j], unit) for j, f in enumerate(names)], member)


@st.composite
def fleets(draw):
    n = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0.0, 0.3, 12.0]))
    return {
        "u": rng.random((n, 3)),
        "scale": 10.0 ** rng.uniform(-spread, spread, n),
        "onboard": 1.0 + rng.random(n),
        "weight": rng.choice([0.5, 1.0, 3.0], n),
        "upper": rng.choice([0.0, 0.7, 20.0, np.inf], n, p=[0.1, 0.2, 0.3, 0.4]),
        "capacity": float(n * 10.0 ** draw(st.floats(-2, 1.5))),
    }


def solved(family, d, level, money=1.0, unit=1.0):
    fleet = Fleet(
        utility(family, d["u"], d["scale"] * money, unit), d["onboard"] * unit, d["weight"], 0.0, d["upper"] * unit
    )
    return allocate(fleet, d["capacity"] * unit, level)


def assert_same(first, second, factor):
    """Equal shares, to what the price fixes: an agent that is indifferent (linear pieces, saturation) may differ."""
    scale = max(first.capacity[0] / first.fleet.n, 1e-300)
    np.testing.assert_allclose(second.x, factor * first.x, rtol=1e-7, atol=1e-7 * scale * factor)


@families
@levels
@drawn
@given(data=fleets(), power=st.sampled_from([-12, -5, 3, 12]))
def test_other_units_of_utility_change_nothing_but_the_numbers(family, level, data, power):
    one, other = solved(family, data, level), solved(family, data, level, money=10.0**power)
    assert one.status == other.status == "certified", (one.certificate, other.certificate)
    assert_same(one, other, 1.0)
    np.testing.assert_allclose(other.utility, 10.0**power * one.utility, rtol=1e-7)
    np.testing.assert_allclose(other.fairness.jain, one.fairness.jain, rtol=1e-7)
    np.testing.assert_allclose(other.fairness.gini, one.fairness.gini, atol=1e-7)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "log"])
@levels
@drawn
@given(data=fleets(), power=st.sampled_from([-12, -5, 3, 12]))
def test_other_units_of_the_resource_scale_the_shares(family, level, data, power):
    one, other = solved(family, data, level), solved(family, data, level, unit=10.0**power)
    assert one.status == other.status == "certified"
    assert_same(one, other, 10.0**power)
    np.testing.assert_allclose(other.utility, one.utility, rtol=1e-7)


@families
@drawn
@given(data=fleets())
def test_max_min_is_one_level_or_a_bound(family, data):
    """Who is inside its bounds has the level; who is above it has its lower bound, who is below its upper bound."""
    answer = solved(family, data, np.inf)
    f, u, x = answer.fleet, answer.utility, answer.x
    top = np.minimum(f.upper, answer.capacity[0])
    inside = (x > 0.0) & (x < top)
    best = f.utility.marginal((f.onboard + x) * (1 + 1e-9)) == 0.0  # nothing more to gain
    moved = inside & ~best
    assert np.sum(x) <= answer.capacity[0] * (1 + 1e-12)
    if np.any(moved):
        level = u[moved][0]
        np.testing.assert_allclose(u[moved], level, rtol=1e-9)
        assert np.all(u[x == 0.0][top[x == 0.0] > 0.0] >= level * (1 - 1e-9))
        assert np.all(u[(x == top) & (top > 0.0)] <= level * (1 + 1e-9))
        if family != "pieces":  # whose last knot is the end of all gain
            np.testing.assert_allclose(np.sum(x), answer.capacity[0], rtol=1e-12)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, 2.0, 8.0, 100.0])
@drawn
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), power=st.sampled_from([-12, -3, 6, 12]))
def test_several_resources_in_other_units(level, seed, n, power):
    """Cobb-Douglas: c · U and r · c with scales that undo it give the same split; concave at level 0 as well."""
    rng = np.random.default_rng(seed)
    g = rng.uniform(0.05, 0.45, (n, 2))
    scale, onboard = 10.0 ** rng.uniform(-0.3, 0.3, n), rng.uniform(0.05, 1.0, (n, 2))
    capacity, factor = rng.uniform(0.5, 3.0, 2) * n, 10.0**power
    one = allocate(Fleet(CobbDouglas(g, scale), onboard), capacity, level)
    money = allocate(Fleet(CobbDouglas(g, scale * factor), onboard), capacity, level)
    unit = np.array([factor, 1.0])
    moved = allocate(Fleet(CobbDouglas(g, scale * factor ** -g[:, 0]), onboard * unit), capacity * unit, level)
    for other, size in ((money, 1.0), (moved, unit)):
        assert one.status == other.status == "certified"
        np.testing.assert_allclose(other.x / size, one.x, rtol=1e-4, atol=1e-4)  # a gap of 1e-6 fixes no more
    np.testing.assert_allclose(money.utility, factor * one.utility, rtol=1e-4)
