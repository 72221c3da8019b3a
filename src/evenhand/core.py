"""The grammar: frozen records and protocols that everything else is written in.

A `Problem` is columns with leading axes, a `Round` is a view of one of its rounds, a policy turns a state and a round
into an action and the next state. Shapes are written (..., n): every record broadcasts over leading axes, so a
hundred windows are one array. Source: spec/online.md §1.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, final, runtime_checkable

import numpy as np

from evenhand.columns import Array, as_array, common_lead, fits, lacks, layout, names, offers, rebuild  # isort: skip
from evenhand.columns import each, same, setter, span, stretch, take, take_lead, whole, windows  # isort: skip
from evenhand.errors import ParameterError, ProblemError, expect, listed, shown
from evenhand.notebook import glance
from evenhand.protocols import ActionSet as ActionSet
from evenhand.protocols import Fairness as Fairness
from evenhand.protocols import FairnessMemory as FairnessMemory
from evenhand.protocols import HittingCost as HittingCost
from evenhand.protocols import Impact as Impact
from evenhand.protocols import Mirror as Mirror
from evenhand.protocols import Switching as Switching
from evenhand.protocols import agree
from evenhand.switching.squared import Squared

S = TypeVar("S")


class Policy(Protocol[S]):
    """A frozen configuration of an online algorithm. It sees rounds one by one and never scores itself.

    A round has two halves (spec/online.md §11): what is decided is not always what happens. `step` does both.
    A class that can play one episode at a time only says so by a class variable ``batched = False``; one whose actions
    are the same in any units by ``unitless = True``.
    """

    def init(self, setting: Setting, /) -> S:
        """The state before the first round."""
        ...

    def decide(self, setting: Setting, state: S, round: Round, /) -> tuple[Array, S]:
        """The action for this round (..., n) and the state after deciding; the action is the caller's to keep."""
        ...

    def settle(self, setting: Setting, state: S, round: Round, applied: Array, burden: Array, /) -> S:
        """The next state, from what really happened: the action applied (..., n) and the burden borne (..., m)."""
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

    def reveal(self) -> Generator[Round | Applied, Array, None]:
        """Yield rounds; ``send`` brings the action decided, which a recorded problem ignores and an adversary does not.

        It may answer an action with `Applied`, what really happened, before it yields the next round.
        """
        ...


@final
@dataclass(frozen=True, slots=True)
class Setting:
    """The facts a policy may know in advance.

    horizon: T, the number of rounds, or None for a system that does not end. switching: s(x_t, x_{t-1}), or beta for
    the squared one, (beta/2) ||x_t - x_{t-1}||^2; neither: moving is free. fairness: g. initial: x_0, (n,).
    burden_lower, burden_upper: (m,) bounds on any round's A_t x, the box of the budget step; filled in from the data
    when a Problem is built without them. actions, entities: names of the n and m coordinates, or (). memory: what
    fairness remembers (spec/online.md §10), None for the average of the whole episode.
    """

    horizon: int | None
    switching: Switching
    fairness: Fairness
    initial: Array
    burden_lower: Array | None
    burden_upper: Array | None
    actions: tuple[str, ...]
    entities: tuple[str, ...]
    memory: FairnessMemory | None

    __eq__ = same

    def __init__(
        self,
        horizon: int | None = None,
        beta: float | None = None,
        fairness: Fairness | None = None,
        initial: Any = None,
        burden_lower: Any = None,
        burden_upper: Any = None,
        actions: Sequence[str] = (),
        entities: Sequence[str] = (),
        *,
        switching: Switching | None = None,
        memory: FairnessMemory | None = None,
    ) -> None:
        if beta is not None and switching is not None:
            told = f"beta is {shown(beta)} and switching is {shown(switching)}"
            raise ProblemError(f"{told}: give one of them, beta is squared")
        moving = Squared(0.0 if beta is None else beta) if switching is None else switching
        for name, value, kind, example in (
            ("fairness", fairness, Fairness, "a fairness cost such as Norm(mu=1.0)"),
            ("switching", moving, Switching, "a switching cost such as Squared(beta=1.0)"),
            ("memory", memory, FairnessMemory, "HalfLife(24), Window(168) or None"),
        ):
            if not offers(type(value), kind) and not (name == "memory" and value is None):
                raise ProblemError(f"{name} is {shown(value)}{lacks(value, kind)}: give {example}")
        if initial is None:
            raise ProblemError("initial is missing: it must be x_0, one number per action (n,)")
        start = as_array("initial", initial)
        if start.ndim != 1 or not start.size:
            raise ProblemError(f"initial has shape {start.shape}: it must be x_0, one number per action (n,)")
        if (size := moving.moves.actions) not in (None, start.shape[0]):
            raise ProblemError(f"switching is for {size} actions, initial has {start.shape[0]}: they must agree")
        for name, value in (
            ("horizon", None if horizon is None else whole("horizon", horizon)),
            ("switching", moving),
            ("fairness", fairness),
            ("initial", start),
            ("burden_lower", None if burden_lower is None else as_array("burden_lower", burden_lower, finite=False)),
            ("burden_upper", None if burden_upper is None else as_array("burden_upper", burden_upper, finite=False)),
            ("actions", names("actions", actions)),
            ("entities", names("entities", entities)),
            ("memory", memory),
        ):
            object.__setattr__(self, name, value)

    @property
    def beta(self) -> float:
        """The weight of a squared switching cost. Raises ProblemError for another family."""
        if not isinstance(self.switching, Squared):
            raise ProblemError(f"switching is {self.switching!r}, which has no beta: it is the weight of Squared alone")
        return self.switching.beta

    @property
    def count(self) -> int | None:
        """m, the number of entities; None where neither names nor burden bounds tell it."""
        if self.entities:
            return len(self.entities)
        ends = [end.shape[-1] for end in (self.burden_lower, self.burden_upper) if end is not None and end.ndim]
        return ends[0] if ends else None


@final
@dataclass(frozen=True, slots=True)
class Round:
    """What is revealed at round ``index`` (from 0): hitting cost, impact and feasible set, all for the same n actions.

    Raises ProblemError for parts that are none, or that do not agree on n.
    """

    index: int
    cost: HittingCost
    impact: Impact
    feasible: ActionSet

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", whole("index", self.index, low=0))
        agree(self.cost, self.impact, self.feasible)


def view(index: int, cost: HittingCost, impact: Impact, feasible: ActionSet) -> Round:
    """A Round of parts that were checked together before: what a Problem reveals, at no cost."""
    round = object.__new__(Round)
    for name, value in (("index", index), ("cost", cost), ("impact", impact), ("feasible", feasible)):
        setter(Round, name)(round, value)
    return round


@final
@dataclass(frozen=True, slots=True)
class Applied:
    """What really happened in a round: the action applied (n,) and the burden measured (m,); None for as decided.

    Raises ProblemError for a number that is not finite: a burden that was not measured is None, not NaN.
    """

    action: Array | None = None
    burden: Array | None = None

    __eq__ = same

    def __post_init__(self) -> None:
        for name in ("action", "burden"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, as_array(name, value))


@final
@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """The three parts of (1), averages per round, shape (...)."""

    hitting: Array
    switching: Array
    fairness: Array

    __eq__ = same

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
        expect(
            "setting", self.setting, Setting, "the public facts, Setting(beta=1.0, fairness=Norm(1.0), initial=[0, 0])"
        )
        n = self.setting.initial.shape[0]
        agree(self.cost, self.impact, self.feasible)
        if self.feasible.actions != n:
            raise ProblemError(f"initial has {n} numbers for {self.feasible.actions} actions: they must agree")
        m = self.impact.entities
        lead = common_lead((self.cost, self.impact, self.feasible), self.setting.horizon)
        for name in ("cost", "impact", "feasible"):
            part = getattr(self, name)
            object.__setattr__(self, name, stretch(part, lead, part.core))
        x, price = self.setting.initial, np.zeros(m)
        fits(self.cost, n, lambda part: part.value(x))
        fits(self.impact, n, lambda part: part.tilt(price) + x)
        fits(self.feasible, n, lambda part: part.violation(x))
        self.setting.fairness.value(price)
        if self.setting.memory is not None:
            self.setting.memory.begin(m)
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
            value = np.asarray(getattr(setting, name))
            if value.shape not in ((), (m,)):
                raise ProblemError(f"{name} has shape {value.shape}: it must be one number per entity ({m},)")
            box.append(np.broadcast_to(value, (m,)))
        if (box[0] > 0).any() or (box[1] < 0).any():
            raise ProblemError("burden_lower must be at most 0 and burden_upper at least 0")
        object.__setattr__(self, "setting", replace(setting, burden_lower=box[0], burden_upper=box[1]))
        object.__setattr__(self, "times", names("times", self.times))
        if self.times and len(self.times) != lead[-1]:
            raise ProblemError(f"times has {len(self.times)} entries for {lead[-1]} rounds: they must agree")

    @property
    def horizon(self) -> int:
        """The number of rounds recorded, whether or not the setting has an end."""
        return _axes(self.feasible)[-1]

    @property
    def lead(self) -> tuple[int, ...]:
        """Leading axes before time: () for one episode, (W,) for W windows."""
        return _axes(self.feasible)[:-1]

    @property
    def rounds(self) -> Rounds:
        """The rounds, as a sequence of views."""
        return Rounds(self)

    def reveal(self) -> Generator[Round, Array, None]:
        """As an environment: the rounds in order, whatever the actions."""
        for t, parts in enumerate(zip(each(self.cost), each(self.impact), each(self.feasible), strict=True)):
            yield view(t, *parts)

    def window(self, start: int, length: int) -> Problem:
        """Rounds start .. start + length - 1 as an episode of their own, with the same x_0."""
        last = self.horizon - length
        if not 0 <= start <= last or length < 1:
            raise ParameterError(f"window {start} of {length} rounds: a start must lie in [0, {last}]")
        return self._with(length, lambda r: span(r, start, start + length), self.times[start : start + length])

    def windows(self, length: int) -> Problem:
        """All windows of ``length`` rounds that slide by one, as one problem with a leading axis, without a copy."""
        if self.lead:
            raise ParameterError(f"windows needs one episode, this problem has leading axes {self.lead}")
        if not 1 <= length <= self.horizon:
            raise ParameterError(f"length is {length}: it must lie in [1, {self.horizon}]")
        return self._with(length, lambda r: windows(r, length), ())

    def episode(self, index: int | tuple[int, ...]) -> Problem:
        """One element of the leading axes. Raises ParameterError outside them."""
        where = index if isinstance(index, tuple) else (index,)
        if len(where) > len(self.lead) or any(not -k <= i < k for i, k in zip(where, self.lead, strict=False)):
            raise ParameterError(f"episode {index!r} is not in the leading axes {self.lead} of this problem")
        return self._with(self.horizon, lambda r: take_lead(r, index), self.times)

    def select(self, indices: Sequence[int]) -> Problem:
        """Some elements of the leading axis, in this order. Raises ParameterError for one that is not there."""
        count = self.lead[0] if self.lead else 0
        numbers = [whole("index", i, low=-1) for i in listed("indices", indices, "numbers of windows in a list")]
        bad = [i for i in numbers if not 0 <= i < count]
        if bad or not numbers:
            raise ParameterError(f"select {bad or 'nothing'}: give at least one index in [0, {count - 1}]")
        return self._with(self.horizon, lambda r: take_lead(r, np.asarray(numbers, dtype=np.intp)), self.times)

    def _repr_html_(self) -> str:
        s, many = self.setting, " x ".join(map(str, self.lead))
        facts = {"rounds": self.horizon, "actions": len(s.actions), "entities": len(s.entities)}
        parts = (self.cost, self.impact, self.feasible, s.fairness, s.switching, s.memory)
        kinds = ("hitting cost", "impact", "action set", "fairness", "switching cost", "memory")
        rows = [(kind, type(p).__name__) for kind, p in zip(kinds, parts, strict=True) if p is not None]
        return glance("Problem", {**facts, "episodes": many or 1}, ("part", "family"), rows)

    def _with(self, horizon: int, pick: Any, times: tuple[str, ...]) -> Problem:
        return rebuild(
            self,
            {
                "setting": self.setting if self.setting.horizon is None else replace(self.setting, horizon=horizon),
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
        return self.problem.horizon

    def __getitem__(self, t: Any) -> Any:
        if isinstance(t, slice):
            return [self[i] for i in range(*t.indices(len(self)))]
        if not -len(self) <= t < len(self):
            raise IndexError(f"round {t} of {len(self)}")
        t = int(t) % len(self)
        p = self.problem
        return view(t, take(p.cost, t), take(p.impact, t), take(p.feasible, t))

    def __iter__(self) -> Iterator[Round]:
        return (self[t] for t in range(len(self)))


def _axes(record: Any) -> tuple[int, ...]:
    """The axes before those of one round: leading ones, then time."""
    name, rank = next((name, rank) for name, rank in layout(type(record)) if rank is not None)
    value = getattr(record, name)
    return value.shape[: value.ndim - rank]
