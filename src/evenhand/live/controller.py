"""decide, settle, skip: one round of a live controller, from value to value. Source: spec/online.md §10, §11.

    state = start(controller)
    decision, state = decide(controller, state, observe(controller.sites, data))
    settlement, state = settle(controller, state)                       # as decided
    settlement, state = settle(controller, state, applied, burden)      # as it happened
    settlement, state = skip(controller, state)                         # a round that was missed

Nothing is changed in place and nothing depends on a clock: the same controller, state and observation give the same
decision, bit for bit. An error leaves the caller with the state it had.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evenhand.columns import Array, as_array, kept, offers
from evenhand.core import Priced
from evenhand.errors import ProblemError
from evenhand.live.bounds import within
from evenhand.live.observation import Observation
from evenhand.live.records import Controller, Counts, Decision, Settlement, State
from evenhand.live.staleness import Filled, Note, fill
from evenhand.offline.bound import RunningBound
from evenhand.offline.running import begin_late
from evenhand.registry import to_plain

__all__ = ["decide", "reconfigure", "settle", "skip", "so_far", "start"]


def start(controller: Controller) -> State:
    """The state before the first round."""
    k, m = controller.sites.fixed.shape[0], len(controller.sites.names) * len(controller.sites.kinds)
    memory = controller.setting.memory
    assert controller.prices is not None
    return State(
        round=0,
        policy=controller.policy.init(controller.setting),
        action=controller.setting.initial,
        time=None,
        seen=np.full(k, np.nan),
        seen_at=np.full(k, np.nan),
        last=None,
        open=False,
        hitting=0.0,
        switching=0.0,
        fairness=0.0,
        burden=np.zeros(m) if memory is None else memory.begin(m),
        floors=np.zeros(controller.prices.shape[0]),
        late=None if memory is None else begin_late(memory, controller.prices.shape[:1]),
    )


def decide(controller: Controller, state: State, observation: Observation) -> tuple[Decision, State]:
    """The decision for the coming round and the state after it, in which the round is open until it is settled.

    Raises ProblemError where a round is open, a signal was never measured, or is stale and refused; InfeasibleError
    for more demand than capacity where none may be left unserved; SolverError as the policy. Nothing is decided then.
    """
    if observation.value.shape != controller.sites.fixed.shape:
        raise ProblemError(
            f"the observation has {observation.value.shape[0]} signals, {controller.name!r} has "
            f"{controller.sites.fixed.shape[0]}: it was made for other sites"
        )
    filled = fill(controller.sites, controller.staleness, observation, state.seen, state.seen_at)
    notes = filled.notes
    if state.time is not None and observation.time < state.time:
        back = f"the clock went back by {observation.span(state.time - observation.time)} since the round before"
        notes = (Note("clock", f"{back}: rounds are counted, not timed, and go on"), *notes)
    if controller.held:
        notes = (*notes, Note("held", "the controller is switched off: the last action is held"))
    hold = filled.hold or controller.held
    return _decide(controller, state, replace(filled, notes=notes, hold=hold), observation.time, observation.text)


def settle(controller: Controller, state: State, applied: Any = None, burden: Any = None) -> tuple[Settlement, State]:
    """What really happened to the open round: action applied (n,) and burden measured (m,), None for as decided.

    An action outside the action set is accepted, for it happened, and reported. Raises ProblemError where no round is
    open, or for numbers of the wrong shape or not finite.
    """
    decision = state.last
    if not state.open or decision is None:
        raise ProblemError(f"no round is open after {state.round} rounds: decide before you settle, and settle once")
    setting = controller.setting
    round = controller.sites.round(decision.round, decision.signals)
    action = decision.action if applied is None else _vector("applied", applied, decision.action.shape)
    modelled = round.impact.burden(action)
    borne = modelled if burden is None else _vector("burden", burden, modelled.shape)
    policy = controller.policy.settle(setting, state.policy, round, action, borne)
    notes: list[Note] = []
    altered = not np.array_equal(action, decision.action)
    if altered:
        notes.append(Note("altered", "the action applied is not the one decided"))
    off = float(round.feasible.violation(action))
    if off > 1e-6:
        notes.append(Note("outside", f"the action applied is outside the round's action set by {off:.1e} (relative)"))
    hitting = float(round.cost.value(action))
    switching = float(setting.switching.moves.value(action, state.action))
    if setting.memory is None:
        held, fairness = state.burden + borne, 0.0
    else:
        held = setting.memory.add(state.burden, borne)
        fairness = state.fairness + float(setting.fairness.value(setting.memory.remembered(held)))
    proved = _bound(controller, state).add(round)
    counts = replace(state.counts, altered=state.counts.altered + altered)
    after = replace(
        state,
        round=state.round + 1,
        policy=policy,
        action=action,
        open=False,
        hitting=state.hitting + hitting,
        switching=state.switching + switching,
        fairness=fairness,
        burden=held,
        floors=proved.total,
        counts=counts,
        late=proved.late,
    )
    mean, bound = so_far(controller, after)
    settlement = Settlement(
        decision.round, decision.signals, state.action, action, borne, hitting, switching, mean, bound, tuple(notes)
    )
    return settlement, after


def so_far(controller: Controller, state: State) -> tuple[Array, float]:
    """Hitting, switching and fairness so far, averages per round (3,), and the proved least cost of any sequence in
    hindsight. Raises ProblemError before the first round is settled.
    """
    if not state.round:
        raise ProblemError("no round was settled yet: a mean cost is over at least one")
    setting, t = controller.setting, state.round
    mean = state.fairness / t if setting.memory is not None else float(setting.fairness.value(state.burden / t))
    return np.array([state.hitting / t, state.switching / t, mean]), _bound(controller, state).value


def skip(
    controller: Controller, state: State, observation: Observation | None = None, burden: Any = None
) -> tuple[Settlement, State]:
    """A round that was missed: the last action went on. It is counted, and its cost and burden are.

    observation: what was measured in it, where that is known afterwards; else the readings seen last stand for it.
    burden (m,): measured, None for the burden of the last action. Raises ProblemError as `decide` and `settle`.
    """
    sites = controller.sites
    if observation is None:
        values = np.where(np.isnan(sites.fixed), state.seen, sites.fixed)
        if np.isnan(values).any():
            raise ProblemError("nothing was measured yet: a round can be missed after the first observation only")
        filled = Filled(values, state.seen, state.seen_at, True, ())
    else:
        rules = tuple(replace(rule, then="last_seen") for rule in controller.staleness)
        filled = replace(fill(sites, rules, observation, state.seen, state.seen_at), hold=True, notes=())
    note = Note("missed", "the round was missed: the last action went on")
    time = state.time if observation is None else observation.time
    text = "" if observation is None else observation.text
    _, after = _decide(controller, state, replace(filled, notes=(note,)), time, text)
    counts = replace(state.counts, skipped=state.counts.skipped + 1)
    settlement, after = settle(controller, replace(after, counts=counts), None, burden)
    return replace(settlement, notes=(note, *settlement.notes)), after


def _decide(
    controller: Controller, state: State, filled: Filled, time: float | None, text: str
) -> tuple[Decision, State]:
    if state.open:
        raise ProblemError(f"round {state.round} is decided and not settled: settle it before the next is decided")
    setting = controller.setting
    round = controller.sites.round(state.round, filled.values)
    wanted, policy = controller.policy.decide(setting, state.policy, round)
    wanted = kept(wanted)
    if wanted.shape != setting.initial.shape:
        raise ProblemError(f"the policy gave an action of shape {wanted.shape}, expected {setting.initial.shape}")
    notes = filled.notes
    if filled.hold:
        action, bounded = state.action, False
        off = float(round.feasible.violation(action))
        if off > 1e-6:
            notes = (
                *notes,
                Note("outside", f"the held action is outside this round's action set by {off:.1e} (relative)"),
            )
    else:
        moves = setting.switching.moves.at(state.round)
        action, told = within(controller.bounds, round, moves, controller.sites.names, state.action, wanted)
        bounded = bool(told)
        notes = (*notes, *told)
    chosen: Any = controller.policy
    price = chosen.price(policy) if offers(type(chosen), Priced) else None
    hitting = float(round.cost.value(action))
    switching = float(setting.switching.moves.value(action, state.action))
    decision = Decision(
        state.round, text, filled.values, action, wanted, state.action, price, hitting, switching, filled.hold, notes
    )
    fresh = not any(note.kind in ("stale", "last_seen") for note in notes)
    counts = Counts(
        state.counts.decided + 1,
        state.counts.skipped,
        state.counts.held + filled.hold,
        state.counts.filled + (not fresh),
        state.counts.bounded + bounded,
        state.counts.altered,
    )
    after = replace(
        state,
        policy=policy,
        time=time,
        seen=filled.seen,
        seen_at=filled.seen_at,
        last=decision,
        open=True,
        counts=counts,
    )
    return decision, after


def _bound(controller: Controller, state: State) -> RunningBound:
    assert controller.prices is not None
    prices, memory = controller.prices, controller.setting.memory
    return RunningBound(prices, controller.offset, state.round, state.floors, memory, controller.idle, state.late)


def _vector(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    array = as_array(name, value)
    if array.shape != shape:
        raise ProblemError(f"{name} has shape {array.shape}: it must be {shape}")
    return array


def reconfigure(before: Controller, state: State, after: Controller) -> State:
    """The state under a changed configuration. Name, staleness, bounds, the kill switch and the policy may change.

    A new policy starts at the action applied last. Raises ProblemError for other sites, facts or candidate prices,
    under which what was summed would mean something else, and for a new policy while a round is open.
    """
    assert before.prices is not None
    assert after.prices is not None
    same = to_plain(before.sites) == to_plain(after.sites) and to_plain(before.setting) == to_plain(after.setting)
    if not same or not np.array_equal(before.prices, after.prices):
        raise ProblemError(
            f"{before.name!r} has other sites, signals, costs or fairness now: create a new controller for them"
        )
    if to_plain(before.policy) == to_plain(after.policy):
        return state
    if state.open:
        raise ProblemError(f"round {state.round} is open: settle it before the policy changes")
    return replace(state, policy=after.policy.init(replace(after.setting, initial=state.action)))
