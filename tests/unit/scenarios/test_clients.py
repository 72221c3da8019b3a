"""clients: the data are the trace's, the shares add up, options mean what they say, and every policy plays them."""

from __future__ import annotations

import numpy as np
import pytest

import evenhand as eh
from evenhand.errors import ParameterError
from evenhand.scenarios.clients import NAMED, Clients


@pytest.mark.parametrize("trace", NAMED)
def test_rates_are_those_of_the_trace(trace):
    names, tens = Clients(trace=trace, every="10min").rates()
    same, hours = Clients(trace=trace).rates()
    assert names == same
    assert names[-1] == "others"
    assert len(names) == NAMED[trace] + 1
    assert (tens.shape[0], hours.shape[0]) == (2016, 336)
    assert (np.diff(tens[:, :-1].mean(axis=0)) <= 0).all()  # the largest first
    np.testing.assert_allclose(hours[5], tens[30:36].mean(axis=0), rtol=1e-14)
    few, fewer = Clients(trace=trace, clients=5).rates()
    assert few == (*names[:5], "others")
    np.testing.assert_allclose(fewer[:, 5], hours[:, 5:].sum(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(fewer[:, :5], hours[:, :5])


def test_the_first_rows_are_as_published():
    names, rates = Clients(every="10min").rates()
    assert names[:3] == ("client-60", "client-36", "client-73")
    np.testing.assert_array_equal(rates[1, :3], [0.0167, 332.1283, 111.9667])
    assert rates[0, -1] == 168.4367


@pytest.mark.parametrize("quotas", ["equal", "contract"])
def test_capacity_and_quotas(quotas):
    scenario = Clients(trace="msmall", capacity=0.9, quotas=quotas)
    quota, asks = scenario.shares()
    np.testing.assert_allclose(quota.sum(), 100.0, rtol=1e-12)
    np.testing.assert_allclose(asks.sum(axis=1).mean(), 100.0 / 0.9, rtol=1e-12)
    expected = 100.0 / 13 if quotas == "equal" else 100.0 * asks.mean(axis=0) / asks.mean(axis=0).sum()
    np.testing.assert_allclose(quota, expected, rtol=1e-12)
    problem = scenario.problem()
    np.testing.assert_array_equal(problem.setting.initial, quota)
    np.testing.assert_allclose(problem.impact.burden(quota)[0], -10.0, rtol=1e-12)
    assert float(problem.setting.fairness.value(problem.impact.burden(quota)[0])) <= 1e-12
    np.testing.assert_allclose(problem.feasible.upper[0], np.minimum(100.0, 6.0 * quota), rtol=1e-15)


def test_switching_is_what_it_is_called():
    x, y = np.array([3.0, 5.0]), np.array([4.0, 2.0])
    told = {"squared": 0.025 * 10.0, "linear": 0.25 * 4.0, "ramp_up": 0.25 * 3.0}
    for name, cost in told.items():
        np.testing.assert_allclose(Clients(switching=name).moving().value(x, y), cost, rtol=1e-14)
    limits = eh.Limits(rise=5.0)
    assert Clients(switching=limits).moving() is limits


@pytest.mark.parametrize("memory", [None, eh.HalfLife(24)])
@pytest.mark.parametrize("switching", ["squared", "linear", "ramp_up"])
def test_every_policy_plays_it_and_opt_is_best(switching, memory):
    episodes = eh.load("clients", trace="msmall", clients=6, switching=switching, length=48, memory=memory)
    batch = episodes.windows().select([0, 100])
    best = eh.optimum(batch)
    assert float(best.gap.max()) <= 1e-6
    for label, policy in episodes.scenario.line_up().items():
        run = eh.simulate(batch, policy)
        assert float(batch.feasible.violation(run.actions).max()) <= 1e-12, label
        assert (run.cost.total >= best.cost.total * (1.0 - 1e-7)).all(), label
        alone = eh.simulate(batch.select([1]), policy)
        np.testing.assert_array_equal(alone.actions[0], run.actions[1])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"trace": "large"}, "trace is 'large': it must be mmid or msmall"),
        ({"every": "minute"}, "every is 'minute'"),
        ({"quotas": "none"}, "quotas is 'none'"),
        ({"clients": 25}, "clients is 25"),
        ({"trace": "msmall", "clients": 13}, "clients is 13"),
        ({"capacity": 0.0}, "capacity"),
        ({"most": 0.5}, "most"),
        ({"switching": "ramp"}, "switching is 'ramp'"),
        ({"switching": "linear", "move": -1.0}, "move"),
        ({"length": 337}, "length is 337"),
        ({"form": "quota"}, "form is 'quota'"),
    ],
)
def test_settings_are_checked(settings, told):
    with pytest.raises(ParameterError, match=told):
        Clients(**settings)
