"""geo10: the source's optimum to all its printed digits, and that linear costs without switching are first class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import evenhand as eh
from evenhand.errors import ParameterError
from evenhand.scenarios.geo10 import HOURS, Geo10


def test_the_optimum_and_the_least_price_are_those_of_the_source():
    scenario = Geo10(length=HOURS)
    problem = scenario.problem()
    published = scenario.published()
    best, cheap = eh.optimum(problem), eh.simulate(problem, eh.HitMin())
    assert float(best.gap) <= 1e-9
    for label, cost in (("OPT", best.cost), ("HITMIN", cheap.cost)):
        ours = [float(v) for v in (cost.hitting, cost.switching, cost.fairness, cost.total)]
        np.testing.assert_allclose(ours, published[label], rtol=1e-8)  # ECOS's tolerance in the source
    assert Geo10().published() == Geo10(length=HOURS, mu=2.0).published() == {}


def test_what_the_data_are():
    problem = Geo10().problem()
    assert problem.horizon == 457
    assert problem.times[0] == "2022-09-22T00:00:00Z"
    assert problem.setting.actions[:2] == ("Texas", "Virginia")
    assert problem.setting.entities[9:11] == ("Singapore carbon", "Texas water")
    assert problem.feasible.total.max() == 10.0
    x = np.full((457, 10), 0.5)
    burden = problem.impact.burden(x)
    np.testing.assert_allclose(burden[0, [0, 10]], [0.449473776 / 2, 6.100516801 / 2], rtol=1e-15)
    np.testing.assert_allclose(problem.cost.value(x)[0], problem.cost.linear[0].sum() / 2, rtol=1e-14)


@pytest.mark.parametrize("settings", [{}, {"switching": eh.Linear(20.0)}, {"alpha": 20.0, "beta": 50.0}, {"p": 2.0}])
def test_every_policy_plays_it_and_opt_is_best(settings):
    episodes = eh.load("geo10", length=48, **settings)
    batch = episodes.windows().select([0, 200])
    best = eh.optimum(batch)
    assert float(best.gap.max()) <= 1e-6
    policies = {
        **episodes.scenario.line_up(),
        "RecedingHorizon": eh.RecedingHorizon(),
        "Greedy": eh.Greedy(),
        "free": eh.FairOBD(eta=0.1),
        "entropy": eh.FairOBD(eta=0.1, domain="ball", mirror=eh.Entropy()),
    }
    for label, policy in policies.items():
        run = eh.simulate(batch, policy)
        assert float(batch.feasible.violation(run.actions).max()) <= 1e-12, label
        assert (run.cost.total >= best.cost.total * (1.0 - 1e-9)).all(), label
        alone = eh.simulate(batch.select([1]), policy)
        np.testing.assert_array_equal(alone.actions[0], run.actions[1])
    fair = eh.simulate(batch, episodes.scenario.line_up()["AdaptiveFairOBD"]).cost.total.mean()
    assert fair < eh.simulate(batch, eh.HitMin()).cost.total.mean()


def test_sites_that_cost_the_same_share_whatever_their_order():
    """With a linear cost tied sites share in proportion to their room: a tie is not broken by a site's place."""
    problem = Geo10().problem().window(0, 24)
    price = np.array(problem.cost.linear)
    price[:, [3, 7]] = price[:, [2]]
    weight = np.array(problem.impact.weight)
    weight[..., [3, 7]] = weight[..., [2]]
    order = np.array([7, 1, 3, 0, 2, 5, 4, 6, 8, 9])
    back = np.argsort(order)
    runs: list[np.ndarray] = []
    for turn in (np.arange(10), order):
        moved = replace(problem, cost=eh.Quadratic(price[:, turn], 0.0), impact=eh.Stacked(weight[..., turn]))
        runs.append(eh.simulate(moved, eh.FairOBD(eta=1.0, domain="ball")).actions)
    np.testing.assert_allclose(runs[1][:, back], runs[0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(runs[0][:, 3], runs[0][:, 2], rtol=0, atol=1e-12)
    np.testing.assert_allclose(runs[0][:, 7], runs[0][:, 2], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"beta": 1.0, "switching": eh.Linear(1.0)}, "beta is 1 and switching"),
        ({"switching": "linear"}, "switching is 'linear'"),
        ({"length": 458}, "length is 458"),
        ({"carbon": -1.0}, "carbon"),
        ({"p": 0.5}, "p is 0.5"),
        ({"capacity": 0.0}, "capacity"),
    ],
)
def test_settings_are_checked(settings, told):
    with pytest.raises(ParameterError, match=told):
        Geo10(**settings)
