"""Scenario fleet-online: the two halves in one problem, OPT in cones proved and checked against CVXPY."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest

from evenhand.core import Problem, Setting
from evenhand.costs.utility import UtilityCost
from evenhand.errors import ParameterError, ProblemError
from evenhand.experiment import compare, load
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.offline.optimum import optimum
from evenhand.policies.fair_obd import FairOBD
from evenhand.scenarios.fleet_online import FleetOnline
from evenhand.sets import Budget
from evenhand.simulation import simulate
from evenhand.utilities import Exponential, Log, Mixed, PiecewiseLinear, Power, Saturating


def test_the_burden_is_the_shortfall():
    """A_t x_t = d_t - x_t >= 0 on the budget, and g is the worst relative shortfall."""
    episodes = load("fleet-online", robots=5, rounds=30, length=24)
    problem = episodes.problem
    run = simulate(problem, FairOBD(eta=0.03))
    demand = problem.feasible.upper
    np.testing.assert_allclose(run.burdens, demand - run.actions, atol=1e-12)
    assert (run.burdens >= -1e-12).all()
    g = problem.setting.fairness
    rate = 1.0 / g.weights
    assert float(run.cost.fairness) == pytest.approx(
        2.0 * np.max((demand - run.actions).mean(axis=0) / rate), rel=1e-12
    )
    assert (run.hitting >= 0.0).all()
    np.testing.assert_allclose(run.actions.sum(axis=1), problem.feasible.total, rtol=1e-13)


def test_compare_runs_and_opt_is_proved():
    result = compare(load("fleet-online", robots=4, rounds=20, length=16), windows=[0, 4])
    assert result.gap <= 1e-6
    ratio = {row.policy: row.ratio for row in result.rows}
    assert ratio["OPT"] == 1.0
    assert min(ratio.values()) >= 1.0 - 1e-9
    assert ratio["FairOBD(eta=0.03, ball)"] < ratio["HITMIN"]


def test_windows_play_as_they_do_alone():
    episodes = load("fleet-online", robots=3, rounds=12, length=10)
    many = simulate(episodes.windows(), FairOBD(eta=0.1))
    for k in range(3):
        np.testing.assert_array_equal(many.actions[k], simulate(episodes.window(k), FairOBD(eta=0.1)).actions)


UTILITIES = Mixed(
    [Power([0.4]), Log([0.5]), Saturating([1.0], [0.3], [0.8]), Exponential([1.5], [0.7]), Log()], np.arange(5)
)


def small(utility, n, seed=0):
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.3, 2.0, (6, n))
    weight[2, 1] = 0.0  # a round without work
    setting = Setting(6, 0.8, Norm(0.7), np.zeros(n))
    cost = UtilityCost(utility, weight, rng.uniform(0.1, 0.4, n), 4.0)
    return Problem(
        setting, cost, Diagonal(rng.uniform(0.2, 1.0, (6, n))), Budget(rng.uniform(1.0, 3.0, 6), np.full(n, 3.0))
    )


def test_opt_of_every_conic_family_against_cvxpy():
    problem = small(UTILITIES, 5)
    best = optimum(problem)
    assert best.gap <= 1e-6
    x = cp.Variable((6, 5), nonneg=True)
    cost, r = problem.cost, problem.cost.onboard + x
    worth = cp.hstack([
        cp.reshape(cp.power(r[:, 0], 0.4, approx=False), (6, 1), order="C"),
        cp.reshape(cp.log(0.5 + r[:, 1]), (6, 1), order="C"),
        cp.reshape(1.0 - 0.3 * cp.power(r[:, 2], -0.8, approx=False), (6, 1), order="C"),
        cp.reshape(1.5 * (1.0 - cp.exp(-0.7 * r[:, 3])), (6, 1), order="C"),
        cp.reshape(cp.log(r[:, 4]), (6, 1), order="C"),
    ])  # fmt: skip
    top = UTILITIES.value(np.full(5, 4.0))
    hitting = cp.sum(cp.multiply(cost.weight, top[None, :] - worth)) / 6
    before = cp.vstack([np.zeros((1, 5)), x[:-1]])
    burden = cp.sum(cp.multiply(problem.impact.weight, x), axis=0) / 6
    goal = hitting + 0.4 * cp.sum_squares(x - before) / 6 + 0.7 * cp.norm_inf(burden)
    rule = [x <= 3.0, cp.sum(x, axis=1) == problem.feasible.total]
    value = cp.Problem(cp.Minimize(goal), rule).solve(solver="CLARABEL")
    assert float(best.cost.total) == pytest.approx(value, abs=2e-6)


def test_a_family_without_a_cone_is_told():
    with pytest.raises(ProblemError, match="no conic form for the utility of agent 0"):
        optimum(small(PiecewiseLinear([0.0, 1.0, 4.0], [0.0, 1.0, 2.0]), 3))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"robots": 0}, "robots is 0"),
        ({"length": 200}, "cannot be longer"),
        ({"share": 0.0}, "share"),
        ({"mu": -1.0}, "mu"),
        ({"rounds": 2.5}, "rounds is 2.5"),
    ],
)
def test_bad_settings(settings, told):
    with pytest.raises(ParameterError, match=told):
        FleetOnline(**settings)


def test_compare_goes_on_without_opt(tmp_path):
    """Linear pieces have no cone here: the policies are still compared, and the missing OPT is told."""
    from evenhand.experiment import Episodes
    from evenhand.policies.hitmin import HitMin
    from evenhand.report.compare import as_markdown, write_comparison

    problem = small(PiecewiseLinear([0.0, 1.0, 4.0], [0.0, 1.0, 2.0]), 3)
    result = compare(Episodes("pieces", FleetOnline(rounds=6, length=6), problem), {"HITMIN": HitMin()})
    assert [row.policy for row in result.rows] == ["HITMIN"]
    assert "no conic form" in result.no_opt
    assert np.isnan(result.rows[0].ratio)
    assert "nan" not in as_markdown(result)
    assert len(write_comparison(result, tmp_path)) == 6


def test_compare_goes_on_without_fair_opt(tmp_path, monkeypatch):
    """A benchmark that is not proved costs its own row, nothing else."""
    from evenhand import experiment
    from evenhand.errors import SolverError
    from evenhand.policies.hitmin import HitMin
    from evenhand.report.compare import write_comparison

    def unproved(problem, progress=None):
        raise SolverError("not proved least")

    monkeypatch.setattr(experiment, "HINDSIGHT", {**experiment.HINDSIGHT, "FairOPT": unproved})
    episodes = experiment.load("geo7", length=12)
    result = compare(episodes, {"HITMIN": HitMin()}, [0, 3])
    assert [row.policy for row in result.rows] == ["OPT", "HITMIN"]
    assert dict(result.missing) == {"FairOPT": "not proved least"}
    assert result.no_opt == ""
    assert result.rows[1].ratio > 1
    assert len(write_comparison(result, tmp_path)) == 6
    with pytest.raises(SolverError, match="no FairOPT: not proved least"):
        compare(episodes, {}, [0], hindsight=["FairOPT"])
