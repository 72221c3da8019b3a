"""Checks of policies."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from evenhand.checks.hard import adversarial, later
from evenhand.checks.promises import Check, guarded, has, insist, record, require, same
from evenhand.columns import Array
from evenhand.core import Policy, Priced, Problem, Setting, view
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import EvenhandError, ProblemError
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.offline.units import rescaled
from evenhand.registry import from_plain, to_plain
from evenhand.sets import Budget
from evenhand.simulation import play, simulate
from evenhand.trajectory import Blockwise
from evenhand.units import Units

__all__ = ["POLICY", "Walked", "check_policy", "sample", "walked"]


def sample(rounds: int = 12, sites: int = 3) -> Problem:
    """The problem `check_policy` uses when none is given: a budget over a few sites, quadratic costs, worst burden."""
    rng = np.random.default_rng(7)
    upper = rng.uniform(0.5, 2.0, sites)
    return Problem(
        Setting(rounds, 2.0, Norm(1.5), np.zeros(sites)),
        Quadratic(rng.uniform(0.0, 2.0, (rounds, sites)), rng.uniform(0.5, 2.0, (rounds, sites))),
        Diagonal(rng.uniform(0.2, 2.0, (rounds, sites))),
        Budget(rng.uniform(0.2, 0.9, rounds) * upper.sum(), upper),
    )


def check_policy(policy: Policy[Any], problem: Problem | None = None) -> None:
    """Inputs unmutated, feasible finite actions, the same path twice, no look ahead, batch = single, JSON state, and
    where it claims it (``unitless = True``) the same actions in other units.
    """
    task = sample() if problem is None else problem
    if task.lead and not getattr(policy, "batched", True):
        for index in np.ndindex(*task.lead):
            check_policy(policy, task.episode(index))
        return
    insist(POLICY, walked(policy, task))


class _Round(NamedTuple):
    """What one round showed: the action, and whether what should stay as it was did."""

    at: int
    action: Array
    repeated: bool
    decided: bool
    settled: bool
    apart: bool


@final
@dataclass(frozen=True, slots=True)
class Walked:
    """A policy, a problem, and what half rounds by hand showed; broke is what ended them early."""

    policy: Any
    task: Problem
    rounds: tuple[_Round, ...]
    untouched: bool
    broke: EvenhandError | None

    @property
    def path(self) -> Array:
        """The actions (..., T, n)."""
        return np.stack([seen.action for seen in self.rounds], axis=-2)


def walked(policy: Any, task: Problem | None = None) -> Walked:
    """Decide and settle through a problem, watching what the policy does to what it is given."""
    task = sample() if task is None else task
    before = copy.deepcopy((task.setting, task.cost, task.impact, task.feasible))
    seen: list[_Round] = []
    broke = None
    try:
        state = guarded(policy, "init", lambda: policy.init(task.setting))
        for round in task.rounds:
            one, state = _played(policy, task, state, round)
            seen.append(one)
    except EvenhandError as error:
        broke = error
    untouched = same((task.setting, task.cost, task.impact, task.feasible), before)
    return Walked(policy, task, tuple(seen), untouched, broke)


def _played(policy: Any, task: Problem, state: Any, round: Any) -> tuple[_Round, Any]:
    """One round: decided twice, settled as decided, and everything handed over written into afterwards."""
    setting, t, kept = task.setting, round.index, copy.deepcopy(state)
    action, chosen = guarded(policy, f"decide in round {t}", lambda: policy.decide(setting, state, round))
    decided = same(state, kept)
    require(isinstance(action, np.ndarray), policy, f"decide gives an array, not a {type(action).__name__}")
    size = (*task.lead, setting.initial.shape[0])
    require(np.shape(action) == size, policy, f"an action has shape {size}, not {np.shape(action)}")
    require(np.isfinite(action), policy, f"actions are finite (round {t})")
    off = float(np.max(round.feasible.violation(action)))
    require(off <= 1e-6, policy, f"actions stay in the set (round {t}, off by {off:.1e} relative)")
    again, _ = guarded(policy, f"decide in round {t}", lambda: policy.decide(setting, state, round))
    first, applied, burden = action.copy(), action.copy(), round.impact.burden(action)
    repeated = np.array_equal(action, again)
    kept = copy.deepcopy(chosen)
    after = guarded(policy, f"settle in round {t}", lambda: policy.settle(setting, chosen, round, applied, burden))
    settled, kept = same(chosen, kept), copy.deepcopy(after)
    for handed in (action, applied, burden):
        if handed.flags.writeable:
            handed[...] = np.nan
    apart = same(after, kept)  # if not, the walk goes on from what was there before
    return _Round(t, first, repeated, decided, settled, apart), after if apart else kept


def _members(case: Walked) -> None:
    has(case.policy, Policy)


def _actions(case: Walked) -> None:
    if case.broke is not None:
        raise case.broke


def _inputs(case: Walked) -> None:
    policy = case.policy
    require(all(seen.decided for seen in case.rounds), policy, "decide leaves the state it is given as it was")
    require(all(seen.settled for seen in case.rounds), policy, "settle leaves the state it is given as it was")
    require(case.untouched, policy, "the data of the problem are left as they were")


def _aliases(case: Walked) -> None:
    promise = "writing into an action or a burden afterwards changes no state"
    require(all(seen.apart for seen in case.rounds), case.policy, promise)


def _repeats(case: Walked) -> None:
    policy = case.policy
    for seen in case.rounds:
        require(seen.repeated, policy, f"the same state and round give the same action ({seen.at})")
    run = guarded(policy, "simulate", lambda: simulate(case.task, policy))
    require(np.array_equal(run.actions, case.path), policy, "decide and settle remember nothing outside the state")


def _resumes(case: Walked) -> str | None:
    policy, task, path = case.policy, case.task, case.path
    stop = task.horizon // 2
    steps = list(play(task, policy))
    if not 0 < stop < len(steps):
        return "the problem has one round"
    text = guarded(policy, "writing a step as JSON", lambda: json.dumps(to_plain(steps[stop - 1])))
    back = guarded(policy, "reading a step from JSON", lambda: from_plain(json.loads(text)))
    rest = guarded(policy, "going on from JSON", lambda: [s.action for s in play(task, policy, after=back)])
    alike = len(rest) == path.shape[-2] - stop and np.array_equal(np.stack(rest, axis=-2), path[..., stop:, :])
    require(alike, policy, "a run continued from its state in JSON takes the identical actions")
    return None


def _batches(case: Walked) -> str | None:
    policy, task = case.policy, case.task
    if task.lead or task.horizon < 2:
        return "the problem is a batch" if task.lead else "the problem has one round"
    length = task.horizon // 2
    batch = guarded(policy, "a batch of windows", lambda: simulate(task.windows(length), policy))
    for k in range(batch.actions.shape[0]):
        alone = simulate(task.window(k, length), policy)
        require(
            batch.actions.shape[1:] == alone.actions.shape and np.array_equal(batch.actions[k], alone.actions),
            policy,
            f"windows played as a batch are the windows played one by one (window {k})",
        )
    return None


def _blocks(case: Walked) -> None:
    policy, task = case.policy, case.task
    if not isinstance(policy, Blockwise):
        return
    state, rounds = case.policy.init(task.setting), view(0, task.cost, task.impact, task.feasible)
    block = guarded(policy, "block", lambda: policy.block(task.setting, state, rounds))
    if block is None:
        return
    alike = np.array_equal(np.broadcast_to(block.actions, case.path.shape), case.path)
    require(alike, policy, "rounds played at once are the rounds one by one, bit for bit")


def _causes(case: Walked) -> str | None:
    policy, task = case.policy, case.task
    if task.horizon < 2:
        return "the problem has one round"
    cut = task.horizon - task.horizon // 2
    other = guarded(policy, "simulate", lambda: simulate(later(task, cut), policy))
    alike = np.array_equal(other.actions[..., :cut, :], case.path[..., :cut, :])
    require(alike, policy, "an action depends on no later round")
    return None


def _units(case: Walked) -> str | None:
    policy, task = case.policy, case.task
    if not getattr(policy, "unitless", False):
        return "not claimed: unitless is not True"
    if task.lead:
        return "the problem is a batch"
    for action, money, burden in ((2.0**10, 1.0, 1.0), (1.0, 2.0**-10, 1.0), (1.0, 1.0, 2.0**10)):
        try:
            moved = rescaled(task, Units(action, money, np.full(task.impact.entities, burden)))
        except ProblemError as error:
            return f"not known: {error}"
        other = guarded(policy, "simulate in other units", lambda p=moved: simulate(p, policy))
        off = float(np.abs(other.actions * action - case.path).max() / max(np.abs(case.path).max(), 1e-300))
        require(off <= 1e-6, policy, f"units do not matter, as it claims (actions differ by {off:.1e} relative)")
    return None


def _prices(case: Walked) -> str | None:
    policy = case.policy
    hard = adversarial(case.task)
    if hard is None:
        return "no harder rounds are known of this problem"
    priced = isinstance(policy, Priced)
    for step in guarded(policy, "play on adversarial rounds", lambda: list(play(hard, policy))):
        require(np.isfinite(step.action), policy, f"actions are finite on adversarial rounds (round {step.index})")
        known = not priced or step.price is None or bool(np.isfinite(step.price).all())
        require(known, policy, f"the price is finite on adversarial rounds (round {step.index})")
    guarded(policy, "simulate on adversarial rounds", lambda: simulate(hard, policy))
    return None


POLICY = (
    record(lambda case: case.policy),
    Check("members", "init, decide and settle", _members, "add the methods that are missing", gate=True),
    Check(
        "actions",
        "arrays (..., n), finite, in the action set",
        _actions,
        "end with evenhand.proximal.moved(setting, round, previous, tilt), or the nearest point to what you have: "
        "evenhand.proximal.proximal(round, 0.0, rho, x)",
        gate=True,
    ),
    Check("inputs", "states and data are left as they were", _inputs, "make new arrays: x = state.action + 1, not +="),
    Check(
        "aliasing",
        "actions handed out are not the arrays kept",
        _aliases,
        "keep a copy in the state: evenhand.columns.kept(applied)",
    ),
    Check(
        "repeats",
        "the same seed gives the same path",
        _repeats,
        "keep whatever changes in the state, nothing in the class or the module; draw from default_rng([seed, round])",
    ),
    Check(
        "resumes",
        "the state survives JSON",
        _resumes,
        "make the state a dataclass of numbers, texts and arrays, in the same file as the policy",
    ),
    Check(
        "batches",
        "a batch gives what its elements give alone",
        _batches,
        "index from the end (x[..., i]), sum with evenhand.kernels.reduce.total; or write batched = False in the class",
    ),
    Check(
        "blocks",
        "rounds at once, if any, are as one by one",
        _blocks,
        "block gives the bits of decide and settle, or None where it cannot; leave it out if there is no faster way",
    ),
    Check("causality", "later rounds change no earlier action", _causes, "decide on the state and this round alone"),
    Check(
        "units",
        "units do not matter, where claimed",
        _units,
        "make rates from the size of what was seen; or take unitless = True out of the class",
    ),
    Check(
        "price",
        "finite on adversarial rounds",
        _prices,
        "bound the price, kappa = setting.fairness.project(kappa); divide only by what cannot be 0",
    ),
)
