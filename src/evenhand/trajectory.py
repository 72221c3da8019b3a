"""What a run leaves behind: actions, burdens, prices, and its cost by (1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, final, runtime_checkable

import numpy as np

from evenhand.columns import Array
from evenhand.core import CostBreakdown, FairnessMemory, Policy, Problem, Round, Setting
from evenhand.errors import ProblemError, expect
from evenhand.interchange import dataset, to_polars
from evenhand.kernels import reduce
from evenhand.notebook import glance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Block", "Blockwise", "Trajectory", "evaluate", "excess_of_moves", "moved_from", "recalled"]


class Block(NamedTuple):
    """Rounds played at once: actions (..., T, n), burdens (..., T, m), price in force (..., T, m) or None, and the
    state after them.
    """

    actions: Array
    burdens: Array
    price: Array | None
    state: Any


@runtime_checkable
class Blockwise(Protocol):
    """A policy that can play recorded rounds in one compiled call, each as decide and settle do, bit for bit."""

    def block(self, setting: Setting, state: Any, rounds: Round, /) -> Block | None:
        """All of ``rounds``: one `Round` whose parts are columns (..., T, n) and whose index is that of the first.

        None for parts that are not compiled, and where some round has no answer: then they are played one by one.
        """
        ...


@final
@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """A played or optimal sequence of actions on a problem.

    actions (..., T, n); burdens (..., T, m), A_t x_t; hitting, switching (..., T), per round; price (..., T, m), the
    kappa_t in force at round t, or None for a policy without one; policy: what played it, None for a sequence from
    elsewhere.
    """

    problem: Problem
    actions: Array
    burdens: Array
    hitting: Array
    switching: Array
    price: Array | None = None
    policy: Policy[Any] | None = None

    def __eq__(self, other: object) -> bool:
        """Whether two runs have the same numbers: actions, burdens, costs and prices, whoever played them."""
        if not isinstance(other, Trajectory):
            return NotImplemented
        names = ("actions", "burdens", "hitting", "switching", "price")
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)

    @property
    def cost(self) -> CostBreakdown:
        """The three parts of (1), averages per round: (...). With a memory fairness is the mean of g(y_t)."""
        horizon, g = self.problem.horizon, self.problem.setting.fairness
        borne = self.remembered
        return CostBreakdown(
            reduce.total(self.hitting) / horizon,
            reduce.total(self.switching) / horizon,
            g.value(self.mean_burden) if borne is None else reduce.total(g.value(borne)) / horizon,
        )

    @property
    def remembered(self) -> Array | None:
        """y_t, the burden remembered in each round: (..., T, m); None where fairness has no memory."""
        memory = self.problem.setting.memory
        return None if memory is None else recalled(memory, self.burdens)[0]

    @property
    def mean_burden(self) -> Array:
        """(1/T) sum A_t x_t: (..., m)."""
        return reduce.mean_rows(self.burdens)

    def episode(self, index: int | tuple[int, ...]) -> Trajectory:
        """One element of the leading axes."""
        price = None if self.price is None else self.price[index]
        return Trajectory(
            self.problem.episode(index),
            self.actions[index],
            self.burdens[index],
            self.hitting[index],
            self.switching[index],
            price,
            self.policy,
        )

    def to_arrow(self, windows: Sequence[int] | None = None) -> Any:
        """Tidy Arrow table: window, round, site, action, burden, kappa; ``windows`` names the elements of the
        leading axes.

        Where actions and entities differ, they come as rows of their own with nulls in the other's columns.
        """
        import pyarrow as pa

        setting = self.problem.setting
        lead = self.actions.shape[:-2]
        count = int(np.prod(lead))
        numbers = np.arange(count) if windows is None else np.asarray(windows)
        horizon = self.problem.horizon
        own = {"action": self.actions}
        borne = {"burden": self.burdens, "kappa": self.price}
        views: list[tuple[tuple[str, ...], dict[str, Array | None]]]
        if setting.actions == setting.entities:
            views = [(setting.actions, {**own, **borne})]
        else:
            views = [
                (setting.actions, {**own, "burden": None, "kappa": None}),
                (setting.entities, {"action": None, **borne}),
            ]
        parts: list[Any] = []
        for labels, columns in views:
            size = len(labels)
            sites = _arrow(np.tile(np.arange(size, dtype=np.int32), count * horizon))
            data: dict[str, Any] = {
                "window": _arrow(np.repeat(numbers, horizon * size)),
                "round": _arrow(np.tile(np.repeat(np.arange(horizon), size), count)),
                "site": pa.DictionaryArray.from_arrays(sites, list(labels)),
            }
            for name, value in columns.items():
                if value is None:
                    data[name] = pa.nulls(count * horizon * size, pa.float64())
                else:
                    data[name] = _arrow(np.broadcast_to(value, (*lead, horizon, size)).reshape(-1))
            parts.append(pa.table(data))
        return pa.concat_tables(parts).unify_dictionaries()

    def to_frame(self) -> pd.DataFrame:
        """`to_arrow` as a pandas frame."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """`to_arrow` as a polars frame (extra ``frames``)."""
        return to_polars(self.to_arrow())

    def to_xarray(self, windows: Sequence[int] | None = None) -> Any:
        """An xarray Dataset of the fields, dimensions window (where there are leading axes), round, action, entity
        (extra ``frames``); ``windows`` names the elements of one leading axis, and times those of a single episode's
        rounds.
        """
        problem, lead = self.problem, self.actions.shape[:-2]
        axes = ("window",) if len(lead) == 1 else tuple(f"window_{k}" for k in range(len(lead)))
        fields: dict[str, tuple[tuple[str, ...], Any]] = {
            "actions": ((*axes, "round", "action"), self.actions),
            "burdens": ((*axes, "round", "entity"), self.burdens),
            "hitting": ((*axes, "round"), self.hitting),
            "switching": ((*axes, "round"), self.switching),
        }
        if self.price is not None:
            fields["price"] = ((*axes, "round", "entity"), np.broadcast_to(self.price, self.burdens.shape))
        along: dict[str, Any] = {axis: np.arange(size) for axis, size in zip(axes, lead, strict=True)}
        if windows is not None:
            along["window"] = np.asarray(windows)
        along |= {"round": np.arange(problem.horizon)}
        along |= {"action": list(problem.setting.actions), "entity": list(problem.setting.entities)}
        if problem.times:
            along["time"] = ("round", list(problem.times))
        return dataset(fields, along, {"policy": "" if self.policy is None else repr(self.policy)})

    def _repr_html_(self) -> str:
        problem, cost = self.problem, self.cost.mean()
        many = " x ".join(map(str, self.actions.shape[:-2])) or 1
        facts = {"rounds": problem.horizon, "actions": self.actions.shape[-1], "episodes": many}
        if self.policy is not None:
            facts["policy"] = repr(self.policy)
        head = ("hitting", "switching", "fairness", "total")
        row = [getattr(cost, name) for name in head]
        return glance("Trajectory", facts, ("", *head), [("mean cost per round", *row)])

    def plot(self, path: str | None = None, *, ax: Any = None) -> Any:
        """Actions, price and running mean burden of one episode over time; gives the Matplotlib figure,
        saves it to ``path``.

        ax: axes of the caller's to draw into, as many as there are panels.
        """
        from evenhand.report.compare_plots import trajectory

        return trajectory(self, path, ax=ax)


def _same(one: Array | None, other: Array | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other, equal_nan=True)


def _arrow(values: Any) -> Any:
    """A NumPy vector as an Arrow array, without a copy and without the import of pandas that pa.array brings."""
    import pyarrow as pa

    flat = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(flat.dtype)
    return pa.Array.from_buffers(kind, flat.shape[0], [None, pa.py_buffer(flat)])


def recalled(memory: FairnessMemory, burdens: Array, held: Array | None = None) -> tuple[Array, Array]:
    """y_t of burdens (..., T, m), one by one and so with the bits of a run, and what is held after them.

    held: what was held before, None at the beginning.
    """
    held = memory.begin(burdens.shape[-1]) if held is None else held
    out = np.empty_like(burdens)
    for t in range(burdens.shape[-2]):
        held = memory.add(held, burdens[..., t, :])
        out[..., t, :] = memory.remembered(held)
    return out, held


def excess_of_moves(setting: Setting, actions: Array, first: int = 0, last: Array | None = None) -> Array:
    """How far each move of (..., T, n) lies beyond the limits of moves, relative: (..., T).

    first: the index of the first round; last: the action before it (..., n), x_0 when left out.
    """
    moves = setting.switching.moves
    if not moves.limited:
        return np.zeros(actions.shape[:-1])
    off = moves.violation(actions, moved_from(setting, actions, last))
    if moves.waived and first == 0:
        off[..., 0] = 0.0
    return off


def moved_from(setting: Setting, actions: Array, last: Array | None = None) -> Array:
    """x_{t-1} for every round of (..., T, n): x_0, or the action given, then the action before."""
    start = (setting.initial if last is None else last)[..., None, :]
    start = np.broadcast_to(start, (*actions.shape[:-2], 1, actions.shape[-1]))
    return np.concatenate([start, actions[..., :-1, :]], axis=-2)


def evaluate(problem: Problem, actions: Array, price: Array | None = None) -> Trajectory:
    """Price a sequence of actions (..., T, n) on a problem by (1). Raises ProblemError where its shape does not fit."""
    expect("problem", problem, Problem, 'a Problem, such as load("geo7").window(0)')
    expect("actions", actions, np.ndarray, "an array (..., rounds, actions)")
    setting = problem.setting
    expected = (*problem.lead, problem.horizon, setting.initial.shape[0])
    if actions.shape[-2:] != expected[-2:]:
        raise ProblemError(f"actions has shape {actions.shape}: it must end in {expected[-2:]} (rounds, actions)")
    try:
        np.broadcast_shapes(actions.shape[:-2], problem.lead)
    except ValueError:
        raise ProblemError(f"actions has shape {actions.shape}: its leading axes must fit {problem.lead}") from None
    return Trajectory(
        problem,
        actions,
        problem.impact.burden(actions),
        problem.cost.value(actions),
        setting.switching.moves.value(actions, moved_from(setting, actions)),
        price,
    )
