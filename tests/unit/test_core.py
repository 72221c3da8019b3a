"""Settings, problems, rounds and windows: shapes, views, names, refusals."""

import numpy as np
import pytest

from evenhand import (
    Box,
    Budget,
    Convex,
    CostBreakdown,
    Dense,
    DenseQuadratic,
    Diagonal,
    Norm,
    ParameterError,
    Polytope,
    Problem,
    ProblemError,
    Quadratic,
    Setting,
)  # fmt: skip
from evenhand.errors import EvenhandError


def problem(T=4, n=2, **changes):
    parts = {
        "setting": Setting(T, 1.0, Norm(1.0), np.zeros(n)),
        "cost": Quadratic(np.arange(T * n, dtype=float).reshape(T, n), 1.0),
        "impact": Diagonal(np.ones(n)),
        "feasible": Budget(np.linspace(0.5, 1.0, T), np.ones(n)),
    }
    return Problem(**(parts | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"horizon": 0}, ["horizon", "0", "at least 1"]),
        ({"horizon": 2.5}, ["horizon", "2.5", "whole number"]),
        ({"horizon": np.nan}, ["horizon", "nan", "whole number"]),
        ({"horizon": "ten"}, ["horizon", "ten", "whole number"]),
        ({"horizon": np.inf}, ["horizon", "inf"]),
        ({"beta": -1.0}, ["beta", "-1", "[0"]),
        ({"beta": np.nan}, ["beta", "nan"]),
        ({"beta": "high"}, ["beta", "number"]),
        ({"switching": 3.0}, ["switching", "beta"]),
        ({"fairness": 3.0}, ["fairness", "3.0", "Norm"]),
        ({"initial": 0.0}, ["initial", "()", "(n,)"]),
        ({"initial": [0.0, np.inf]}, ["initial[1]", "inf", "finite"]),
        ({"initial": [[0.0]]}, ["initial", "(1, 1)"]),
    ],
)
def test_setting_refuses(changes, words):
    with pytest.raises(EvenhandError) as caught:
        Setting(**({"horizon": 3, "beta": 1.0, "fairness": Norm(1.0), "initial": [0.0]} | changes))
    assert all(word in str(caught.value) for word in words)


def test_setting_normalises():
    setting = Setting(3.0, 1, Norm(1.0), [0, 0])
    assert isinstance(setting.horizon, int)
    assert setting.initial.dtype == np.float64


def quad(lead, n=2):
    return Quadratic(np.zeros((*lead, n)), 1.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cost": quad((3,))}, ["horizon 4", "Quadratic.linear (3,)", "fit"]),
        ({"cost": quad((4, 3))}, ["fit"]),
        ({"cost": quad((), 3)}, ["Quadratic 3 actions", "2 actions"]),
        ({"impact": Diagonal(np.ones(3))}, ["Diagonal 3 actions", "2 actions"]),
        ({"impact": Dense(np.ones((2, 3)))}, ["Dense 3 actions", "2 actions"]),
        ({"feasible": Box(np.zeros(3), 1.0)}, ["Box 3 actions", "2 actions"]),
        ({"feasible": Polytope(np.ones((2, 3)), high=1.0, lower=0.0)}, ["Polytope", "2 actions"]),
        ({"cost": DenseQuadratic(np.eye(3), np.zeros(3))}, ["DenseQuadratic 3 actions", "2 actions"]),
        ({"cost": object()}, ["object", "HittingCost"]),
        ({"setting": Setting(4, 1.0, Norm(1.0), np.zeros(2), actions=("a",))}, ["actions", "1", "2"]),
        ({"setting": Setting(4, 1.0, Norm(1.0), np.zeros(2), entities=("a",))}, ["entities", "1", "2"]),
        ({"setting": Setting(4, 1.0, Norm(1.0), np.zeros(2), burden_lower=[0.0] * 3)}, ["burden_lower", "(3,)", "(2,)"]),
        ({"setting": Setting(4, 1.0, Norm(1.0), np.zeros(2), burden_lower=[1.0, 0.0])}, ["burden_lower", "at most 0"]),
        ({"setting": Setting(4, 1.0, Norm(1.0), np.zeros(2), burden_upper=-1.0)}, ["burden_upper", "at least 0"]),
        ({"setting": Setting(4, 1.0, Norm(1.0, 2.0, [1.0] * 3), np.zeros(2))}, ["weights", "3", "2 entities"]),
        ({"setting": Setting(1, 1.0, Norm(1.0), np.zeros(2))}, ["4 rounds", "horizon is 1"]),
        ({"times": ("noon",)}, ["times", "1", "4"]),
    ],
)  # fmt: skip
def test_problem_refuses(changes, words):
    with pytest.raises(EvenhandError) as caught:
        problem(**changes)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_row_count_is_not_an_action_count():
    """A polytope of k rows over n actions does not fit k actions."""
    with pytest.raises(ProblemError, match="Polytope"):
        problem(n=3, feasible=Polytope(np.ones((3, 2)), high=1.0, lower=0.0, upper=1.0))
    assert problem(n=2, feasible=Polytope(np.ones((3, 2)), high=1.0, lower=0.0, upper=1.0)).lead == ()


def test_a_convex_cost_may_have_any_number_of_data():
    import cvxpy as cp

    cost = Convex(lambda x, d: cp.sum_squares(x) * d[0], np.ones((4, 1)), n=2)
    assert problem(cost=cost).setting.horizon == 4


def test_constant_columns_are_stretched_without_a_copy():
    p = problem(T=1000)
    assert p.impact.weight.shape == (1000, 2)
    assert p.impact.weight.strides[0] == 0


def test_names_and_burden_bounds_are_filled_in():
    p = problem(impact=Dense(np.array([[1.0, -2.0], [0.5, 0.5], [0.0, 0.0]])))
    assert p.setting.actions == ("action-0", "action-1")
    assert p.setting.entities == ("entity-0", "entity-1", "entity-2")
    np.testing.assert_array_equal(p.setting.burden_lower, [-2.0, 0.0, 0.0])
    np.testing.assert_array_equal(p.setting.burden_upper, [1.0, 1.0, 0.0])


def test_rounds_are_views():
    p = problem()
    assert len(p.rounds) == 4
    assert [r.index for r in p.rounds] == [0, 1, 2, 3]
    assert p.rounds[-1].index == 3
    assert [r.index for r in p.rounds[1:3]] == [1, 2]
    assert np.shares_memory(p.rounds[2].cost.linear, p.cost.linear)
    np.testing.assert_array_equal(p.rounds[2].cost.linear, [4.0, 5.0])
    with pytest.raises(IndexError):
        p.rounds[4]


def test_windows_are_the_windows():
    p = problem(T=5)
    all_ = p.windows(3)
    assert all_.lead == (3,)
    assert np.shares_memory(all_.cost.linear, p.cost.linear)
    for k in range(3):
        for one in (all_.episode(k), p.window(k, 3), all_.select([k]).episode(0)):
            assert one.setting.horizon == 3
            np.testing.assert_array_equal(one.cost.linear, p.cost.linear[k : k + 3])
            np.testing.assert_array_equal(one.feasible.total, p.feasible.total[k : k + 3])
    np.testing.assert_array_equal(all_.select([2, 0]).cost.linear[0], p.cost.linear[2:])


@pytest.mark.parametrize(
    "ask",
    [
        lambda p: p.window(3, 3),
        lambda p: p.window(-1, 3),
        lambda p: p.window(0, 0),
        lambda p: p.windows(6),
        lambda p: p.windows(0),
        lambda p: p.windows(2).windows(1),
        lambda p: p.windows(2).episode(4),
        lambda p: p.windows(2).episode(-5),
        lambda p: p.episode(0),
        lambda p: p.windows(2).select([0, 4]),
        lambda p: p.windows(2).select([-1]),
        lambda p: p.windows(2).select([]),
    ],
)
def test_windows_that_are_not_there(ask):
    with pytest.raises(ParameterError):
        ask(problem(T=5))


def test_cost_breakdown():
    cost = CostBreakdown(np.array([1.0, 3.0]), np.array([2.0, 2.0]), np.array([0.0, 4.0]))
    np.testing.assert_array_equal(cost.total, [3.0, 9.0])
    assert cost.mean().total == 6.0


def test_smallest_problem():
    p = problem(T=1, n=1, feasible=Budget(0.0, [1.0]))
    assert p.windows(1).lead == (1,)
