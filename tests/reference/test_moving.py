"""The moves' side of a planned horizon against an independent solver, its closed forms, and the compiled sweeps."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core import Round
from evenhand.costs.unserved import Unserved
from evenhand.impacts import Diagonal
from evenhand.kernels.chain import RELAX
from evenhand.kernels.moving import moving, sweep
from evenhand.proximal import proximal
from evenhand.sets import Budget


def drawn(rng, h, n):
    """Weights, points, terms and start: quadratic, kinked and limited parts there or not, independently."""
    there = [rng.random(n) < 0.5 for _ in range(5)]
    terms = np.stack([np.where(t, rng.uniform(0.1, 2.5, n), 0.0) for t in there])
    terms[3:] = np.where(there[3:], rng.uniform(0.0, 1.0, (2, n)), np.inf)
    return rng.uniform(0.2, 3.0, (h, n)), 2.0 * rng.normal(size=(h, n)), terms, rng.normal(size=n)


def cost(weight, point, terms, start, x):
    d = np.diff(np.vstack([start, x]), axis=0)
    rho, up, down, rise, fall = terms
    over = np.maximum(d - rise, -d - fall).max()
    total = (weight / 2 * (x - point) ** 2).sum()
    return total + (rho / 2 * d**2 + up * np.maximum(d, 0) + down * np.maximum(-d, 0)).sum(), over


@pytest.mark.parametrize("seed", range(25))
def test_the_optimum_of_an_independent_solver(seed):
    rng = np.random.default_rng(seed)
    h, n = int(rng.integers(1, 9)), 3
    weight, point, terms, start = drawn(rng, h, n)
    rho, up, down, rise, fall = terms
    x = cp.Variable((h, n))
    d = x - cp.vstack([start.reshape(1, n), x[:-1]]) if h > 1 else x - start.reshape(1, n)
    goal = cp.sum(cp.multiply(weight / 2, cp.square(x - point)))
    rule = []
    for i in range(n):
        goal += cp.sum(rho[i] / 2 * cp.square(d[:, i]) + up[i] * cp.pos(d[:, i]) + down[i] * cp.neg(d[:, i]))
        rule += [d[:, i] <= rise[i]] * bool(np.isfinite(rise[i])) + [d[:, i] >= -fall[i]] * bool(np.isfinite(fall[i]))
    best = cp.Problem(cp.Minimize(goal), rule)
    best.solve(solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    found, over = cost(weight, point, terms, start, moving(weight, point, terms, start))
    assert over <= 1e-12
    # 1e-8: what the other solver leaves
    assert found <= best.value + 1e-8 * (1 + abs(best.value))


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from([1e-9, 1.0, 1e9]), st.sampled_from([1e-9, 1.0, 1e9])
)
def test_no_neighbour_is_better_in_any_unit(seed, h, unit, money):
    rng = np.random.default_rng(seed)
    weight, point, terms, start = drawn(rng, h, 2)
    scaled = np.concatenate([terms[:1] * money / unit**2, terms[1:3] * money / unit, terms[3:] * unit])
    x = moving(weight * money / unit**2, point * unit, scaled, start * unit) / unit
    best, over = cost(weight, point, terms, start, x)
    assert over <= 1e-11
    for size in (1e-2, 1e-4):
        for _ in range(4):
            near = x + size * rng.normal(size=x.shape) * (rng.random(x.shape) < 0.5)
            other, outside = cost(weight, point, terms, start, near)
            assert outside > 0 or other >= best - 1e-11 * (1 + abs(best))


def test_closed_forms():
    inf = np.inf
    one = np.ones((1, 1))
    for point, expected in ((2.0, 1.5), (0.3, 0.0), (-2.0, -1.0)):  # a threshold of 0.5 up and 1 down
        terms = np.array([[0.0], [0.5], [1.0], [inf], [inf]])
        assert moving(one, point * one, terms, np.zeros(1))[0, 0] == pytest.approx(expected, abs=1e-15)
    limits = np.array([[0.0], [0.0], [0.0], [0.25], [0.5]])
    assert moving(one, 2.0 * one, limits, np.zeros(1))[0, 0] == 0.25
    assert moving(one, -2.0 * one, limits, np.zeros(1))[0, 0] == -0.5
    waived = np.concatenate([limits, np.full((2, 1), inf)])  # the first move has limits of its own
    np.testing.assert_array_equal(moving(np.ones((2, 1)), np.full((2, 1), 2.0), waived, np.zeros(1)), 2.0)
    far = moving(np.array([[1.0], [9.0]]), np.array([[2.0], [4.0]]), waived, np.zeros(1))[:, 0]
    assert far == pytest.approx([3.575, 3.825], abs=1e-12)  # (x - 2) + 9 (x + 1/4 - 4) = 0
    heavy = np.array([[0.0], [1e6], [1e6], [inf], [inf]])  # nothing moves
    np.testing.assert_array_equal(moving(np.ones((5, 1)), np.arange(5.0)[:, None], heavy, np.full(1, 0.7)), 0.7)
    free = np.array([[0.0], [0.0], [0.0], [inf], [inf]])
    np.testing.assert_array_equal(
        moving(np.ones((5, 1)), np.arange(5.0)[:, None], free, np.zeros(1))[:, 0], np.arange(5.0)
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_compiled_sweeps_are_the_general_ones(seed):
    """`sweep` does in one kernel what `moving` and the oracle do in turn."""
    rng = np.random.default_rng(seed)
    h, n, rho = 6, 4, 0.8
    _, _, terms, start = drawn(rng, h, n)
    f = Unserved(rng.uniform(0, 2, (h, n)), 1.5, 0.4, rng.uniform(-1, 1, (h, n)), 0.3)
    box = Budget(rng.uniform(0.5, 3.0, h), np.full(n, 1.2), equal=bool(seed % 2))
    tilt = rng.normal(size=(h, n))
    z, u = np.zeros((h, n)), np.zeros((h, n))
    future = Round(0, f, Diagonal(np.ones((h, n))), box)
    for _ in range(7):
        u = u + RELAX * moving(np.full((h, n), rho), z - u, terms, start) + (1 - RELAX) * z
        z = proximal(future, tilt, rho, u)
        u = u - z
    low, high = (np.broadcast_to(end, (h, n)) for end in box.bounds)
    got = sweep(
        f.curvature, f.linear + tilt, f.demand, f.price, f.weight, low, high, box.total, float(box.equal), terms, start,
        rho, 7.0, np.zeros((h, n)), np.zeros((h, n)),
    )  # fmt: skip
    np.testing.assert_allclose(got[0], z, atol=1e-12)
    np.testing.assert_allclose(got[1], u, atol=1e-12)
