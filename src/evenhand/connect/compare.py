"""Two histories of the same signals: what evenhand decided, and what was in force; costs, fairness, moves, proved gaps.

Both begin where the system stood in the first round that is compared, and are valued by the same model: hitting cost of
each round, switching cost of each move, fairness of the mean burden (or as the memory has it). The lower bound holds
for any sequence of actions in hindsight, so both gaps are proved by it. Source: spec/online.md §2, §5 (11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.connect.journal import Entry
from evenhand.connect.records import Present
from evenhand.core import Problem
from evenhand.errors import EvenhandError, ProblemError
from evenhand.live.observation import observe
from evenhand.live.records import Controller
from evenhand.live.staleness import fill
from evenhand.offline.bound import lower_bound
from evenhand.offline.remembered import unfairness

__all__ = ["Compared", "History", "compared"]

#: rounds up to which the best price in hindsight is solved for
SOLVED = 20_000


@final
@dataclass(frozen=True, slots=True)
class History:
    """One of the two: actions (T, n), burdens (T, m) as the model has them, costs a round.

    moved: sum of |moves| a round. outside: the largest violation of a round's action set, relative (demand not met, or
    capacity exceeded). gap: at most so far above the best in hindsight, proved; None for a bound of 0 or less.
    """

    actions: Array
    burdens: Array
    hitting: float
    switching: float
    fairness: float
    moved: float
    outside: float
    gap: float | None

    __eq__ = same

    @property
    def total(self) -> float:
        """Hitting + switching + fairness, a round."""
        return self.hitting + self.switching + self.fairness


@final
@dataclass(frozen=True, slots=True)
class Compared:
    """Rounds that both histories have, and the two. bound: least cost a round of any sequence, proved, None where none
    is known. carried: rounds whose actions in force were not read, and are taken to be those before. left_out: rounds
    before they were read for the first time. shadow: rounds decided in the shadow.
    """

    name: str
    sites: tuple[str, ...]
    entities: tuple[str, ...]
    times: tuple[str, ...]
    evenhand: History
    present: History
    bound: float | None
    carried: int
    left_out: int
    shadow: int

    __eq__ = same


def compared(controller: Controller, entries: Sequence[Entry]) -> Compared:
    """Compare the rounds of a journal. Raises ProblemError where what is in force was never read."""
    names = controller.sites.names
    for entry in entries:
        if set(entry.action) != set(names):
            raise ProblemError(f"round {entry.round} was decided for other sites: begin another journal with --data")
    values = _signals(controller, entries)
    first, actual, carried = _in_force(controller, entries, values)
    kept = list(entries[first:])
    decided = np.array([[entry.action[site] for site in names] for entry in kept])
    setting = replace(controller.setting, horizon=len(kept), initial=actual[0], burden_lower=None, burden_upper=None)
    problem = Problem(setting, *controller.sites.parts(values[first:]))
    try:
        bound = float(lower_bound(problem).value) if len(kept) <= SOLVED else None
    except EvenhandError:
        bound = None
    return Compared(
        controller.name,
        names,
        controller.setting.entities,
        tuple(entry.time for entry in kept),
        _history(problem, decided, bound),
        _history(problem, actual, bound),
        bound,
        carried,
        first,
        sum(entry.mode == "shadow" for entry in kept),
    )


def _signals(controller: Controller, entries: Sequence[Entry]) -> Array:
    """The signals (T, k) that were decided on: filled in by the same rules, in the same order."""
    sites = controller.sites
    seen = np.full(sites.fixed.shape[0], np.nan)
    seen_at = np.full(sites.fixed.shape[0], np.nan)
    rules = tuple(replace(rule, then="last_seen") for rule in controller.staleness)
    out: list[Array] = []
    for entry in entries:
        filled = fill(sites, rules, observe(sites, entry.observation), seen, seen_at)
        seen, seen_at = filled.seen, filled.seen_at
        out.append(filled.values)
    return np.array(out)


def _in_force(controller: Controller, entries: Sequence[Entry], values: Array) -> tuple[int, Array, int]:
    """The first round whose actions in force are known; these actions from there on; how many were carried over.

    A source of `applied` measures in a round what was in force before it, so it is that of the round before.
    """
    names = controller.sites.names
    rows: list[Array | None] = []
    for t, entry in enumerate(entries):
        later = entries[t + 1].outcome if t + 1 < len(entries) else {}
        found = _work(later.get("applied"), entry, float(values[t, 0]))
        known = found is not None and all(site in found for site in names)
        rows.append(np.array([found[site] for site in names]) if found is not None and known else None)
    first = next((t for t, row in enumerate(rows) if row is not None), None)
    if first is None:
        raise ProblemError("what is in force was never read: no target could be, and no source gives applied")
    out: list[Array] = []
    carried = 0
    for t, row in enumerate(rows[first:], start=first):
        if row is None:
            carried += 1
            total, before = float(values[t, 0]), out[-1]
            row = before * (total / before.sum()) if _shares(entries) and before.sum() > 0 else before
        out.append(row)
    return first, np.array(out), carried


def _work(measured: Any, entry: Entry, demand: float) -> Mapping[str, float] | None:
    if measured:
        return measured
    held = entry.after or entry.present
    return None if held is None else Present(held["values"], bool(held["share"])).work(demand)


def _shares(entries: Sequence[Entry]) -> bool:
    return any(entry.present is not None and entry.present["share"] for entry in entries)


def _history(problem: Problem, actions: Array, bound: float | None) -> History:
    setting = problem.setting
    before = np.vstack([setting.initial, actions[:-1]])
    burdens = problem.impact.burden(actions)
    hitting = float(problem.cost.value(actions).mean())
    switching = float(setting.switching.moves.value(actions, before).mean())
    fairness = float(unfairness(problem, burdens))
    total = hitting + switching + fairness
    return History(
        actions,
        burdens,
        hitting,
        switching,
        fairness,
        float(np.abs(actions - before).sum(axis=-1).mean()),
        float(np.max(problem.feasible.violation(actions))),
        None if bound is None or bound <= 0.0 else total / bound - 1.0,
    )
