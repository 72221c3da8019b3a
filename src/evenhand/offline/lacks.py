"""Pairs of unserved demand, u >= 0 and u >= demand - x at price u + weight u^2 / 2, for B episodes at once.

u is eliminated like every pair: what is left of it in the action's equation is two springs in a row, the pair of
u >= demand - x behind that of u >= 0 and the weight together. Used as `offline/pairs.py` says. Source: spec/online.md
§1, §7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from evenhand.columns import Array, same
from evenhand.offline.pairs import Direction

__all__ = ["Lacks", "lacking"]


@final
@dataclass(frozen=True, slots=True)
class Lacks:
    """s, z (2, B, T, n) of u >= 0 and of u >= demand - x, weight (B, T, n); on as in `Pairs`."""

    s: Array
    z: Array
    weight: Array
    on: Array | None

    __eq__ = same

    def _stiff(self) -> tuple[Array, Array]:
        """z / s of either pair, and what holds u in all."""
        stiff = self.z / self.s
        hold = self.weight + stiff[0] + stiff[1]
        return stiff, hold if self.on is None else hold + (1.0 - self.on[0])

    def stiffness(self) -> Array:
        """Curvature on the action."""
        stiff, hold = self._stiff()
        return stiff[1] * ((self.weight + stiff[0]) / hold)

    def _drive(self, goal: Array | float) -> Array:
        """What u would be pushed with were the action to stay."""
        push = goal / self.s - self.z
        return push[0] + push[1]

    def pull(self, goal: Array | float) -> Array:
        """Force on the action once u and its pairs are eliminated."""
        stiff, hold = self._stiff()
        return stiff[1] * (self._drive(goal) / hold) - (goal / self.s)[1]

    def direct(self, step: Array, goal: Array | float) -> Direction:
        """The direction that goes with a step of the action."""
        stiff, hold = self._stiff()
        ds = np.empty_like(self.s)
        ds[0] = (self._drive(goal) - stiff[1] * step) / hold
        ds[1] = ds[0] + step
        if self.on is not None:
            ds *= self.on
        return Direction(ds, (goal - self.z * ds) / self.s - self.z)

    def follow(self, way: Direction, alpha: Array) -> None:
        """Nothing else changes."""

    def chosen(self, keep: Any) -> Lacks:
        """Some of the episodes."""
        on = None if self.on is None else self.on[:, keep]
        return Lacks(self.s[:, keep], self.z[:, keep], self.weight[keep], on)


def lacking(x: Array, demand: Array, price: Array, weight: Array) -> Lacks:
    """The pairs at a start x: all (B, T, n). Unserved demand that costs nothing has none."""
    there = price + weight > 0.0
    u = np.maximum(demand - x, 0.0) + 1.0
    s = np.where(there, np.stack([u, u - demand + x]), 1.0)
    z = 0.5 * np.where(there, price + weight * u, 0.0)
    on = None if there.all() else np.stack([there, there]).astype(np.float64)
    return Lacks(s, np.stack([z, z]), np.where(there, weight, 0.0), on)
