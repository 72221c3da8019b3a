"""One step's linear algebra of the horizons: the chain, and the small program of the fairness cost on top of it.

Factors are exact to a few digits at the end of an interior point method, where some numbers are 1e20 times others, so
directions are refined against the equations themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evenhand.columns import Array, same
from evenhand.kernels import blocks, reduce

__all__ = ["Chain", "System", "borne", "factored"]

REFINED = 3  # how often a direction is refined, at most
FINE = 1e-8  # a refinement that moves less than this share was the last one


@final
@dataclass(frozen=True, slots=True)
class Chain:
    """What stays from step to step: impact (B, T, m, n), or (B, T, 1, n) diagonal; pinned (B, T, n), kind (B, T),
    on_y (B, h, m), on_a (B, h, k).
    """

    impact: Array
    diagonal: bool
    pinned: NDArray[np.bool_]
    kind: NDArray[np.int64]
    on_y: Array
    on_a: Array

    __eq__ = same

    def tilt(self, price: Array) -> Array:
        """A_t' price: (B, m) -> (B, T, n)."""
        if self.diagonal:
            return self.impact[:, :, 0] * price[:, None, :]
        return reduce.apply_transposed(self.impact, price[:, None, :])

    def chosen(self, keep: Any) -> Chain:
        """Some of the episodes."""
        rest = self.pinned[keep], self.kind[keep], self.on_y[keep], self.on_a[keep]
        return Chain(self.impact[keep], self.diagonal, *rest)


def borne(chain: Chain, x: Array) -> Array:
    """The mean of A_t x_t: (B, m)."""
    out = np.empty((x.shape[0], chain.on_y.shape[-1]))
    blocks.borne(chain.impact, chain.diagonal, x, out)
    return out / x.shape[1]


@final
@dataclass(frozen=True, slots=True)
class System:
    """The equations of one step, factored: bend, link (B, T, n), sigma (B, T), open_ (B, T, n, n); square (B, h, h) of
    the cones, border (B, h + k, h + k) inverted.
    """

    chain: Chain
    bend: Array
    link: Array
    sigma: Array
    open_: Array
    square: Array
    border: Array

    __eq__ = same

    def solved(self, right: Array, wanted: Array, refined: int) -> tuple[Array, Array]:
        """dx (B, T, n) and the border's unknowns (B, h + k) for a right side each; ``right`` is spoilt."""
        chain, h = self.chain, self.chain.on_y.shape[1]
        rounds = right.shape[1]
        dx, more, found = np.empty_like(right), np.empty_like(right), np.zeros_like(wanted)
        rest = np.empty_like(right) if refined else right
        go = np.ones(right.shape[0], dtype=bool)
        for turn in range(1 + refined):
            here = go  # those that are done are left alone
            if turn == 0:
                blocks.solve(self.open_, self.link, right, dx)
            else:
                blocks.residual(self.bend, self.link, chain.kind, self.sigma, chain.pinned, right, dx, rest)
                blocks.solve(self.open_, self.link, rest, more)
                dx += more if here.all() else np.where(here[:, None, None], more, 0.0)
                go = here & ~(np.abs(more).max(axis=(1, 2)) <= FINE * np.abs(dx).max(axis=(1, 2)))
            # then what the fairness cost's prices answer, and how the chain follows: last, so that y is as wanted
            change = self._step(found, wanted, borne(chain, dx), here)
            push = chain.tilt(reduce.apply_transposed(chain.on_y, change[:, :h]) / rounds)
            right += push
            blocks.solve(self.open_, self.link, push, more)
            dx += more
            if not go.any():
                break
        return dx, found

    def _step(self, found: Array, wanted: Array, dy: Array, here: NDArray[np.bool_]) -> Array:
        """Correct ``found`` by what is left of the border's equations; gives the correction, 0 where not ``here``."""
        chain, h = self.chain, self.chain.on_y.shape[1]
        prices, aside = found[:, :h], found[:, h:]
        left = wanted.copy()
        left[:, :h] -= reduce.apply(self.square, prices) - reduce.apply(chain.on_a, aside)
        left[:, :h] += reduce.apply(chain.on_y, dy)
        left[:, h:] += reduce.apply_transposed(chain.on_a, prices)
        change = reduce.apply(self.border, left)
        if not here.all():
            change[~here] = 0.0
        found += change
        return change


def factored(chain: Chain, bend: Array, link: Array, sigma: Array, square: Array, open_: Array) -> tuple[System, Any]:
    """The equations factored, ``open_`` taken as room; and in which episodes (B,) something holds every direction."""
    B, h, m = chain.on_y.shape
    rounds, k = bend.shape[1], chain.on_a.shape[-1]
    coupling, held = np.empty((B, m, m)), np.empty(B, dtype=bool)
    blocks.factor(bend, link, chain.kind, sigma, chain.pinned, chain.impact, chain.diagonal, open_, coupling, held)
    border = np.zeros((B, h + k, h + k))
    half = reduce.apply(coupling[:, None], chain.on_y)
    # the fairness cost's own equations, in its multipliers and auxiliaries: eliminating further would cancel
    border[:, :h, :h] = square + reduce.apply(chain.on_y[:, None], half) / rounds**2
    border[:, :h, h:] = -chain.on_a
    border[:, h:, :h] = -chain.on_a.swapaxes(-1, -2)
    fine = held & np.isfinite(border).all(axis=(1, 2))
    border[~fine] = np.eye(h + k)
    return System(chain, bend, link, sigma, open_, square, np.asarray(np.linalg.inv(border), dtype=np.float64)), fine
