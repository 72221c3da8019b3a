"""Guarantees beyond the squared cost: bound B in the norm of a weighted one, and what is refused with its reason."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh

BENDS = st.integers(0, 2**20)


def case(seed, weight_of):
    rng = np.random.default_rng(seed)
    rounds, n = 12, 3
    upper = rng.uniform(1.0, 2.0, n)
    setting = eh.Setting(
        rounds, switching=eh.Weighted(weight_of(rng, n)), fairness=eh.Norm(0.5), initial=rng.uniform(0, 1, n)
    )
    return eh.Problem(
        setting,
        eh.Quadratic(rng.normal(size=(rounds, n)), rng.uniform(0.5, 2.0, (rounds, n)), 9.0),
        eh.Diagonal(rng.uniform(0.2, 1.0, (rounds, n))),
        eh.Budget(rng.uniform(0.3, 0.8, rounds) * upper.sum(), upper),
    )


def matrix(rng, n):
    root = rng.normal(size=(n, n))
    return 3.0 * root @ root.T


def diagonal(rng, n):
    return rng.uniform(0.0, 8.0, n) * (rng.uniform(size=n) < 0.8)


@pytest.mark.parametrize("weight_of", [diagonal, matrix])
@settings(max_examples=12)
@given(BENDS)
def test_bound_b_in_the_weighted_norm(weight_of, seed):
    problem = case(seed, weight_of)
    best = eh.optimum(problem)
    weight = problem.setting.switching.moves.stiffness
    for policy in (eh.FairOBD(1e-2, lambda2=0.5, domain="ball"), eh.ROBD(), eh.Greedy(), eh.ROBD(0.7, 0.3)):
        told = eh.guarantee(eh.simulate(problem, policy), best)
        assert told.holds
        if isinstance(policy, eh.FairOBD) and weight > 0:
            m = problem.cost.strong_convexity()
            assert told.name == "B"
            assert told.hitting_factor == pytest.approx(float(((m + 0.5 * weight) / m).max()))
            assert told.switching_factor == pytest.approx(1 + weight / (m.min() + 0.5 * weight))


def test_the_bound_uses_the_largest_eigenvalue():
    """One action, weight w, is beta = w; a matrix with eigenvalues 1 and 3 is beta = 3."""
    window = eh.load("geo7").problem.window(0, 6)
    told = {}
    for name, switching in (("squared", eh.Squared(850.0)), ("weighted", eh.Weighted(np.diag([850.0] + [1.0] * 6)))):
        one = replace(window, setting=replace(window.setting, switching=switching))
        told[name] = eh.guarantee(eh.simulate(one, eh.Greedy()), eh.optimum(one)).switching_factor
    assert told["weighted"] == pytest.approx(told["squared"], rel=1e-12)


@pytest.mark.parametrize(
    ("switching", "words"),
    [
        (eh.Linear(2.0), ["Linear", "squared or weighted", "lower_bound"]),
        (eh.RampUp(2.0), ["RampUp", "price per unit"]),
        (eh.Sum(eh.Squared(1.0), eh.Limits(rise=99.0)), ["limits", "out of reach", "lower_bound"]),
    ],
)
def test_refused_with_the_reason(switching, words):
    window = eh.load("geo7").problem.window(0, 6)
    one = replace(window, setting=replace(window.setting, switching=switching))
    run = eh.simulate(one, eh.FairOBD(1e-3))
    with pytest.raises(eh.ParameterError) as caught:
        eh.guarantee(run, eh.optimum(one))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_price_of_nothing_is_bound_a():
    window = eh.load("geo7", beta=0.0).problem.window(0, 6)
    free = replace(window, setting=replace(window.setting, switching=eh.Linear(0.0)))
    assert eh.guarantee(eh.simulate(free, eh.DMD(1e-3)), eh.optimum(free)).name == "A"
