"""A policy through any life: decided, settled as decided or not, paused, written as JSON, read back, refused out of turn.

Two lives are led side by side on the same rounds. One is never interrupted; whatever the other goes through, its next
action is the same, bit for bit.
"""

import copy
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import evenhand as eh
from evenhand import checks, from_plain, to_plain
from evenhand.checks.hard import adversarial
from evenhand.registry import catalogue

SAMPLE = checks.sample(24)
TASKS = {"usual": SAMPLE, "adversarial": adversarial(SAMPLE)}
POLICIES = catalogue("policies")
#: they plan after every round
SLOW = ("AdaptiveFairOBD", "RecedingHorizon")


class Life(RuleBasedStateMachine):
    """One policy: `state` is what it went through so much for, `plain` is the state of the quiet life."""

    policy: object

    @initialize(task=st.sampled_from(sorted(TASKS)), endless=st.booleans())
    def begin(self, task, endless):
        problem = TASKS[task]
        self.task, self.rounds = problem, list(problem.rounds)
        horizon = None if endless else problem.horizon
        self.setting = eh.Setting(
            horizon,
            2.0,
            eh.Norm(1.5),
            np.zeros(3),
            problem.setting.burden_lower,
            problem.setting.burden_upper,
            memory=eh.HalfLife(4) if endless else None,
        )
        self.state = self.plain = self.policy.init(self.setting)
        self.t, self.action, self.kept = 0, None, []

    @property
    def open(self):
        return self.action is not None

    @precondition(lambda self: not self.open and self.t < len(self.rounds))
    @rule()
    def decide(self):
        round = self.rounds[self.t]
        action, self.state = self.policy.decide(self.setting, self.state, round)
        twin, self.plain = self.policy.decide(self.setting, self.plain, round)
        np.testing.assert_array_equal(action, twin)
        assert np.isfinite(action).all()
        assert round.feasible.violation(action) <= 1e-6
        self.action = action.copy()

    @precondition(lambda self: self.open)
    @rule(share=st.sampled_from((0.0, 0.5, 1.0)), measured=st.sampled_from((1.0, 0.0, 3.0, 1e9)))
    def settle(self, share, measured):
        """What is applied lies between what was decided and what was there before; the burden is what was measured."""
        round = self.rounds[self.t]
        burden = measured * round.impact.burden(self.action)
        # a move of the same total stays in the set: halfway to the budget's even filling
        full = np.asarray(round.feasible.total) / round.feasible.upper.sum() * round.feasible.upper
        applied = (1.0 - share) * self.action + share * full
        given = applied.copy(), burden.copy()
        self.state = self.policy.settle(self.setting, self.state, round, *given)
        self.plain = self.policy.settle(self.setting, self.plain, round, applied, burden)
        for handed in given:  # the caller's, to write into
            handed[...] = np.nan
        self.t, self.action = self.t + 1, None

    @rule()
    def serialise(self):
        """Another machine goes on from what is written."""
        self.state = from_plain(json.loads(json.dumps(to_plain(self.state))))

    @rule()
    def pause(self):
        """A copy is put aside, to go on from later."""
        self.kept.append((self.t, self.action, copy.deepcopy(self.state), self.plain))

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def resume(self, data):
        """Back to some pause, as after a crash."""
        self.t, self.action, state, self.plain = data.draw(st.sampled_from(self.kept))
        self.state = copy.deepcopy(state)

    @precondition(lambda self: self.t < len(self.rounds))
    @rule()
    def out_of_turn(self):
        """What is not its turn is refused, and changes nothing."""
        round, before = self.rounds[self.t], json.dumps(to_plain(self.state))
        happened = () if self.open else (np.zeros(3), np.zeros(3))
        wrong = self.policy.decide if self.open else self.policy.settle
        with pytest.raises(eh.ProblemError):
            wrong(self.setting, self.state, round, *happened)
        assert json.dumps(to_plain(self.state)) == before

    @invariant()
    def counts(self):
        assert (self.state.round, self.state.open) == (self.t, self.open)

    @invariant()
    def prices_are_finite(self):
        price = self.policy.price(self.state) if hasattr(self.policy, "price") else None
        assert price is None or np.isfinite(price).all()


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_survives_any_life(name):
    life = type(name, (Life,), {"policy": POLICIES[name]()})
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=6 if name in SLOW else 12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
