"""Rounds and horizons with any switching cost, written out in CVXPY from the formulas: what the library is held against.

Values are taken from here, never our code: costs, sets, moves and fairness are spelled out once more.
"""

from __future__ import annotations

import warnings

import cvxpy as cp
import numpy as np

from evenhand import Box, Budget, DenseQuadratic, Pooled, Quadratic, Unserved, UtilityCost

TIGHT = {"solver": "CLARABEL", "tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}


def cost_of(cost, x, t=None):
    """f_t(x) of one round; a UtilityCost with powers."""

    def at(name):
        value = getattr(cost, name)
        return value if t is None else value[t]

    if isinstance(cost, DenseQuadratic):
        return 0.5 * cp.quad_form(x, cp.psd_wrap(at("matrix"))) + at("linear") @ x + at("constant")
    if isinstance(cost, UtilityCost):
        r = at("onboard") + x
        p = np.broadcast_to(cost.utility.gamma, (x.shape[0],))
        w, best = at("weight"), at("best")
        return sum(w[i] * (best[i] ** p[i] - cp.power(r[i], float(p[i]))) for i in range(x.shape[0]))
    plain = 0.5 * cp.sum(cp.multiply(at("curvature"), x**2)) + at("linear") @ x
    if isinstance(cost, Quadratic):
        return plain + at("constant")
    if isinstance(cost, Unserved):
        u = cp.pos(at("demand") - x)
        return plain + at("price") @ u + 0.5 * cp.sum(cp.multiply(at("weight"), u**2))
    assert isinstance(cost, Pooled)
    u = cp.pos(at("demand") - at("rate") @ x)
    return plain + at("price") * u + 0.5 * at("weight") * u**2


def rules_of(feasible, x, t=None):
    """x in X_t."""

    def at(name):
        value = getattr(feasible, name)
        return value if t is None else value[t]

    low, high = at("lower"), at("upper")
    rules = [x[np.isfinite(low)] >= low[np.isfinite(low)]] if np.isfinite(low).any() else []
    rules += [x[np.isfinite(high)] <= high[np.isfinite(high)]] if np.isfinite(high).any() else []
    if isinstance(feasible, Budget):
        rules.append(cp.sum(x) == at("total") if feasible.equal else cp.sum(x) <= at("total"))
    elif not isinstance(feasible, Box):
        rules += [at("rows") @ x >= at("low"), at("rows") @ x <= at("high")]
    return rules


def moves_of(moves, x, previous, weight=1.0):
    """weight s(x, previous), and the limits as constraints."""
    n, d = x.shape[0], x - previous
    rho, up, down, rise, fall = (
        np.broadcast_to(v, (n,)) for v in (moves.rho, moves.up, moves.down, moves.rise, moves.fall)
    )
    cost = 0.5 * cp.sum(cp.multiply(rho, d**2)) + up @ cp.pos(d) + down @ cp.pos(-d)
    if moves.matrix is not None:
        cost = cost + 0.5 * cp.quad_form(d, cp.psd_wrap(moves.matrix))
    rules = [d[i] <= rise[i] for i in range(n) if np.isfinite(rise[i])]
    rules += [d[i] >= -fall[i] for i in range(n) if np.isfinite(fall[i])]
    return weight * cost, rules


def solved(goal, rules):
    """The least value."""
    problem = cp.Problem(cp.Minimize(goal), rules)
    with warnings.catch_warnings():  # Clarabel may stop short of 1e-11 and say so; it is then at 1e-9 or better
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(**TIGHT)
    assert problem.status in ("optimal", "optimal_inaccurate"), problem.status
    return float(problem.value)


def round_objective(round, moves, previous, tilt, weight, pull, towards, x):
    """Step (3) at x, an expression or numbers."""
    n = previous.shape[0]
    cost, rules = moves_of(moves, x, previous, weight)
    near = x - towards
    rho = np.broadcast_to(moves.rho, (n,))
    drawn = 0.5 * cp.sum(cp.multiply(rho, near**2))
    if moves.matrix is not None:
        drawn = drawn + 0.5 * cp.quad_form(near, cp.psd_wrap(moves.matrix))
    return cost_of(round.cost, x) + tilt @ x + cost + pull * drawn, rules + rules_of(round.feasible, x)


def best_round(round, moves, previous, tilt, weight=1.0, pull=0.0, towards=0.0):
    """The least value of step (3)."""
    x = cp.Variable(previous.shape[0])
    return solved(*round_objective(round, moves, previous, tilt, weight, pull, towards, x))


def round_value(round, moves, previous, tilt, action, weight=1.0, pull=0.0, towards=0.0):
    """Step (3) at an action."""
    goal, _ = round_objective(round, moves, previous, tilt, weight, pull, towards, cp.Constant(action))
    return float(goal.value)


def fairness_of(g, y):
    """g(y)."""
    kind = type(g).__name__
    if kind == "Norm":
        w = np.broadcast_to(g.weights, (y.shape[0],))
        return g.mu * cp.norm(cp.multiply(w, y), g.p if g.p != np.inf else "inf")
    if kind == "Target":
        return fairness_of(g.norm, y - g.target)
    if kind == "Shortfall":
        return fairness_of(g.norm, cp.pos(y + g.quota))
    assert kind == "Blocks"
    return sum(fairness_of(part, y[at]) for part, at in zip(g.parts, g.slices, strict=True))


def horizon(problem, x):
    """(1) at x (T, n), an expression, and its constraints; Dense impacts, one episode."""
    setting, rounds = problem.setting, problem.horizon
    goal, rules = 0.0, []
    previous = setting.initial
    for t in range(rounds):
        cost, limits = moves_of(setting.switching.moves.at(t), x[t], previous)
        goal = (
            goal
            + cost
            + (
                cost_of(problem.cost, x[t], t)
                if type(problem.cost).__name__ != "Convex"
                else problem.cost.build(x[t], problem.cost.data[t])
            )
        )
        rules += limits + rules_of(problem.feasible, x[t], t)
        previous = x[t]
    burdens = [problem.impact.matrix[t] @ x[t] for t in range(rounds)]
    if setting.memory is not None:
        charged = [fairness_of(setting.fairness, y) for y in remembered_of(setting.memory, burdens)]
        return (goal + sum(charged)) / rounds, rules
    return goal / rounds + fairness_of(setting.fairness, sum(burdens) / rounds), rules


def remembered_of(memory, burdens):
    """y_1..y_T, each a weighted mean of the burdens so far, written out."""
    out = []
    for t in range(1, len(burdens) + 1):
        if type(memory).__name__ == "Window":
            last = burdens[max(t - memory.rounds, 0) : t]
            out.append(sum(last) / len(last))
            continue
        weights = [0.5 ** ((t - s) / memory.rounds) for s in range(1, t + 1)]
        mean = sum(w * b for w, b in zip(weights, burdens, strict=False)) / sum(weights)
        if memory.start is not None:
            kept = 0.5 ** (t / memory.rounds)
            mean = kept * memory.start + (1.0 - kept) * mean
        out.append(mean)
    return out


def best_horizon(problem):
    """OPT's cost."""
    x = cp.Variable((problem.horizon, problem.setting.initial.shape[0]))
    return solved(*horizon(problem, x))
