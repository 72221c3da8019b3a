"""Whole problems: inequalities that hold for every policy, price and action, and runs that repeat bit for bit."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drawn
from evenhand import (  # fmt: skip  # fmt: skip
    DMD,
    ROBD,
    Budget,
    Diagonal,
    Entropy,
    FairOBD,
    Greedy,
    HitMin,
    Norm,
    Problem,
    Quadratic,
    Setting,
    evaluate,
    fair_optimum,
    from_plain,
    lower_bound_at,
    optimum,
    play,
    simulate,
    to_plain,
)

POLICIES = {
    "HitMin": HitMin(),
    "Greedy": Greedy(),
    "ROBD": ROBD(),
    "ROBD(0.5, 2)": ROBD(0.5, 2.0),
    "DMD": DMD(eta=0.1),
    "DMD ball": DMD(eta=0.1, domain="ball"),
    "FairOBD": FairOBD(eta=0.1),
    "FairOBD pulled": FairOBD(eta=0.1, lambda1=0.5, lambda2=0.7),
    "FairOBD ball": FairOBD(eta=0.1, domain="ball"),
    "FairOBD entropy": FairOBD(eta=0.1, mirror=Entropy()),
    "FairOBD entropy ball": FairOBD(eta=0.1, mirror=Entropy(), domain="ball"),
}


@settings(max_examples=120)
@given(drawn.problems(), st.integers(0, 2**20))
def test_weak_duality_for_any_actions_and_any_price(problem, seed):
    rng = np.random.default_rng(seed)
    kappa = rng.normal(size=problem.impact.entities) * rng.choice([0.0, 1.0, 100.0])
    here, there = drawn.feasible_actions(problem, rng), drawn.feasible_actions(problem, rng)
    bound = lower_bound_at(problem, here, kappa)
    for actions in (here, there):
        cost = evaluate(problem, actions).cost.total
        # rounding of sums in which a price of size 100 multiplies burdens
        assert bound <= cost + 1e-12 * (1 + abs(cost) + float(np.abs(kappa).sum()))


@settings(max_examples=80)
@given(drawn.problems(families=("diagonal", "dense", "polytope")), st.integers(0, 2**20))
def test_a_proved_bound_is_below_the_cost_of_every_feasible_sequence(problem, seed):
    """The optimum's own bound, which is tight, against sequences a little away from it."""
    best = optimum(problem)
    rng = np.random.default_rng(seed)
    x = best.trajectory.actions
    for share in (0.0, 1e-9, 1e-6, 1e-3):
        near = (1 - share) * x + share * drawn.feasible_actions(problem, rng)
        cost = evaluate(problem, near).cost.total
        assert best.lower_bound <= cost + 1e-12 * (1 + abs(cost))


@settings(max_examples=60)
@given(drawn.problems(), st.integers(0, 2**20))
def test_optimum_is_below_every_policy_and_proved(problem, seed):
    best = optimum(problem)
    assert -1e-9 <= best.gap <= 1e-6
    assert problem.feasible.violation(best.trajectory.actions).max() <= 1e-9
    slack = 1e-7 * (1 + abs(best.cost.total))
    for name in ("HitMin", "ROBD", "FairOBD ball", "DMD"):
        assert simulate(problem, POLICIES[name]).cost.total >= best.cost.total - slack
    other = evaluate(problem, drawn.feasible_actions(problem, np.random.default_rng(seed)))
    assert other.cost.total >= best.cost.total - slack


@settings(max_examples=40)
@given(drawn.problems(families=("diagonal", "equal", "at_most")))
def test_nothing_is_fairer_than_the_fair_optimum(problem):
    fair, best = fair_optimum(problem), optimum(problem)
    unit = 1 + abs(best.cost.total)
    assert fair.cost.fairness <= best.cost.fairness + 1e-5 * unit
    assert fair.cost.total >= best.cost.total - 1e-7 * unit
    for policy in (HitMin(), POLICIES["FairOBD ball"]):
        assert fair.cost.fairness <= simulate(problem, policy).cost.fairness + 1e-5 * unit


@settings(max_examples=400)
@given(drawn.ball(), st.integers(0, 2**20))
def test_fenchel_and_subgradient_inequalities(case, seed):
    y, weight, mu, p = case
    g = Norm(mu, p, weight)
    rng = np.random.default_rng(seed)
    other = y + rng.normal(size=y.shape) * max(np.abs(y).max(), 1e-300)
    price = g.project(rng.normal(size=y.shape) * mu)
    unit = (g.value(y) + g.value(other) + np.abs(price).max() * np.abs(other).max()) * 1e-12 + 1e-300
    assert g.conjugate(price) == 0.0
    assert g.value(other) >= price @ other - unit
    slope = g.subgradient(y)
    assert g.value(other) >= g.value(y) + slope @ (other - y) - unit
    assert slope @ y == pytest.approx(g.value(y), rel=1e-12, abs=1e-300)
    assert g.conjugate(slope) == 0.0
    assert np.linalg.norm(slope) <= g.lipschitz(len(y)) * (1 + 1e-12)


def week(seed, T=12, n=3, p=np.inf):
    rng = np.random.default_rng(seed)
    upper = rng.uniform(0.5, 2.0, n)
    total = rng.uniform(0.1, 0.9, T) * upper.sum()
    setting = Setting(T, 3.0, Norm(1.5, p, rng.uniform(0.5, 2.0, n)), np.zeros(n))
    curvature = rng.choice([0.0, 1.0, 2.0], size=(T, n))
    return Problem(
        setting,
        Quadratic(rng.normal(size=(T, n)), curvature),
        Diagonal(rng.uniform(0.1, 3, (T, n))),
        Budget(total, upper),
    )


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@settings(max_examples=12)
@given(st.integers(0, 2**20), st.sampled_from([1.5, 2.0, np.inf]))
def test_windows_as_a_batch_are_windows_one_by_one(policy, seed, p):
    problem = week(seed, p=p)
    batch = simulate(problem.windows(7), policy)
    for k in range(batch.actions.shape[0]):
        alone = simulate(problem.window(k, 7), policy)
        np.testing.assert_array_equal(batch.actions[k], alone.actions)
        np.testing.assert_array_equal(batch.burdens[k], alone.burdens)
        np.testing.assert_array_equal(batch.hitting[k], alone.hitting)
        np.testing.assert_array_equal(batch.switching[k], alone.switching)
        np.testing.assert_array_equal(batch.cost.total[k], alone.cost.total)
        if alone.price is not None:
            np.testing.assert_array_equal(batch.price[k], alone.price)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@settings(max_examples=12)
@given(st.integers(0, 2**20), st.integers(1, 11), st.sampled_from([1.5, 2.0, np.inf]))
def test_a_run_stopped_and_resumed_from_json_is_the_same_run(policy, seed, stop, p):
    problem = week(seed, p=p)
    total = simulate(problem, policy)
    steps = list(play(problem, policy))
    np.testing.assert_array_equal(np.stack([s.action for s in steps]), total.actions)
    np.testing.assert_array_equal([s.hitting for s in steps], total.hitting)
    last, same = (from_plain(json.loads(json.dumps(to_plain(v)))) for v in (steps[stop - 1], policy))
    again = list(play(problem, same, after=last))
    assert [s.index for s in again] == list(range(stop, 12))
    for step, expected in zip(again, steps[stop:], strict=True):
        np.testing.assert_array_equal(step.action, expected.action)
        np.testing.assert_array_equal(step.burden, expected.burden)
        assert step.hitting == expected.hitting
        assert step.switching == expected.switching
        if expected.price is not None:
            np.testing.assert_array_equal(step.price, expected.price)


@pytest.mark.parametrize("make", [FairOBD, DMD])
@pytest.mark.parametrize("domain", ["free", "ball"])
def test_several_learning_rates_are_one_array(make, domain):
    problem = week(3)
    rates = np.array([1e-3, 1e-2, 1e-1])
    together = simulate(problem, make(eta=rates, domain=domain))
    for k, eta in enumerate(rates):
        np.testing.assert_array_equal(together.actions[k], simulate(problem, make(eta=eta, domain=domain)).actions)
        assert together.cost.total[k] == simulate(problem, make(eta=eta, domain=domain)).cost.total


def test_all_of_it_raises_no_floating_point_flag():
    with np.errstate(all="raise", under="ignore"):
        for seed in range(5):
            for p in (1.0, 1.5, 2.0, np.inf):
                for policy in POLICIES.values():
                    simulate(week(seed, p=p), policy)
