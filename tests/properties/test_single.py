"""Drawn problems: every answer is feasible, exact and proved optimal by its own certificate."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.allocation.baselines import BASELINES
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.utilities import AlphaFair, Exponential, Log, Mixed, PiecewiseLinear, Power, Saturating

quick = settings(max_examples=150, deadline=None, derandomize=True)


@st.composite
def fleets(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 12))
    kind = draw(st.sampled_from(["power", "log", "alpha", "saturating", "exponential", "pieces", "mixed"]))
    made = {
        "power": lambda m: Power(rng.uniform(0.02, 0.98, m)),
        "log": lambda m: Log(rng.choice([0.0, 1.0], m)),
        "alpha": lambda m: AlphaFair(rng.uniform(0.1, 3, m)),
        "saturating": lambda m: Saturating(1.0, rng.uniform(0.01, 0.5, m), rng.uniform(0.1, 3, m)),
        "exponential": lambda m: Exponential(rng.uniform(0.1, 2, m), 10 ** rng.uniform(-2, 2, m)),
        "pieces": lambda m: PiecewiseLinear(rng.uniform(0, 3, (m, 4)).round(1), rng.uniform(0, 1, (m, 4)).round(1)),
    }
    if kind == "mixed":
        member = np.sort(rng.integers(0, 6, n))
        parts = [f(max(int(np.sum(member == j)), 1)) for j, f in enumerate(made.values())]
        utility = Mixed(parts, member) if all(np.any(member == j) for j in range(6)) else made["power"](n)
    else:
        utility = made[kind](n)
    scale = 10.0 ** draw(st.integers(-3, 3))
    onboard = rng.uniform(0.01, 1, n) * rng.choice([1e-3, 1.0, 10.0])
    lower = rng.choice([0.0, 0.1], n) * scale
    upper = lower + rng.choice([0.0, 0.5, np.inf], n) * scale
    weight = rng.uniform(0.1, 3, n) * rng.choice([0.0, 1.0], n, p=[0.1, 0.9])
    weight[0] = 1.0
    room = np.sum(np.minimum(upper, scale))
    capacity = float(
        np.sum(lower) + draw(st.sampled_from([0.0, 0.01, 0.5, 0.99, 1.0])) * max(room - np.sum(lower), 0.0)
    )
    return Fleet(utility, onboard, weight, lower, upper), capacity


@quick
@given(fleets())
def test_the_certificate_proves_the_answer(case):
    fleet, capacity = case
    answer = allocate(fleet, capacity)
    c = answer.certificate
    assert np.all(answer.x >= fleet.lower)
    assert np.all(answer.x <= fleet.upper)
    assert c.primal <= 1e-14 * fleet.n
    assert c.dual == 0.0
    assert c.slackness <= 1e-13 * fleet.n  # Σ x = C to rounding wherever there is a price
    assert c.gap <= 1e-10  # exponents up to 100 amplify the price's rounding a hundredfold
    assert answer.status == "certified"


@quick
@given(fleets())
def test_no_baseline_does_better(case):
    fleet, capacity = case
    best = allocate(fleet, capacity).certificate.primal_objective
    for rule in BASELINES.values():
        other = rule(fleet, capacity)
        assert np.all(other.x >= fleet.lower - 1e-12)
        assert np.all(other.x <= fleet.upper + 1e-12)
        assert np.sum(other.x) <= capacity * (1 + 1e-12)
        assert other.certificate.primal_objective <= best + 1e-9 * max(1.0, abs(best))


@quick
@given(fleets(), st.floats(1.01, 3.0))
def test_more_capacity_never_hurts_anyone(case, factor):
    fleet, capacity = case
    less, more = allocate(fleet, capacity), allocate(fleet, capacity * factor)
    assert np.all(more.x >= less.x - 1e-9 * max(capacity, 1e-3))
    if np.isfinite(less.price):
        assert more.price <= less.price * (1 + 1e-9)


@quick
@given(fleets())
def test_the_order_of_the_agents_does_not_matter(case):
    fleet, capacity = case
    order = np.random.default_rng(0).permutation(fleet.n)
    here, there = allocate(fleet, capacity), allocate(fleet.take(order), capacity)
    np.testing.assert_allclose(there.x, here.x[order], rtol=1e-9, atol=1e-10 * max(capacity, 1e-3))
