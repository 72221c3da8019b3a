"""The separable water-filling of utilities: closed forms, a plain NumPy twin, jumps, and the last bit of the sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from evenhand.core import Round
from evenhand.costs.quadratic import Quadratic
from evenhand.costs.utility import UtilityCost
from evenhand.errors import SolverError
from evenhand.impacts import Diagonal
from evenhand.proximal import proximal
from evenhand.sets import Box, Budget
from evenhand.utilities import (
    AlphaFair,
    Exponential,
    Fair,
    Log,
    Mixed,
    PiecewiseLinear,
    Power,
    Saturating,
)

FAMILIES = ("power", "log", "alpha_fair", "saturating", "exponential", "fair", "fair_exponential", "fair_log", "mixed")


def family(name, rng, n):
    gamma, k = rng.uniform(0.1, 0.9, n), rng.uniform(0.1, 3.0, n)
    return {
        "power": lambda: Power(gamma),
        "log": lambda: Log(k),
        "alpha_fair": lambda: AlphaFair(0.3 + k),
        "saturating": lambda: Saturating(np.ones(n), k, gamma),
        "exponential": lambda: Exponential(1.0 + gamma, k),
        "fair": lambda: Fair(Power(gamma), 2.0),
        "fair_exponential": lambda: Fair(Exponential(1.0 + gamma, k), 0.5),
        "fair_log": lambda: Fair(Log(1.0 + k), 1.0),
        "mixed": lambda: Mixed([Power(gamma[::2]), Log(k[1::2])], np.arange(n) % 2),
    }[name]()


def step(cost, feasible, *arguments):
    return proximal(Round(0, cost, Diagonal(np.zeros(feasible.upper.shape[-1])), feasible), *arguments)


def twin(cost, low, high, total, tilt, rho, anchor):
    """The same by nested Brent, one agent at a time, from the utility's marginal alone."""
    n = cost.weight.shape[-1]

    def shares(nu):
        out = np.empty(n)
        for i in range(n):
            u, one = cost.utility.take(np.array([i])), slice(i, i + 1)

            def slope(x, u=u, i=i, one=one):
                m = cost.weight[i] * float(u.marginal(cost.onboard[one] + x)[0])
                return m - tilt[i] - nu - rho * (x - anchor[i])

            if slope(low[i]) <= 0.0:
                out[i] = low[i]
            elif slope(high[i]) >= 0.0:
                out[i] = high[i]
            else:
                out[i] = brentq(slope, low[i], high[i], xtol=1e-15, rtol=1e-15)
        return out

    nu = brentq(lambda v: shares(v).sum() - total, -1e4, 1e4, xtol=1e-13, rtol=1e-14)
    return shares(nu)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_twin_agrees(name):
    rng = np.random.default_rng(3)
    n = 4
    cost = UtilityCost(family(name, rng, n), rng.uniform(0.3, 3.0, n), rng.uniform(0.05, 0.5, n), 9.0)
    for rho in (0.0, 0.2, 30.0):
        low, high = rng.uniform(0.0, 0.1, n), rng.uniform(0.5, 2.0, n)
        total = float(0.6 * high.sum())
        tilt, anchor = 0.3 * rng.normal(size=n), rng.uniform(-1.0, 2.0, n)
        x = step(cost, Budget(total, high, low), tilt, rho, anchor)
        assert x.sum() == pytest.approx(total, abs=4e-15)
        np.testing.assert_allclose(x, twin(cost, low, high, total, tilt, rho, anchor), atol=1e-7)


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=40, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10**6), log_rho=st.floats(-6, 6), equal=st.booleans())
def test_stationarity_in_every_family(name, seed, log_rho, equal):
    """The marginals of agents inside their bounds agree with one price, the others lean the right way."""
    rng = np.random.default_rng(seed)
    n, rho = 6, 10.0**log_rho
    cost = UtilityCost(family(name, rng, n), rng.uniform(0.1, 3.0, n), rng.uniform(0.05, 0.5, n), 9.0)
    high = rng.uniform(0.5, 2.0, n)
    total = float(rng.uniform(0.1, 0.9) * high.sum())
    tilt, anchor = rng.normal(size=n), rng.uniform(-1.0, 2.0, n)
    x = step(cost, Budget(total, high, equal=equal), tilt, rho, anchor)
    assert (x >= 0.0).all()
    assert (x <= high).all()
    assert x.sum() <= total * (1.0 + 1e-14)
    want = -cost.gradient(x) - tilt - rho * (x - anchor)
    scale = 1e-8 * (1.0 + rho)
    tight = equal or x.sum() >= total * (1.0 - 1e-14)
    inside = (x > 0.0) & (x < high)
    nu = float(np.median(want[inside])) if inside.any() else None
    if not tight:
        nu = 0.0
    if equal:
        assert x.sum() == pytest.approx(total, rel=1e-14)
    if nu is not None:
        assert np.abs(want[inside] - nu).max(initial=0.0) <= scale * (1.0 + abs(nu))
        assert (want[x == 0.0] <= nu + scale * (1.0 + abs(nu))).all()
        assert (want[x == high] >= nu - scale * (1.0 + abs(nu))).all()
        assert equal or nu >= -scale


def test_log_utility_splits_by_weight():
    w = np.array([1.0, 2.0, 5.0])
    x = step(UtilityCost(Log(), w, 0.0, 100.0), Budget(16.0, np.full(3, np.inf)))
    np.testing.assert_allclose(x, 2.0 * w, rtol=1e-15)


def test_no_work_is_the_quadratic_route():
    """Without weights only the proximal term is left: the same answer as the quadratic kernel."""
    rng = np.random.default_rng(0)
    anchor, tilt = rng.normal(size=(20, 5)), rng.normal(size=(20, 5))
    feasible = Budget(rng.uniform(1.0, 4.0, 20), np.ones((20, 5)))
    mine = step(UtilityCost(Power(0.5), np.zeros(5), 0.0, 1.0), feasible, tilt, 2.0, anchor)
    theirs = step(Quadratic(np.zeros(5)), feasible, tilt, 2.0, anchor)
    np.testing.assert_allclose(mine, theirs, atol=2e-15)


def test_batches_are_the_single_rounds_bit_for_bit():
    rng = np.random.default_rng(1)
    cost = UtilityCost(Power(rng.uniform(0.2, 0.8, 6)), rng.uniform(0.1, 2.0, (9, 6)), 0.1, 5.0)
    total, high, rho = rng.uniform(1.0, 5.0, 9), rng.uniform(1.0, 2.0, (9, 6)), rng.uniform(0.1, 3.0, (9, 1))
    many = step(cost, Budget(total, high), 0.0, rho, 0.5)
    for t in range(9):
        one = UtilityCost(cost.utility, cost.weight[t], 0.1, 5.0)
        np.testing.assert_array_equal(step(one, Budget(total[t], high[t]), 0.0, rho[t, 0], 0.5), many[t])


def test_linear_pieces_are_split_at_the_jump():
    """Slopes 2 to 1 and 1 beyond: at a total of 3 both steep pieces are full and the flat ones share the rest."""
    u = PiecewiseLinear(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 4.0]))
    cost = UtilityCost(u, np.ones(2), 0.0, 3.0)
    x = step(cost, Budget(3.0, np.full(2, 3.0)))
    assert x.sum() == pytest.approx(3.0, abs=1e-15)
    assert (x >= 1.0 - 1e-12).all()
    # with a proximal term the split of the tie is unique: nearest to the anchor
    x = step(cost, Budget(3.0, np.full(2, 3.0)), 0.0, 1e-3, np.array([0.0, 1.0]))
    np.testing.assert_allclose(x, [1.0, 2.0], atol=1e-9)
    assert step(cost, Budget(10.0, np.full(2, 9.0), equal=False)).tolist() == [3.0, 3.0]  # no more is of use


def test_a_box_needs_no_price():
    cost = UtilityCost(Power(0.5), np.ones(3), 0.0, 9.0)
    assert step(cost, Box(np.zeros(3), np.full(3, 2.0))).tolist() == [2.0, 2.0, 2.0]
    x = step(cost, Box(np.zeros(3), np.full(3, 9.0)), np.full(3, 0.25))
    np.testing.assert_allclose(x, 4.0, rtol=1e-14)  # x^(-1/2) / 2 = 1/4
    with pytest.raises(Exception, match="unbounded"):
        step(cost, Box(np.zeros(3), np.full(3, np.inf)))


def test_totals_at_the_bounds():
    cost = UtilityCost(Power(0.5), np.ones(2), 0.0, 9.0)
    assert step(cost, Budget(0.0, np.ones(2))).tolist() == [0.0, 0.0]
    assert step(cost, Budget(2.0, np.ones(2))).tolist() == [1.0, 1.0]


def test_idle_agents_and_full_ones_leave_the_budget_met():
    """At the price 0 an agent without weight takes anything; at any price below its marginal the other is full."""
    cost = UtilityCost(Power(np.array([0.5, 0.5])), [0.0, 1.0], [1.0, 1.0], [3.0, 3.0])
    assert step(cost, Budget(3.0, [2.0, 2.0])).tolist() == [1.0, 2.0]
    pieces = PiecewiseLinear(np.array([0.0, 1.0]), np.array([0.0, 2.0]))  # nothing beyond 1 is of use
    x = step(UtilityCost(pieces, np.ones(2), 0.0, 1.0), Budget(3.0, np.full(2, 2.0)))
    assert x.sum() == 3.0
    assert (x >= 1.0).all()


@pytest.mark.parametrize("gamma", [0.95, 0.999, 1.0 - 1e-6, 1.0 - 1e-9])
def test_exponents_near_one_are_not_unbounded(gamma):
    cost = UtilityCost(Power(np.array([0.5, gamma])), [2.1, 1.5], 0.0, 9.0)
    tilt = np.array([0.0, 127.0])
    np.testing.assert_allclose(step(cost, Budget(7.2, [6.0, 7.0]), tilt, 1.0, 0.0), [6.0, 1.2], rtol=1e-15)


def test_every_agent_keeps_its_own_rho():
    cost = UtilityCost(Power(0.5), np.zeros(3), 0.0, 9.0)
    rho, anchor = np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.5, -1.0])
    theirs = step(Quadratic(np.zeros(3)), Budget(2.0, np.full(3, 9.0), -9.0), 0.3, rho, anchor)
    mine = step(cost, Budget(2.0, np.full(3, 9.0), -9.0), 0.3, rho, anchor)
    np.testing.assert_allclose(mine, theirs, rtol=1e-14)
    single = step(cost, Budget(2.0, np.full(3, 9.0)), 0.3, rho[:1], anchor)
    np.testing.assert_array_equal(single, step(cost, Budget(2.0, np.full(3, 9.0)), 0.3, 1.0, anchor))


def test_only_an_unbounded_round_is_called_so():
    cost = UtilityCost(Power(0.99), np.ones(1), 0.0, 9.0)
    with pytest.raises(SolverError, match="unbounded"):
        step(cost, Box(np.zeros(1), np.full(1, np.inf)), -1.0)
    with pytest.raises(SolverError, match="largest float"):  # (0.99 / 1e-9)^100
        step(cost, Box(np.zeros(1), np.full(1, np.inf)), 1e-9)
    assert step(cost, Budget(3.0, np.full(1, np.inf))).tolist() == [3.0]


@st.composite
def harsh(draw):
    """Rounds with idle agents, exponents near one, tilts that dwarf the marginals, corners, a rho for each agent."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 5))
    name = draw(st.sampled_from([*FAMILIES[:-1], "pieces", "steep"]))
    near_one = 1.0 - 0.9 * 10.0 ** rng.uniform(-6, 0, n)
    special = {
        "pieces": PiecewiseLinear(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 3.0])),
        "steep": Power(near_one),
    }
    utility = special[name] if name in special else family(name, rng, n)
    weight = rng.uniform(0.1, 3.0, n) * (rng.random(n) > 0.25)
    cost = UtilityCost(utility, weight, rng.uniform(0.05, 0.5, n), 9.0)
    high = rng.uniform(0.2, 3.0, n) * 10.0 ** draw(st.sampled_from([0, 0, 0, 2, -4]))
    low = draw(st.sampled_from([0.0, 0.0, 0.05])) * high
    share = draw(st.sampled_from([0.0, 1.0, 0.5, rng.random(), 10.0 ** rng.uniform(-9, 0)]))
    total = float(low.sum() + share * (high - low).sum())
    if draw(st.integers(0, 4)) == 0:
        k = draw(st.integers(0, n))
        total = float(high[:k].sum() + low[k:].sum())
    total = min(max(total, float(low.sum())), float(high.sum()))
    tilt = rng.normal(size=n) * 10.0 ** draw(st.sampled_from([-3, 0, 0, 2, 6, 12]))
    tilt = np.round(tilt) if draw(st.booleans()) else tilt
    rho = draw(st.sampled_from([0.0, 0.0, 1.0, 10.0 ** rng.uniform(-6, 6)])) * rng.uniform(0.5, 2.0, n)
    return cost, low, high, total, tilt, rho, rng.uniform(-1.0, 2.0, n), draw(st.booleans())


@settings(max_examples=800, derandomize=True, deadline=None)
@given(harsh())
def test_the_budget_and_the_conditions_hold_on_harsh_rounds(case):
    """Nobody who could give wants its last bit less than anybody who could take wants one more, nor below nothing."""
    cost, low, high, total, tilt, rho, anchor, equal = case
    x = step(cost, Budget(total, high, low, equal=equal), tilt, rho, anchor)
    size = max(total, float(np.abs(x).sum()))
    assert (x >= low).all()
    assert (x <= high).all()
    gap = float(x.sum()) - total
    assert gap <= 4e-15 * size
    assert not equal or gap >= -4e-15 * size
    hair = 1e-9 * max(size, 1e-300)

    def want(x):
        with np.errstate(all="ignore"):
            return -cost.gradient(x) - tilt - rho * (x - anchor)

    less, more = want(np.maximum(x - hair, -cost.onboard)), want(x + hair)
    keeps = float((less + 1e-9 * np.abs(less))[x - hair > low].min(initial=np.inf))
    lacks = float((more - 1e-9 * np.abs(more))[x + hair < high].max(initial=-np.inf))
    if equal or gap >= -4e-15 * size:
        assert lacks <= keeps
    else:
        assert lacks <= 1e-9 * (1.0 + np.abs(tilt).max())
    assert equal or keeps >= -1e-9 * (1.0 + np.abs(tilt).max())
