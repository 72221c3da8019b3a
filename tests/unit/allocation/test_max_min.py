"""Max-min on utilities: closed forms for saturated, bounded and mixed fleets, one agent, any capacity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evenhand.allocation.files import read_table
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.solve import allocate
from evenhand.allocation.table import fleet_from_table
from evenhand.utilities import Custom, Exponential, Log, Mixed, PiecewiseLinear, Power, Saturating

ROBOTS = Path(__file__).parents[3] / "examples" / "data" / "robots.csv"


@pytest.mark.parametrize("capacity", [1e-12, 0.3, 1.0, 7.0, 1e6, 1e12])
@pytest.mark.parametrize(
    "utility",
    [Power([0.5]), Log(), Exponential(1.0, 2.0), Saturating(1.0, 0.1, 0.5), Custom(np.log1p, lambda r: 1 / (1 + r))],
)
def test_one_agent_takes_all(utility, capacity):
    answer = allocate(Fleet(utility, onboard=[1.0]), capacity, np.inf)
    np.testing.assert_allclose(answer.x, [capacity], rtol=1e-15)


@pytest.mark.parametrize("capacity", [8.0, 20.0, 100.0, 1000.0, 1e6, 1e12])
def test_the_robots_of_the_tutorial(capacity):
    """Below the ceiling 1 of camera-2 everyone rises together; from there on it takes all that is left."""
    fleet = fleet_from_table(read_table(ROBOTS))
    answer = allocate(fleet, capacity, np.inf)
    u, x = answer.utility, answer.x
    assert answer.status == "certified"
    np.testing.assert_allclose(np.sum(x), capacity, rtol=1e-12)
    inside = (x > fleet.lower) & (x < fleet.upper)
    np.testing.assert_allclose(u[inside], np.min(u[inside]), rtol=1e-12)
    if capacity >= 100.0:
        # scout-3 0.8, hauler-1 1, camera-1 −log(2/3)/0.1 and arm-2 5 are enough for a utility of 1
        others = 0.8 + 1.0 - np.log(2 / 3) / 0.1 + 5.0
        np.testing.assert_allclose(x[6], capacity - others, rtol=1e-9)


def test_different_ceilings():
    """The lower ceiling is approached and never reached, so the level stays below it: U_1 = U_2 < 1."""
    answer = allocate(Fleet(Exponential([1.0, 2.0], [1.0, 1.0])), 10.0, np.inf)
    np.testing.assert_allclose(answer.x.sum(), 10.0, rtol=1e-15)
    np.testing.assert_allclose(answer.utility[0], answer.utility[1], rtol=1e-13)
    np.testing.assert_allclose(answer.x[1], np.log(2.0), rtol=2e-4)  # 2 (1 − e^−r) = 1 − 1e-4


def test_bounds_hold_and_leave_the_rest_to_others():
    """U = √r with upper bounds 1 and 4 and a lower bound 6: the free agent and the bounded ones, by hand."""
    fleet = Fleet(Power(0.5), lower=[0, 0, 6, 0], upper=[1, 4, 9, np.inf])
    np.testing.assert_allclose(allocate(fleet, 16.0, np.inf).x, [1, 4, 6, 5])
    np.testing.assert_allclose(allocate(fleet, 9.0, np.inf).x, [1, 1, 6, 1])
    np.testing.assert_allclose(allocate(fleet, 40.0, np.inf).x, [1, 4, 9, 26])


def test_capacity_that_nobody_can_use_is_left_over():
    fleet = Fleet(PiecewiseLinear([0.0, 2.0], [0.0, 1.0]), upper=[np.inf, 1.0])
    np.testing.assert_allclose(allocate(fleet, 100.0, np.inf).x, [2.0, 1.0])
    mixed = Fleet(Mixed([PiecewiseLinear([0.0, 2.0], [0.0, 1.0]), Power(0.5)], [0, 1]))
    np.testing.assert_allclose(allocate(mixed, 100.0, np.inf).x, [2.0, 98.0])


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_scales_of_twelve_decades(unit):
    """r_i = (level / c_i)²."""
    c = unit * np.array([1e-6, 1.0, 1e6])
    answer = allocate(Fleet(Power(0.5, c)), 5.0, np.inf)
    np.testing.assert_allclose(answer.x, 5.0 * c**-2 / np.sum(c**-2), rtol=1e-10)


def test_a_custom_utility_is_taken_at_its_word():
    custom = Fleet(Custom(np.log1p, lambda r: 1 / (1 + r)), onboard=[0.0, 1.0])
    for level in (0.0, 1.0, 600.0, np.inf):
        answer = allocate(custom, 3.0, level)
        np.testing.assert_allclose(answer.x, [2.0, 1.0], rtol=1e-9)
        assert answer.status == "certified if concave"
