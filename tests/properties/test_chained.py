"""OPT by the kernel that knows the chain is OPT by the general conic solver, on drawn horizons of every kind it takes."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import evenhand as eh
from evenhand.errors import EvenhandError
from evenhand.offline import optimum as verbs
from evenhand.offline import program
from evenhand.offline.chained import chained
from evenhand.offline.sizes import measure
from evenhand.offline.units import rescaled
from evenhand.units import Units

MOVES = {
    "squared": eh.Squared(1.0),
    "free": eh.Squared(0.0),
    "linear": eh.Linear(0.5),
    "ramp-up": eh.RampUp(1.0),
    "ramp-down": eh.RampDown(0.4),
    "sum": eh.Sum(eh.Squared(0.5), eh.RampUp(0.3)),
    "limited": eh.Sum(eh.Linear(0.1), eh.Limits(0.8, 0.9)),
    "waived": eh.Limits(2.0, 2.0, from_start=False),
}


def drawn(seed, switching):
    rng = np.random.default_rng(seed)
    T, n, m = int(rng.integers(1, 9)), int(rng.integers(1, 5)), int(rng.integers(1, 4))
    curved = rng.integers(0, 2) * rng.uniform(0.1, 2.0, (T, n))
    cost = eh.Quadratic(2.0 * rng.normal(size=(T, n)), curved)
    if rng.random() < 0.4:
        demand, price = rng.choice([0.0, 0.5, 1.5], (T, n)), rng.uniform(0.1, 3.0, (T, n))
        linear = rng.integers(0, 2) * rng.normal(size=(T, n))
        cost = eh.Unserved(demand, rng.integers(0, 2), rng.integers(0, 2) * price, linear, curved)
    diagonal = rng.random() < 0.5
    impact = eh.Diagonal(rng.uniform(0.0, 2.0, (T, n))) if diagonal else eh.Dense(rng.normal(size=(T, m, n)))
    m = n if diagonal else m
    upper = rng.uniform(0.5, 3.0, (T, n))
    share = rng.choice([0.0, 0.3, 0.9, 1.0], size=T)
    feasible = [
        eh.Box(np.zeros((T, n)), upper),
        eh.Budget(share * upper.sum(axis=1), upper),
        eh.Budget(share * upper.sum(axis=1), upper, equal=False),
        eh.Budget(rng.uniform(0.5, 3.0, T), np.full(n, np.inf)),
    ][rng.integers(0, 4)]
    curved = [eh.Norm(1.5, p=2), eh.Target(1.0, np.full(m, 0.5), p=2)]
    fairness = [
        *curved,
        eh.Norm(1.0),
        eh.Norm(2.0, p=1),
        eh.Norm(0.7, weights=rng.uniform(0.5, 2.0, m)),
        eh.Target(1.0, np.full(m, 0.5)),
        eh.Shortfall(3.0, np.full(m, 0.2)),
    ][rng.integers(0, 7)]
    setting = eh.Setting(T, switching=MOVES[switching], fairness=fairness, initial=0.5 * rng.random(n))
    return eh.Problem(setting, cost, impact, feasible)


@pytest.mark.parametrize("switching", MOVES)
@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_the_fast_path_is_the_general_one(switching, seed):
    problem = drawn(seed, switching)
    try:
        general = verbs._each(problem, lambda view, *_: program.whole(view, general=True), verbs.LIMIT, None)
    except EvenhandError:
        return  # limits that cannot be met
    fast = eh.optimum(problem)
    size = abs(float(general.cost.total)) + float(general.least)
    assert float(fast.cost.total) == pytest.approx(float(general.cost.total), abs=1e-7 * size)
    assert -1e-9 <= float(fast.gap) <= 1e-7


def test_it_takes_what_it_is_for():
    """Most horizons are answered by the kernel itself; the general solver is for what is left."""
    problems = [drawn(seed, switching) for seed in range(25) for switching in MOVES]
    taken = [chained(p, [measure(p).units]).fine[0] for p in problems]
    assert np.mean(taken) >= 0.9


def test_a_window_in_any_unit():
    problem = eh.load("geo7").window(0)
    expected = eh.optimum(problem)
    for action, money in ((1e-9, 1.0), (1e9, 1e-9), (1.0, 1e9)):
        units = Units(action, money, np.full(7, action))
        found = eh.optimum(rescaled(problem, units))
        assert float(found.cost.total) * money == pytest.approx(float(expected.cost.total), rel=1e-9)
        np.testing.assert_allclose(
            found.trajectory.actions * action, expected.trajectory.actions, rtol=0.0, atol=1e-6 * 10.0
        )


@pytest.mark.parametrize("seed", range(60))
def test_units_do_not_matter(seed):
    """A sample of benchmarks/rescaled.py: actions, money or both counted in 1e-9 ... 1e9 of their units."""
    problem, rng = drawn(seed // 2, list(MOVES)[seed // 2 % 6]), np.random.default_rng(seed)
    action, money = 10.0 ** rng.integers(-9, 10, size=2)
    expected = eh.optimum(problem)
    found = eh.optimum(rescaled(problem, Units(action, money, np.full(problem.impact.entities, action))))
    size = abs(float(expected.cost.total)) + float(expected.least)
    assert float(found.cost.total) * money == pytest.approx(float(expected.cost.total), abs=1e-7 * size)
    assert max(abs(float(found.gap)), abs(float(expected.gap))) <= 1e-8


@pytest.mark.parametrize("switching", ["squared", "linear"])
def test_together_or_alone_the_digits_are_the_same(switching):
    """Windows of a drawn trace, some with full capacity, some with no demand: solved at once, and one by one."""
    rng = np.random.default_rng(5)
    T, n = 24, 3
    upper = rng.uniform(0.5, 2.0, n)
    total = rng.choice([0.0, 0.4, 0.9, 1.0], T) * upper.sum()
    trace = eh.Problem(
        eh.Setting(T, switching=MOVES[switching], fairness=eh.Norm(1.0), initial=np.zeros(n)),
        eh.Quadratic(10.0 ** rng.uniform(-1, 2, (T, 1)) * rng.normal(size=(T, n)), 0.3),
        eh.Diagonal(rng.uniform(0.0, 2.0, (T, n))),
        eh.Budget(total, upper),
    )
    batch = trace.windows(6)
    together = eh.optimum(batch)
    for i in range(*batch.lead):
        alone = eh.optimum(batch.episode(i))
        np.testing.assert_array_equal(alone.trajectory.actions, together.trajectory.actions[i])
        np.testing.assert_array_equal(alone.kappa, together.kappa[i])
        assert alone.lower_bound == together.lower_bound[i]
        assert alone.iterations == together.iterations[i]


def test_one_episode_without_an_answer_leaves_the_others_alone():
    """The second of three cannot be served at all; its neighbours are solved as ever."""
    upper = np.ones((3, 2, 2))
    view = eh.Problem(
        eh.Setting(2, 1.0, eh.Norm(1.0), np.zeros(2)),
        eh.Quadratic(np.ones((3, 2, 2)), 1.0),
        eh.Diagonal(np.ones((3, 2, 2))),
        eh.Budget(np.ones((3, 2)), upper),
    )
    units = [Units(1.0, 1.0, np.ones(2))] * 3
    whole = chained(view, units)
    assert whole.fine.all()
    broken = eh.Budget(np.ones((3, 2)), np.where(np.arange(3)[:, None, None] == 1, 0.5, upper) * np.ones((3, 2, 2)))
    part = chained(replace(view, feasible=broken), units)
    np.testing.assert_array_equal(part.actions[[0, 2]], whole.actions[[0, 2]])
    np.testing.assert_allclose(part.actions[1], 0.5, rtol=1e-13)
