"""Ledgers replay bit for bit, whatever happened; and say where they do not."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from evenhand.errors import ProblemError
from evenhand.live.bounds import Bounds
from evenhand.live.controller import decide, settle, start
from evenhand.live.ledger import Configured, Decided, Settled, Skipped, advance, replay, verify
from evenhand.live.observation import observe
from live_cases import again, controller, data, same, seen

POLICIES = ("FairOBD(eta=0.01, domain='ball')", "AdaptiveFairOBD", "ROBD", "RecedingHorizon(period=3)", "HitMin")
amounts = st.floats(0, 13)


class Life(RuleBasedStateMachine):
    """Decide, settle, skip, change, save: at any time the ledger is what happened, and errors change nothing."""

    @initialize(policy=st.sampled_from(POLICIES), move=st.sampled_from([None, 0.5, 5.0]))
    def begin(self, policy, move):
        live = controller(policy=policy, live={"max_move": move, "stale_after": 3, "when_stale": "last_seen"})
        _, self.live, self.state = advance(None, None, Configured(live))
        self.events, self.time, self.rounds = [Configured(live)], 0, 0

    def play(self, event):
        event, self.live, self.state = advance(self.live, self.state, event)
        self.events.append(event)
        return event

    @precondition(lambda self: not self.state.open)
    @rule(demand=amounts, price=st.floats(0, 100), step=st.integers(-2, 6), whole=st.booleans())
    def decide(self, demand, price, step, whole):
        self.time += step
        given = data(self.time, demand, (price, 50.0))
        if not whole and self.rounds:
            del given["linear"]
        event = self.play(Decided(observe(self.live.sites, given)))
        self.rounds += 1
        action = event.decision.action
        if not any(note.kind == "outside" for note in event.decision.notes):
            assert action.sum() == pytest.approx(demand, abs=1e-9)
        assert (action >= 0).all()

    @precondition(lambda self: self.state.open)
    @rule(part=st.sampled_from([None, 1.0, 0.5, 0.0]), burden=st.one_of(st.none(), amounts))
    def settle(self, part, burden):
        applied = None if part is None else part * self.state.last.action
        told = self.play(Settled(applied, None if burden is None else np.array([burden, 1.0])))
        assert told.settlement.applied.shape == (2,)

    @precondition(lambda self: not self.state.open and self.rounds)
    @rule(known=st.booleans(), demand=amounts)
    def skip(self, known, demand):
        observation = observe(self.live.sites, data(self.time, demand)) if known else None
        told = self.play(Skipped(observation))
        np.testing.assert_array_equal(told.settlement.applied, self.events[-1].settlement.applied)
        self.rounds += 1

    @precondition(lambda self: not self.state.open)
    @rule(policy=st.sampled_from(POLICIES), held=st.booleans(), move=st.sampled_from([np.inf, 1.0]))
    def change(self, policy, held, move):
        other = controller(policy=policy)
        self.play(Configured(replace(self.live, policy=other.policy, held=held, bounds=Bounds(move))))

    @rule()
    def save_and_load(self):
        self.live, self.state = again(self.live), again(self.state)

    @rule()
    def refuse(self):
        before = json.dumps(again(self.state).counts.decided)
        turn = Decided(observe(self.live.sites, data(self.time))) if self.state.open else Settled()
        with pytest.raises(ProblemError):
            advance(self.live, self.state, turn)
        assert json.dumps(self.state.counts.decided) == before

    @invariant()
    def counted(self):
        counts = self.state.counts
        assert counts.decided + counts.skipped == self.state.round + self.state.open == self.rounds

    def teardown(self):
        if hasattr(self, "events"):
            told = verify(again(self.events))
            assert told.holds
            assert (told.rounds, told.events) == (self.rounds, len(self.events))
            *_, last = replay(self.events)
            same(last.state, self.state)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25)


def played(rounds=4):
    live = controller()
    state, events = start(live), [Configured(live)]
    for t in range(rounds):
        observation = seen(live, t, demand=5.0 + t)
        decision, state = decide(live, state, observation)
        settlement, state = settle(live, state)
        events += [Decided(observation, decision), Settled(settlement=settlement)]
    return events


def test_a_single_bit_is_noticed():
    events = played()
    assert verify(events).holds
    wrong = events[3].decision
    action = wrong.action.copy()
    action[0] = np.nextafter(action[0], np.inf)
    events[3] = replace(events[3], decision=replace(wrong, action=action))
    assert verify(events).different == (3,)
    events[4] = replace(events[4], settlement=replace(events[4].settlement, bound=0.0))
    assert verify(events).different == (3, 4)


def test_a_changed_observation_changes_what_follows():
    events = played()
    events[1] = replace(events[1], observation=seen(events[0].controller, 0, demand=6.0))
    told = verify(events)
    assert not told.holds
    assert told.different[0] == 1


def test_a_ledger_without_its_head_is_refused():
    events = played()
    with pytest.raises(ProblemError, match="begins with its configuration, this one with Decided"):
        verify(events[1:])
    with pytest.raises(ProblemError, match="no round is open"):
        verify([events[0], *events[2:]])


def test_an_empty_ledger_has_nothing_wrong():
    told = verify([])
    assert told.holds
    assert told.rounds == 0
