"""The grammar: frozen records and protocols that everything else is written in.

A `Problem` is columns with leading axes, a `Round` is a view of one of its rounds, a policy turns a state and a round
into an action and the next state. Shapes are written (..., n): every record broadcasts over leading axes, so a
hundred windows are one array. Source: spec/online.md §1.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, final, runtime_checkable

import numpy as np

from evenhand.columns import Array, as_array, common_lead, fits, layout, number, rebuild, span, stretch  # isort: skip
from evenhand.columns import take, take_lead, whole, windows  # isort: skip
from evenhand.errors import ParameterError, ProblemError

S = TypeVar("S")


# --- protocols -------------------------------------------------------------------------------------------------------


@runtime_checkable
class HittingCost(Protocol):
    """f_t: a convex function of the action, one per round."""

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        ...

    def value(self, x: Array, /) -> Array:
        """f_t(x): (..., n) -> (...)."""
        ...

    def gradient(self, x: Array, /) -> Array:
        """A (sub)gradient of f_t at x: (..., n) -> (..., n)."""
        ...

    def strong_convexity(self) -> Array:
        """m_f, the largest m for which f_t is known to be m-strongly convex: (...)."""
        ...


@runtime_checkable
class Impact(Protocol):
    """A_t: what an action does to each of the m entities."""

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        ...

    @property
    def entities(self) -> int:
        """m, the number of entities that bear a burden."""
        ...

    def burden(self, x: Array, /) -> Array:
        """A_t x: (..., n) -> (..., m)."""
        ...

    def tilt(self, kappa: Array, /) -> Array:
        """A_t' kappa: (..., m) -> (..., n)."""
        ...

    def range(self, lower: Array, upper: Array, /) -> tuple[Array, Array]:
        """Bounds on A_t x over lower <= x <= upper, by interval arithmetic: two (..., m)."""
        ...


@runtime_checkable
class ActionSet(Protocol):
    """X_t: a closed convex set."""

    @property
    def core(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one round of every column."""
        ...

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Smallest box known to contain the set: two (..., n)."""
        ...

    def violation(self, x: Array, /) -> Array:
        """Largest violation of a constraint at x, relative to the constraint's size: (...)."""
        ...

    def support(self, direction: Array, /) -> Array:
        """min over the set of direction . x: (...); the linear minimisation oracle."""
        ...


@runtime_checkable
class Fairness(Protocol):
    """g: the long-term fairness cost of the average burden y, convex and Lipschitz. Source: spec/online.md §1."""

    def value(self, y: Array, /) -> Array:
        """g(y): (..., m) -> (...)."""
        ...

    def subgradient(self, y: Array, /) -> Array:
        """One element of the subdifferential at y: (..., m)."""
        ...

    def conjugate(self, kappa: Array, /) -> Array:
        """g*(kappa), inf outside its domain: (..., m) -> (...)."""
        ...

    def project(self, kappa: Array, /) -> Array:
        """Euclidean projection on the dual ball dom g*: (..., m) -> (..., m)."""
        ...

    def project_entropic(self, kappa: Array, direction: Array, eta: Array, ball: bool, /) -> Array:
        """``kappa o exp(-eta direction)``, then (ball) its KL projection on the dual ball, for kappa > 0."""
        ...

    def budget(self, kappa: Array, lower: Array, upper: Array, /) -> Array:
        """Budget step (4) on the box: argmin g(z) - kappa . z over lower <= z <= upper."""
        ...

    def budget_ball(self, kappa: Array, /) -> Array:
        """Budget step (4) for kappa in the dual ball: an element of the subdifferential of g* at kappa."""
        ...

    def centre(self, m: int, /) -> Array:
        """A start kappa_1 on the dual ball that favours no entity: (m,)."""
        ...

    def lipschitz(self, m: int, /) -> float:
        """L in the Euclidean norm for m entities."""
        ...

    def scaled(self, factor: float, /) -> Fairness:
        """The cost ``factor * g``."""
        ...


@runtime_checkable
class Mirror(Protocol):
    """h: the reference function of the dual step (5)."""

    def step(self, kappa: Array, direction: Array, eta: Array, fairness: Fairness, ball: bool, /) -> Array:
        """argmin over k of direction . k + V_h(k, kappa) / eta, on the dual ball when ``ball``."""
        ...

    def divergence(self, kappa: Array, start: Array, /) -> Array:
        """Bregman divergence V_h(kappa, start): (...)."""
        ...


class Policy(Protocol[S]):
    """A frozen configuration of an online algorithm. It sees rounds one by one and never scores itself."""

    def init(self, setting: Setting, /) -> S:
        """The state before the first round."""
        ...

    def step(self, setting: Setting, state: S, round: Round, /) -> tuple[Array, S]:
        """The action for this round and the next state."""
        ...


@runtime_checkable
class Priced(Protocol):
    """A policy whose state holds a price kappa worth recording."""

    def price(self, state: Any, /) -> Array:
        """kappa_t: (..., m)."""
        ...


class Environment(Protocol):
    """What a policy is played in: it reveals a round, is sent the action, and reveals the next."""

    @property
    def setting(self) -> Setting:
        """The public facts."""
        ...

    def reveal(self) -> Generator[Round, Array, None]:
        """Yield rounds; ``send`` brings the last action, which a recorded problem ignores and an adversary does not."""
        ...


# --- records ---------------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class Setting:
    """The facts a policy may know in advance.

    horizon: T, the number of rounds. beta: weight of the switching cost (beta/2) ||x_t - x_{t-1}||^2. fairness: g.
    initial: x_0, (n,). burden_lower, burden_upper: (m,) bounds on any round's A_t x, the box of the budget step;
    filled in from the data when a Problem is built without them. actions, entities: names of the n and m coordinates.
    """

    horizon: int
    beta: float
    fairness: Fairness
    initial: Array
    burden_lower: Array | None = None
    burden_upper: Array | None = None
    actions: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "horizon", whole("horizon", self.horizon))
        if not isinstance(self.fairness, Fairness):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ProblemError(f"fairness is {self.fairness!r}: give a fairness cost such as Norm(mu=1.0)")
        object.__setattr__(self, "beta", number("beta", self.beta, low=0.0))
        object.__setattr__(self, "initial", as_array("initial", self.initial))
        if self.initial.ndim != 1:
            raise ProblemError(f"initial has shape {self.initial.shape}: it must be x_0, one number per action (n,)")


@final
@dataclass(frozen=True, slots=True)
class Round:
    """What is revealed at round ``index`` (from 0): hitting cost, impact and feasible set."""

    index: int
    cost: HittingCost
    impact: Impact
    feasible: ActionSet


@final
@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """The three parts of (1), averages per round, shape (...)."""

    hitting: Array
    switching: Array
    fairness: Array

    @property
    def total(self) -> Array:
        """Hitting + switching + fairness."""
        return self.hitting + self.switching + self.fairness

    def mean(self) -> CostBreakdown:
        """Averaged over leading axes, in a fixed order."""
        parts = (self.hitting, self.switching, self.fairness)
        return CostBreakdown(*(np.asarray(np.mean(p), dtype=np.float64) for p in parts))


@final
@dataclass(frozen=True, slots=True)
class Problem:
    """A setting and its rounds as columns: arrays (..., T, n), (..., T, m, n) or (..., T); views, never copied.

    Raises ProblemError for shapes that do not fit together and InfeasibleError for an empty action set.
    """

    setting: Setting
    cost: HittingCost
    impact: Impact
    feasible: ActionSet
    times: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        n = self.setting.initial.shape[0]
        m = self.impact.entities
        horizon = self.setting.horizon
        lead = common_lead((self.cost, self.impact, self.feasible), horizon)
        for name in ("cost", "impact", "feasible"):
            part = getattr(self, name)
            object.__setattr__(self, name, stretch(part, lead, part.core))
        x, price = self.setting.initial, np.zeros(m)
        fits(self.cost, n, lambda part: part.value(x))
        fits(self.impact, n, lambda part: part.tilt(price) + x)
        fits(self.feasible, n, lambda part: part.violation(x))
        self.setting.fairness.value(price)
        setting = self.setting
        for name, count in (("actions", n), ("entities", m)):
            labels = getattr(setting, name) or tuple(
                f"{name[:-1] if name == 'actions' else 'entity'}-{i}" for i in range(count)
            )
            if len(labels) != count:
                raise ProblemError(f"{name} names {len(labels)}, the data have {count}: they must agree")
            setting = replace(setting, **{name: tuple(labels)})
        if setting.burden_lower is None or setting.burden_upper is None:
            low, high = self.impact.range(*self.feasible.bounds)
            axes = tuple(range(low.ndim - 1))
            least, most = np.minimum(low.min(axis=axes), 0.0), np.maximum(high.max(axis=axes), 0.0)
            setting = replace(
                setting,
                burden_lower=least if setting.burden_lower is None else setting.burden_lower,
                burden_upper=most if setting.burden_upper is None else setting.burden_upper,
            )
        box: list[Array] = []
        for name in ("burden_lower", "burden_upper"):
            value = as_array(name, getattr(setting, name), finite=False)
            if value.shape not in ((), (m,)):
                raise ProblemError(f"{name} has shape {value.shape}: it must be one number per entity ({m},)")
            box.append(np.broadcast_to(value, (m,)))
        if (box[0] > 0).any() or (box[1] < 0).any():
            raise ProblemError("burden_lower must be at most 0 and burden_upper at least 0")
        object.__setattr__(self, "setting", replace(setting, burden_lower=box[0], burden_upper=box[1]))
        if self.times and len(self.times) != horizon:
            raise ProblemError(f"times has {len(self.times)} entries for {horizon} rounds: they must agree")

    @property
    def lead(self) -> tuple[int, ...]:
        """Leading axes before time: () for one episode, (W,) for W windows."""
        name, rank = next((k, r) for k, r in layout(type(self.feasible)) if r is not None)  # pyright: ignore[reportArgumentType]
        value = getattr(self.feasible, name)
        return value.shape[: value.ndim - rank - 1]

    @property
    def rounds(self) -> Rounds:
        """The rounds, as a sequence of views."""
        return Rounds(self)

    def reveal(self) -> Generator[Round, Array, None]:
        """As an environment: the rounds in order, whatever the actions."""
        for t in range(self.setting.horizon):
            yield Round(t, take(self.cost, t), take(self.impact, t), take(self.feasible, t))

    def window(self, start: int, length: int) -> Problem:
        """Rounds start .. start + length - 1 as an episode of their own, with the same x_0."""
        last = self.setting.horizon - length
        if not 0 <= start <= last or length < 1:
            raise ParameterError(f"window {start} of {length} rounds: a start must lie in [0, {last}]")
        return self._with(length, lambda r: span(r, start, start + length), self.times[start : start + length])

    def windows(self, length: int) -> Problem:
        """All windows of ``length`` rounds that slide by one, as one problem with a leading axis, without a copy."""
        if self.lead:
            raise ParameterError(f"windows needs one episode, this problem has leading axes {self.lead}")
        if not 1 <= length <= self.setting.horizon:
            raise ParameterError(f"length is {length}: it must lie in [1, {self.setting.horizon}]")
        return self._with(length, lambda r: windows(r, length), ())

    def episode(self, index: int | tuple[int, ...]) -> Problem:
        """One element of the leading axes. Raises ParameterError outside them."""
        where = index if isinstance(index, tuple) else (index,)
        if len(where) > len(self.lead) or any(not -k <= i < k for i, k in zip(where, self.lead, strict=False)):
            raise ParameterError(f"episode {index!r} is not in the leading axes {self.lead} of this problem")
        return self._with(self.setting.horizon, lambda r: take_lead(r, index), self.times)

    def select(self, indices: Sequence[int]) -> Problem:
        """Some elements of the leading axis, in this order. Raises ParameterError for one that is not there."""
        count = self.lead[0] if self.lead else 0
        bad = [i for i in indices if not 0 <= i < count]
        if bad or not len(indices):
            raise ParameterError(f"select {bad or 'nothing'}: give at least one index in [0, {count - 1}]")
        return self._with(self.setting.horizon, lambda r: take_lead(r, np.asarray(indices, dtype=np.intp)), self.times)

    def _with(self, horizon: int, pick: Any, times: tuple[str, ...]) -> Problem:
        return rebuild(
            self,
            {
                "setting": replace(self.setting, horizon=horizon),
                "cost": pick(self.cost),
                "impact": pick(self.impact),
                "feasible": pick(self.feasible),
                "times": times,
            },
        )


@final
@dataclass(frozen=True, slots=True)
class Rounds(Sequence[Round]):
    """The rounds of a problem; each item is a view made when asked for."""

    problem: Problem

    def __len__(self) -> int:
        return self.problem.setting.horizon

    def __getitem__(self, t: Any) -> Any:
        if isinstance(t, slice):
            return [self[i] for i in range(*t.indices(len(self)))]
        if not -len(self) <= t < len(self):
            raise IndexError(f"round {t} of {len(self)}")
        t = int(t) % len(self)
        p = self.problem
        return Round(t, take(p.cost, t), take(p.impact, t), take(p.feasible, t))

    def __iter__(self) -> Iterator[Round]:
        return (self[t] for t in range(len(self)))
