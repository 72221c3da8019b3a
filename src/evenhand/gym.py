"""A Gymnasium environment of any problem: learners beside our policies, and OPT as the yardstick.

    env = gymnasium.make("evenhand.gym:evenhand/Allocation-v0", problem="geo7")

Observation: every column of the round that varies (by part and name, such as ``cost.linear``), the action before
(``previous``), the mean burden so far or the one remembered (``burden``), and the share of rounds left (``left``).

Action: a point of a box, in the units of the problem. Applied is the nearest point, in the Euclidean norm, of X_t cut
by the limits of moves, as the oracle computes it; an action that lies there already (to 1e-9 relative) is applied as
it is, to the bit. So every feasible action can be reached, and policies can be played as they are.

Reward: minus what the round adds to the cost (1): (hitting + switching)/T + G_t - G_{t-1}, where G_t is g of the
burdens up to t over T, and 0 before the first round; with a memory (hitting + switching + g(y_t))/T. Rewards of an
episode add up to minus its total, without a discount.
"""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, kept, layout, locked, whole
from evenhand.core import Policy, Problem, Round, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import InfeasibleError, MissingExtraError, ParameterError, ProblemError, SolverError, shown
from evenhand.experiment import Episodes, load
from evenhand.kernels import reduce
from evenhand.memory.half_life import HalfLife
from evenhand.memory.window import Window
from evenhand.offline.optimum import optimum
from evenhand.proximal import moved
from evenhand.sets import ROUNDING, Budget
from evenhand.simulation import recorded
from evenhand.trajectory import Trajectory, evaluate, excess_of_moves

try:
    import gymnasium
    from gymnasium import spaces
except ImportError:
    raise MissingExtraError("an environment for learners needs Gymnasium: pip install 'evenhand[rl]'") from None

__all__ = ["AllocationEnv", "act", "nearest", "rollout"]

Observation = dict[str, Array]


@final
class AllocationEnv(gymnasium.Env[Observation, Array]):
    """A problem as an environment; each element of its leading axes is an episode.

    problem: a Problem, what `load` gives (all its windows), or the name of a scenario. yardstick: whether ``info``
    tells OPT's total and the regret at the end of an episode; OPT is computed once an episode and kept.

    ``reset(options={"episode": k})`` picks an episode, else one is drawn by the seed. ``info`` of a step has what was
    applied and borne (action, burden) and the round's hitting and switching; at the end total, opt and regret (nan
    where OPT cannot be had). Raises ProblemError for action sets without finite bounds.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self, problem: Problem | Episodes | str, *, yardstick: bool = True, render_mode: str | None = None
    ) -> None:
        if render_mode is not None:
            raise ParameterError(f"render_mode is {shown(render_mode)}: give None, and draw env.run().plot()")
        found = load(problem) if isinstance(problem, str) else problem
        self.problem: Problem = recorded(found.windows() if isinstance(found, Episodes) else found)
        self.yardstick: bool = bool(yardstick)
        self.action_space: Any
        self.observation_space: Any
        self.action_space, self.observation_space = _spaces(self.problem)
        self._seen = [(name, *name.split(".")) for name in _varying(self.problem)]
        self._opt: dict[int, float] = {}
        self._episode = -1
        self._begin()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """The first observation of an episode, and its number in ``info``."""
        super().reset(seed=seed)
        count = math.prod(self.problem.lead)
        chosen = dict(options or {}).pop("episode", None)
        if chosen is None:
            chosen = self.np_random.integers(count) if count > 1 else 0
        self._episode = whole("episode", chosen, low=0, high=count - 1)
        where = tuple(int(i) for i in np.unravel_index(self._episode, self.problem.lead)) if self.problem.lead else ()
        self.episode: Problem = self.problem.episode(where) if where else self.problem
        self._begin()
        self.round = self.episode.rounds[0]
        return self._observed(), {"episode": self._episode}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply the action, or the nearest feasible one. Raises ProblemError before the first reset, after the end,
        and for what is no action.
        """
        round, setting, horizon = self.round, self.problem.setting, self.problem.horizon
        if round is None:
            raise ProblemError("no round is open: call reset, before the first step and after the last")
        x = nearest(setting, round, self.previous, action)
        burden = round.impact.burden(x)
        hitting = float(round.cost.value(x))
        moving = float(setting.switching.moves.value(x, self.previous))
        self._actions[round.index] = x
        fairness = self._fairness(burden)
        self.settled, self.previous = (round, x, kept(burden)), x
        self.round = self.episode.rounds[round.index + 1] if round.index + 1 < horizon else None
        info: dict[str, Any] = {"action": x.copy(), "burden": np.array(burden), "hitting": hitting, "switching": moving}
        if self.round is None:
            info.update(self._ending())
        return self._observed(), -((hitting + moving) / horizon + fairness), self.round is None, False, info

    def run(self) -> Trajectory:
        """The finished episode, priced as `simulate` does. Raises ProblemError before its end."""
        if self.round is not None or self.settled is None:
            raise ProblemError("the episode is not finished: step until it has terminated")
        return evaluate(self.episode, self._actions.copy())

    def _begin(self) -> None:
        setting, horizon = self.problem.setting, self.problem.horizon
        self.round: Round | None = None
        self.settled: tuple[Round, Array, Array] | None = None
        self.previous: Array = setting.initial
        self._actions = np.empty((horizon, setting.initial.shape[0]))
        entities = self.problem.impact.entities
        self._sum, self._told, self._charged = np.zeros(entities), np.zeros(entities), 0.0
        self._held = None if setting.memory is None else setting.memory.begin(entities)

    def _fairness(self, burden: Array) -> float:
        """What this round's burden adds to the fairness cost."""
        setting, horizon = self.problem.setting, self.problem.horizon
        self._sum = self._sum + burden
        if setting.memory is None or self._held is None:
            before, self._charged = self._charged, float(setting.fairness.value(self._sum / horizon))
            assert self.round is not None
            self._told = self._sum / (self.round.index + 1)
            return self._charged - before
        self._held = setting.memory.add(self._held, burden)
        self._told = setting.memory.remembered(self._held)
        return float(setting.fairness.value(self._told)) / horizon

    def _observed(self) -> Observation:
        horizon = self.problem.horizon
        at = horizon - 1 if self.round is None else self.round.index
        seen = {name: np.array(getattr(getattr(self.episode, part), column)[at]) for name, part, column in self._seen}
        left = 0.0 if self.round is None else (horizon - at) / horizon
        return {**seen, "previous": np.array(self.previous), "burden": np.array(self._told), "left": np.array([left])}

    def _ending(self) -> dict[str, float]:
        total = float(self.run().cost.total)
        if not self.yardstick:
            return {"total": total}
        if self._episode not in self._opt:
            try:
                self._opt[self._episode] = float(optimum(self.episode).cost.total)
            except (ProblemError, InfeasibleError, SolverError):
                self._opt[self._episode] = math.nan
        best = self._opt[self._episode]
        return {"total": total, "opt": best, "regret": total - best}


def nearest(setting: Setting, round: Round, previous: Array, action: Any) -> Array:
    """The point of X_t, cut by the limits of moves, that is nearest to an action (n,); read-only.

    An action that is there to 1e-9 relative is its own nearest. Raises ProblemError for another shape or NaN.
    """
    x = as_array("action", action)
    if x.shape != previous.shape:
        raise ProblemError(f"action has shape {x.shape}: it must be {previous.shape}, one number per action")
    off = float(round.feasible.violation(x))
    if setting.switching.moves.limited:
        off = max(off, float(excess_of_moves(setting, x[None], round.index, previous)[0]))
    if off <= ROUNDING:
        return x
    wanted = Round(round.index, Quadratic(-x, np.ones(x.shape)), round.impact, round.feasible)
    return locked(moved(setting, wanted, previous, weight=0.0))


def act(policy: Policy[Any], env: Any, state: Any = None) -> tuple[Array, Any]:
    """One of our policies as an agent: its action in the round that the environment shows, and its next state.

    state: what the last call gave, None at the beginning of an episode. It is settled by what was applied meanwhile.
    """
    here = env.unwrapped
    if not isinstance(here, AllocationEnv):
        raise ParameterError(f"env is {shown(env)}: give an AllocationEnv, wrapped or not")
    setting = here.problem.setting
    if here.round is None:
        raise ProblemError("no round is open: call reset first")
    if state is None:
        state = policy.init(setting)
    if here.settled is not None:
        state = policy.settle(setting, state, *here.settled)
    action, state = policy.decide(setting, state, here.round)
    return kept(action), state


def rollout(env: Any, policy: Policy[Any], *, seed: int | None = None, episode: int | None = None) -> Trajectory:
    """Play one episode by one of our policies through an environment: the run that `simulate` gives, bit for bit."""
    env.reset(seed=seed, options=None if episode is None else {"episode": episode})
    state, done = None, False
    while not done:
        action, state = act(policy, env, state)
        _, _, done, _, _ = env.step(action)
    return env.unwrapped.run()


def _varying(problem: Problem) -> dict[str, tuple[Array, Array]]:
    """The columns that are not the same in all rounds, as ``part.column``, and their least and largest values."""
    found: dict[str, tuple[Array, Array]] = {}
    for part in ("cost", "impact", "feasible"):
        record = getattr(problem, part)
        for column, rank in layout(type(record)):
            if rank is not None:
                ends = _ends(getattr(record, column), rank)
                if (ends[0] < ends[1]).any():
                    found[f"{part}.{column}"] = ends
    return found


def _ends(value: Array, rank: int) -> tuple[Array, Array]:
    """The least and the largest over leading axes and rounds."""
    axes = tuple(range(value.ndim - rank))
    return value.min(axis=axes), value.max(axis=axes)


def _spaces(problem: Problem) -> tuple[Any, Any]:
    """The box of actions, the smallest around all sets, and what can be observed, with room for rounding."""
    lower, upper = problem.feasible.bounds
    if isinstance(problem.feasible, Budget):
        spare = problem.feasible.total - reduce.total(lower)
        upper = np.minimum(upper, lower + np.maximum(spare, 0.0)[..., None])
    low, high = _ends(lower, 1)[0], _ends(upper, 1)[1]
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ProblemError(
            "an action has no finite bound: give the action set lower and upper, for learners need a box"
        )
    least, most = problem.impact.range(low, high)
    burden = np.minimum(_ends(least, 1)[0], 0.0), np.maximum(_ends(most, 1)[1], 0.0)
    memory = problem.setting.memory
    if not (memory is None or isinstance(memory, HalfLife | Window)):  # it need not be an average
        burden = np.full_like(burden[0], -np.inf), np.full_like(burden[1], np.inf)
    start = problem.setting.initial
    seen = _varying(problem) | {"previous": (np.minimum(low, start), np.maximum(high, start)), "burden": burden}
    told: dict[str, spaces.Space[Any]] = {name: _box(*ends, room=1e-6) for name, ends in seen.items()}
    return _box(low, high), spaces.Dict({**told, "left": spaces.Box(0.0, 1.0, (1,), np.float64)})


def _box(low: Array, high: Array, room: float = 0.0) -> spaces.Box:
    """A box with room for rounding; what never varies gets room of its own size, for a box has an inside."""
    size = np.where(np.isfinite(high - low), np.maximum(np.abs(low), np.abs(high)), 0.0)
    high = np.where(low == high, high + np.where(size > 0.0, size, 1.0), high)
    return spaces.Box(low - room * size, high + room * size, np.shape(low), np.float64)


gymnasium.register("evenhand/Allocation-v0", entry_point="evenhand.gym:AllocationEnv")
