"""OPT and FairOPT against CVXPY on every structure that has a conic form."""

import warnings

import cvxpy as cp
import numpy as np
import pytest

from evenhand import (
    Box,
    Budget,
    Dense,
    DenseQuadratic,
    Diagonal,
    Norm,
    Polytope,
    Problem,
    Quadratic,
    Setting,
    fair_optimum,
    optimum,
)

T, N = 5, 3


def make(p, cost, impact, feasible, beta=2.0, mu=1.3, seed=0):
    rng = np.random.default_rng(seed)
    if cost == "diagonal":
        f = Quadratic(rng.normal(size=(T, N)), rng.uniform(0.3, 2.0, (T, N)), 4.0)
    else:
        root = rng.normal(size=(T, N, N))
        f = DenseQuadratic(root @ root.swapaxes(-1, -2) + 0.3 * np.eye(N), rng.normal(size=(T, N)), 4.0)
    a = Diagonal(rng.uniform(0.3, 2.0, (T, N))) if impact == "diagonal" else Dense(rng.uniform(0.1, 2.0, (T, 2, N)))
    upper = rng.uniform(0.5, 1.5, (T, N))
    total = rng.uniform(0.3, 0.8, T) * upper.sum(-1)
    x = {
        "equal": lambda: Budget(total, upper),
        "at_most": lambda: Budget(total, upper, 0.05, equal=False),
        "box": lambda: Box(0.1, upper),
        "polytope": lambda: Polytope(rng.uniform(0.5, 1.5, (T, 2, N)), 0.8, 1.4, 0.0, 1.0),
    }[feasible]()
    weights = rng.uniform(0.5, 2.0, a.entities)
    return Problem(Setting(T, beta, Norm(mu, p, weights), rng.uniform(0, 0.3, N)), f, a, x)


def by_cvxpy(problem):
    """Variable, constraints, the total cost and the fairness cost, written from (1)."""
    s, g = problem.setting, problem.setting.fairness
    x = cp.Variable((s.horizon, N))
    rule, hitting, burden = [], 0.0, 0.0
    for t, r in enumerate(problem.rounds):
        if isinstance(r.cost, Quadratic):
            hitting += cp.sum(cp.multiply(r.cost.curvature / 2, x[t] ** 2)) + r.cost.linear @ x[t] + r.cost.constant
        else:
            hitting += cp.quad_form(x[t], cp.psd_wrap(r.cost.matrix)) / 2 + r.cost.linear @ x[t] + r.cost.constant
        burden += cp.multiply(r.impact.weight, x[t]) if isinstance(r.impact, Diagonal) else r.impact.matrix @ x[t]
        low, high = r.feasible.bounds
        rule += [x[t] >= low, x[t] <= high]
        if isinstance(r.feasible, Budget):
            rule.append(cp.sum(x[t]) == r.feasible.total if r.feasible.equal else cp.sum(x[t]) <= r.feasible.total)
        elif isinstance(r.feasible, Polytope):
            rule += [r.feasible.rows @ x[t] >= r.feasible.low, r.feasible.rows @ x[t] <= r.feasible.high]
    moves = cp.vstack([x[0] - s.initial, *(x[t] - x[t - 1] for t in range(1, s.horizon))])
    y = cp.multiply(g.weights, burden / s.horizon)
    fair = g.mu * cp.norm(y, "inf" if g.p == np.inf else g.p)
    return x, rule, hitting / s.horizon + s.beta / 2 * cp.sum_squares(moves) / s.horizon + fair, fair


def solve(goal, rule):
    """CVXPY's value at the tightest tolerance that Clarabel reaches on this problem; 1e-8 is below what is compared."""
    task = cp.Problem(cp.Minimize(goal), rule)
    for tolerance in (1e-11, 1e-9, 1e-8):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = task.solve(solver="CLARABEL", tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance)
        if task.status == "optimal":
            return value
    raise AssertionError(task.status)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, np.inf])
@pytest.mark.parametrize(
    ("cost", "impact", "feasible"),
    [
        ("diagonal", "diagonal", "equal"),
        ("diagonal", "dense", "at_most"),
        ("dense", "diagonal", "box"),
        ("dense", "dense", "polytope"),
        ("diagonal", "dense", "polytope"),
        ("dense", "diagonal", "equal"),
    ],
)
def test_optimum(p, cost, impact, feasible):
    problem = make(p, cost, impact, feasible)
    best = optimum(problem)
    _, rule, total, _ = by_cvxpy(problem)
    value = solve(total, rule)
    assert best.cost.total == pytest.approx(value, rel=1e-7)
    assert -1e-9 <= best.gap <= 1e-6  # below 0 by what DAQP and HiGHS leave on polytopes
    assert problem.feasible.violation(best.trajectory.actions).max() <= 1e-9


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("feasible", ["equal", "box", "polytope"])
def test_fair_optimum_is_lexicographic(p, feasible):
    problem = make(p, "diagonal", "dense", feasible)
    got = fair_optimum(problem)
    _, rule, total, fair = by_cvxpy(problem)
    least = solve(fair, rule)
    # "least" is promised to 1e-5 relative
    assert got.cost.fairness == pytest.approx(least, rel=1e-5, abs=1e-8)
    # second stage: the least total among those; what the first stage may be off by moves it by at most its price
    below, above = (solve(total, [*rule, fair <= least * (1 + slack) + 1e-9]) for slack in (2e-5, 1e-9))
    assert below - 1e-6 <= got.cost.total <= above * (1 + 1e-5) + 1e-6


def test_closed_forms():
    """One round, one site, no switching: by hand. And T = 1 with beta: the proximal step."""
    one = Problem(Setting(1, 0.0, Norm(3.0), [0.0]), Quadratic([[-4.0]], 1.0), Diagonal([[1.0]]), Box([[-9.0]], 9.0))
    assert optimum(one).trajectory.actions[0, 0] == pytest.approx(1.0, abs=1e-8)  # x^2/2 - 4 x + 3 |x|
    moved = Problem(Setting(1, 3.0, Norm(0.0), [1.0]), Quadratic([[-4.0]], 1.0), Diagonal([[1.0]]), Box([[-9.0]], 9.0))
    assert optimum(moved).trajectory.actions[0, 0] == pytest.approx(7.0 / 4.0, abs=1e-8)
    assert optimum(moved).cost.fairness == 0.0


@pytest.mark.parametrize("case", ["mu=0", "blind is fair", "free hitting", "no cost at all"])
def test_fair_optimum_where_scales_vanish(case):
    mu = 0.0 if case == "mu=0" else 1.0
    linear = {"blind is fair": 0.0, "free hitting": -1.0}.get(case, 0.0)
    curvature = 0.0 if case == "no cost at all" else 1.0
    constant = 0.5 if case == "free hitting" else 0.0
    setting = Setting(2, 1.0, Norm(mu), [1.0])
    problem = Problem(setting, Quadratic([[linear]] * 2, curvature, constant), Diagonal([[1.0]]), Box([[0.0]], 1.0))
    got = fair_optimum(problem)
    if mu:
        assert got.cost.fairness == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(got.cost.total)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_optimum_does_not_depend_on_the_unit_of_money(scale):
    base = make(np.inf, "diagonal", "dense", "equal")
    f = base.cost
    scaled = Problem(
        Setting(T, 2.0 * scale, Norm(1.3 * scale, np.inf, base.setting.fairness.weights), base.setting.initial),
        Quadratic(f.linear * scale, f.curvature * scale, f.constant * scale), base.impact, base.feasible,
    )  # fmt: skip
    assert optimum(scaled).cost.total == pytest.approx(scale * optimum(base).cost.total, rel=1e-6)


def test_an_unbounded_box_still_has_its_optimum():
    setting = Setting(3, 1.0, Norm(1.0, 2.0), [0.0, 0.0])
    problem = Problem(setting, Quadratic([[-1.0, 2.0]] * 3, 1.0), Diagonal([1.0, 1.0]), Box([-np.inf, -np.inf], np.inf))
    best = optimum(problem)
    near = Problem(setting, problem.cost, problem.impact, Box([-50.0, -50.0], 50.0))
    assert best.cost.total == pytest.approx(optimum(near).cost.total, rel=1e-7)
    assert best.gap <= 1e-6
