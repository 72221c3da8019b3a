"""Fairness measures and baselines against values by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.allocation import baselines
from evenhand.allocation.baselines import (
    BASELINES,
    dominant_resource,
    max_min_level,
    proportional,
    random,
    uniform,
)
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.measures import gini, jain, least_advantaged, measure
from evenhand.errors import ParameterError, ProblemError, SolverError
from evenhand.kernels.allocate import Filled
from evenhand.utilities import CobbDouglas, Log, Power


def test_measures_by_hand():
    assert jain([1.0, 1.0, 1.0]) == 1.0
    assert jain([4.0, 0.0, 0.0, 0.0]) == 0.25
    assert jain([1.0, 2.0, 3.0]) == pytest.approx(36 / 42)
    assert jain([0.0, 0.0]) == 1.0
    assert gini([5.0, 5.0]) == 0.0
    assert gini([0.0, 0.0, 0.0, 1.0]) == 0.75
    assert gini([1.0, 2.0, 3.0]) == pytest.approx(8 / 36)  # mean |difference| 8/9 over 2 · 2
    assert least_advantaged(np.ones(20)) == pytest.approx(0.1)
    assert least_advantaged([1.0, 2.0, 3.0, 4.0, 0.0]) == 0.0
    assert least_advantaged([1.0, 3.0]) == pytest.approx(0.05)  # a fifth of the poorer agent
    m = measure([1.0, 4.0])
    assert (m.ratio, m.lowest, m.mean, m.highest) == (4.0, 1.0, 2.5, 4.0)
    assert measure([0.0, 1.0]).ratio == np.inf
    assert measure([0.0, 0.0]).ratio == 1.0


def test_envy_is_the_best_gain_from_a_swap():
    answer = uniform(Fleet(Power(0.5), onboard=[0.0, 0.0]), 8.0)
    assert answer.fairness.envy == 0.0
    uneven = proportional(Fleet(Power(0.5), onboard=[0.0, 0.0]), 10.0, to=[1.0, 9.0])
    assert uneven.fairness.envy == pytest.approx(2.0)  # √9 − √1
    assert uneven.fairness.of == "utility"
    assert uniform(Fleet(Log(), onboard=[0.1, 0.1]), 0.2).fairness.of == "resource"  # log 0.2 < 0


def test_uniform_and_what_a_bound_cuts_off():
    fleet = Fleet(Log(), lower=[0.0, 4.0, 0.0], upper=[1.0, np.inf, np.inf])
    np.testing.assert_allclose(uniform(fleet, 9.0).x, [1.0, 4.0, 4.0])
    np.testing.assert_allclose(uniform(fleet, 6.0).x, [1.0, 4.0, 1.0])


def test_proportional_keys():
    fleet = Fleet(Log(), onboard=[1.0, 3.0], weight=[2.0, 1.0])
    np.testing.assert_allclose(proportional(fleet, 6.0).x, [4.0, 2.0])
    np.testing.assert_allclose(proportional(fleet, 8.0, to="onboard").x, [2.0, 6.0])
    np.testing.assert_allclose(proportional(fleet, 8.0, to="need").x, [8.0, 0.0])
    np.testing.assert_allclose(proportional(Fleet(Log(), onboard=[1.0, 1.0]), 8.0, to="need").x, [4.0, 4.0])
    with pytest.raises(ParameterError, match="'wealth' is not known"):
        proportional(fleet, 8.0, to="wealth")
    with pytest.raises(ParameterError, match="0 or more"):
        proportional(fleet, 8.0, to=[1.0, -1.0])


def test_max_min_level_is_a_water_level():
    fleet = Fleet(Log(), onboard=[0.0, 1.0, 5.0])
    np.testing.assert_allclose(max_min_level(fleet, 3.0).x, [2.0, 1.0, 0.0], rtol=1e-15)
    np.testing.assert_allclose(max_min_level(fleet, 9.0).x, [5.0, 4.0, 0.0], rtol=1e-15)


def test_max_min_level_gives_shares_far_below_what_is_on_board():
    """A level of 1e9 + 1e-9 is no float: it counts from the least on board of those who can take."""
    fleet = Fleet(Power([0.5, 0.5, 0.5]), onboard=[1e9, 1e9, 1e10], upper=[1.0, 1.0, 1.0])
    np.testing.assert_allclose(max_min_level(fleet, 1e-9).x, [5e-10, 5e-10, 0.0], rtol=1e-14)
    full = Fleet(Power([0.5, 0.5]), onboard=[0.0, 1e9], upper=[0.0, 1.0])
    np.testing.assert_allclose(max_min_level(full, 1e-9).x, [0.0, 1e-9], rtol=1e-14)


@pytest.mark.parametrize("capacity", [1.5e-20, 5e-20, 3e-7])
def test_the_rest_behind_a_full_agent_is_given_though_its_level_is_no_float(capacity):
    fleet = Fleet(Power([0.5, 0.5]), onboard=[0.0, 1e10], upper=[1e-20, 1.0])
    np.testing.assert_allclose(max_min_level(fleet, capacity).x, [1e-20, capacity - 1e-20], rtol=1e-14)


def test_a_total_that_misses_the_capacity_is_told(monkeypatch):
    """Drawn cases have not found one; should the search ever stop early, its shares are not handed out."""
    monkeypatch.setattr(baselines, "fill", lambda *_: Filled(np.ones(2), 0.0, 9, feasible=True, least=0.0))
    with pytest.raises(SolverError, match=r"shares of resource add up to 2.0 of 5.0: .*drop what is negligible"):
        uniform(Fleet(Power([0.5, 0.5])), 5.0)


def test_random_is_seeded_and_dirichlet():
    fleet = Fleet(Log(), weight=np.ones(4))
    one, two = random(fleet, 2.0, seed=1), random(fleet, 2.0, seed=1)
    np.testing.assert_array_equal(one.x, two.x)
    assert not np.array_equal(one.x, random(fleet, 2.0, seed=2).x)
    draws = np.array([random(fleet, 1.0, seed=k).x for k in range(2000)])
    # Dirichlet(1,1,1,1): mean 1/4, variance (1/4)(3/4)/5; the mean of 2000 has a standard error of 0.0043
    np.testing.assert_allclose(draws.mean(axis=0), 0.25, atol=0.02)
    np.testing.assert_allclose(draws.var(axis=0), 0.0375, rtol=0.15)


def test_drf_example_of_its_paper():
    """Ghodsi et al. 2011, §4.1: 9 CPU, 18 GB; A needs (1, 4), B (3, 1): 3 and 2 tasks, shares 2/3."""
    fleet = Fleet(CobbDouglas([[0.2, 0.5], [0.5, 0.2]]), resources=["cpu", "ram"])
    answer = dominant_resource(fleet, {"cpu": 9.0, "ram": 18.0}, demands=[[1.0, 4.0], [3.0, 1.0]])
    np.testing.assert_allclose(answer.x, [[3.0, 12.0], [6.0, 2.0]], rtol=1e-14)
    with pytest.raises(ProblemError, match="demands"):
        dominant_resource(fleet, [9.0, 18.0], demands=[[1.0, 4.0]])


def test_drf_goes_on_for_those_who_do_not_need_the_scarce_resource():
    """C needs ram only: it goes on after the cpu is gone, to the last of the ram."""
    fleet = Fleet(CobbDouglas([[0.5, 0.0], [0.0, 0.5]]))
    x = dominant_resource(fleet, [2.0, 10.0]).x
    np.testing.assert_allclose(x, [[2.0, 0.0], [0.0, 10.0]], rtol=1e-14)


@pytest.mark.parametrize("rule", BASELINES.values(), ids=BASELINES.keys())
def test_every_rule_is_feasible_for_several_resources(rule):
    rng = np.random.default_rng(0)
    n = 7
    fleet = Fleet(
        CobbDouglas(rng.uniform(0.05, 0.5, (n, 3))),
        onboard=rng.uniform(0, 1, (n, 3)),
        lower=rng.uniform(0, 0.1, (n, 3)),
        upper=rng.uniform(0.5, 2, (n, 3)),
    )
    answer = rule(fleet, [3.0, 2.0, 4.0])
    assert answer.certificate.primal <= 1e-12
    assert np.isfinite(answer.utility).all()
