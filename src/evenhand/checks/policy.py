"""Checks of policies."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np

from evenhand.checks.promises import frozen, guarded, require, same
from evenhand.columns import Array, layout
from evenhand.core import Policy, Problem, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.registry import from_plain, to_plain
from evenhand.sets import Budget
from evenhand.simulation import play, simulate

__all__ = ["check_policy", "sample"]


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
    """Inputs unmutated, feasible finite actions, the same path twice, no look ahead, batch = single, JSON state."""
    frozen(policy)
    task = sample() if problem is None else problem
    if task.lead and not getattr(policy, "batched", True):
        for index in np.ndindex(*task.lead):
            check_policy(policy, task.episode(index))
        return
    setting, before = task.setting, copy.deepcopy((task.setting, task.cost, task.impact, task.feasible))
    state = guarded(policy, "init", lambda: policy.init(setting))
    first: list[Array] = []
    for round in task.rounds:
        kept = copy.deepcopy(state)
        action, chosen = guarded(
            policy, f"decide in round {round.index}", lambda s=state, r=round: policy.decide(setting, s, r)
        )
        require(same(state, kept), policy, "decide leaves the state it is given as it was")
        require(isinstance(action, np.ndarray), policy, f"decide gives an array, not a {type(action).__name__}")
        size = (*task.lead, setting.initial.shape[0])
        require(np.shape(action) == size, policy, f"an action has shape {size}, not {np.shape(action)}")
        require(np.isfinite(action), policy, f"actions are finite (round {round.index})")
        off = float(np.max(round.feasible.violation(action)))
        require(off <= 1e-6, policy, f"actions stay in the set (round {round.index}, off by {off:.1e} relative)")
        again, _ = policy.decide(setting, state, round)
        require(np.array_equal(action, again), policy, f"the same state and round give the same action ({round.index})")
        first.append(action.copy())
        state = _settled(policy, task, round, action, chosen)
    unchanged = same((task.setting, task.cost, task.impact, task.feasible), before)
    require(unchanged, policy, "the data of the problem are left as they were")
    run = guarded(policy, "simulate", lambda: simulate(task, policy))
    path = np.stack(first, axis=-2)
    require(np.array_equal(run.actions, path), policy, "decide and settle remember nothing outside the state")
    _resumes(policy, task, path)
    if not task.lead and task.horizon > 1:
        _batches(policy, task)


def _settled(policy: Policy[Any], task: Problem, round: Any, action: Array, chosen: Any) -> Any:
    """The state after settling as decided, which nothing that the caller does to the action afterwards may change."""
    applied, burden = action.copy(), round.impact.burden(action)
    kept = copy.deepcopy(chosen)
    after = guarded(
        policy, f"settle in round {round.index}", lambda: policy.settle(task.setting, chosen, round, applied, burden)
    )
    require(same(chosen, kept), policy, "settle leaves the state it is given as it was")
    kept = copy.deepcopy(after)
    for handed in (action, applied, burden):
        if handed.flags.writeable:
            handed[...] = np.nan
    require(same(after, kept), policy, "writing into an action or a burden afterwards changes no state")
    return after


def _resumes(policy: Policy[Any], task: Problem, path: Array) -> None:
    stop = task.horizon // 2
    steps = list(play(task, policy))
    if not 0 < stop < len(steps):
        return
    text = guarded(policy, "writing a step as JSON", lambda: json.dumps(to_plain(steps[stop - 1])))
    back = guarded(policy, "reading a step from JSON", lambda: from_plain(json.loads(text)))
    rest = guarded(policy, "going on from JSON", lambda: [s.action for s in play(task, policy, after=back)])
    same = len(rest) == path.shape[-2] - stop and np.array_equal(np.stack(rest, axis=-2), path[..., stop:, :])
    require(same, policy, "a run continued from its state in JSON takes the identical actions")


def _batches(policy: Policy[Any], task: Problem) -> None:
    length = task.horizon // 2
    batch = guarded(policy, "a batch of windows", lambda: simulate(task.windows(length), policy))
    for k in range(batch.actions.shape[0]):
        alone = simulate(task.window(k, length), policy)
        require(
            batch.actions.shape[1:] == alone.actions.shape and np.array_equal(batch.actions[k], alone.actions),
            policy,
            f"windows played as a batch are the windows played one by one (window {k})",
        )
    changed = replace(task.window(0, length), cost=_later(task.window(0, length)))
    same = np.array_equal(simulate(changed, policy).actions[..., : length - 1, :], batch.actions[0][: length - 1])
    require(same, policy, "an action depends on no later round")


def _later(task: Problem) -> Any:
    """The hitting cost with another last round."""
    cost: Any = task.cost
    change: dict[str, Array] = {}
    for name, rank in layout(type(cost)):
        if rank == 1:
            value = getattr(cost, name).copy()
            value[-1] = value[-1] + 1.0
            change[name] = value
    return replace(cost, **change) if change else cost
