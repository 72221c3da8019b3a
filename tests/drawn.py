"""What the tests draw: kernel inputs with ties, zero curvature, equal bounds, full and empty budgets, any scale."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from evenhand import Box, Budget, Dense, DenseQuadratic, Diagonal, Norm, Polytope, Problem, Quadratic, Setting

#: few distinct values make ties; the floats make everything else
grid = st.sampled_from([0.0, 0.0, 0.5, 1.0, 1.0, 2.0, 3.0])
smooth = st.floats(0.0, 4.0, allow_subnormal=False).map(lambda v: round(v, 6))
values = st.one_of(grid, smooth)
#: thousandths: a share of 1e-266 tests the floats, not the kernel
shares = st.integers(0, 1000).map(lambda k: k / 1000)
scales = st.sampled_from([1.0, 1.0, 1.0, 1e-12, 1e-6, 1e6, 1e12])
exponents = st.sampled_from([1.0, 1.25, 1.5, 2.0, 3.0, 7.0, np.inf])


def vector(size, element=values):
    return st.lists(element, min_size=size, max_size=size).map(np.array)


@st.composite
def water(draw, least=1, most=7, unbounded=True):
    """Curvature, linear, lower, upper, total, equal of a feasible water-filling, all of one scale."""
    n = draw(st.integers(least, most))
    q = draw(vector(n))
    c = draw(vector(n)) * draw(st.sampled_from([1.0, -1.0])) + draw(st.sampled_from([0.0, 0.0, -2.0]))
    lower = draw(vector(n)) * draw(st.sampled_from([0.0, 1.0, -1.0]))
    upper = lower + draw(vector(n))
    if unbounded and draw(st.integers(0, 4)) == 0:
        upper = np.where(draw(vector(n, st.booleans())), np.inf, upper)
    room = np.where(np.isfinite(upper), upper, lower + 3.0) - lower
    share = draw(st.sampled_from([0.0, 1.0, 0.5, 0.25]) | shares)
    total = float(lower.sum() + share * room.sum()) if share < 1 else float(lower.sum() + room.sum())
    total = min(max(total, float(lower.sum())), float(upper.sum()))
    bend, size = draw(scales), draw(scales)  # q ~ bend, x ~ size, c ~ bend * size: the problem only changes its units
    return q * bend, c * (bend * size), lower * size, upper * size, total * size, float(draw(st.booleans()))


@st.composite
def ball(draw, exponent=exponents, positive_weights=False, size=None):
    """kappa, weight, mu, p of a dual ball."""
    m = size or draw(st.integers(1, 6))
    weight = draw(vector(m)) if draw(st.booleans()) else np.full(m, draw(values))
    if positive_weights:
        weight = np.maximum(weight, 0.125)
    sign = draw(vector(m, st.sampled_from([1.0, 1.0, -1.0])))
    unit = draw(scales)
    return draw(vector(m)) * sign * unit, weight, draw(values) * unit, draw(exponent)


@st.composite
def problems(draw, horizon=None, families=("diagonal", "dense", "box", "polytope")):
    """Small whole problems over every family with a conic form, strongly convex, of size about one."""
    T = horizon or draw(st.integers(1, 4))
    n = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    if "dense" in families and draw(st.booleans()):
        root = rng.normal(size=(T, n, n))
        cost = DenseQuadratic(root @ root.swapaxes(-1, -2) + 0.2 * np.eye(n), rng.normal(size=(T, n)), 5.0)
    else:
        cost = Quadratic(rng.normal(size=(T, n)), rng.uniform(0.2, 2.0, size=(T, n)), 5.0)
    if "diagonal" in families and draw(st.booleans()):
        impact = Diagonal(rng.normal(size=(T, n)))
    else:
        impact = Dense(rng.normal(size=(T, draw(st.integers(1, 3)), n)))
    upper = rng.uniform(0.5, 2.0, size=(T, n))
    kind = draw(st.sampled_from([f for f in ("equal", "at_most", "box", "polytope") if f in families or f[0] in "ea"]))
    if kind == "box":
        feasible = Box(-upper, upper)
    elif kind == "polytope":
        rows = rng.normal(size=(2, n))
        feasible = Polytope(rows, -1.0, 1.0, -1.0, 1.0)
    else:
        feasible = Budget(rng.uniform(0.1, 0.9, size=T) * upper.sum(-1), upper, equal=kind == "equal")
    weights = rng.uniform(0.5, 2.0, size=impact.entities) if draw(st.booleans()) else 1.0
    fairness = Norm(draw(st.sampled_from([0.0, 0.5, 2.0])), draw(exponents), weights)
    beta = draw(st.sampled_from([0.0, 0.3, 5.0]))
    return Problem(Setting(T, beta, fairness, rng.uniform(0.0, 0.5, size=n)), cost, impact, feasible)


def feasible_actions(problem, rng):
    """A random feasible sequence: the projection of a random one."""
    from evenhand.core import Round
    from evenhand.proximal import proximal

    raw = rng.normal(size=(*problem.lead, problem.setting.horizon, problem.setting.initial.shape[0]))
    nearest = Quadratic(np.zeros(raw.shape[-1]))
    return proximal(Round(0, nearest, problem.impact, problem.feasible), 0.0, 1.0, raw)


def in_other_units(problem, action, money, burden):
    """The same problem with actions, money and burdens counted in other units: its numbers times these factors."""
    s, c, f, a = problem.setting, problem.cost, problem.feasible, problem.impact
    slope = money / action
    if isinstance(c, DenseQuadratic):
        cost = DenseQuadratic(c.matrix * slope / action, c.linear * slope, c.constant * money)
    else:
        cost = Quadratic(c.linear * slope, c.curvature * slope / action, c.constant * money)
    per = burden / action
    impact = Diagonal(a.weight * per) if isinstance(a, Diagonal) else Dense(a.matrix * per)
    if isinstance(f, Box):
        feasible = Box(f.lower * action, f.upper * action)
    elif isinstance(f, Budget):
        feasible = Budget(f.total * action, f.upper * action, f.lower * action, equal=f.equal)
    else:
        feasible = Polytope(f.rows, f.low * action, f.high * action, f.lower * action, f.upper * action)
    g = Norm(s.fairness.mu * money / burden, s.fairness.p, s.fairness.weights)
    return Problem(Setting(s.horizon, s.beta * slope / action, g, s.initial * action), cost, impact, feasible)
