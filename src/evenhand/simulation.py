"""One loop, as an iterator (`play`) and as a total (`simulate`): a policy in an environment, priced round by round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, final

import numpy as np

from evenhand.columns import Array, each, kept, offers, same, span
from evenhand.core import Applied, CostBreakdown, Environment, Policy, Priced, Problem, Round, Setting, view
from evenhand.errors import ProblemError, expect, shown
from evenhand.kernels import reduce
from evenhand.trajectory import Block, Blockwise, Trajectory, excess_of_moves, moved_from, recalled

__all__ = ["Step", "Tally", "play", "simulate", "step", "tally"]

S = TypeVar("S")

#: rounds played, checked and priced together
BLOCK = 256
#: rounds from which a run at once saves more than the kernel for it takes to load; compiling it takes ten seconds
LONG = 1 << 14
_COLUMNS = ("actions", "burdens", "hitting", "switching", "price")
_PARTS = ("hitting", "switching", "fairness")


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One round as it was played: action applied (..., n), burden borne (..., m), its costs (...), the price in force,
    the next state, and the action decided, the same as applied unless the environment says otherwise.

    fairness: g at the burden remembered (...), and what memory holds; None without a memory, for g is then told of the
    average at the end.
    """

    index: int
    action: Array
    burden: Array
    hitting: Array
    switching: Array
    price: Array | None
    state: Any
    decided: Array
    fairness: Array | None = None
    held: Array | None = None

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Tally:
    """What is left of a run that was not recorded: its cost (...) and mean burden (..., m)."""

    cost: CostBreakdown
    mean_burden: Array

    __eq__ = same


def step(policy: Policy[S], setting: Setting, state: S, round: Round) -> tuple[Array, S]:
    """One whole round, settled as decided: the action (..., n), the caller's to keep, and the next state."""
    if type(setting) is not Setting or type(round) is not Round:
        expect("setting", setting, Setting, "a Setting, such as that of a problem")
        expect("round", round, Round, "a Round, such as next(iter(problem.rounds))")
    _require_policy(policy)
    action, state = policy.decide(setting, state, round)
    return action, policy.settle(setting, state, round, action, round.impact.burden(action))


def play(environment: Environment, policy: Policy[Any], *, after: Step | None = None) -> Iterator[Step]:
    """Play round by round; ``after`` resumes behind a step played earlier, which may have been to JSON and back.

    The policy sees a round only when it is its turn. An environment may answer an action with `Applied`: what was
    really applied and borne is then priced and settled. Raises ProblemError for an action of the wrong shape.
    """
    if isinstance(environment, type) or not (hasattr(environment, "setting") and hasattr(environment, "reveal")):
        raise ProblemError(f"{_told(environment)} cannot be played: give a Problem, such as load('geo7').window(0)")
    _require_policy(policy)
    expect("after", after, (Step, type(None)), "a Step that play gave, or None")
    if getattr(environment, "lead", ()) and not getattr(policy, "batched", True):
        raise ProblemError(
            f"{_told(policy)} plays one episode at a time: take problem.episode(0), or simulate them all"
        )
    setting = environment.setting
    rounds = environment.reveal()
    round: Any = next(rounds, None)
    memory, held = setting.memory, None
    if after is None:
        state, previous = policy.init(setting), setting.initial
    else:
        state, previous, held = after.state, after.action, after.held
        while round is not None and round.index <= after.index:
            round = next(rounds, None)
    priced = policy if isinstance(policy, Priced) else None
    while round is not None:
        decided, state = policy.decide(setting, state, round)
        decided = kept(decided)
        if decided.shape[-1:] != setting.initial.shape:
            raise _misshapen(decided, round.index, setting.initial.shape)
        price = priced.price(state) if priced is not None else None
        try:
            following: Any = rounds.send(decided)
        except StopIteration:
            following = None
        action = decided
        burden = None
        if isinstance(following, Applied):
            action = decided if following.action is None else following.action
            burden = following.burden
            following = next(rounds, None)
        if burden is None:
            burden = round.impact.burden(action)
        state = policy.settle(setting, state, round, action, burden)
        moving = setting.switching.moves.value(action, previous)
        charged = None
        if memory is not None:
            held = memory.add(memory.begin(burden.shape[-1]) if held is None else held, burden)
            charged = setting.fairness.value(memory.remembered(held))
        hitting = round.cost.value(action)
        yield Step(round.index, action, burden, hitting, moving, price, state, decided, charged, held)
        previous, round = action, following


def _require_policy(policy: Any) -> None:
    if not offers(type(policy), Policy):
        raise ProblemError(f"{_told(policy)} is not a policy: give one, such as FairOBD(eta=1e-2)")


def _misshapen(action: Array, index: int, size: tuple[int, ...]) -> ProblemError:
    return ProblemError(
        f"the policy gave an action of shape {action.shape} in round {index}, expected (..., {size[0]})"
    )


def _told(value: Any) -> str:
    return shown(value) if isinstance(value, str) else f"a {type(value).__name__}"


def simulate(problem: Problem, policy: Policy[Any]) -> Trajectory:
    """Play a whole problem, all leading axes at once, and give the trajectory with its cost.

    The same numbers as `play`, bit for bit, whether windows run as one batch or one by one. Everything is written into
    arrays made once: 8 T (n + 2 m) bytes for an episode with a price; `tally` keeps none of it. Raises ProblemError
    when the policy leaves the action set by more than 1e-6. A policy whose class says ``batched = False`` is played
    episode by episode.
    """
    horizon = recorded(problem).horizon
    _require_policy(policy)
    if problem.lead and not getattr(policy, "batched", True):
        runs = [simulate(problem.episode(index), policy) for index in np.ndindex(*problem.lead)]
        stacked = {name: _stacked([getattr(run, name) for run in runs], problem.lead) for name in _COLUMNS}
        return Trajectory(problem, **stacked, policy=policy)
    kept: dict[str, Array] = {}
    last = problem.setting.initial
    for rounds, block in _blocks(problem, policy):
        actions = block.actions
        _check(rounds, problem.setting, actions, last)
        parts = {"actions": actions, "burdens": block.burdens}
        if block.price is not None:
            parts["price"] = np.broadcast_to(block.price, block.burdens.shape)
        for name, value in parts.items():
            _keep(kept, name, horizon, rounds.index, value, 1)
        moving = problem.setting.switching.moves.value(actions, moved_from(problem.setting, actions, last))
        for name, value in (("hitting", rounds.cost.value(actions)), ("switching", moving)):
            _keep(kept, name, horizon, rounds.index, value, 0)
        last = actions[..., -1, :]
    return Trajectory(
        problem, kept["actions"], kept["burdens"], kept["hitting"], kept["switching"], kept.get("price"), policy
    )


def _stacked(parts: list[Array | None], lead: tuple[int, ...]) -> Any:
    """One array (*lead, ...) of what the episodes gave, in order; None where they gave nothing."""
    there = [part for part in parts if part is not None]
    return np.stack(there).reshape(*lead, *there[0].shape) if len(there) == len(parts) else None


def recorded(problem: Any) -> Problem:
    """The problem itself. Raises ProblemError for anything else, such as the episodes that `load` gives."""
    if not isinstance(problem, Problem):
        hint = (
            "take a window of it, .window(0), or all of them, .windows()" if hasattr(problem, "windows") else "load one"
        )
        raise ProblemError(f"problem is {_told(problem)}, not a Problem: {hint}")
    return problem


def _keep(kept: dict[str, Array], name: str, horizon: int, start: int, value: Array, rank: int) -> None:
    """Write a block (..., rounds, *core) into its column, made at the first and wider where leading axes appear."""
    axis = value.ndim - rank - 1
    lead, size = value.shape[:axis], value.shape[axis]
    core = value.shape[axis + 1 :]
    array = kept.get(name)
    here = None if array is None else array.shape[: array.ndim - 1 - rank]
    if here is None or np.broadcast_shapes(here, lead) != here:
        wide = lead if here is None else np.broadcast_shapes(here, lead)
        array, old = np.empty((*wide, horizon, *core)), array
        if old is not None:
            before = (..., slice(start), *(slice(None),) * rank)
            array[before] = old[before]
        kept[name] = array
    assert array is not None
    array[(..., slice(start, start + size), *(slice(None),) * rank)] = value


def _blocks(problem: Problem, policy: Policy[Any]) -> Iterator[tuple[Round, Block]]:
    """Up to `BLOCK` rounds as columns, and how they were played: at once where the policy can, else one by one."""
    setting = problem.setting
    state = policy.init(setting)
    at_once = policy if problem.horizon >= LONG and isinstance(policy, Blockwise) else None
    for start in range(0, problem.horizon, BLOCK):
        stop = min(start + BLOCK, problem.horizon)
        columns = (
            span(problem.cost, start, stop),
            span(problem.impact, start, stop),
            span(problem.feasible, start, stop),
        )
        rounds = view(start, *columns)
        block = None if at_once is None else at_once.block(setting, state, rounds)
        if block is None:
            block = _one_by_one(setting, policy, state, rounds)
        yield rounds, block
        state = block.state


def _one_by_one(setting: Setting, policy: Policy[Any], state: Any, rounds: Round) -> Block:
    """A block by decide and settle. Raises ProblemError for an action of the wrong shape."""
    priced = policy if isinstance(policy, Priced) else None
    actions: list[Array] = []
    burdens: list[Array] = []
    prices: list[Array] = []
    for t, parts in enumerate(zip(each(rounds.cost), each(rounds.impact), each(rounds.feasible), strict=True)):
        round = view(rounds.index + t, *parts)
        action, state = policy.decide(setting, state, round)
        action = action.copy()
        if action.shape[-1:] != setting.initial.shape:
            raise _misshapen(action, round.index, setting.initial.shape)
        price = None if priced is None else priced.price(state)
        burden = round.impact.burden(action)
        state = policy.settle(setting, state, round, action, burden)
        actions.append(action)
        burdens.append(burden)
        if price is not None:
            prices.append(price)
    told = _rows(prices) if len(prices) == len(actions) else None
    return Block(_rows(actions), _rows(burdens), told, state)


def _check(rounds: Round, setting: Setting, actions: Array, last: Array) -> None:
    """Raise ProblemError where actions of some rounds leave their sets, or move farther than they may."""
    start = rounds.index
    off = rounds.feasible.violation(actions)
    if not (off <= 1e-6).all():
        at = tuple(np.argwhere(~(off <= 1e-6))[0])
        raise ProblemError(f"the policy left the action set in round {start + int(at[-1])} by {off[at]:.1e} (relative)")
    if setting.switching.moves.limited:
        far = excess_of_moves(setting, actions, start, last)
        if not (far <= 1e-6).all():
            at = tuple(np.argwhere(~(far <= 1e-6))[0])
            raise ProblemError(
                f"the policy moved beyond a limit in round {start + int(at[-1])} by {far[at]:.1e} (relative)"
            )


def tally(problem: Problem, policy: Policy[Any]) -> Tally:
    """Play a whole problem and keep only its cost: the memory of a block of rounds, whatever the horizon.

    The cost is that of `simulate`, bit for bit. Raises as `simulate`.
    """
    _require_policy(policy)
    recorded(problem)
    if problem.lead and not getattr(policy, "batched", True):
        told = [tally(problem.episode(index), policy) for index in np.ndindex(*problem.lead)]
        parts = (_stacked([getattr(one.cost, name) for one in told], problem.lead) for name in _PARTS)
        return Tally(CostBreakdown(*parts), _stacked([one.mean_burden for one in told], problem.lead))
    sums = _Sums(problem.setting.initial)
    for rounds, block in _blocks(problem, policy):
        sums = sums.add(problem.setting, rounds, block)
    return sums.tally(problem)


def _rows(parts: list[Array]) -> Array:
    """(..., rounds, k), one axis for the rounds before the last."""
    if any(part.shape != parts[0].shape for part in parts):
        parts = list(np.broadcast_arrays(*parts))
    return np.array(parts) if parts[0].ndim == 1 else np.stack(parts, axis=-2)


class _Sums(NamedTuple):
    """The sums of a run, block by block, in the order of `Trajectory.cost`; x_{t-1}, and what memory holds."""

    last: Array
    hitting: Array = np.zeros(())
    switching: Array = np.zeros(())
    fairness: Array = np.zeros(())
    burden: Array | None = None
    held: Array | None = None

    def add(self, setting: Setting, rounds: Round, block: Block) -> _Sums:
        """With a block more."""
        actions, burdens = block.actions, block.burdens
        _check(rounds, setting, actions, self.last)
        hitting = rounds.cost.value(actions)
        moving = setting.switching.moves.value(actions, moved_from(setting, actions, self.last))
        so_far = np.zeros(burdens.shape[-1]) if self.burden is None else self.burden
        memory, held, fairness = setting.memory, self.held, self.fairness
        if memory is not None:
            borne, held = recalled(memory, burdens, held)
            fairness = _onto(fairness, setting.fairness.value(borne))
        return _Sums(
            actions[..., -1, :],
            _onto(self.hitting, hitting),
            _onto(self.switching, moving),
            fairness,
            reduce.total_rows(np.concatenate([_first(so_far, burdens), burdens], axis=-2)),
            held,
        )

    def tally(self, problem: Problem) -> Tally:
        """What they say."""
        horizon, g = problem.horizon, problem.setting.fairness
        assert self.burden is not None
        mean = self.burden / horizon
        fairness = g.value(mean) if self.held is None else self.fairness / horizon
        return Tally(CostBreakdown(self.hitting / horizon, self.switching / horizon, fairness), mean)


def _first(value: Array, rows: Array) -> Array:
    """value (..., k) as a row before rows (..., rounds, k)."""
    return np.broadcast_to(value[..., None, :], (*rows.shape[:-2], 1, rows.shape[-1]))


def _onto(total: Array, more: Array) -> Array:
    """total (...) and then each of more (..., rounds), in order."""
    first = np.broadcast_to(total[..., None], (*more.shape[:-1], 1))
    return reduce.total(np.concatenate([first, more], axis=-1))
