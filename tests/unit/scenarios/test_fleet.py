"""Scenario fleet: its cases, its allocators and what is said of the gain, by value."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.allocation.allocators import Optimal, Proportional, SinglePass, Uniform
from evenhand.allocation.fleet import Fleet
from evenhand.errors import ParameterError, UnknownNameError
from evenhand.experiment import load
from evenhand.one_shot import OneShot, compare_allocators, pick_allocators
from evenhand.registry import catalogue, construct
from evenhand.scenarios.fleet import FleetCases
from evenhand.utilities import CobbDouglas, Power


def test_cases_are_the_shipped_and_the_seeded_ones():
    cases = list(FleetCases(sizes=(2, 7), draws=3).fleets())
    assert [c.group for c in cases] == ["two-agent"] * 86 + ["random, 2 resources"] * 6 + ["random, 1 resource"] * 6
    first = cases[0]
    np.testing.assert_allclose(first.capacity, [0.41727877832666804, 0.3474834838058471])
    np.testing.assert_allclose(first.fleet.onboard, [[0.39522188, 0.05957552], [0.08760578, 0.2112791]])
    np.testing.assert_allclose(first.fleet.utility.exponents, [[0.445, 0.04]] * 2)
    again = list(FleetCases(sizes=(2, 7), draws=3).fleets())
    other = list(FleetCases(sizes=(2, 7), draws=3, seed=1).fleets())
    assert (again[90].capacity == cases[90].capacity).all()
    assert (other[90].capacity != cases[90].capacity).all()
    assert cases[91].fleet.n == 7
    assert cases[91].fleet.onboard.max() <= 0.01
    assert cases[97].fleet.onboard.max() <= 0.1


def test_two_equal_agents_share_equally():
    fleet = Fleet(CobbDouglas(np.full((2, 2), 0.3)), resources=("rho", "alpha"))
    for rule in (Optimal(), Uniform()):
        np.testing.assert_allclose(rule.split(fleet, [4.0, 2.0]).x, [[2.0, 1.0]] * 2, rtol=1e-6)
    assert Optimal().split(fleet, [4.0, 2.0]).status == "certified"


def test_single_pass_is_exact_for_one_resource_and_never_better_for_two():
    one = Fleet(Power(np.array([0.3, 0.6])), 0.1)
    np.testing.assert_allclose(SinglePass().split(one, 3.0).x, Optimal().split(one, 3.0).x)
    for case in FleetCases(sizes=(5,), draws=4).fleets():
        best, swept = (np.sum(a.split(case.fleet, case.capacity).utility) for a in (Optimal(), SinglePass()))
        assert swept <= best * (1.0 + 1e-9)


def test_ours_is_never_below_a_rule_and_the_gain_is_stated_both_ways():
    result = compare_allocators("fleet", FleetCases(sizes=(3, 10), draws=2))
    assert len(result.rows) == 3 * 7
    for row in result.rows:
        assert row.ratio <= 1.0 + 1e-9
        assert row.reference_wins == 1.0
        assert np.isnan(row.swapped) != (row.allocator in ("uniform", "random") and "1" not in row.group[7:])
    two = result.gains()[0]
    assert two.group == "two-agent"
    assert two.mean == pytest.approx(0.011833, abs=1e-5)  # the honest gain over uniform on the published cases
    assert two.published == pytest.approx(0.160026, abs=1e-5)  # with the published error in evaluating uniform
    frame = result.cases_frame()
    assert frame.shape == (86 + 8, 8)
    assert frame[frame["group"] == "two-agent"]["ours"].mean() / frame[frame["group"] == "two-agent"][
        "uniform"
    ].mean() - 1 == pytest.approx(two.mean)


def test_names():
    assert isinstance(construct("scenarios", "fleet", {"draws": 0}), OneShot)
    assert set(catalogue("allocators")) >= {"Optimal", "SinglePass", "Uniform", "DominantResource"}
    assert set(catalogue("utilities")) >= {"Power", "Log", "Mixed", "CobbDouglas"}
    chosen = pick_allocators(FleetCases(), "OURS,Proportional(to=need), drf")
    assert list(chosen) == ["ours", "Proportional(to=need)", "DRF"]
    assert chosen["Proportional(to=need)"] == Proportional("need")
    with pytest.raises(UnknownNameError, match="did you mean 'Uniform'"):
        pick_allocators(FleetCases(), "unifrom")
    with pytest.raises(ParameterError, match="one-shot"):
        load("fleet")
