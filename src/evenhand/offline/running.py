"""The part of a running bound that a memory adds: burdens of recent rounds that are still to be remembered.

A bound that is kept up to date must fix what a round pays when the round comes. Charging y_t at a_t kappa, a_t = the
share of the memory that is filled, a round's burden pays kappa in all, over the rounds to come, whichever it is.
What it has not paid by round T, the share r_s(T) that is remembered later, is taken at its most over the round's set:

    sum_t f_t + g(y_t)  >=  sum_s min_X_s (f_s + kappa . A_s x) - sum_s r_s(T) max_X_s kappa . A_s x
                            - sum_t [ g*(a_t kappa) - gamma^t kappa . y_0 ]

    half-life   a_t = 1 - gamma^t, or 1 with a start y_0;  r_s(T) = gamma^(T - s + 1)
    window W    a_t = min(t, W) / W;                       r_s(T) = max(W - (T - s + 1), 0) / W

The middle term does not grow with T. Source: spec/online.md §5, §10.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.core import FairnessMemory, Round
from evenhand.errors import ProblemError
from evenhand.kernels import reduce
from evenhand.memory.half_life import HalfLife
from evenhand.memory.window import Window

__all__ = ["begin_late", "more_late", "still_due", "to_come"]


def begin_late(memory: FairnessMemory, kappa: Array) -> Array:
    """Nothing is late before the first round: (..., k). Raises ProblemError for a memory without such a bound."""
    if not isinstance(memory, HalfLife | Window):
        raise ProblemError(
            f"no bound of a running system is known for {type(memory).__name__}: lower_bound certifies the whole record"
        )
    return np.zeros((*kappa.shape[:-1], 1 if isinstance(memory, HalfLife) else memory.rounds))


def _most(round: Round, kappa: Array) -> Array:
    """max over X_t of kappa . A_t x: (...)."""
    return -round.feasible.support(-round.impact.tilt(kappa))


def more_late(memory: FairnessMemory, held: Array, round: Round, kappa: Array) -> Array:
    """After one more round: the discounted sum of the rounds' most (..., 1), or the last W of them (..., W)."""
    new = _most(round, kappa)[..., None]
    if isinstance(memory, HalfLife):
        with np.errstate(invalid="ignore"):
            return memory.retention * (held + new)
    return np.concatenate([np.broadcast_to(held, (*new.shape[:-1], held.shape[-1]))[..., 1:], new], axis=-1)


def still_due(memory: FairnessMemory, held: Array) -> Array:
    """sum_s r_s(T) max_X_s kappa . A_s x: (...)."""
    if isinstance(memory, HalfLife):
        return held[..., 0]
    size = held.shape[-1]
    return reduce.inner(held, np.arange(size) / size)


def to_come(memory: Any, kappa: Array, charge: Array, idle: Array, t: int) -> Array:
    """A bound on g*(a_t kappa), less what the start brings in round t = 1, 2, ...: (...).

    charge >= g*(kappa), idle >= g*(0); g* is convex.
    """
    if isinstance(memory, HalfLife) and memory.start is not None:
        left = np.broadcast_to(memory.start, kappa.shape[-1:]) * np.exp2(-t / memory.rounds)
        return charge - reduce.inner(kappa, left)
    full = min(t / memory.rounds, 1.0) if isinstance(memory, Window) else -np.expm1(-np.log(2.0) * t / memory.rounds)
    return full * charge + (1.0 - full) * idle
