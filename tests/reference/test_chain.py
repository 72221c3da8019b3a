"""The chain kernel and the planner against Clarabel (offline.optimum)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenhand.core import Problem, Round, Setting
from evenhand.costs.quadratic import DenseQuadratic, Quadratic
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.costs.utility import UtilityCost
from evenhand.experiment import remembering
from evenhand.fairness.norm import Norm
from evenhand.impacts import Dense, Diagonal
from evenhand.kernels.chain import chain, response
from evenhand.memory.half_life import HalfLife
from evenhand.memory.window import Window
from evenhand.offline.optimum import optimum
from evenhand.planning.charge import charge_of
from evenhand.planning.plan import blank, improve, shift
from evenhand.sets import Box, Budget, Polytope
from evenhand.switching.limits import Limits
from evenhand.switching.linear import Linear
from evenhand.switching.squared import Squared
from evenhand.switching.sum import Sum
from evenhand.trajectory import evaluate
from evenhand.utilities.saturating import Saturating


def make(seed, *, mu, kind="budget", p=np.inf):
    rng = np.random.default_rng(seed)
    T, n = 10, 4
    feasible = {
        "budget": Budget(rng.uniform(0.3, 3.5, T), np.ones(n)),
        "most": Budget(rng.uniform(0.3, 3.5, T), np.ones(n), equal=False),
        "box": Box(np.zeros(n), 1.0),
    }[kind]
    impact = Dense(rng.uniform(0, 3, (T, 3, n))) if seed % 2 else Diagonal(rng.uniform(0.5, 3, (T, n)))
    setting = Setting(T, 6.0, Norm(mu, p), rng.uniform(0, 0.5, n))
    return Problem(setting, Quadratic(rng.uniform(-2, 2, (T, n)), rng.uniform(0.2, 1, (T, n))), impact, feasible)


def solve(problem, sweeps, steps):
    T = problem.setting.horizon
    future = Round(0, problem.cost, problem.impact, problem.feasible)
    m = problem.impact.entities
    setting = problem.setting
    plan = blank(setting, future, setting.fairness.centre(m))
    charge = charge_of(setting, 0.0, 0, T, T, m)
    return improve(setting, future, setting.initial, charge, plan, sweeps=sweeps, steps=steps)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["budget", "most", "box"])
def test_the_chain_alone(seed, kind):
    problem = make(seed, mu=0.0, kind=kind)
    best = optimum(problem).cost.total
    found = evaluate(problem, solve(problem, 300, 1).actions)
    # 1e-7: both stop at about 1e-9 of totals of size one
    assert abs(found.cost.total - best) <= 1e-7


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("kind", "p"), [("budget", np.inf), ("most", np.inf), ("box", np.inf), ("budget", 2.0), ("most", 2.0)]
)
def test_the_plan_with_fairness_is_the_optimum(seed, kind, p):
    problem = make(seed, mu=0.8, kind=kind, p=p)
    best = optimum(problem)
    plan = solve(problem, 40, 300)
    found = evaluate(problem, plan.actions)
    # 1e-4: a dual ascent with inexact inner solves; the policies use far fewer steps and correct each round
    assert found.cost.total - best.cost.total <= 1e-4 * max(1.0, abs(best.cost.total))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("memory", [HalfLife(3), HalfLife(2, start=1.0), HalfLife(0.2), Window(4), HalfLife(np.inf)])
def test_the_plan_of_a_memory_is_the_optimum(seed, memory):
    problem = remembering(make(seed, mu=0.8), memory)
    best = optimum(problem)
    found = evaluate(problem, solve(problem, 40, 300).actions)
    # 1e-3: one price a round, and a metric that holds for all of them
    assert found.cost.total - best.cost.total <= 1e-3 * max(1.0, abs(best.cost.total))


@pytest.mark.parametrize(
    "switching", [Squared(6.0), Sum(Linear(0.4), Squared(2.0)), Sum(Squared(2.0), Limits(0.9, 0.9))]
)
def test_a_plan_of_the_last_round_stays_the_optimum_under_another_penalty(switching):
    """A solved plan, one round later: the rest of it is still solved, though the shorter horizon has another penalty."""
    problem = make(2, mu=0.0)
    problem = replace(problem, setting=replace(problem.setting, switching=switching))
    setting = problem.setting
    solved = solve(problem, 3000, 0)
    rest = problem.window(1, setting.horizon - 1)
    future = Round(1, rest.cost, rest.impact, rest.feasible)
    charge = charge_of(setting, 0.0, 1, rest.horizon, rest.horizon, rest.impact.entities)
    coming = shift(setting, solved, rest.horizon)
    one = improve(setting, future, solved.actions[0], charge, coming, sweeps=1, steps=0)
    assert abs(float(one.penalty) / float(solved.penalty) - 1.0) > 1e-3
    np.testing.assert_allclose(one.actions, solved.actions[1:], atol=1e-9)
    np.testing.assert_allclose(one.force * one.penalty, solved.force[1:] * solved.penalty, atol=1e-8)


def test_the_same_multipliers_under_another_penalty_are_the_same_plan():
    problem = make(3, mu=0.8)
    setting, m = problem.setting, problem.impact.entities
    plan = solve(problem, 4, 3)
    other = replace(plan, force=plan.force * 8.0, penalty=plan.penalty / 8.0)
    future = Round(0, problem.cost, problem.impact, problem.feasible)
    charge = charge_of(setting, 0.0, 0, 10, 10, m)
    a, b = (improve(setting, future, setting.initial, charge, p, sweeps=2, steps=2) for p in (plan, other))
    for name in ("actions", "force", "kappa", "penalty"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("from_start", [True, False])
@pytest.mark.parametrize("kind", ["quadratic", "unserved", "dense"])
def test_limits_waived_in_the_first_round_are_planned_so(kind, from_start):
    rng = np.random.default_rng(8)
    T, n = 8, 3
    if kind == "dense":
        cost = DenseQuadratic(np.array([np.eye(n) + 0.3] * T), rng.uniform(-6, -2, (T, n)))
        feasible = Box(np.zeros(n), 3.0)
    else:
        cost, feasible = (
            Quadratic(rng.uniform(-6, -2, (T, n)), 1.0),
            Budget(rng.uniform(4, 5, T), np.full(n, 3.0), equal=False),
        )
        if kind == "unserved":
            cost = Unserved(rng.uniform(1, 2.5, (T, n)), 4.0, 0.3, 0.1, 0.4)
    switching = Sum(Squared(0.5), Limits(0.3, 0.2, from_start=from_start))
    setting = Setting(T, None, Norm(0.0), np.zeros(n), switching=switching)
    problem = Problem(setting, cost, Diagonal(np.ones((T, n))), feasible)
    best = optimum(problem)
    plan = solve(problem, 400, 0)
    first = plan.actions[0] - setting.initial
    assert (first.max() > 1.0) == (not from_start)
    found = evaluate(problem, plan.actions)
    assert float(found.cost.total) == pytest.approx(float(best.cost.total), rel=1e-5)
    np.testing.assert_allclose(plan.actions, best.trajectory.actions, atol=2e-3)


def test_response_is_the_inverse_of_the_chain():
    rng = np.random.default_rng(3)
    h, n, beta = 6, 2, 4.0
    curvature, weight = rng.uniform(0.5, 2, (h, n)), rng.uniform(0, 2, (h, n))
    step = np.eye(h) - np.eye(h, k=-1)
    for i in range(n):
        matrix = np.diag(curvature[:, i]) + beta * step.T @ step
        expected = np.linalg.solve(matrix, weight[:, i])
        np.testing.assert_allclose(response(curvature, beta, weight)[:, i], expected, rtol=1e-12)


def test_sweeps_compose():
    problem = make(1, mu=0.0)
    c, x0 = problem.cost, problem.setting.initial
    sets = problem.feasible
    zero = np.zeros_like(c.linear)

    def go(sweeps, z, u):
        return chain(c.curvature, c.linear, sets.lower, sets.upper, sets.total, 1.0, 6.0, x0, 3.0, sweeps, z, u)

    # 1e-13: the search for a round's price goes on from that of the sweep before, and begins anew in a new call
    for a, b in zip(go(3.0, *go(4.0, zero, zero)), go(7.0, zero, zero), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


OTHERS = {
    "unserved": lambda rng, T, n: (Unserved(rng.uniform(0, 1.2, (T, n)), 2.0, 0.3, 0.1, 0.4), Budget(rng.uniform(1, 3, T), np.ones(n))),
    "unserved-box": lambda rng, T, n: (Unserved(rng.uniform(0, 1.2, (T, n)), 2.0, 0.3, 0.1, 0.4), Box(np.zeros(n), 1.0)),
    "pooled": lambda rng, T, n: (Pooled(rng.uniform(1, 3, T), rng.uniform(0, 1, (T, n)), 0.4, weight=1.5), Box(np.zeros(n), 1.0)),
    "dense": lambda rng, T, n: (
        DenseQuadratic(np.array([np.eye(n) + 0.3 * np.ones((n, n))] * T), rng.uniform(-1, 1, (T, n))),
        Polytope(np.ones((1, n)), 1.0, 2.5, 0.0, 1.0),
    ),
    "utility": lambda rng, T, n: (
        UtilityCost(Saturating(1.0, 0.8, np.full(n, 0.9)), rng.uniform(0.5, 2, (T, n)), 0.3, 6.0),
        Budget(rng.uniform(1, 3, T), np.full(n, 2.0)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("mu", [0.0, 0.8])
def test_whatever_the_oracle_can_do_is_planned(name, mu):
    rng = np.random.default_rng(5)
    T, n = 8, 4
    cost, feasible = OTHERS[name](rng, T, n)
    setting = Setting(T, 3.0, Norm(mu), rng.uniform(0, 0.5, n))
    problem = Problem(setting, cost, Diagonal(rng.uniform(0.5, 2.0, (T, n))), feasible)
    best = optimum(problem).cost.total
    found = evaluate(problem, solve(problem, 60, 1 if mu == 0.0 else 60).actions).cost.total
    # 1e-4: sixty sweeps of a dual method from nothing; the policies start from the last round's plan
    assert found - best <= 1e-4 * max(1.0, abs(best))
