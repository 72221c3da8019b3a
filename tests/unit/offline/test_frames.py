"""(R, delta): the measured deviation by hand, (R, delta)-OPT against CVXPY, its order, its errors."""

from itertools import pairwise

import cvxpy as cp
import numpy as np
import pytest

import evenhand as eh
from evenhand.offline.frames import attained_deviation, divisors, least_deviation, periodicity
from evenhand.theory.instances import draw


def problem(seed: int = 3) -> eh.Problem:
    rng = np.random.default_rng(seed)
    setting = eh.Setting(12, 0.7, eh.Norm(1.5), np.zeros(3))
    return eh.Problem(
        setting,
        eh.Quadratic(rng.uniform(1, 3, (12, 3)), 1.0),
        eh.Diagonal(rng.uniform(0.5, 2, (12, 3))),
        eh.Budget(rng.uniform(0.5, 2.0, 12), np.ones(3)),
    )


def test_the_deviation_of_four_rounds_by_hand():
    burdens = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 6.0]])  # mean (1, 2)
    # R = 2: frame sums (4, 0) and (0, 8), each less (2, 4): (2, -4) and (-2, 4)
    assert attained_deviation(burdens, 2) == pytest.approx(2 * np.sqrt(20.0), rel=1e-15)
    assert attained_deviation(burdens, 2, eh.Entropy()) == 8.0
    # R = 1: (0, -2), (2, -2), (-1, 0), (-1, 4)
    assert attained_deviation(burdens, 1) == pytest.approx(2 + np.sqrt(8.0) + 1 + np.sqrt(17.0), rel=1e-15)
    assert attained_deviation(burdens, 1, eh.Entropy()) == 2 + 2 + 1 + 4
    assert attained_deviation(burdens, 4) == 0.0


def test_periodicity_covers_the_divisors_and_a_repeating_sequence_attains_zero():
    once = np.random.default_rng(0).uniform(0, 1, (6, 2))
    found = periodicity(np.tile(once, (4, 1)))
    assert tuple(found) == divisors(24) == (1, 2, 3, 4, 6, 8, 12, 24)
    for length, value in found.items():
        assert (value <= 1e-12) == (length % 6 == 0)  # sums of the same numbers, in different orders


def test_leading_axes_are_kept():
    burdens = np.random.default_rng(1).normal(size=(5, 2, 12, 3))
    every = attained_deviation(burdens, 4)
    assert every.shape == (5, 2)
    assert every[3, 1] == attained_deviation(burdens[3, 1], 4)


def modelled(one: eh.Problem, frame: int, delta: float, order: float, p: float = np.inf) -> float:
    """(R, delta)-OPT as CVXPY reads it."""
    s = one.setting
    rounds, n = s.horizon, s.initial.shape[0]
    x = cp.Variable((rounds, n))
    before = cp.vstack([s.initial[None, :], x[:-1]])
    burden = cp.multiply(np.array(one.impact.weight), x)
    mean = cp.sum(burden, axis=0) / rounds
    stray = [cp.norm(cp.sum(burden[k : k + frame], axis=0) - frame * mean, order) for k in range(0, rounds, frame)]
    goal = (
        cp.sum(cp.multiply(np.array(one.cost.linear), x)) / rounds
        + 0.5 * cp.sum(cp.multiply(np.array(one.cost.curvature), cp.square(x))) / rounds
        + 0.5 * s.beta * cp.sum_squares(x - before) / rounds
        + s.fairness.mu * cp.norm(mean, p)
    )
    rules = [x >= 0, x <= np.array(one.feasible.upper), cp.sum(x, axis=1) == np.array(one.feasible.total)]
    made = cp.Problem(cp.Minimize(goal), [*rules, cp.sum(cp.hstack(stray)) <= delta])
    made.solve(solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    return float(made.value)


@pytest.mark.parametrize(("mirror", "order"), [(eh.Euclidean(), 2), (eh.Entropy(), "inf")])
@pytest.mark.parametrize("frame", [1, 3, 6])
def test_against_cvxpy(mirror, order, frame):
    one = problem()
    free = eh.optimum(one)
    least, most = least_deviation(one, frame, mirror), float(attained_deviation(free.trajectory, frame, mirror))
    delta = 0.5 * (least + most)
    held = eh.optimum(one, frame=frame, deviation=delta, mirror=mirror)
    assert held.cost.total == pytest.approx(modelled(one, frame, delta, order), rel=1e-7)  # both solvers to 1e-8
    assert held.gap <= 1e-6
    assert attained_deviation(held.trajectory, frame, mirror) <= delta * (1 + 1e-7)  # rounding of the cones
    assert free.cost.total <= held.cost.total + 1e-9


@pytest.mark.parametrize("mirror", [eh.Euclidean(), eh.Entropy()])
def test_a_loose_deviation_is_opt_and_a_smaller_one_costs_more(mirror):
    one = problem(5)
    free = eh.optimum(one)
    reach = float(attained_deviation(free.trajectory, 3, mirror))
    least = least_deviation(one, 3, mirror)
    costs = [
        float(eh.optimum(one, frame=3, deviation=least + share * (reach - least), mirror=mirror).cost.total)
        for share in (2.0, 1.0, 0.6, 0.3, 0.05)
    ]
    assert costs[0] == pytest.approx(float(free.cost.total), rel=1e-8)
    assert costs[1] == pytest.approx(float(free.cost.total), rel=1e-6)
    assert all(b >= a - 1e-9 for a, b in pairwise(costs))
    assert costs[-1] > costs[0] + 1e-4
    infinite = eh.optimum(one, frame=3, deviation=np.inf, mirror=mirror)
    assert infinite.cost.total == free.cost.total


@pytest.mark.parametrize("mirror", [eh.Euclidean(), eh.Entropy()])
def test_deviation_zero_on_a_box(mirror):
    case = next(c for c in map(draw, range(100)) if isinstance(c.problem.feasible, eh.Box) and c.frame == 2)
    held = eh.optimum(case.problem, frame=2, deviation=0.0, mirror=mirror)  # playing 0 always is feasible
    assert attained_deviation(held.trajectory, 2, mirror) <= 1e-6
    assert held.gap <= 1e-6
    assert held.cost.total >= eh.optimum(case.problem).cost.total - 1e-9


def test_the_certificate_of_the_frames_is_a_bound_for_every_feasible_sequence():
    one = problem(9)
    held = eh.optimum(one, frame=4, deviation=float(least_deviation(one, 4)) * 1.3)
    assert held.lower_bound > eh.lower_bound(one).value + 1e-6  # it uses the constraint
    assert held.lower_bound <= held.cost.total + 1e-9


def test_curved_cones_where_full_steps_stop_short():
    """p = 2 and 3: the solver gives up on these with its usual steps; shorter ones prove the optimum to 1e-8."""
    for one in (eh.load("geo7", p=2.0).window(12), eh.load("geo7", p=2.0).window(48), draw(173681405).problem):
        assert eh.optimum(one).gap <= 1e-8


def test_batches_equal_single_windows():
    batch = eh.load("geo7").windows().select([0, 40])
    both = eh.optimum(batch, frame=24, deviation=700.0)
    for k in range(2):
        one = eh.optimum(batch.episode(k), frame=24, deviation=700.0)
        assert both.cost.total[k] == one.cost.total
        assert both.lower_bound[k] == one.lower_bound


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"frame": 5, "deviation": 1.0}, "frame is 5: it must divide the 12 rounds; allowed: 1, 2, 3, 4, 6, 12"),
        ({"frame": 2.5, "deviation": 1.0}, "frame is 2.5"),
        ({"frame": 0, "deviation": 1.0}, "frame is 0"),
        ({"frame": 4, "deviation": -1.0}, r"deviation is -1.0: delta must lie in \[0, inf\]"),
        ({"frame": 4, "deviation": np.nan}, "deviation is nan"),
        ({"deviation": 1.0}, "without a frame"),
        ({"frame": 4, "deviation": 1.0, "mirror": 3}, r"Euclidean\(\) or Entropy\(\)"),
    ],
)
def test_bad_parameters_say_what_is_allowed(given, text):
    with pytest.raises(eh.ParameterError, match=text):
        eh.optimum(problem(), **given)


def test_an_impossible_deviation_names_the_least():
    one = problem()
    with pytest.raises(eh.InfeasibleError, match="the least is") as told:
        eh.optimum(one, frame=3, deviation=1e-3)
    assert float(str(told.value).rsplit(" ", 1)[1]) == pytest.approx(least_deviation(one, 3), rel=1e-5)


@pytest.mark.parametrize("mirror", [eh.Euclidean(), eh.Entropy()])
@pytest.mark.parametrize("seed", [0, 5, 15, 17, 20, 25, 26, 29, 31, 33, 91])
def test_at_the_least_deviation_and_just_below_it(seed, mirror):
    """The least is answered; below it no answer leaves (6), and what is clearly below is refused with the least named."""
    case = draw(seed)
    one, frame = case.problem, case.frame
    if frame == one.setting.horizon:
        return
    least = least_deviation(one, frame, mirror)
    moved = float(np.abs(one.impact.range(*one.feasible.bounds)).max(axis=0).sum())
    for share in (1 - 1e-2, 1 - 1e-5, 1 - 1e-7, 1 - 1e-9, 1.0, 1 + 1e-9, 1 + 1e-6):
        delta = least * share
        try:
            held = eh.optimum(one, frame=frame, deviation=delta, mirror=mirror)
        except eh.InfeasibleError as told:
            assert share < 1
            named = float(str(told).rsplit(" ", 1)[1])
            assert least * (1 - 1e-12) <= named <= least * (1 + 1e-5)
            assert abs(eh.optimum(one, frame=frame, deviation=named, mirror=mirror).gap) <= 1e-6
        else:
            reached = attained_deviation(held.trajectory, frame, mirror)
            assert reached <= delta * (1 + 3e-7) + 1e-9 * moved
            assert abs(held.gap) <= 1e-6
            assert share > 1 - 1e-6 or least <= 1e-8 * moved


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_the_least_deviation_has_the_burdens_unit(unit):
    one = problem()
    other = eh.Problem(
        eh.Setting(12, 0.7, eh.Norm(1.5 / unit), np.zeros(3)), one.cost,
        eh.Diagonal(np.array(one.impact.weight) * unit), one.feasible,
    )  # fmt: skip
    for frame in (1, 3, 6):
        assert least_deviation(other, frame) == pytest.approx(
            unit * least_deviation(one, frame), rel=1e-7, abs=1e-11 * unit
        )


def test_frames_of_a_convex_cost_are_refused_with_the_reason():
    one = problem()
    general = eh.Convex(lambda x, d: d @ x + 0.5 * cp.sum_squares(x), one.cost.linear, 3)
    other = eh.Problem(one.setting, general, one.impact, one.feasible)
    assert float(eh.optimum(other).cost.total) == pytest.approx(float(eh.optimum(one).cost.total), rel=1e-6)
    assert least_deviation(other, 3) == pytest.approx(least_deviation(one, 3), rel=1e-9)
    with pytest.raises(eh.ProblemError, match="frame is 3, but a Convex cost has no conic form"):
        eh.optimum(other, frame=3, deviation=1.0)
