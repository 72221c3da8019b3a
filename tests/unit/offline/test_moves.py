"""OPT and its relatives with prices and limits of moves: closed forms, limits named, FairOPT, frames, units."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drawn
import moving
from evenhand import (
    Box,
    Budget,
    Diagonal,
    InfeasibleError,
    Limits,
    Linear,
    Norm,
    Problem,
    Quadratic,
    RampUp,
    Setting,
    Squared,
    Sum,
    Weighted,
    attained_deviation,
    evaluate,
    fair_optimum,
    load,
    lower_bound,
    lower_bound_at,
    optimum,
)
from evenhand.trajectory import excess_of_moves

#: a gap of 1e-10 leaves actions of a cost with curvature 1 open by about its root
NEAR = 1e-4


def one_site(switching, targets, x_0=0.0, fairness=0.0):
    """f_t = (x - target_t)^2 / 2 on [-9, 9]."""
    targets = np.asarray(targets, dtype=float)[:, None]
    setting = Setting(len(targets), switching=switching, fairness=Norm(fairness), initial=[x_0])
    return Problem(setting, Quadratic(-targets, 1.0), Diagonal(np.ones_like(targets)), Box([-9.0], [9.0]))


def test_a_step_is_followed_but_for_the_price_of_it():
    """Targets 0, 3, 3, 3: the sum of the slopes after the move is its price, 3 (3 - x) = c."""
    best = optimum(one_site(Linear(1.5), [0.0, 3.0, 3.0, 3.0]))
    np.testing.assert_allclose(best.trajectory.actions[:, 0], [0.0, 2.5, 2.5, 2.5], atol=NEAR)
    assert best.cost.switching == pytest.approx(1.5 * 2.5 / 4, rel=1e-7)
    assert best.gap <= 1e-8


def test_stopping_is_free_and_a_start_is_not():
    """Targets 2, 0, 2 at 1 a unit up: it pays to stay on over the gap, so that 3 x - 4 + 1 = 0."""
    best = optimum(one_site(RampUp(1.0), [2.0, 0.0, 2.0]))
    np.testing.assert_allclose(best.trajectory.actions[:, 0], [1.0, 1.0, 1.0], atol=NEAR)


def test_limits_are_climbed_early():
    best = optimum(one_site(Limits(rise=1.0), [0.0, 0.0, 3.0]))
    x = best.trajectory.actions[:, 0]
    assert excess_of_moves(best.trajectory.problem.setting, best.trajectory.actions).max() <= 1e-12
    # x_3 = x_2 + 1 = x_1 + 2 with x_1 free to lie up to 1: min x_1^2 + (x_1 + 1)^2 + (x_1 - 1)^2 over x_1 is 0
    np.testing.assert_allclose(x, [0.0, 1.0, 2.0], atol=NEAR)
    assert best.gap <= 1e-8


def test_waived_limits_hold_from_the_second_round_on():
    first = optimum(one_site(Limits(rise=1.0, from_start=False), [3.0, 3.0])).trajectory.actions[:, 0]
    np.testing.assert_allclose(first, [3.0, 3.0], atol=NEAR)


def test_the_same_cost_in_several_words_has_the_same_optimum():
    window = load("geo7").window(3)
    costs = []
    for switching in (Squared(850.0), Weighted([850.0] * 7), Weighted(850.0 * np.eye(7)), Sum(Squared(850.0))):
        best = optimum(replace(window, setting=replace(window.setting, switching=switching)))
        costs.append(float(best.cost.total))
    np.testing.assert_allclose(costs, costs[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("switching", "words"),
    [
        (Limits(rise=[1.0, 0.5]), ["round 1", "total is 4", "above", "3", "rise = 0.5", "'south'"]),
        (Limits(rise=[0.1, 9.0], fall=9.0), ["round 1", "'north'", "0.2", "rise = 0.1", "least, 2"]),
    ],
)
def test_what_cannot_be_reached_is_named(switching, words):
    setting = Setting(2, switching=switching, fairness=Norm(1.0), initial=[0.0, 0.0], actions=("north", "south"))
    if "'south'" in words:
        feasible = Budget([0.5, 4.0], [9.0, 9.0])
    else:
        feasible = Budget([0.5, 4.0], np.full((2, 2), 9.0), [[0.0, 0.0], [2.0, 0.0]])
    problem = Problem(setting, Quadratic(np.ones((2, 2)), 1.0), Diagonal(np.ones((2, 2))), feasible)
    with pytest.raises(InfeasibleError) as caught:
        optimum(problem)
    assert all(word in str(caught.value) for word in words), str(caught.value)


LIMITED = Sum(Linear(2.0), Limits(rise=1.5, fall=1.0, from_start=False))


@pytest.fixture(scope="module")
def limited():
    window = load("geo7").problem.window(0, 24)
    return replace(window, setting=replace(window.setting, switching=LIMITED))


def test_fair_optimum_within_limits(limited):
    best, fair = optimum(limited), fair_optimum(limited)
    assert excess_of_moves(limited.setting, fair.trajectory.actions).max() <= 1e-9
    assert fair.cost.fairness <= best.cost.fairness
    assert fair.cost.total >= best.cost.total - 1e-9
    free = fair_optimum(replace(limited, setting=replace(limited.setting, switching=Squared(0.0))))
    assert fair.cost.fairness >= free.cost.fairness - 1e-5 * free.cost.fairness


def test_frames_within_limits(limited):
    best, fair = optimum(limited), fair_optimum(limited)
    loose, tight = (float(attained_deviation(one.trajectory, 6)) for one in (best, fair))
    delta = 0.9 * loose if loose < tight else 0.5 * (loose + tight)
    held = optimum(limited, frame=6, deviation=delta)
    assert attained_deviation(held.trajectory, 6) <= delta * (1 + 1e-6)
    assert held.gap <= 1e-6
    assert held.cost.total >= best.lower_bound - 1e-9


def test_no_less_than_the_least_deviation_within_limits(limited):
    with pytest.raises(InfeasibleError, match="the least is"):
        optimum(limited, frame=6, deviation=1e-9)


@settings(max_examples=25)
@given(st.sampled_from(["linear", "up", "all", "limits", "weighted"]), st.integers(0, 2**20))
def test_any_force_proves_a_bound(family, seed):
    """Below every feasible sequence, whatever forces are tried, and only tight with the solver's."""
    problem, rng = moving.problem_of("quadratic", "equal", family, "norm", seed)
    best = optimum(problem)
    cost = float(best.cost.total)
    for _ in range(5):
        kappa = problem.setting.fairness.project(rng.normal(size=best.kappa.shape))
        pushes = rng.normal(size=best.trajectory.actions.shape) * 2.0
        bound = lower_bound_at(
            problem, best.trajectory.actions + 0.1 * rng.normal(size=pushes.shape), kappa, pushes=pushes
        )
        assert float(bound) <= cost + 1e-9 * (1 + abs(cost))
    given_kappa = lower_bound(problem, problem.setting.fairness.project(best.kappa))
    assert float(given_kappa.value) == pytest.approx(cost, rel=1e-6, abs=1e-6)


@settings(max_examples=20)
@given(st.sampled_from(["linear", "up", "all", "matrix"]), st.integers(0, 2**20), drawn.scales, drawn.scales)
def test_units_do_not_matter(family, seed, money, size):
    problem, _ = moving.problem_of("quadratic", "at most", family, "two", seed)
    cost, sets, setting = problem.cost, problem.feasible, problem.setting
    other = Problem(
        replace(
            setting,
            switching=setting.switching.moves.in_units(1 / size, 1 / money),
            fairness=setting.fairness.scaled(money / size),
            initial=setting.initial * size,
            burden_lower=None,
            burden_upper=None,
        ),
        Quadratic(cost.linear * money / size, cost.curvature * money / size**2, cost.constant * money),
        problem.impact,
        Budget(sets.total * size, sets.upper * size, sets.lower * size, equal=sets.equal),
    )
    want, got = optimum(problem), optimum(other)
    assert float(got.cost.total) / money == pytest.approx(float(want.cost.total), rel=1e-6, abs=1e-6)


def test_evaluate_prices_moves_and_leaves_limits_aside():
    problem = one_site(Sum(RampUp(2.0), Limits(rise=0.1)), [0.0, 0.0])
    assert float(evaluate(problem, np.array([[1.0], [3.0]])).cost.switching) == 3.0
