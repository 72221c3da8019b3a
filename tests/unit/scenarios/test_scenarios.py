"""provisioning, tenants, synthetic: what their data are, closed forms, and that a comparison makes sense."""

from __future__ import annotations

import numpy as np
import pytest

import evenhand as eh
from evenhand.errors import ParameterError, UnknownNameError
from evenhand.scenarios.provisioning import SIZE, Provisioning
from evenhand.scenarios.synthetic import FAMILIES, Synthetic
from evenhand.scenarios.tenants import Tenants


@pytest.mark.parametrize("settings", [{}, {"n": 3, "mu": 0.5, "q": 2.0, "beta": 0.1, "seed": 3}, {"n": 6, "mu": 0.2}])
@pytest.mark.parametrize("family", FAMILIES)
def test_synthetic_optimum_is_the_closed_form(family, settings):
    scenario = Synthetic(family, **settings)
    best = eh.optimum(scenario.problem())
    assert float(best.gap) <= 1e-8
    known = scenario.answer()
    assert (known is None) == (family == "drift")
    if known is not None:
        np.testing.assert_allclose(float(best.cost.total), known, rtol=1e-9)  # Clarabel's tolerance


def test_synthetic_refuses_what_it_does_not_know():
    with pytest.raises(UnknownNameError, match="did you mean 'drift'"):
        Synthetic("drifts")
    with pytest.raises(ParameterError, match="length is 99"):
        Synthetic(length=99, rounds=10)
    with pytest.raises(ParameterError, match="too large for the closed form"):
        Synthetic("constant", mu=50.0).answer()
    with pytest.raises(ParameterError, match="too large for the closed form"):
        Synthetic("free-moves", mu=50.0, rounds=3).answer()
    assert Synthetic("toggle", beta=0.3).answer() is None


def test_provisioning_shares_servers_in_proportion_to_demand():
    scenario = Provisioning()
    demand, problem = scenario.demand(), scenario.problem()
    np.testing.assert_allclose(demand.mean(axis=0), SIZE, rtol=1e-12)
    total = demand.sum(axis=1)
    np.testing.assert_allclose(problem.feasible.total, total, rtol=1e-15)
    x = np.array([40.0, 20.0, 10.0])
    received = demand / total[:, None] * (total[:, None] - 10.0)
    burden = problem.impact.burden(np.broadcast_to(x, (168, 3)))
    np.testing.assert_allclose(burden, 100.0 * (demand - received) / SIZE, rtol=1e-12)
    assert total.max() > 80.0 + 45.0  # at the peak somebody waits


def test_tenants_are_seeded_and_ask_for_more_than_there_is():
    quota, asks = Tenants(tenants=20, seed=4).draw()
    again = Tenants(tenants=20, seed=4).draw()[1]
    np.testing.assert_array_equal(asks, again)
    np.testing.assert_allclose(quota.sum(), 100.0, rtol=1e-12)
    assert (asks != Tenants(tenants=20, seed=5).draw()[1]).any()
    assert 120.0 < asks.sum(axis=1).mean() < 180.0


def test_settings_are_checked():
    with pytest.raises(ParameterError, match=r"tenants is 3: it must be a whole number, at least 5 and at most 50"):
        Tenants(tenants=3)
    with pytest.raises(ParameterError, match="form is 'quota'"):
        Tenants(form="quota")
    with pytest.raises(ParameterError, match="length is 0"):
        Provisioning(length=0)


@pytest.mark.parametrize(
    ("name", "settings", "windows"),
    [
        ("provisioning", {}, [0, 60]),
        ("tenants", {"length": 60}, [0, 90]),
        ("tenants", {"form": "target", "length": 40}, [10]),
        ("synthetic", {}, [0]),
    ],
)
def test_compare_puts_opt_first_and_fairness_helps(name, settings, windows):
    result = eh.compare(eh.load(name, **settings), windows=windows)
    rows = {row.policy: row for row in result.rows}
    assert result.gap <= 1e-6
    assert all(row.ratio >= 1.0 - 1e-6 for row in result.rows)
    assert rows["FairOPT"].fairness <= min(row.fairness for row in result.rows) + 1e-4
    fair = rows["FairOBD(eta=0.01, ball)"]
    assert fair.fairness < rows["HITMIN"].fairness
    assert fair.total < rows["HITMIN"].total


@pytest.mark.parametrize("name", ["provisioning", "tenants", "own"])
def test_batches_single_windows_and_tallies_are_bit_identical(name):
    episodes = eh.load(name)
    starts = [0] if name == "own" else [0, 17]
    batch = episodes.windows().select(starts)
    for policy in episodes.scenario.line_up().values():
        run = eh.simulate(batch, policy)
        kept = eh.tally(batch, policy)
        np.testing.assert_array_equal(run.cost.total, kept.cost.total)
        np.testing.assert_array_equal(run.mean_burden, kept.mean_burden)
        for k, start in enumerate(starts):
            alone = eh.simulate(episodes.window(start), policy)
            np.testing.assert_array_equal(alone.actions, run.actions[k])
            np.testing.assert_array_equal(alone.cost.total, run.cost.total[k])
