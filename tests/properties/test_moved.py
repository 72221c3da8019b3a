"""Step (3) with every switching cost on every pair of cost and set: the value of CVXPY, inside set and limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelled
import moving
from evenhand import (
    Diagonal,
    Norm,
    Quadratic,
    Round,
    Setting,
)
from evenhand.proximal import moved


def case(cost, feasible, family, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    previous = moving.start_of(n, rng)
    switching = moving.switching_of(family, n, rng)
    setting = Setting(3, switching=switching, fairness=Norm(1.0), initial=previous)
    round = Round(1, moving.cost_of(cost, n, rng), Diagonal(np.ones(n)), moving.set_of(feasible, n, previous, rng))
    return setting, round, previous, rng.normal(size=n), rng


@pytest.mark.parametrize("family", moving.FAMILIES)
@settings(max_examples=25)
@given(
    st.sampled_from(moving.PAIRS),
    st.integers(0, 2**20),
    st.sampled_from([(1.0, 0.0), (0.5, 0.0), (1.0, 0.7), (0.0, 0.0)]),
)
def test_least_value_inside_everything(family, pair, seed, weights):
    setting, round, previous, tilt, rng = case(*pair, family, seed)
    weight, pull = weights
    towards = rng.uniform(0, 1, previous.shape[0])
    x = moved(setting, round, previous, tilt, weight=weight, pull=pull, towards=towards)
    moves = setting.switching.moves
    assert round.feasible.violation(x) <= 1e-9
    assert moves.violation(x, previous) <= 1e-9
    if pair[0] == "convex":  # a quadratic in disguise
        n = previous.shape[0]
        plain = Quadratic(round.cost.data[:n], round.cost.data[n:], 1.0)
        round = Round(1, plain, round.impact, round.feasible)
    args = (weight, pull, towards)
    ours = modelled.round_value(round, moves, previous, tilt, x, *args)
    best = modelled.best_round(round, moves, previous, tilt, *args)
    # CVXPY's own gap is 1e-11 where it converges and 1e-8 at the corners of degenerate rounds
    assert ours <= best + 2e-8 * (1 + abs(best))
