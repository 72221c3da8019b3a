"""Pairs of a slack s and its multiplier z, as an interior point method keeps them, for B episodes at once.

`Pairs` bound a number from both sides, or one: an action, a move or a row's sum. `Springs` are a priced move d = p - q
with p, q >= 0. Both are changed in place from step to step. Where there is no bound s = 1, z = 0 and both stay.
Source: spec/online.md §1, §9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.kernels import reduce

__all__ = ["Direction", "Pairs", "Springs", "begun", "sprung"]


@final
@dataclass(frozen=True, slots=True)
class Direction:
    """Changes of s and z."""

    s: Array
    z: Array

    __eq__ = same


@final
@dataclass(frozen=True, slots=True)
class Pairs:
    """s, z (2, B, ...): the room below an upper end, then that above a lower end.

    on: 1 where there is an end, None where all are there. missed: by how much s is not that room, None for nowhere.
    """

    s: Array
    z: Array
    on: Array | None
    missed: Array | None

    __eq__ = same

    def stiffness(self) -> Array:
        """Curvature that they put on what they bound: (B, ...)."""
        bent = self.z / self.s
        return bent[0] + bent[1]

    def pull(self, goal: Array | float) -> Array | float:
        """Force on what they bound once they are eliminated; goal: what s z is to become, but for ds dz."""
        if self.missed is not None:
            goal = goal - self.z * self.missed
        elif isinstance(goal, float):
            return 0.0
        force = goal / self.s
        return force[0] - force[1]

    def direct(self, step: Array, goal: Array | float) -> Direction:
        """The direction that goes with a step of what they bound."""
        ds = np.empty_like(self.s)
        np.negative(step, out=ds[0])
        ds[1] = step
        if self.missed is not None:
            ds += self.missed
        if self.on is not None:
            ds *= self.on
        dz = self.z * ds
        np.subtract(goal, dz, out=dz)
        dz /= self.s
        dz -= self.z
        return Direction(ds, dz)

    def follow(self, way: Direction, alpha: Array) -> None:
        """After a step of alpha (B,) less is missed."""
        if self.missed is not None:
            np.multiply(self.missed, 1.0 - _each(alpha, self.missed), out=self.missed)

    def chosen(self, keep: Any) -> Pairs:
        """Some of the episodes."""
        on, missed = (None if part is None else part[:, keep] for part in (self.on, self.missed))
        return Pairs(self.s[:, keep], self.z[:, keep], on, missed)


@final
@dataclass(frozen=True, slots=True)
class Springs:
    """s, z (2, B, T, n) of p and q, push (B, T, n), the multiplier of d = p - q; on as in `Pairs`."""

    s: Array
    z: Array
    push: Array
    on: Array | None

    __eq__ = same

    def stiffness(self) -> Array:
        """Two springs in a row."""
        give = (
            self.s / self.z
            if self.on is None
            else np.divide(self.s, self.z, out=np.ones_like(self.s), where=self.on > 0.0)
        )
        hold = 1.0 / (give[0] + give[1])
        return hold if self.on is None else hold * self.on[0]

    def _own(self, goal: Array | float) -> tuple[Array, Array]:
        """How p and q would move by themselves, and how much each gives."""
        safe = self.z if self.on is None else self.z + (1.0 - self.on)
        return goal / safe - self.s, self.s / safe

    def pull(self, goal: Array | float) -> Array:
        """Force on the move once the pairs are eliminated."""
        own, give = self._own(goal)
        force = self.push - (own[0] - own[1]) / (give[0] + give[1])
        return force if self.on is None else force * self.on[0]

    def direct(self, step: Array, goal: Array | float) -> Direction:
        """The direction that goes with a change of the moves."""
        own, give = self._own(goal)
        pulled = (step - own[0] + own[1]) / (give[0] + give[1])
        ds, dz = own, np.empty_like(self.z)
        ds[0] += give[0] * pulled
        ds[1] -= give[1] * pulled
        np.negative(pulled, out=dz[0])
        dz[1] = pulled
        if self.on is not None:
            ds *= self.on
            dz *= self.on
        return Direction(ds, dz)

    def follow(self, way: Direction, alpha: Array) -> None:
        """After a step of alpha (B,) the multiplier of d = p - q is another."""
        np.subtract(self.push, _each(alpha, self.z) * way.z[0], out=self.push)

    def chosen(self, keep: Any) -> Springs:
        """Some of the episodes."""
        return Springs(self.s[:, keep], self.z[:, keep], self.push[keep], None if self.on is None else self.on[:, keep])


def begun(upper: Array, lower: Array, least: float | None = None) -> Pairs:
    """Pairs from the room on either side (B, ...), inf where no end is; ``least``: of a slack."""
    room = np.stack([upper, lower])
    there = np.isfinite(room)
    s = np.where(there, room if least is None else np.maximum(room, least), 1.0)
    missed = None if least is None else np.where(there, room, 1.0) - s
    return Pairs(s, there / s, None if there.all() else there.astype(np.float64), missed)


def sprung(move: Array, up: Array, down: Array) -> Springs:
    """Pairs of the moves (B, T, n) that have a price; up, down (B, n)."""
    both = np.broadcast_to((up + down)[:, None, :], move.shape)
    there = both > 0.0
    s = np.stack([np.maximum(move, 0.0), np.maximum(-move, 0.0)]) + 1.0
    on = None if there.all() else np.stack([there, there]).astype(np.float64)
    push = np.where(there, 0.5 * (up - down)[:, None, :], 0.0)
    return Springs(np.where(there, s, 1.0), np.stack([0.5 * both, 0.5 * both]), push, on)


def product(s: Array, z: Array) -> Array:
    """sum s z of each episode, always in the same order: two (2, B, ...) -> (B,)."""
    flat = (2, s.shape[1], -1)
    both = reduce.inner(s.reshape(flat), z.reshape(flat))
    return both[0] + both[1]


def ahead(pairs: Any, way: Direction, alpha: Array) -> Array:
    """sum s z after a step of alpha (B,)."""
    step = _each(alpha, pairs.s)
    return product(pairs.s + step * way.s, pairs.z + step * way.z)


def goals(pairs: Any, way: Direction, center: Array) -> Array:
    """center (B,) - ds dz, 0 where there is no pair."""
    goal = way.s * way.z
    np.subtract(_each(center, goal), goal, out=goal)
    return goal if pairs.on is None else goal * pairs.on


def reach(pairs: Any, way: Direction) -> Array:
    """1 / alpha of the longest step alpha that keeps s, z >= 0: (B,), at least 0."""
    most = np.zeros(pairs.s.shape[1])
    for part, change in ((pairs.s, way.s), (pairs.z, way.z)):
        if part is pairs.z and pairs.on is not None:
            part = part + (1.0 - pairs.on)
        ratio = change / part
        axes = (0, *range(2, ratio.ndim))
        most = np.maximum(most, -ratio.min(axis=axes))
    return most


def advance(pairs: Any, way: Direction, alpha: Array) -> None:
    """A step of alpha (B,), in place."""
    step = _each(alpha, pairs.s)
    pairs.s[...] += step * way.s
    pairs.z[...] += step * way.z
    pairs.follow(way, alpha)


def count(pairs: Any) -> Array:
    """How many there are: (B,)."""
    B = pairs.s.shape[1]
    if pairs.on is None:
        return np.full(B, pairs.s.size / B)
    return pairs.on.sum(axis=(0, *range(2, pairs.on.ndim)))


def _each(number: Array, like: Array) -> Array:
    """(B,) to be combined with (2, B, ...)."""
    return number.reshape(-1, *[1] * (like.ndim - 2))
