"""Files as a user writes them, each beside the built-in family that it imitates: same optimum, same certificate."""

import numpy as np
import pytest

import evenhand as eh
from unit.plugins.own_cost import Missed
from unit.plugins.own_set import Shared

T, N = 6, 3
RNG = np.random.default_rng(5)
DEMAND, PRICE, WEIGHT = (RNG.uniform(0.2, 2.0, (T, N)) for _ in range(3))
LINEAR, UPPER = RNG.uniform(0.0, 1.0, (T, N)), RNG.uniform(1.0, 2.0, (T, N))
TOTAL = UPPER.sum(axis=-1) * RNG.uniform(0.3, 0.8, T)
IMPACT = eh.Diagonal(RNG.uniform(0.3, 1.5, (T, N)))
NORM = eh.Norm(1.5)


def episode(cost, feasible, fairness=NORM, **given):
    given = given or {"beta": 0.7}
    return eh.Problem(eh.Setting(T, fairness=fairness, initial=np.full(N, 0.2), **given), cost, IMPACT, feasible)


BUILT = episode(eh.Unserved(DEMAND, WEIGHT, PRICE), eh.Budget(TOTAL, UPPER))
QUADRATIC = episode(eh.Quadratic(LINEAR, 1.0), eh.Budget(TOTAL, UPPER))


def same(ours, theirs, rel=1e-8):
    """OPT, FairOPT, frames, both certificates."""
    for solve in (eh.optimum, eh.fair_optimum, lambda p: eh.optimum(p, frame=2, deviation=2.0)):
        a, b = solve(ours), solve(theirs)
        assert a.cost.total == pytest.approx(b.cost.total, rel=rel)
        assert a.lower_bound == pytest.approx(b.lower_bound, rel=1e-7)
        assert a.gap <= 1e-6 or solve is eh.fair_optimum
    for separable in (False, True):
        a, b = (eh.lower_bound(p, separable=separable).value for p in (ours, theirs))
        assert a == pytest.approx(b, rel=1e-7)


def test_a_cost_of_ones_own():
    same(episode(Missed(DEMAND, PRICE, WEIGHT), eh.Budget(TOTAL, UPPER)), BUILT)


def test_a_set_of_ones_own():
    same(episode(eh.Quadratic(LINEAR, 1.0), Shared(TOTAL, UPPER)), QUADRATIC)


def test_a_cost_on_a_set_both_of_ones_own():
    same(episode(Missed(DEMAND, PRICE, WEIGHT), Shared(TOTAL, UPPER)), BUILT)
