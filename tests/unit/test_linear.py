"""Linear programs with proved answers: never above the minimum, equal to it to rounding, in any unit."""

import numpy as np
import pytest

from evenhand import Budget, InfeasibleError, Polytope
from evenhand.linear import lowest, proved_empty

SIZES = [1e-9, 1.0, 1e9]


def vertices(rows, low, high, lower, upper):
    """All vertices of a small polytope, by solving every square system of active ends."""
    from itertools import combinations

    n = rows.shape[1]
    planes = [(r, e) for r, ends in zip(rows, zip(low, high, strict=True), strict=True) for e in ends if np.isfinite(e)]
    planes += [(np.eye(n)[i], e) for i in range(n) for e in (lower[i], upper[i]) if np.isfinite(e)]
    found = []
    for some in combinations(planes, n):
        a, b = np.stack([p[0] for p in some]), np.array([p[1] for p in some])
        if abs(np.linalg.det(a)) > 1e-9:
            x = np.linalg.solve(a, b)
            at = rows @ x
            over = [lower - x, x - upper, low - at, at - high]
            if all((excess <= 1e-9).all() for excess in over):
                found.append(x)
    return np.array(found)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("by", SIZES)
def test_the_minimum_over_the_vertices(seed, by):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    rows, low, high = rng.normal(size=(k, n)), np.full(k, -np.inf), rng.uniform(0.2, 1.5, k)
    low[: k // 2] = -1.0
    lower, upper = -rng.uniform(0, 1, n), rng.uniform(0.1, 1, n)
    corners, ways = vertices(rows, low, high, lower, upper), rng.normal(size=(6, n))
    best = (corners @ ways.T).min(axis=0)
    for unit in SIZES:
        found = lowest(by * ways, rows, unit * low, unit * high, unit * lower, unit * upper)
        np.testing.assert_allclose(found, by * unit * best, rtol=1e-12, atol=1e-13 * by * unit)


def test_a_bound_that_an_absolute_tolerance_puts_above_the_minimum():
    way = 1e-7 * np.array([1.0, -2, 0.7, -0.3])
    one = Polytope([[1.0, -1, 2, 0.5], [0.3, 2, -1, 1]], -np.inf, [1.0, 1.5], 0.0, 1.0)
    assert one.support(way) == pytest.approx(-1.65e-7, rel=1e-12)


def test_a_cone_has_zero_or_no_minimum():
    rows = np.array([[1.0, 2.0], [3.0, 1.0]])  # no bounds at all: x in a cone
    free = np.full(2, np.inf)
    inside, outside = rows.T @ np.array([0.3, 1.7]), np.array([-1.0, 0.0])
    for by in SIZES:
        assert lowest(by * inside, rows, np.zeros(2), free, -free, free) == 0.0
        assert lowest(by * outside, rows, np.zeros(2), free, -free, free) == -np.inf


def test_rounds_are_the_blocks_of_one_program_and_do_not_disturb_each_other():
    rng = np.random.default_rng(3)
    rows, ways = rng.normal(size=(20, 2, 3)), rng.normal(size=(20, 3)) * np.logspace(-9, 9, 20)[:, None]
    box = np.zeros(3), np.where(np.arange(20)[:, None] == 7, np.inf, np.ones(3))  # one round without an end
    many = lowest(ways, rows, np.full(2, -1.0), np.ones(2), *box)
    for t in range(20):
        one = lowest(ways[t], rows[t], np.full(2, -1.0), np.ones(2), box[0], box[1][t])
        assert many[t] == pytest.approx(float(one), rel=1e-11) or (np.isinf(one) and np.isinf(many[t]))


@pytest.mark.parametrize("unit", SIZES)
def test_empty_only_with_a_certificate(unit):
    ends = np.zeros(2), np.ones(2)
    total = np.array([[1.0, 1.0]])
    for goal, empty in (
        (2.0, False),
        (2.0 * (1 + 1e-11), False),
        (2.0 * (1 + 1e-6), True),
        (-1e-6, True),
        (0.0, False),
    ):
        end = np.array([unit * goal])
        assert proved_empty(total, end, end, *(unit * e for e in ends)) == empty
    several = Polytope([[1.0, 1.0]], unit * np.array([[0.5], [1.0]]), np.inf, 0.0, unit)
    assert several.low.shape == (2, 1)
    with pytest.raises(InfeasibleError, match="empty in round 1: no action satisfies"):
        Polytope([[1.0, 1.0]], unit * np.array([[0.5], [3.0]]), np.inf, 0.0, unit)


@pytest.mark.parametrize("unit", SIZES)
def test_a_budget_is_bounded_by_its_price(unit):
    rng = np.random.default_rng(1)
    for _ in range(50):
        upper, way = rng.uniform(0.1, 2.0, 4), rng.normal(size=4)
        total = rng.uniform(0.0, upper.sum())
        for equal in (True, False):
            order, left, best = np.argsort(way), total, 0.0
            for i in order:
                take = min(upper[i], left) if equal or way[i] < 0 else 0.0
                best, left = best + way[i] * take, left - take
            found = Budget(unit * total, unit * upper, equal=equal).support(way)
            assert found == pytest.approx(unit * best, abs=1e-14 * unit * (1 + np.abs(way).sum()))


@pytest.mark.parametrize("unit", SIZES)
def test_violations_have_no_unit(unit):
    rows = Polytope([[1.0, -1.0]], -unit, unit, 0.0, 3.0 * unit)
    assert rows.violation(unit * np.array([2.5, 0.5])) == pytest.approx(1.0 / 3.0)  # 2 - 1, of terms that sum to 3
    assert rows.violation(unit * np.array([1.0, 0.5])) == 0.0
    closed = Budget(unit, unit * np.array([0.0, 1.0]))  # a bound of zero is measured by the others
    assert closed.violation(unit * np.array([1e-12, 1.0])) == pytest.approx(1e-12, rel=1e-3)
    assert Budget(0.0, np.zeros(2)).violation(np.zeros(2)) == 0.0
