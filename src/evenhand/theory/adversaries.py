"""Two environments that watch the policy and then choose the rest of the rounds. Source: spec/online.md §6.

n = m = 1, x in [-1, 1], x_0 = 0, beta = 0, g(y) = 2|y|. No policy can do well in them: regret at least a constant
(Theorem 4.1), ratio at least T/2 + 1 (Theorem 4.2). They are environments of `play`: each round is chosen after the
actions before it are known, and the policy still sees nothing but the round in front of it.
"""

from __future__ import annotations

import functools
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from evenhand.columns import Array
from evenhand.core import Applied, Environment, Policy, Problem, Round, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import ParameterError
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.offline.optimum import Optimum, optimum
from evenhand.sets import Box
from evenhand.simulation import play
from evenhand.trajectory import Trajectory, evaluate

__all__ = ["Adversary", "ConstantRegret", "Duel", "LinearRatio", "duel", "record"]

#: (a, b): the round f(x) = (x - a)^2 with impact b
_STILL, _AWAY, _FREE = (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)
STANDING = 1e-12  # a move below rounding is none: its cost, 1e-24, could not be told from OPT's 0
_SWITCH = 2.0 - np.sqrt(3.5)  # where both continuations of ConstantRegret cost a policy the same regret


def _setting(rounds: Any) -> Setting:
    if int(rounds) != rounds or rounds < 2 or rounds % 2:
        raise ParameterError(f"rounds is {rounds!r}: the adversary needs an even number of at least 2")
    one = np.ones(1)
    return Setting(
        horizon=int(rounds), beta=0.0, fairness=Norm(2.0), initial=np.zeros(1),
        burden_lower=-one, burden_upper=one, actions=("x",), entities=("y",),
    )  # fmt: skip


@functools.cache
def _parts(target: float, impact: float) -> tuple[Quadratic, Diagonal, Box]:
    cost = Quadratic(np.array([-2.0 * target]), np.array([2.0]), np.array(target**2))
    return cost, Diagonal(np.array([impact])), Box(np.array([-1.0]), np.array([1.0]))


def _round(index: int, kind: tuple[float, float]) -> Round:
    return Round(index, *_parts(*kind))


@final
@dataclass(frozen=True, slots=True)
class ConstantRegret:
    """Regret at least (23 - 6 sqrt 14)/4 against OPT for every policy and every even T: total regret grows linearly.

    Rounds t <= T/2: f = x^2, A = 1; let -s be the policy's average action over them. Then one of two continuations,
    the one that is worse for such an s: f = (x - 1)^2, A = 1 (regret at least (s - 1/2)^2 for s in [0, 1], at least
    1/4 for s < 0), or f = x^2, A = 0 (regret at least s^2/2 + |s|, as fairness 2|-s/2| is already charged for the first
    half). The best a policy can do is s = 2 - sqrt 3.5, where both are (23 - 6 sqrt 14)/4 = 0.1375. (The source leaves
    |s| out and states (3 - 2 sqrt 2)/4 = 0.0429.)
    """

    rounds: int
    setting: Setting = field(init=False, repr=False, compare=False)
    proved: ClassVar[float] = (23.0 - 6.0 * 14.0**0.5) / 4.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "setting", _setting(self.rounds))

    def reveal(self) -> Generator[Round, Array, None]:
        """The rounds, the second half chosen after the first was played."""
        half = self.rounds // 2
        total = 0.0
        for t in range(half):
            action = yield _round(t, _STILL)
            total += float(action[0])
        kind = _AWAY if -total / half <= _SWITCH else _FREE
        for t in range(half, 2 * half):
            yield _round(t, kind)

    def best(self, kinds: Problem) -> float:
        """OPT's cost in closed form: 1/4 after the first continuation, 0 after the second."""
        return 0.25 if kinds.impact.burden(np.ones(1))[-1, 0] > 0.0 else 0.0


@final
@dataclass(frozen=True, slots=True)
class LinearRatio:
    """Competitive ratio at least T/2 + 1 against OPT for every policy and every even T.

    f = x^2, A = 1. A policy that ever plays x_t != 0 at t <= T/2 is shown the same to the end: OPT pays 0, the ratio is
    infinite. Otherwise round T/2 + 1 is f = (x - 1)^2, A = 1, then f = x^2, A = 0: the policy pays at least 1/T, OPT
    2/(T (T + 2)), playing T/(T + 2) there and -2/(T + 2) before: ratio at least T/2 + 1. (The source states T/2.)
    """

    rounds: int
    setting: Setting = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "setting", _setting(self.rounds))

    @property
    def proved(self) -> float:
        """T/2 + 1."""
        return self.rounds / 2.0 + 1.0

    def reveal(self) -> Generator[Round, Array, None]:
        """The rounds, the turn at T/2 + 1 taken only against a policy that stood still."""
        half = self.rounds // 2
        moved = False
        for t in range(half):
            action = yield _round(t, _STILL)
            moved = moved or bool(abs(action[0]) > STANDING)
        yield _round(half, _STILL if moved else _AWAY)
        for t in range(half + 1, 2 * half):
            yield _round(t, _STILL if moved else _FREE)

    def best(self, kinds: Problem) -> float:
        """OPT's cost in closed form: 0 against a policy that moved, else 2/(T (T + 2))."""
        stood = bool(np.asarray(kinds.cost.gradient(np.zeros(1))).min() < 0.0)
        return 2.0 / (self.rounds * (self.rounds + 2.0)) if stood else 0.0


Adversary = ConstantRegret | LinearRatio


@final
@dataclass(frozen=True, slots=True)
class Duel:
    """A policy played in an adversary: its run, OPT of the rounds that came of it, and the proved bound.

    optimal: OPT's cost as the offline solver found it. regret: cost - optimal; ratio: cost / optimal, infinite where
    optimal is 0 (below 1e-12 of rounding).
    """

    adversary: Adversary
    run: Trajectory
    best: Optimum

    @property
    def cost(self) -> float:
        """What the policy paid, per round."""
        return float(self.run.cost.total)

    @property
    def optimal(self) -> float:
        """What OPT pays, per round."""
        return float(self.best.cost.total)

    @property
    def regret(self) -> float:
        """Cost above OPT's, per round."""
        return self.cost - self.optimal

    @property
    def ratio(self) -> float:
        """Cost over OPT's."""
        if self.optimal > 1e-12:
            return self.cost / self.optimal
        return float("inf") if self.cost > 1e-12 else 1.0

    @property
    def measured(self) -> float:
        """The quantity that the adversary bounds: regret or ratio."""
        return self.regret if isinstance(self.adversary, ConstantRegret) else self.ratio


@final
@dataclass(frozen=True, slots=True)
class _Recorded:
    """An environment that keeps the rounds it revealed."""

    inner: Environment
    seen: list[Round]

    @property
    def setting(self) -> Setting:
        return self.inner.setting

    def reveal(self) -> Generator[Round | Applied, Array, None]:
        rounds = self.inner.reveal()
        shown = next(rounds, None)
        while shown is not None:
            if isinstance(shown, Round):
                self.seen.append(shown)
            action = yield shown
            try:
                shown = rounds.send(action)
            except StopIteration:
                return


def record(environment: Environment, policy: Policy[Any]) -> Trajectory:
    """Play a policy in an environment that reacts, and give the run on the problem that came of it.

    The rounds must be Quadratic on Box with Diagonal impact, one episode. The prices kappa_t are kept.
    """
    rounds: list[Round] = []
    steps = list(play(_Recorded(environment, rounds), policy))
    pick = {
        name: np.stack([np.asarray(getattr(getattr(r, part), name)) for r in rounds])
        for part, names in (
            ("cost", ("linear", "curvature", "constant")),
            ("impact", ("weight",)),
            ("feasible", ("lower", "upper")),
        )
        for name in names
    }
    problem = Problem(
        environment.setting,
        Quadratic(pick["linear"], pick["curvature"], pick["constant"]),
        Diagonal(pick["weight"]),
        Box(pick["lower"], pick["upper"]),
    )
    prices = [step.price for step in steps if step.price is not None]
    run = evaluate(problem, np.stack([step.action for step in steps]), np.stack(prices) if prices else None)
    return Trajectory(problem, run.actions, run.burdens, run.hitting, run.switching, run.price, policy)


def duel(adversary: Adversary, policy: Policy[Any]) -> Duel:
    """Play a policy in an adversary and measure it against OPT of the rounds that came of it, by the offline solver."""
    run = record(adversary, policy)
    return Duel(adversary, run, optimum(run.problem))
