"""Many rounds in one compiled call are, bit for bit, the rounds one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand import simulation

RATES = st.sampled_from(["auto", 1e-3, 0.3])
POLICIES = st.one_of(
    st.builds(eh.FairOBD, eta=RATES, lambda1=st.sampled_from([1.0, 0.3]), domain=st.just("ball")),
    st.builds(eh.DMD, eta=RATES, domain=st.just("ball")),
)


def drawn(seed, n, rounds, lead, p, memory, switching, equal, scale):
    rng = np.random.default_rng(seed)
    upper = rng.uniform(0.5, 2.0, n)
    weights = rng.uniform(0.2, 2.0, n) if seed % 2 else 1.0
    return eh.Problem(
        eh.Setting(
            horizon=None,
            switching=switching(scale),
            fairness=eh.Norm(1.5 * scale, p, weights),
            initial=0.3 * upper,
            memory=memory,
        ),
        eh.Quadratic(scale * rng.uniform(0.0, 2.0, (*lead, rounds, n)), rng.choice([0.0, 0.8], n) * scale),
        eh.Diagonal(rng.choice([0.0, 0.3, 1.7, -0.4], (*lead, rounds, n))),
        eh.Budget(rng.uniform(0.0, 1.0, (*lead, rounds)) * upper.sum(), upper, equal=equal),
    )


PROBLEMS = st.builds(
    drawn,
    st.integers(0, 10**6),
    st.integers(1, 6),
    st.integers(1, 24),
    st.sampled_from([(), (2,)]),
    st.sampled_from([1.0, 2.0, 3.0, np.inf]),
    st.sampled_from([None, eh.HalfLife(5), eh.Window(7)]),
    st.sampled_from([eh.Squared, lambda s: eh.Weighted(s * np.array(2.0))]),
    st.booleans(),
    st.sampled_from([1e-9, 1.0, 1e9]),
)


def one_by_one(problem, policy):
    """The actions and the state after them."""
    state, actions = policy.init(problem.setting), []
    for round in problem.reveal():
        action, state = eh.step(policy, problem.setting, state, round)
        actions.append(np.broadcast_to(action, (*problem.lead, action.shape[-1])))
    return np.stack(actions, axis=-2), state


@settings(max_examples=150)
@given(PROBLEMS, POLICIES, st.integers(0, 23))
def test_a_stream_is_the_rounds_one_by_one(problem, policy, cut):
    actions, state = one_by_one(problem, policy)
    parts, now, start = [], policy.init(problem.setting), 0
    for length in (min(cut, problem.horizon), problem.horizon - min(cut, problem.horizon)):
        if length:
            told, now = policy.stream(problem.setting, now, problem.window(start, length))
            parts.append(told)
            start += length
    np.testing.assert_array_equal(np.concatenate(parts, axis=-2), actions)
    assert now.round == state.round == problem.horizon
    np.testing.assert_array_equal(np.broadcast_to(now.kappa, state.kappa.shape), state.kappa)
    if state.rate is not None:
        np.testing.assert_array_equal(now.rate.energy, state.rate.energy)
        np.testing.assert_array_equal(now.rate.reach, state.rate.reach)


def test_tally_streams_and_says_the_same_as_simulate(monkeypatch):
    monkeypatch.setattr(simulation, "STREAMED", 7)
    problem = eh.load("geo7").window(3)
    for policy in (eh.FairOBD(), eh.DMD()):
        monkeypatch.setattr(type(policy), "decide", None)  # streamed to the end
        told = eh.tally(problem, policy)
        monkeypatch.undo()
        assert told.cost == eh.simulate(problem, policy).cost


@pytest.mark.parametrize(
    "policy",
    [
        eh.FairOBD(eta=0.01),
        eh.FairOBD(lambda2=0.5),
        eh.FairOBD(mirror=eh.Entropy()),
        eh.FairOBD(eta=[0.1, 0.2], domain="ball"),
    ],
)
def test_what_has_no_kernel_goes_round_by_round(policy):
    problem = eh.load("geo7").window(0)
    assert policy.stream(problem.setting, policy.init(problem.setting), problem) is None
    assert eh.tally(problem, policy).cost == eh.simulate(problem, policy).cost


def test_a_round_without_end_is_refused_as_one_by_one():
    problem = eh.Problem(
        eh.Setting(beta=0.0, fairness=eh.Norm(1.0), initial=[0.0, 0.0]),
        eh.Quadratic(np.array([[1.0, 1.0], [-1.0, 1.0]]), 0.0),
        eh.Diagonal(np.ones((2, 2))),
        eh.Budget(1.0, [1.0, np.inf], lower=[-np.inf, 0.0], equal=False),
    )
    with pytest.raises(eh.SolverError, match="unbounded below"):
        eh.tally(problem, eh.DMD(kappa1=[0.0, 0.0]))
