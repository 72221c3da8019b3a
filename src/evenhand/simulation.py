"""One loop, as an iterator (`play`) and as a total (`simulate`): a policy in an environment, priced round by round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array
from evenhand.core import Environment, Policy, Priced, Problem, Round, Setting
from evenhand.errors import ProblemError
from evenhand.kernels import reduce
from evenhand.trajectory import Trajectory

__all__ = ["Step", "play", "simulate"]


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One round as it was played: action (..., n), burden (..., m), its costs (...),
    the price in force and the next state.
    """

    index: int
    action: Array
    burden: Array
    hitting: Array
    switching: Array
    price: Array | None
    state: Any


def play(environment: Environment, policy: Policy[Any], *, after: Step | None = None) -> Iterator[Step]:
    """Play round by round; ``after`` resumes behind a step played earlier, which may have been to JSON and back.

    The policy sees a round only when it is its turn. Raises ProblemError for an action of the wrong shape.
    """
    setting = environment.setting
    rounds = environment.reveal()
    round = next(rounds, None)
    if after is None:
        state, previous = policy.init(setting), setting.initial
    else:
        state, previous = after.state, after.action
        while round is not None and round.index <= after.index:
            round = next(rounds, None)
    priced = policy if isinstance(policy, Priced) else None
    while round is not None:
        price = priced.price(state) if priced is not None else None
        action, state = policy.step(setting, state, round)
        yield _priced(setting, round, action, previous, price, state)
        previous = action
        try:
            round = rounds.send(action)
        except StopIteration:
            return


def _priced(setting: Setting, round: Round, action: Array, previous: Array, price: Array | None, state: Any) -> Step:
    if action.shape[-1:] != setting.initial.shape:
        raise ProblemError(
            f"the policy gave an action of shape {action.shape} in round {round.index}, "
            f"expected (..., {setting.initial.shape[0]})"
        )
    return Step(
        round.index,
        action,
        round.impact.burden(action),
        round.cost.value(action),
        0.5 * setting.beta * reduce.squared_distance(action, previous),
        price,
        state,
    )


def simulate(problem: Problem, policy: Policy[Any]) -> Trajectory:
    """Play a whole problem, all leading axes at once, and give the trajectory with its cost.

    The same numbers as `play`, bit for bit, whether windows run as one batch or one by one. Raises ProblemError when
    the policy leaves the action set by more than 1e-6.
    """
    actions, burdens, hitting, switching, price = (list[Any]() for _ in range(5))
    for step in play(problem, policy):
        actions.append(step.action)
        burdens.append(step.burden)
        hitting.append(step.hitting)
        switching.append(step.switching)
        price.append(step.price)
    taken = np.stack(actions, axis=-2)
    off = problem.feasible.violation(taken)
    if not (off <= 1e-6).all():
        at = tuple(np.argwhere(~(off <= 1e-6))[0])
        raise ProblemError(f"the policy left the action set in round {int(at[-1])} by {off[at]:.1e} (relative)")
    prices = None
    if price[0] is not None:
        prices = np.stack([np.broadcast_to(p, burdens[0].shape) for p in price], axis=-2)
    return Trajectory(
        problem,
        taken,
        np.stack(burdens, axis=-2),
        np.stack(hitting, axis=-1),
        np.stack(switching, axis=-1),
        prices,
    )
