"""Many rounds in one call are the rounds one by one, bit for bit: actions, burdens, prices, costs, and what is kept."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand import simulation
from evenhand.core import view
from evenhand.errors import EvenhandError
from evenhand.trajectory import Blockwise

SITES, ROUNDS = 4, 9
SWITCHING = {
    "squared": lambda rng: eh.Squared(2.0),
    "free": lambda rng: eh.Squared(0.0),
    "weighted": lambda rng: eh.Weighted(rng.uniform(0.0, 3.0, SITES)),
    "linear": lambda rng: eh.Linear(rng.uniform(0.0, 2.0)),
    "ramp": lambda rng: eh.Sum(eh.RampUp(rng.uniform(0.0, 2.0, SITES)), eh.RampDown(0.1), eh.Squared(0.3)),
    "limits": lambda rng: eh.Sum(eh.Squared(0.5), eh.Limits(rise=1.0, fall=1.0)),
    "waived": lambda rng: eh.Sum(eh.Linear(0.5), eh.Limits(rise=0.8, fall=0.8, from_start=False)),
    "matrix": lambda rng: eh.Weighted(np.diag(rng.uniform(0.5, 2.0, SITES)) + 0.1),
}
MEMORY = (None, eh.HalfLife(3.0), eh.HalfLife(np.inf), eh.Window(4))
#: how rounds are played, and whether in one call
POLICIES = {
    "FairOBD": (eh.FairOBD(), True),
    "FairOBD free": (eh.FairOBD(eta=0.05), True),
    "FairOBD pulled": (eh.FairOBD(lambda1=0.5, lambda2=0.3, domain="free"), True),
    "FairOBD ball": (eh.FairOBD(eta=0.1, domain="ball", kappa1=0.2), True),
    "FairOBD at many rates": (eh.FairOBD(eta=np.array([0.01, 0.1])), True),
    "FairOBD entropic": (eh.FairOBD(mirror=eh.Entropy()), False),
    "DMD": (eh.DMD(), True),
    "DMD free": (eh.DMD(eta=0.05), True),
    "ROBD": (eh.ROBD(), True),
    "ROBD given": (eh.ROBD(0.7, 0.4), True),
    "Greedy": (eh.Greedy(), True),
    "HitMin": (eh.HitMin(), True),
}


def drawn(seed, family, memory, p, shape, horizon=ROUNDS):
    """shape: `all` of the total, `most` at most it, or a `box`; every fourth curvature is 0."""
    rng = np.random.default_rng(seed)
    upper = rng.uniform(0.5, 2.0, SITES)
    total = rng.uniform(0.2, 0.9, horizon) * upper.sum()
    weights = rng.uniform(0.0, 2.0, SITES) * (rng.random(SITES) < 0.9)
    setting = eh.Setting(
        horizon, switching=SWITCHING[family](rng), fairness=eh.Norm(1.5, p, weights), initial=upper / 4, memory=memory
    )
    return eh.Problem(
        setting,
        eh.Quadratic(rng.normal(0.0, 2.0, (horizon, SITES)), rng.choice([0.0, 0.5, 1.0, 3.0], (horizon, SITES))),
        eh.Diagonal(rng.uniform(-0.2, 2.0, (horizon, SITES))),
        eh.Box(np.zeros(SITES), upper) if shape == "box" else eh.Budget(total, upper, equal=shape == "all"),
    )


def told(play):
    """What a run gives, or what it says."""
    try:
        return play()
    except EvenhandError as error:
        return str(error)


def at_once(problem, policy, size=4):
    """Blocks of another size than the run, so that states are handed on."""
    with patch.object(simulation, "LONG", 0), patch.object(simulation, "BLOCK", size):
        return told(lambda: (eh.simulate(problem, policy), eh.tally(problem, policy)))


def same(one, other):
    assert one.shape == other.shape
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=30)
@given(
    st.integers(0, 2**20),
    st.sampled_from(list(SWITCHING)),
    st.sampled_from(MEMORY),
    st.sampled_from([1.0, 1.5, 2.0, np.inf]),
    st.sampled_from(["all", "most", "box"]),
)
def test_at_once_is_one_by_one(name, seed, family, memory, p, shape):
    policy, _ = POLICIES[name]
    problem = drawn(seed, family, memory, p, shape)
    steps = told(lambda: list(eh.play(problem, policy)))
    found = at_once(problem, policy)
    if isinstance(steps, str):  # limits that nobody can meet: the same words
        assert found == steps
        return
    whole, sums = found
    for column, field in (("actions", "action"), ("burdens", "burden"), ("price", "price")):
        if getattr(steps[0], field) is not None:
            rows = np.broadcast_arrays(*(getattr(step, field) for step in steps))
            same(getattr(whole, column), np.stack(rows, axis=-2))
    for name in ("hitting", "switching"):
        same(getattr(whole, name), np.stack(np.broadcast_arrays(*(getattr(step, name) for step in steps)), axis=-1))
    assert sums.cost == whole.cost
    same(sums.mean_burden, whole.mean_burden)


@pytest.mark.parametrize("name", POLICIES)
def test_the_state_after_a_block_is_that_after_its_rounds(name):
    policy, compiled = POLICIES[name]
    problem = drawn(1, "limits", eh.HalfLife(3.0), 2.0, "all")
    assert isinstance(policy, Blockwise)
    block = policy.block(problem.setting, policy.init(problem.setting), whole(problem))
    assert (block is not None) == compiled
    state = policy.init(problem.setting)
    for round in problem.rounds:
        _, state = eh.step(policy, problem.setting, state, round)
    if block is not None:
        assert block.state == state


@pytest.mark.parametrize("family", SWITCHING)
def test_it_takes_what_it_is_for(family):
    problem, policy = drawn(2, family, None, np.inf, "most"), eh.FairOBD()
    found = policy.block(problem.setting, policy.init(problem.setting), whole(problem))
    assert (found is None) == (family in ("matrix", "waived"))  # waived: the first round knows no limits


@pytest.mark.parametrize("policy", [eh.FairOBD(), eh.Greedy(), eh.HitMin()])
def test_windows_as_a_batch(policy):
    problem = drawn(3, "linear", None, 2.0, "all").windows(7)
    batch, _ = at_once(problem, policy)
    for k in range(batch.actions.shape[0]):
        assert batch.episode(k) == eh.simulate(problem.episode(k), policy)


def test_a_round_without_an_answer_says_so_in_its_own_words():
    problem = eh.Problem(
        eh.Setting(3, 0.0, eh.Norm(1.0), np.zeros(2), np.zeros(2), np.ones(2)),
        eh.Quadratic([[1.0, 1.0], [1.0, 1.0], [-1.0, 1.0]]),
        eh.Diagonal(np.ones(2)),
        eh.Box(np.zeros(2), np.full(2, np.inf)),
    )
    with pytest.raises(eh.SolverError, match="unbounded"), patch.object(simulation, "LONG", 0):
        eh.tally(problem, eh.FairOBD())


def test_a_long_run_is_played_in_blocks():
    """As many rounds as it takes, against the same in pieces."""
    problem = drawn(4, "squared", None, np.inf, "all", horizon=simulation.LONG)
    with patch.object(eh.FairOBD, "block", autospec=True, side_effect=eh.FairOBD.block) as asked:
        told = eh.tally(problem, eh.FairOBD())
    assert asked.call_count == simulation.LONG // simulation.BLOCK
    with patch.object(simulation, "LONG", simulation.LONG + 1):
        assert told == eh.tally(problem, eh.FairOBD())


def whole(problem):
    """All rounds of a problem as one."""
    return view(0, problem.cost, problem.impact, problem.feasible)
