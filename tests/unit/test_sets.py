"""Box, Budget, Polytope: what they accept, what they refuse and how they say it, and their linear minima."""

import numpy as np
import pytest

from evenhand import Box, Budget, InfeasibleError, Polytope, ProblemError

BAD = [
    (lambda: Box([0.0, 2.0], [1.0, 1.0]), InfeasibleError, ["lower[1]", "2", "upper[1]", "1"]),
    (lambda: Box([[0.0], [0.0], [2.0]], 1.0), InfeasibleError, ["round 2", "lower[0]"]),
    (lambda: Box([np.nan], [1.0]), ProblemError, ["lower[0]", "nan", "finite"]),
    (lambda: Box([np.inf], [np.inf]), ProblemError, ["Box", "inf", "no action"]),
    (lambda: Box([0.0, 0.0], [1.0, 1.0, 1.0]), ProblemError, ["lower (2,)", "upper (3,)", "fit"]),
    (lambda: Box(0.0, 1.0), ProblemError, ["last axis"]),
    (lambda: Box("low", [1.0]), ProblemError, ["lower", "numbers"]),
    (lambda: Budget([1.0, 3.0], [1.0, 1.0]), InfeasibleError, ["total in round 1", "3", "capacity 2", "by 1", "equal=False"]),
    (lambda: Budget([2.0, 1.0], [3.0, 3.0], 1.0), InfeasibleError, ["round 1", "1", "lower bounds 2", "by 1", "raise the total"]),
    (lambda: Budget(0.5, [3.0], 1.0, equal=False), InfeasibleError, ["total", "0.5", "lower bounds"]),
    (lambda: Budget(np.nan, [1.0]), ProblemError, ["total", "nan", "finite"]),
    (lambda: Budget([1.0, np.inf], [1.0]), ProblemError, ["total in round 1", "inf"]),
    (lambda: Budget(-1.0, [1.0]), InfeasibleError, ["total", "-1"]),
    (lambda: Budget([1.0, 1.0], np.ones((3, 2))), ProblemError, ["total", "fit"]),
    (lambda: Budget(2e-12, [1e-12]), InfeasibleError, ["total", "2e-12", "capacity"]),
    (lambda: Polytope([1.0, 1.0]), ProblemError, ["rows", "(2,)", "(k, n)"]),
    (lambda: Polytope([[1.0, 1.0]], low=3.0, lower=0.0, upper=1.0), InfeasibleError, ["Polytope is empty", "relax"]),
    (lambda: Polytope([[1.0]], low=[[0.0], [2.0]], lower=0.0, upper=1.0), InfeasibleError, ["round 1"]),
    (lambda: Polytope([[1.0]], low=2.0, high=1.0), InfeasibleError, ["low", "2", "above", "1"]),
    (lambda: Polytope([[1.0, 1.0]], low=[1.0, 2.0, 3.0]), ProblemError, ["low", "rows"]),
    (lambda: Polytope([[1.0, 1.0]], low=[1.0, 2.0], high=[1.0, 2.0, 3.0]), ProblemError, ["low", "high"]),
    (lambda: Polytope([[1.0, 1.0]], lower=[0.0, 0.0, 0.0]), ProblemError, ["lower", "rows"]),
    (lambda: Polytope([[1.0, 1.0]], upper=[0.0, 0.0, 0.0]), ProblemError, ["upper"]),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "words"), BAD)
def test_refuses_and_says_what_where_and_how_to_mend_it(make, kind, words):
    with pytest.raises(kind) as caught:
        make()
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def test_accepts_edges():
    Budget(0.0, [1.0, 1.0])
    Budget(2.0, [1.0, 1.0])
    Budget(2.0 * (1 + 1e-12), [1.0, 1.0])  # rounding that data bring
    Budget(2.0, [2.0], 2.0)
    Budget(9.0, [np.inf, 1.0])
    Budget(9.0, [1.0, 1.0], equal=False)
    assert Budget([1.0, 2.0], [3.0, 3.0]).total.shape == (2,)


def test_box_values():
    box = Box([-1.0, 0.0], [1.0, np.inf])
    assert box.support(np.array([2.0, 3.0])) == -2.0
    assert box.support(np.array([-2.0, 0.0])) == -2.0
    assert box.support(np.array([0.0, -1.0])) == -np.inf
    assert box.violation(np.array([1.0, 5.0])) == 0.0
    assert box.violation(np.array([3.0, 0.0])) == 2.0 / 3.0
    assert box.bounds[1][1] == np.inf


@pytest.mark.parametrize(
    ("direction", "equal", "lowest"),
    [
        ([1.0, 2.0], True, 1.0 * 1.0 + 2.0 * 0.5),
        ([-1.0, 2.0], True, -1.0 + 1.0),
        ([-1.0, 2.0], False, -1.0),
        ([1.0, 2.0], False, 0.0),
        ([-1.0, -2.0], False, -2.0 - 0.5),
        ([0.0, 0.0], True, 0.0),
    ],
)
def test_budget_support_by_hand(direction, equal, lowest):
    assert Budget(1.5, [1.0, 1.0], equal=equal).support(np.array(direction)) == pytest.approx(lowest, abs=1e-15)


def test_budget_support_with_an_unbounded_action_is_finite():
    assert Budget(4.0, [np.inf, 1.0], equal=False).support(np.array([-1.0, -3.0])) == -6.0
    assert Budget(4.0, [np.inf, 1.0]).support(np.array([0.0, 0.0])) == 0.0


def test_budget_violation():
    budget = Budget(1.0, [1.0, 1.0])
    assert budget.violation(np.array([0.5, 0.5])) == 0.0
    assert budget.violation(np.array([0.0, 0.0])) == 1.0
    assert Budget(1.0, [1.0, 1.0], equal=False).violation(np.array([0.0, 0.0])) == 0.0
    assert np.isnan(budget.violation(np.array([np.nan, 0.0])))  # and NaN is not "inside"


def test_polytope_values():
    simplex = Polytope([[1.0, 1.0]], 1.0, 1.0, 0.0, 1.0)
    assert simplex.support(np.array([3.0, 2.0])) == pytest.approx(2.0)
    assert simplex.violation(np.array([0.5, 0.5])) == 0.0
    assert simplex.violation(np.array([1.0, 1.0])) == pytest.approx(1.0 / 2.0)
    assert Polytope([[1.0, 0.0]], high=1.0).support(np.array([-1.0, 1.0])) == -np.inf
    several = Polytope([[1.0, 1.0]], [[1.0], [2.0]], [[1.0], [2.0]], 0.0, 2.0)
    np.testing.assert_allclose(several.support(np.array([1.0, 2.0])), [1.0, 2.0])


def test_the_three_families_agree_where_they_describe_the_same_set():
    rng = np.random.default_rng(0)
    for _ in range(20):
        upper, way = rng.uniform(0.1, 2.0, 3), rng.normal(size=3)
        total = rng.uniform(0.0, upper.sum())
        for equal in (True, False):
            rows = Polytope(np.ones((1, 3)), total if equal else -np.inf, total, 0.0, upper)
            assert Budget(total, upper, equal=equal).support(way) == pytest.approx(rows.support(way), abs=1e-9)
        rows = Polytope(np.zeros((1, 3)), 0.0, 0.0, -upper, upper)
        assert Box(-upper, upper).support(way) == pytest.approx(rows.support(way), abs=1e-9)


def test_columns_are_described():
    assert Box(np.zeros((5, 2)), 1.0).core == {"lower": (2,), "upper": (2,)}
    assert Budget(np.ones(5), [1.0, 1.0]).core == {"total": (), "upper": (2,), "lower": (2,)}
    assert Polytope(np.ones((3, 2))).core == {"rows": (3, 2), "low": (3,), "high": (3,), "lower": (2,), "upper": (2,)}


def test_a_total_of_zero_has_the_size_of_the_bounds():
    empty = Budget(0.0, [1.0, 2.0])
    assert empty.violation(np.array([1e-9, 0.0])) == pytest.approx(0.5e-9)
    assert Budget(0.0, [1e9, 2e9]).violation(np.array([1.0, 0.0])) == pytest.approx(0.5e-9)
    assert empty.violation(np.zeros(2)) == 0.0
