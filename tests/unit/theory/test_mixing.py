"""The bound of a mixture: measured cost <= best expert + hedging + moves + shift, on drawn cases and by value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from drawn import problems
from evenhand.planning.opinions import PRICED, lasting

RATES = st.sampled_from([0.0, 1.0, 40.0, 1e6])
MEMORIES = st.sampled_from([None, None, eh.HalfLife(2.0), eh.Window(2)])
MOVES = st.sampled_from([None, None, eh.RampUp(0.7), eh.Sum(eh.Squared(0.5), eh.Linear(0.2))])
EXPERTS = (
    eh.FairOBD(eta=0.3, domain="ball"), eh.FairOBD(), eh.HitMin(), eh.Greedy(), eh.ROBD(), eh.DMD(),
)  # fmt: skip


@st.composite
def mixtures(draw):
    count = draw(st.integers(1, 4))
    experts = tuple(draw(st.sampled_from(EXPERTS)) for _ in range(count))
    prior = None if draw(st.booleans()) else [draw(st.sampled_from([1.0, 0.1, 5.0])) for _ in experts]
    return eh.Mixture(experts, prior, draw(RATES))


@given(problems(horizon=25), mixtures(), MEMORIES, MOVES)
@settings(max_examples=100, deadline=None)
def test_what_is_measured_is_below_the_bound(problem, policy, memory, moves):
    """Twenty-one windows an example, so two thousand cases."""
    setting = replace(problem.setting, memory=memory)
    if moves is not None:
        setting = replace(setting, switching=moves)
    problem = replace(problem, setting=setting).windows(5)
    run = eh.simulate(problem, policy)
    told = eh.mixture_bound(run)
    assert told.holds, told
    np.testing.assert_array_equal(sum(told.terms.values()), told.bound)
    alone = eh.tally(problem, policy.experts[-1]).cost.total
    np.testing.assert_allclose(told.experts[..., -1], alone, rtol=1e-9, atol=1e-9)


def test_constant_weights_cost_no_more_than_the_mixture_of_costs():
    problem = eh.load("synthetic").problem
    told = eh.mixture_bound(eh.simulate(problem, eh.Mixture((eh.FairOBD(), eh.HitMin()), [1.0, 3.0], rate=0.0)))
    assert abs(told.moves) <= 1e-12
    assert abs(told.shift) <= 1e-12
    np.testing.assert_allclose(told.bound, told.experts @ [0.25, 0.75], rtol=1e-12)
    assert told.measured < told.bound


def test_two_experts_by_hand():
    """Two rounds, two actions, weights that follow e^(-rate L / c): every term in closed form."""

    problem = eh.Problem(
        eh.Setting(2, 1.0, eh.Norm(2.0), np.array([1.0, 0.0])),
        eh.Quadratic(np.array([[0.0, 1.0], [3.0, 0.0]])),
        eh.Diagonal(np.ones(2)),
        eh.Budget(1.0, np.ones(2)),
    )
    # HitMin goes (1, 0), (0, 1): hitting 0, moves 0 + 1, burdens (1, 1). Greedy, min f + ||x - x'||^2 / 2: (1, 0), then
    # from (1, 0) with f = 3 x_1 to (0, 1) as well: cost 1 <= 3. Both have L_1 = 0 + 2, L_2 = 1 + 2.
    told = eh.mixture_bound(eh.simulate(problem, eh.Mixture((eh.HitMin(), eh.Greedy()), rate=1.0)))
    np.testing.assert_allclose(told.experts, [1.5, 1.5])
    np.testing.assert_allclose([told.hedging, told.moves, told.shift, told.measured], [0.0, 0.0, 0.0, 1.5], atol=1e-15)
    np.testing.assert_allclose(told.limit, 22.0 * np.log(2.0) / 2.0)  # c_1 = 2 + 10 * 2, c_2 = max(c_1, 3 + 10 * 1)


def test_adaptive_has_a_bound_whatever_a_forecast_says():
    problem = eh.load("geo7").window(0).window(0, 24)
    wrong = eh.Forecast(
        0, feasible=eh.Budget(10.0 * problem.feasible.total[::-1], 1.0 * problem.feasible.upper, equal=False)
    )
    for policy in (eh.AdaptiveFairOBD(), eh.AdaptiveFairOBD(period=24, forecasts=(wrong,), reach=12, steps=1)):
        told = eh.mixture_bound(eh.simulate(problem, policy))
        assert told.holds
        assert told.measured <= told.best + told.limit + told.prices + told.moves + told.shift + 1e-9 * told.best


@pytest.mark.parametrize("memory", [None, eh.HalfLife(3.0)])
def test_weights_follow_burdens_at_the_price_of_the_round(memory):
    """D and the weights from what the experts did alone, at the mixture of prices by the weights of the round before."""
    problem = eh.load("synthetic").problem.window(0, 12)
    problem = replace(problem, setting=replace(problem.setting, memory=memory))
    policy = eh.AdaptiveFairOBD()
    steps = list(eh.play(problem, policy))
    told = [step.state.opinions for step in steps]
    g, left = problem.setting.fairness, lasting(problem.setting)
    borne = np.zeros((policy.shares.shape[0], problem.impact.entities))
    dues = before = 0.0
    for t, (round, now) in enumerate(zip(problem.rounds, told, strict=True)):
        burdens = round.impact.burden(now.actions)
        borne = borne + burdens
        charge = (t + 1) * g.value(borne / (t + 1)) if memory is None else now.charged + before
        dues, before = left * dues + burdens @ now.price - (charge - before), charge if memory is None else 0.0
        np.testing.assert_allclose(now.dues, dues, rtol=1e-9, atol=1e-9)
        raw = policy.shares * np.exp(-policy.speed * (now.losses + PRICED * now.dues) / now.size)
        np.testing.assert_allclose(now.weights, raw / raw.sum(), rtol=1e-6, atol=1e-12)
    assert eh.mixture_bound(eh.simulate(problem, policy)).prices != 0.0


def test_what_mixes_nothing_is_refused():
    problem = eh.load("synthetic").problem
    with pytest.raises(eh.EvenhandError, match="HitMin mixes nothing"):
        eh.mixture_bound(eh.simulate(problem, eh.HitMin()))
    limited = replace(problem, setting=replace(problem.setting, switching=eh.Limits(rise=1.0, fall=1.0)))
    with pytest.raises(eh.EvenhandError, match="limits"):
        eh.mixture_bound(eh.simulate(limited, eh.Mixture()))
