"""The proofs' inequalities on hundreds of drawn instances, and on geo7 for every policy with a guarantee."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand.report.theory import guaranteed
from evenhand.theory.guarantees import guarantee
from evenhand.theory.instances import draw

seeds = st.integers(0, 2**31 - 1)
#: rounding of sums of a few hundred terms, relative to their size
TIGHT = 1e-9


@settings(max_examples=300, deadline=None, derandomize=True)
@given(seeds)
def test_measured_cost_is_within_the_bound(seed):
    case = draw(seed)
    run, best = eh.simulate(case.problem, case.policy), eh.optimum(case.problem)
    z = []
    for spread in ("sets", "run"):
        told = guarantee(run, best, frame=case.frame, spread=spread)
        z.append(float(told.spread))
        assert told.holds
        assert told.measured <= told.sharp + TIGHT * (1 + told.sharp)
        assert told.sharp <= told.bound
        assert all(term >= 0.0 for term in told.terms.values())
        assert told.hitting_factor >= 1.0
        assert told.switching_factor >= 1.0
        if getattr(case.policy, "domain", "free") == "ball" and isinstance(case.policy.mirror, eh.Euclidean):
            g = case.problem.setting.fairness  # known in advance: kappa_max <= L
            assert told.kappa_max <= g.lipschitz(case.problem.impact.entities) * (1 + TIGHT)
    assert z[1] <= z[0] * (1 + TIGHT)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seeds)
def test_the_bound_holds_against_any_feasible_sequence_not_only_opt(seed):
    case = draw(seed)
    run = eh.simulate(case.problem, case.policy)
    other = eh.simulate(case.problem, eh.Greedy())
    assert guarantee(run, other, frame=case.frame, spread="run").holds


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seeds)
def test_the_order_of_bounds_and_benchmarks(seed):
    case = draw(seed)
    one = case.problem
    mirror = getattr(getattr(case.policy, "dual", None), "mirror", eh.Euclidean())
    run, best = eh.simulate(one, case.policy), eh.optimum(one)
    total = best.cost.total
    slack = TIGHT * (1 + abs(total))
    kappa = one.setting.fairness.project(np.random.default_rng(seed).normal(0, 1, one.impact.entities))
    low, high = eh.lower_bound(one, kappa, separable=True).value, eh.lower_bound(one, kappa).value
    top, part = eh.lower_bound(one).value, eh.lower_bound(one, separable=True).value
    # maxima are the solver's, to its 1e-8: they may fall that much short of what a given kappa proves
    assert low <= high + slack
    assert low <= part + 1e-7
    assert high <= top + 1e-7
    assert part <= total + slack
    assert top <= total + slack
    assert total - top <= 1e-6 * max(1.0, abs(total))
    reach = float(eh.attained_deviation(run, case.frame, mirror))
    if reach > 1e-6:
        held = eh.optimum(one, frame=case.frame, deviation=reach, mirror=mirror)
        assert total <= held.cost.total + 1e-7
        assert held.lower_bound <= run.cost.total + slack
        assert held.cost.total <= run.cost.total + 1e-6
        assert eh.attained_deviation(held.trajectory, case.frame, mirror) <= reach * (1 + 1e-6) + 1e-6


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seeds)
def test_the_running_bound_is_below_every_policy_at_every_round(seed):
    """Rounds 1..t are a problem of their own: the bound so far is below the cost so far of whoever plays."""
    one = draw(seed).problem
    kappa = one.setting.fairness.project(np.random.default_rng(seed).uniform(-1, 1, (3, one.impact.entities)))
    run = eh.simulate(one, eh.Greedy())
    bound = eh.RunningBound.start(one.setting, kappa)
    for t, r in enumerate(one.rounds):
        bound = bound.add(r)
        so_far = run.hitting[: t + 1].mean() + run.switching[: t + 1].mean()
        so_far += one.setting.fairness.value(run.burdens[: t + 1].mean(axis=0))
        assert bound.value <= so_far + TIGHT * (1 + abs(so_far))


@pytest.mark.parametrize("given_", [{}, {"beta": 0.0}, {"p": 2.0}, {"p": 1.0}])
def test_every_policy_with_a_guarantee_on_geo7(given_):
    episodes = eh.load("geo7", **given_)
    batch = episodes.windows().select([0, 24, 60, 96])
    best = eh.optimum(batch)
    for label, policy in guaranteed(episodes.scenario.alpha, batch.setting.beta).items():
        run = eh.simulate(batch, policy)
        for frame in (1, 24, 72):
            told = guarantee(run, best, frame=frame)
            assert told.holds, label
            assert all((term >= 0.0).all() for term in told.terms.values()), label
            one = guarantee(run.episode(1), best.trajectory.episode(1), frame=frame)
            assert one.bound == pytest.approx(told.bound[1], rel=1e-12)
