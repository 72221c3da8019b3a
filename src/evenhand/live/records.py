"""The values a live controller works with: its configuration, its state, what it decided and what came of it.

All are frozen and go through `registry.to_plain`, JSON and `from_plain` without losing a bit, so that any decision can
be computed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from evenhand.columns import Array, as_array, kept, same
from evenhand.core import Policy, Setting
from evenhand.errors import ParameterError, ProblemError
from evenhand.live.bounds import Bounds
from evenhand.live.sites import Sites
from evenhand.live.staleness import Note, Rule
from evenhand.offline.running import bounded

__all__ = ["Controller", "Counts", "Decision", "Settlement", "State"]

#: no bound on moves
FREE = Bounds()


@final
@dataclass(frozen=True, slots=True)
class Controller:
    """The frozen configuration of a live controller.

    setting: the public facts, without an end unless it has a horizon. staleness: one rule a field, "" for the others.
    bounds: how far a round may move. held: the kill switch, the last action is held whatever the policy decides.
    prices: (c, m) candidate prices of the proved bound, in dom g*; offset (c,), idle (): g* there and at 0.
    """

    name: str
    sites: Sites
    setting: Setting
    policy: Policy[Any]
    staleness: tuple[Rule, ...] = ()
    bounds: Bounds = FREE
    held: bool = False
    prices: Array | None = None
    offset: Array = field(init=False, repr=False, compare=False)
    idle: Array = field(init=False, repr=False, compare=False)

    __eq__ = same

    def __post_init__(self) -> None:
        n, m = len(self.sites.names), len(self.sites.names) * len(self.sites.kinds)
        if self.setting.initial.shape != (n,):
            raise ProblemError(
                f"setting is for {self.setting.initial.shape[0]} actions, sites name {n}: they must agree"
            )
        if len(self.setting.actions) != n or len(self.setting.entities) != m:
            raise ProblemError(f"setting must name its {n} actions and {m} entities, kind by kind")
        if self.bounds.site.ndim and self.bounds.site.shape != (n,):
            raise ProblemError(f"bounds are for {self.bounds.site.shape[0]} sites, sites name {n}: they must agree")
        for rule in self.staleness:
            if rule.field not in ("", *self.sites.fields):
                raise ParameterError(f"staleness has field {rule.field!r}: it must be one of {self.sites.fields}")
        prices = candidates(self.setting, m) if self.prices is None else as_array("prices", self.prices)
        fits = prices.ndim == 2 and prices.shape[1] == m
        offset = np.asarray(self.setting.fairness.conjugate(prices) if fits else np.inf)
        if not np.isfinite(offset).all():
            raise ProblemError(
                f"prices have shape {prices.shape}: give candidates (c, {m}) in the dual ball of fairness"
            )
        if prices.any() and not (self.setting.memory is None or bounded(self.setting.memory)):
            raise ProblemError(
                f"prices have {int(prices.any(axis=1).sum())} above 0: with {type(self.setting.memory).__name__} only "
                "no price bounds a running system, give zeros"
            )
        object.__setattr__(self, "prices", prices)
        object.__setattr__(self, "idle", kept(np.asarray(self.setting.fairness.conjugate(np.zeros(m)))))
        object.__setattr__(self, "offset", kept(offset))


def candidates(setting: Setting, m: int) -> Array:
    """Prices to prove the bound with: none, the centre of the dual ball and its half, and each entity alone (few)."""
    if setting.memory is not None and not bounded(setting.memory):
        return np.zeros((1, m))
    centre = setting.fairness.centre(m)
    corners = np.eye(m) * setting.fairness.lipschitz(m) if m <= 16 else np.empty((0, m))
    return np.stack([np.zeros(m), 0.5 * centre, centre, *map(setting.fairness.project, corners)])


@final
@dataclass(frozen=True, slots=True)
class Counts:
    """Rounds decided, missed, held, with a signal that was not fresh, cut by bounds, applied otherwise than decided."""

    decided: int = 0
    skipped: int = 0
    held: int = 0
    filled: int = 0
    bounded: int = 0
    altered: int = 0


@final
@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for a round.

    round: its number, from 0; time: as the observation wrote it; signals (k,): those it was decided on, nothing
    missing. action (n,): what to apply; wanted (n,): what the policy alone would do; previous (n,): the action before.
    price (m,): kappa in force, or None. hitting, switching: cost of the action if it is applied. held: the last action
    was held, for whatever reason. notes: what to say.
    """

    round: int
    time: str
    signals: Array
    action: Array
    wanted: Array
    previous: Array
    price: Array | None
    hitting: float
    switching: float
    held: bool = False
    notes: tuple[Note, ...] = ()

    __eq__ = same

    def __post_init__(self) -> None:
        for name in ("signals", "action", "wanted", "previous"):
            object.__setattr__(self, name, kept(getattr(self, name)))


@final
@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of a round: the action applied (n,), the burden borne (m,) and its costs.

    signals (k,), previous (n,): the round it was, and the action before. hitting, switching: of this round. mean:
    hitting, switching and fairness so far, averages per round (3,). bound: proved least cost so far of any sequence in
    hindsight, per round; `certificate.hindsight` solves for a tighter one.
    """

    round: int
    signals: Array
    previous: Array
    applied: Array
    burden: Array
    hitting: float
    switching: float
    mean: Array
    bound: float
    notes: tuple[Note, ...] = ()

    __eq__ = same

    def __post_init__(self) -> None:
        for name in ("signals", "previous", "applied", "burden", "mean"):
            object.__setattr__(self, name, kept(getattr(self, name)))

    @property
    def cost(self) -> float:
        """Hitting + switching + fairness so far, per round."""
        return float(self.mean[0] + self.mean[1] + self.mean[2])

    @property
    def gap(self) -> float | None:
        """How far the cost so far is at most above the best in hindsight, relative, proved; None if bound <= 0."""
        return None if self.bound <= 0.0 else self.cost / self.bound - 1.0


@final
@dataclass(frozen=True, slots=True)
class State:
    """All that a controller remembers between two rounds: a value, never changed in place.

    round: rounds settled. policy: the policy's state. action (n,): applied last. time: of the last round decided.
    seen, seen_at (k,): newest readings and when they were measured. last: the last decision; open: it is not settled.
    hitting, switching: sums. burden (m,): what fairness remembers (the sum, without a memory); fairness: with a memory,
    the sum of its costs. floors (c,): sums of the bound's floors; late: with a memory, what of them is not due yet.
    """

    round: int
    policy: Any
    action: Array
    time: float | None
    seen: Array
    seen_at: Array
    last: Decision | None
    open: bool
    hitting: float
    switching: float
    fairness: float
    burden: Array
    floors: Array
    counts: Counts = Counts()
    late: Array | None = None

    __eq__ = same

    def __post_init__(self) -> None:
        for name in ("action", "seen", "seen_at", "burden", "floors"):
            object.__setattr__(self, name, kept(getattr(self, name)))
        if self.late is not None:
            object.__setattr__(self, "late", kept(self.late))
