"""Rounds and short horizons that tests draw to move in: every switching cost, hitting cost, set and fairness cost."""

from __future__ import annotations

from dataclasses import replace

import cvxpy as cp
import numpy as np

from evenhand import (
    Blocks,
    Box,
    Budget,
    Convex,
    Dense,
    DenseQuadratic,
    Limits,
    Linear,
    Norm,
    Polytope,
    Pooled,
    Power,
    Problem,
    Quadratic,
    RampDown,
    RampUp,
    Setting,
    Shortfall,
    Squared,
    Sum,
    Target,
    Unserved,
    UtilityCost,
    Weighted,
)

COSTS = ("quadratic", "dense", "unserved", "pooled", "utility", "convex")
SETS = ("equal", "at most", "box", "polytope")
FAMILIES = ("squared", "weighted", "matrix", "linear", "up", "down", "sum", "limits", "waived", "all")


def start_of(n, rng):
    """A last action, some of it zero; not all, or a total of zero has no size that a violation could be told in."""
    start = rng.uniform(0.0, 1.0, n) * (rng.uniform(size=n) < 0.8)
    start[0] = max(start[0], 0.1)
    return start


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
        "waived": lambda: Sum(Linear(0.3), replace(limits, from_start=False)),
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


PAIRS = [(c, s) for c in COSTS for s in SETS]


FAIRNESS = ("norm", "two", "three", "target", "shortfall", "blocks")


def fairness_of(kind, m, rng):
    mu = rng.uniform(0.2, 2.0)
    return {
        "norm": lambda: Norm(mu),
        "two": lambda: Norm(mu, 2.0, rng.uniform(0.5, 1.5, m)),
        "three": lambda: Norm(mu, 3.0, rng.uniform(0.5, 1.5, m)),
        "target": lambda: Target(mu, rng.uniform(0, 1, m), 1.0),
        "shortfall": lambda: Shortfall(mu, rng.uniform(0, 1, m)),
        "blocks": lambda: Blocks((Norm(mu), Norm(0.5, 1.0)), (1, m - 1)) if m > 1 else Norm(mu),
    }[kind]()


def stacked(parts, names):
    return {name: np.stack([getattr(part, name) for part in parts]) for name in names}


def problem_of(cost, feasible, family, fairness, seed):
    """Three rounds around a start that every limit can hold."""
    rng = np.random.default_rng(seed)
    n, rounds = int(rng.integers(1, 4)), 3
    start = start_of(n, rng)
    sets = [set_of(feasible, n, start, rng) for _ in range(rounds)]
    if feasible in ("equal", "at most"):
        sets = Budget(**stacked(sets, ("total", "upper", "lower")), equal=feasible == "equal")
    elif feasible == "box":
        sets = Box(**stacked(sets, ("lower", "upper")))
    else:
        sets = Polytope(**stacked(sets, ("rows", "low", "high", "lower", "upper")))
    state = rng.bit_generator.state
    costs = []
    for _ in range(rounds):  # the same draws again, so that what must not vary does not
        costs.append(cost_of(cost, n, np.random.default_rng(seed + 1)))
    rng.bit_generator.state = state
    one = costs[0]
    moving = np.random.default_rng(seed).normal(size=(rounds, n))
    if cost == "utility":
        whole = replace(one, weight=one.weight * np.exp(0.3 * moving))
    elif cost == "convex":
        bends = np.broadcast_to(one.data[n:], (rounds, n))
        whole = Convex(one.build, np.concatenate([one.data[:n] + moving, bends], axis=1), n)
    else:
        whole = replace(one, linear=one.linear + moving)
    switching = switching_of(family, n, rng)
    m = int(rng.integers(1, 4))
    setting = Setting(rounds, switching=switching, fairness=fairness_of(fairness, m, rng), initial=start)
    return Problem(setting, whole, Dense(rng.normal(size=(rounds, m, n))), sets), rng
