"""OPT, FairOPT and lower bounds of fairness with a memory: against CVXPY from the definition, and as proofs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import modelled
import moving
from evenhand import (
    FairOBD,
    HalfLife,
    InfeasibleError,
    ParameterError,
    ProblemError,
    Window,
    fair_optimum,
    load,
    lower_bound,
    lower_bound_at,
    optimum,
    simulate,
)
from evenhand.costs.unserved import Pooled, Unserved
from evenhand.experiment import remembering
from evenhand.live.records import candidates
from evenhand.offline.bound import RunningBound, round_floor
from evenhand.offline.running import more_late, still_due
from latest import Latest

CASES = st.tuples(
    st.sampled_from(moving.PAIRS),
    st.sampled_from(moving.FAIRNESS),
    st.sampled_from(moving.FAMILIES),
    st.integers(0, 2**20),
)
MEMORIES = ("half-life", "started", "window", "mean", "instant")


def memory_of(kind, m, seed):
    rng = np.random.default_rng(seed)
    return {
        "half-life": lambda: HalfLife(rng.uniform(0.3, 6.0)),
        "started": lambda: HalfLife(rng.uniform(0.3, 6.0), rng.normal(size=m)),
        "window": lambda: Window(rng.integers(1, 5)),
        "mean": lambda: HalfLife(np.inf),
        "instant": lambda: HalfLife(1e-3),
    }[kind]()


def drawn(case, kind):
    (cost, feasible), fairness, family, seed = case
    problem, rng = moving.problem_of(cost, feasible, family, fairness, seed)
    return remembering(problem, memory_of(kind, problem.impact.entities, seed)), rng


@pytest.mark.parametrize("kind", MEMORIES)
@settings(max_examples=6)
@given(case=CASES)
def test_opt_is_that_of_cvxpy_and_proves_itself(kind, case):
    problem, rng = drawn(case, kind)
    best = optimum(problem)
    assert best.kappa.shape == (problem.horizon, problem.impact.entities)
    assert -1e-9 <= float(best.gap) <= 1e-6
    assert float(best.cost.total) == pytest.approx(modelled.best_horizon(problem), abs=2e-6, rel=2e-6)
    total = float(best.cost.total)
    slack = 1e-8 * (1 + abs(total))
    # every price for every round proves something, and so does the same price in all of them
    prices = problem.setting.fairness.project(rng.normal(size=best.kappa.shape))
    for kappa in (prices, prices[0], best.kappa):
        for separable in (False, True):
            proved = lower_bound(problem, problem.setting.fairness.project(kappa), separable=separable)
            assert float(proved.value) <= total + slack
    assert float(lower_bound(problem, separable=True).value) <= float(lower_bound(problem).value) + 1e-6 * (1 + slack)
    try:
        run = simulate(problem, FairOBD(eta=0.1, domain="ball"))
    except InfeasibleError:
        return
    assert float(best.lower_bound) <= float(run.cost.total) + slack
    assert float(lower_bound_at(problem, run.actions, prices)) <= total + slack


@settings(max_examples=15)
@given(case=CASES, kind=st.sampled_from(MEMORIES))
def test_fair_opt_is_fairest_and_opt_is_cheapest(case, kind):
    problem, _ = drawn(case, kind)
    assume(
        not isinstance(problem.cost, Unserved | Pooled)
    )  # there FairOPT serves first, whatever that does to fairness
    best, fair = optimum(problem), fair_optimum(problem)
    unit = 1.0 + abs(float(best.cost.total))
    assert float(fair.cost.fairness) <= float(best.cost.fairness) + 1e-5 * unit
    assert float(best.cost.total) <= float(fair.cost.total) + 1e-6 * unit


@pytest.mark.parametrize("memory", [HalfLife(8), HalfLife(5, start=0.5), Window(9), Window(1), HalfLife(0.1)])
@pytest.mark.parametrize("name", ["geo7", "tenants"])
def test_a_running_bound_is_proved_in_every_round(name, memory):
    """At any time it is below OPT of the rounds so far, and with the price of a long record it comes near."""
    problem = remembering(load(name).problem.window(0, 96), memory)
    best = optimum(problem)
    g = problem.setting.fairness
    steady = g.project(best.kappa[24:72].mean(axis=0))
    bound = RunningBound.start(problem.setting, np.stack([steady, 0.5 * steady, np.zeros_like(steady)]))
    for t, round in enumerate(problem.rounds):
        bound = bound.add(round)
        if t in (0, 1, 5, 30, 95):
            cut = remembering(problem.window(0, t + 1), memory)
            assert bound.value <= float(optimum(cut).cost.total) * (1 + 1e-9)
    separable = float(lower_bound(problem, separable=True).value)
    free = float(round_floor(problem.rounds.problem.rounds[0], np.zeros(problem.impact.entities))[0])
    assert np.isfinite(free)
    assert bound.value <= separable * (1 + 1e-9)
    no_price = RunningBound.start(problem.setting, np.zeros_like(steady))
    for round in problem.rounds:
        no_price = no_price.add(round)
    assert bound.value >= no_price.value


@pytest.mark.parametrize("kind", MEMORIES)
@settings(max_examples=8)
@given(case=CASES)
def test_every_price_gives_a_running_bound_below_opt(kind, case):
    """For whatever cost, set, fairness and moves: OPT of the rounds so far, with the memory, is never below it."""
    problem, rng = drawn(case, kind)
    memory, m = problem.setting.memory, problem.impact.entities
    prices = problem.setting.fairness.project(rng.normal(size=(4, m)))
    prices[0] = 0.0
    bound = RunningBound.start(problem.setting, prices)
    held = np.zeros((problem.horizon, 2, 4))
    for t, round in enumerate(problem.rounds):
        bound = bound.add(round)
        held[t] = round_floor(round, prices)[0], np.broadcast_to(round_floor(round, np.zeros(m))[0], 4)
    best = float(optimum(problem).cost.total)
    assert bound.value <= best + 1e-8 * (1 + abs(best))
    # what is late, from its definition: the share of round s that is remembered after the last
    back = np.arange(problem.horizon, 0, -1)
    size = memory.rounds
    share = np.maximum(size - back, 0) / size if isinstance(memory, Window) else 2.0 ** (-back / size)
    due = (share[:, None] * (held[:, 0] - held[:, 1])).sum(axis=0)
    np.testing.assert_allclose(still_due(memory, bound.late), due, rtol=1e-9, atol=1e-9 * (1 + np.abs(held).max()))


@pytest.mark.parametrize("memory", [HalfLife(24), HalfLife(6), Window(24)])
def test_prices_of_a_controller_prove_much_more_than_no_price(memory):
    problem = remembering(load("geo7").window(0), memory)
    prices = candidates(problem.setting, 7)
    bound, none = (RunningBound.start(problem.setting, kappa) for kappa in (prices, prices[:1]))
    for round in problem.rounds:
        bound, none = bound.add(round), none.add(round)
    assert not prices[0].any()
    assert 1.12 * none.value < bound.value < float(optimum(problem).cost.total)


def test_an_unbounded_round_proves_nothing():
    late = more_late(HalfLife(1e-6), np.zeros((3, 1)), np.array([1.0, -np.inf, 2.0]), np.array([0.0, 0.0, -np.inf]))
    np.testing.assert_array_equal(still_due(HalfLife(1e-6), late), [0.0, np.inf, np.inf])
    late = more_late(Window(2), np.zeros((2, 2)), np.array([-np.inf, 3.0]), np.array([-np.inf, 1.0]))
    np.testing.assert_array_equal(still_due(Window(2), late), [np.inf, 1.0])
    np.testing.assert_array_equal(still_due(Window(1), np.full((2, 1), np.inf)), [0.0, 0.0])


def test_a_running_bound_in_the_long_run_is_that_of_its_price_in_every_round():
    """What is not yet remembered does not grow: the difference to the bound of the whole record fades as 1/T."""
    episodes = load("tenants", rounds=960, length=960)
    problem = remembering(episodes.problem, HalfLife(6))
    kappa = problem.setting.fairness.project(optimum(problem.window(0, 96)).kappa[40:60].mean(axis=0))
    apart = []
    for rounds in (60, 240, 960):
        cut = problem.window(0, rounds)
        bound = RunningBound.start(cut.setting, kappa)
        for round in cut.rounds:
            bound = bound.add(round)
        apart.append(float(lower_bound(cut, kappa, separable=True).value) - bound.value)
    assert apart[0] > 0
    assert abs(apart[2]) < 0.2 * apart[0]


def test_a_price_for_every_round_has_a_row_for_every_round():
    problem = remembering(load("geo7").window(0), HalfLife(24))
    with pytest.raises(ParameterError, match=r"with a memory give \(..., rounds, entities\)"):
        lower_bound(problem, np.zeros((3, 7)))


def test_what_is_about_the_whole_episode_says_so():
    from evenhand import guarantee

    problem = remembering(load("geo7").window(0), HalfLife(24))
    with pytest.raises(ParameterError, match="average of the whole episode"):
        optimum(problem, frame=24, deviation=1.0)
    run = simulate(problem, FairOBD())
    with pytest.raises(ParameterError, match="average of the whole episode"):
        guarantee(run, optimum(problem))


def test_units_do_not_matter():
    one = remembering(load("geo7").window(3), HalfLife(10, start=2.0))
    best = optimum(one)
    from evenhand import Diagonal

    far = replace(
        one,
        impact=Diagonal(one.impact.weight * 1e9),
        setting=replace(
            one.setting, fairness=one.setting.fairness.scaled(1e-9), memory=HalfLife(10, start=2e9),
            burden_lower=None, burden_upper=None,
        ),
    )  # fmt: skip
    assert float(optimum(far).cost.total) == pytest.approx(float(best.cost.total), rel=1e-8)


def test_a_batch_is_its_windows():
    batch = remembering(load("geo7").windows().select([0, 40]), Window(12))
    both = optimum(batch)
    assert both.kappa.shape == (2, 72, 7)
    for k in range(2):
        assert float(optimum(batch.episode(k)).lower_bound) == float(both.lower_bound[k])
    found = lower_bound(batch)
    np.testing.assert_allclose(lower_bound(batch, found.kappa).value, found.value, rtol=1e-9)


def test_a_memory_of_ones_own_has_opt_by_its_recursion_and_a_running_bound_without_price():
    ours, theirs = (remembering(load("geo7").window(0), m) for m in (Window(1), Latest()))
    assert float(optimum(theirs).cost.total) == pytest.approx(float(optimum(ours).cost.total), rel=1e-8)
    with pytest.raises(ProblemError, match="with Latest: give kappa = 0"):
        RunningBound.start(theirs.setting, np.full(7, 1e-3))
    bound = RunningBound.start(theirs.setting, candidates(theirs.setting, 7))
    for round in theirs.rounds:
        bound = bound.add(round)
    assert bound.value == pytest.approx(float(lower_bound(theirs, np.zeros(7), separable=True).value), rel=1e-12)
