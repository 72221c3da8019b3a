"""Step (3) with every switching cost on every pair of cost and set: the value of CVXPY, inside set and limits."""

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelled
from evenhand import (
    Box,
    Budget,
    Convex,
    DenseQuadratic,
    Diagonal,
    Limits,
    Linear,
    Norm,
    Polytope,
    Pooled,
    Power,
    Quadratic,
    RampDown,
    RampUp,
    Round,
    Setting,
    Squared,
    Sum,
    Unserved,
    UtilityCost,
    Weighted,
)
from evenhand.proximal import moved

COSTS = ("quadratic", "dense", "unserved", "pooled", "utility", "convex")
SETS = ("equal", "at most", "box", "polytope")
FAMILIES = ("squared", "weighted", "matrix", "linear", "up", "down", "sum", "limits", "all")


def switching_of(kind, n, rng):
    """A drawn member of a family, over n actions of size one; limits wide enough to be met."""
    c = rng.uniform(0.0, 2.0, n) * (rng.uniform(size=n) < 0.8)
    root = rng.normal(size=(n, n))
    limits = Limits(rise=rng.uniform(0.3, 2.0, n), fall=rng.uniform(0.3, 2.0))
    return {
        "squared": lambda: Squared(rng.uniform(0, 3)),
        "weighted": lambda: Weighted(c),
        "matrix": lambda: Weighted(root @ root.T),
        "linear": lambda: Linear(c),
        "up": lambda: RampUp(rng.uniform(0, 2)),
        "down": lambda: RampDown(c),
        "sum": lambda: Sum(Squared(0.3), RampUp(c), RampDown(0.1)),
        "limits": lambda: limits,
        "all": lambda: Sum(Weighted(root @ root.T), Squared(0.2), Linear(c), RampUp(0.3), limits),
    }[kind]()


def cost_of(kind, n, rng):
    linear, bend = rng.normal(size=n), rng.uniform(0.0, 2.0, n) * (rng.uniform(size=n) < 0.7)
    if kind == "quadratic":
        return Quadratic(linear, bend, 1.0)
    if kind == "dense":
        root = rng.normal(size=(n, n))
        return DenseQuadratic(root @ root.T, linear, 1.0)
    if kind == "unserved":
        return Unserved(
            rng.uniform(0, 1.5, n), rng.uniform(0, 2, n) * rng.integers(0, 2), rng.uniform(0, 1, n), linear, bend
        )
    if kind == "pooled":
        return Pooled(rng.uniform(0, 2), linear, bend, 1.0, rng.uniform(0, 2) * rng.integers(0, 2), rng.uniform(0, 2))
    if kind == "utility":
        return UtilityCost(Power(rng.choice([0.25, 0.5, 0.75], n)), rng.uniform(0.2, 2, n), rng.uniform(0.1, 1, n), 4.0)
    return Convex(
        lambda x, d: d[:n] @ x + 0.5 * cp.sum(cp.multiply(d[n:], x**2)) + 1.0, np.concatenate([linear, bend]), n
    )


def set_of(kind, n, previous, rng):
    """A set that holds the previous action, so that any limits leave something."""
    upper = previous + rng.uniform(0.0, 1.5, n) * (rng.uniform(size=n) < 0.9)
    lower = previous * rng.choice([0.0, 1.0, 0.5], n)
    if kind == "box":
        return Box(lower, upper)
    if kind == "polytope":
        rows = rng.normal(size=(2, n))
        at = rows @ previous
        return Polytope(rows, [at[0] - 0.5, -np.inf], at + np.array([0.7, 0.0]), lower, upper)
    total = previous.sum() + rng.choice([0.0, 0.1 * (upper - previous).sum(), 0.1 * (lower - previous).sum()])
    return Budget(total, upper, lower, equal=kind == "equal")


def case(cost, feasible, family, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    previous = rng.uniform(0.0, 1.0, n) * (rng.uniform(size=n) < 0.8)
    switching = switching_of(family, n, rng)
    setting = Setting(3, switching=switching, fairness=Norm(1.0), initial=previous)
    round = Round(1, cost_of(cost, n, rng), Diagonal(np.ones(n)), set_of(feasible, n, previous, rng))
    return setting, round, previous, rng.normal(size=n), rng


PAIRS = [(c, s) for c in COSTS for s in SETS if not (c == "utility" and s == "polytope")]


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=25)
@given(st.sampled_from(PAIRS), st.integers(0, 2**20), st.sampled_from([(1.0, 0.0), (0.5, 0.0), (1.0, 0.7), (0.0, 0.0)]))
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
