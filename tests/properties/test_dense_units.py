"""Rounds for the dense solver: actions and money times 10^-9 to 10^9 change answers by rounding only."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand.proximal import proximal

factors = st.tuples(*[st.sampled_from([1e-9, 1e-4, 1e3, 1e9])] * 2)
COSTS = ("dense", "quadratic", "unserved", "pooled")


def parts(kind, seed, action, money):
    """Cost and polytope of one round in units of that size, curved enough for one answer; x times action, f money."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    root = rng.normal(size=(n, n))
    linear, demand = rng.normal(size=n), rng.uniform(0.1, 1.0, n)
    slope, bend = money / action, money / action**2
    if kind == "dense":
        cost = eh.DenseQuadratic(bend * (root @ root.T + 0.5 * np.eye(n)), slope * linear)
    elif kind == "quadratic":
        cost = eh.Quadratic(slope * linear, bend * rng.uniform(0.5, 2.0, n))
    elif kind == "unserved":
        cost = eh.Unserved(action * demand, bend * 2.0, slope * 0.3, slope * linear, bend * rng.uniform(0.5, 2.0, n))
    else:
        cost = eh.Pooled(
            action * demand.sum(), slope * linear, bend * rng.uniform(0.5, 2.0, n), rng.uniform(0.5, 2.0, n),
            bend * 2.0, slope * 0.3,
        )  # fmt: skip
    rows = rng.normal(size=(2, n))
    inside = rng.uniform(0.0, 1.0, n)
    low, high = rows @ inside - rng.uniform(0.0, 0.5, 2), rows @ inside + rng.uniform(0.0, 0.5, 2)
    return cost, eh.Polytope(rows, action * low, action * high, 0.0, action * np.ones(n)), n, rng.normal(size=n)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(COSTS), st.integers(0, 2**32 - 1), factors)
def test_units_do_not_matter_to_the_dense_solver(kind, seed, by):
    action, money = by
    found = []
    for unit, worth in ((1.0, 1.0), (action, money)):
        cost, feasible, n, tilt = parts(kind, seed, unit, worth)
        round = eh.Round(0, cost, eh.Diagonal(np.ones(n)), feasible)
        x = proximal(round, worth / unit * tilt, 0.7 * worth / unit**2, np.zeros(n))
        assert feasible.violation(x) <= 1e-9
        found.append(x / unit)
    assert np.abs(found[0] - found[1]).max() <= 1e-9
