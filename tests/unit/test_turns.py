"""Decide and settle, and that nothing handed in or out is the array that is kept."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

import evenhand as eh
from evenhand import checks
from evenhand.errors import ProblemError

POLICIES = [
    eh.HitMin(),
    eh.Greedy(),
    eh.ROBD(),
    eh.DMD(eta=0.1),
    eh.FairOBD(eta=0.1),
    eh.FairOBD(eta=0.1, lambda2=0.5, domain="ball", mirror=eh.Entropy()),
    eh.AdaptiveFairOBD(),
    eh.RecedingHorizon(period=4),
]
each = pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)


def setting(**more):
    """Nothing but what is needed: no names."""
    return eh.Setting(horizon=5, beta=1.5, fairness=eh.Norm(2.0), initial=np.zeros(3), **more)


def a_round(index=0):
    return eh.Round(
        index,
        eh.Quadratic([3.0, 1.0, 2.0 + index], 0.5),
        eh.Diagonal([0.5, 2.0, 1.0]),
        eh.Budget(4.0, [2.0, 3.0, 2.0]),
    )


def playable(policy):
    free = getattr(getattr(policy, "dual", None), "domain", "") == "free"
    return setting(burden_lower=np.zeros(3), burden_upper=np.full(3, 9.0)) if free else setting()


@each
def test_names_are_optional_and_step_is_decide_then_settle(policy):
    facts = playable(policy)
    state = policy.init(facts)
    for t in range(3):
        action, after = eh.step(policy, facts, state, a_round(t))
        decided, open_ = policy.decide(facts, state, a_round(t))
        np.testing.assert_array_equal(action, decided)
        settled = policy.settle(facts, open_, a_round(t), decided, a_round(t).impact.burden(decided))
        assert json.dumps(eh.to_plain(settled)) == json.dumps(eh.to_plain(after))
        state = after


@each
def test_writing_into_what_is_handed_out_changes_nothing(policy):
    facts = playable(policy)
    clean = spoiled = policy.init(facts)
    for t in range(4):
        x, clean = eh.step(policy, facts, clean, a_round(t))
        y, spoiled = eh.step(policy, facts, spoiled, a_round(t))
        np.testing.assert_array_equal(x, y)
        y[:] = 0.0


@each
def test_what_happened_is_what_counts(policy):
    """Half of the action was applied: a policy that looks back decides otherwise than one that believes itself."""
    facts = playable(policy)
    start = policy.init(facts)
    action, open_ = policy.decide(facts, start, a_round())
    half = policy.settle(facts, open_, a_round(), action / 2, a_round().impact.burden(action / 2))
    whole = policy.settle(facts, open_, a_round(), action, a_round().impact.burden(action))
    after_half, after_whole = (policy.decide(facts, s, a_round(1))[0] for s in (half, whole))
    assert np.array_equal(after_half, after_whole) == isinstance(policy, eh.HitMin)


@each
def test_turns_are_kept(policy):
    facts = playable(policy)
    state = policy.init(facts)
    with pytest.raises(ProblemError, match="decide before you settle"):
        policy.settle(facts, state, a_round(), np.zeros(3), np.zeros(3))
    action, open_ = policy.decide(facts, state, a_round())
    with pytest.raises(ProblemError, match="settle it before"):
        policy.decide(facts, open_, a_round(1))
    with pytest.raises(ProblemError, match="burden"):
        policy.settle(facts, open_, a_round(), action, np.array([1.0, np.nan, 0.0]))
    with pytest.raises(ProblemError, match="burden"):
        policy.settle(facts, open_, a_round(), action, np.full((2, 3), np.inf))
    with pytest.raises(ProblemError, match="is a int"):
        policy.decide(facts, 3, a_round())
    other = eh.Round(0, eh.Quadratic([1.0, 2.0]), eh.Diagonal([1.0, 1.0]), eh.Budget(1.0, [1.0, 1.0]))
    with pytest.raises(ProblemError, match="2 actions"):
        policy.decide(facts, state, other)


def test_a_state_of_another_size_is_refused():
    policy, facts = eh.Greedy(), setting()
    state = policy.init(eh.Setting(fairness=eh.Norm(1.0), initial=[0.0, 0.0]))
    with pytest.raises(ProblemError, match="another setting"):
        policy.decide(facts, state, a_round())
    ball = eh.DMD(domain="ball")
    state = ball.init(eh.Setting(fairness=eh.Norm(1.0), initial=np.zeros(3), entities=("a", "b")))
    with pytest.raises(ProblemError, match="prices of 2 entities"):
        ball.decide(facts, state, a_round())


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((0, eh.Quadratic([1.0, 2.0, 3.0]), eh.Diagonal([1.0]), eh.Budget(1.0, np.ones(3))), "Diagonal 1 actions"),
        (("x", eh.Quadratic([1.0]), eh.Diagonal([1.0]), eh.Budget(1.0, [1.0])), "index is 'x'"),
        ((-1, eh.Quadratic([1.0]), eh.Diagonal([1.0]), eh.Budget(1.0, [1.0])), "index is -1"),
        ((0, None, eh.Diagonal([1.0]), eh.Budget(1.0, [1.0])), "cost is None"),
        ((0, eh.Quadratic([1.0]), 3, eh.Budget(1.0, [1.0])), "impact is 3"),
        ((0, eh.Quadratic([1.0]), eh.Diagonal([1.0]), []), r"feasible is \[\]"),
        ((0, eh.Quadratic, eh.Diagonal([1.0]), eh.Budget(1.0, [1.0])), "cost is <class"),
    ],
)
def test_a_round_is_checked_when_it_is_made(parts, words):
    with pytest.raises(ProblemError, match=words):
        eh.Round(*parts)


def test_a_diagonal_of_one_entity_is_not_for_three_actions():
    with pytest.raises(ProblemError, match="Diagonal 1 actions"):
        eh.Problem(setting(), eh.Quadratic(np.ones((5, 3))), eh.Diagonal([1.0]), eh.Budget(np.ones(5), np.ones(3)))


@dataclass(frozen=True)
class Reuses:
    """Hands out the same buffer every round."""

    buffer: object

    def init(self, setting):
        return 0

    def decide(self, setting, state, round):
        self.buffer[:] = round.feasible.upper * round.feasible.total / round.feasible.upper.sum()
        return self.buffer, state

    def settle(self, setting, state, round, applied, burden):
        return state + 1


def test_a_policy_that_reuses_its_buffer_pays_for_its_moves():
    problem = checks.sample()
    run = eh.simulate(problem, Reuses(np.empty(3)))
    again = eh.evaluate(problem, run.actions)
    assert float(run.cost.switching) == float(again.cost.switching) > 0
    assert float(eh.tally(problem, Reuses(np.empty(3))).cost.total) == float(run.cost.total)


def test_records_own_what_they_are_given():
    linear, upper, total, start = np.ones(2), np.ones(2), np.array(1.0), np.zeros(2)
    cost, feasible = eh.Quadratic(linear), eh.Budget(total, upper)
    facts = eh.Setting(1, 1.0, eh.Norm(1.0), start)
    for array in (linear, upper, total, start):
        array[...] = 7.0
    assert cost.linear.tolist() == [1.0, 1.0]
    assert feasible.upper.tolist() == [1.0, 1.0]
    assert float(feasible.total) == 1.0
    assert facts.initial.tolist() == [0.0, 0.0]
    for array in (cost.linear, feasible.upper, facts.initial):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 2.0
    large = np.ones((300_000, 1))
    column = eh.Quadratic(large).linear
    assert np.shares_memory(column, large)  # too large to copy: a view, read-only from this side
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 2.0


def test_masked_arrays_are_refused():
    with pytest.raises(ProblemError, match=r"linear is a masked array.*filled"):
        eh.Quadratic(np.ma.masked_array([1.0, 2.0], mask=[True, False]))


@dataclass(frozen=True)
class Halved:
    """An environment that applies half of what is decided and measures twice the burden."""

    problem: object

    @property
    def setting(self):
        return self.problem.setting

    def reveal(self):
        for round in self.problem.rounds:
            action = yield round
            yield eh.Applied(action / 2, 2.0 * round.impact.burden(action / 2))


def test_play_prices_what_was_applied_and_borne():
    problem = checks.sample()
    steps = list(eh.play(Halved(problem), eh.Greedy()))
    previous = problem.setting.initial
    assert len(steps) == problem.horizon
    for step, round in zip(steps, problem.rounds, strict=True):
        np.testing.assert_array_equal(step.action, step.decided / 2)
        np.testing.assert_allclose(step.burden, round.impact.burden(step.decided))
        assert float(step.hitting) == float(round.cost.value(step.action))
        assert float(step.switching) == pytest.approx(0.5 * 2.0 * np.sum((step.action - previous) ** 2), rel=1e-12)
        previous = step.action
    with pytest.raises(ProblemError, match="burden"):
        eh.Applied(burden=[np.nan])


@dataclass(frozen=True)
class Alone:
    """Plays one episode at a time: its actions are made of numbers."""

    batched = False

    def init(self, setting):
        return 0

    def decide(self, setting, state, round):
        share = float(round.feasible.total) / float(round.feasible.upper.sum())
        return share * round.feasible.upper, state

    def settle(self, setting, state, round, applied, burden):
        return state + 1


def test_a_policy_that_plays_alone_is_never_batched():
    problem = checks.sample().windows(4)
    checks.check_policy(Alone())
    checks.check_policy(Alone(), problem)
    run, told = eh.simulate(problem, Alone()), eh.tally(problem, Alone())
    assert run.actions.shape == (9, 4, 3)
    assert run.price is None
    with pytest.raises(eh.ProblemError, match=r"Alone plays one episode at a time: take problem\.episode\(0\)"):
        next(eh.play(problem, Alone()))
    for k in range(9):
        one = eh.simulate(problem.episode(k), Alone())
        np.testing.assert_array_equal(run.actions[k], one.actions)
        assert float(run.cost.total[k]) == float(told.cost.total[k]) == float(one.cost.total)


def test_a_setting_without_an_end():
    facts = eh.Setting(fairness=eh.Norm(1.0), initial=np.zeros(3), beta=2.0)
    assert facts.horizon is None
    sample = checks.sample()
    endless = eh.Problem(
        eh.Setting(None, 2.0, sample.setting.fairness, np.zeros(3)), sample.cost, sample.impact, sample.feasible
    )
    assert endless.horizon == 12
    for policy in (eh.FairOBD(eta=0.1), eh.ROBD()):
        assert float(eh.simulate(endless, policy).cost.total) == float(eh.simulate(sample, policy).cost.total)
    assert np.isfinite(eh.simulate(endless, eh.AdaptiveFairOBD()).cost.total)


@pytest.mark.parametrize("wrong", [None, "geo7", 3])
def test_verbs_say_what_they_take(wrong):
    with pytest.raises(ProblemError, match="Problem"):
        eh.simulate(wrong, eh.HitMin())
    with pytest.raises(ProblemError, match="policy"):
        eh.simulate(checks.sample(), wrong)
    with pytest.raises(ProblemError, match=r"windows\(\)"):
        eh.simulate(eh.load("synthetic"), eh.HitMin())


def test_records_are_equal_by_their_numbers():
    """Equality of anything that holds arrays is a truth value, not an array of them."""
    one, same, other = (a_round(index) for index in (0, 0, 1))
    assert one == same
    assert one != other
    assert one.cost == same.cost
    assert one.cost != eh.Quadratic([3.0, 1.0], 0.5)
    assert setting() == setting()
    assert setting() != setting(burden_upper=np.ones(3))
    assert checks.sample() == checks.sample()
    assert eh.Norm(1.0, weights=[1.0, 2.0]) == eh.Norm(1.0, weights=np.array([1.0, 2.0])) != eh.Norm(1.0)
    assert eh.Quadratic([1.0]) != 3
    policy = eh.AdaptiveFairOBD()
    states = [eh.step(policy, setting(), policy.init(setting()), a_round())[1] for _ in range(2)]
    assert states[0] == states[1] == eh.from_plain(json.loads(json.dumps(eh.to_plain(states[0]))))
    assert states[0] != policy.init(setting())
