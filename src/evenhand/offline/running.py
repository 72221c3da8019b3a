"""The part of a running bound that a memory adds: burdens of recent rounds that are still to be remembered.

A bound that is kept up to date must fix what a round pays when the round comes. Charging y_t at a_t kappa, a_t = the
share of the memory that is filled, a round's burden pays kappa in all, over the rounds to come, whichever it is; by
round T all but the share r_s(T), which is remembered later. Its floor phi_s(kappa) = min_X_s f_s + kappa . A_s x is
concave in kappa, so what the share brings is at most r_s(T) times the rise of the floor from no price at all:

    sum_t f_t + g(y_t)  >=  sum_s phi_s((1 - r_s(T)) kappa) - sum_t [ g*(a_t kappa) - gamma^t kappa . y_0 ]
                        >=  sum_s phi_s(kappa) - E_T - sum_t [ ... ],   E_T = sum_s r_s(T) (phi_s(kappa) - phi_s(0))

    half-life   a_t = 1 - gamma^t, or 1 with a start y_0;  r_s(T) = gamma^(T - s + 1),
                E_T = gamma (E_{T-1} + phi_T(kappa) - phi_T(0))
    window W    a_t = min(t, W) / W;                       r_s(T) = max(W - (T - s + 1), 0) / W

E_T does not grow with T. Source: spec/online.md §5, §10.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.core import FairnessMemory
from evenhand.kernels import reduce
from evenhand.memory.half_life import HalfLife
from evenhand.memory.window import Window

__all__ = ["begin_late", "bounded", "more_late", "still_due", "to_come"]


def bounded(memory: FairnessMemory) -> bool:
    """Whether a price proves something while a record with this memory goes on; no price at all does with any."""
    return isinstance(memory, HalfLife | Window)


def begin_late(memory: FairnessMemory, lead: tuple[int, ...]) -> Array:
    """Nothing is late before the first round: (*lead, 1), or (*lead, W) for a window."""
    return np.zeros((*lead, memory.rounds if isinstance(memory, Window) else 1))


def more_late(memory: FairnessMemory, held: Array, floor: Array, free: Array) -> Array:
    """After one more round, from its floors at kappa and without a price (...): E_T (..., 1), or W rises (..., W)."""
    with np.errstate(invalid="ignore"):  # where a floor is -inf nothing is proved, whatever the other one is
        rise = np.where(np.isneginf(floor), np.inf, floor - free)[..., None]
        if not isinstance(memory, Window):
            late = memory.retention * (held + rise)
            return np.where(np.isnan(late), np.inf, late)
    return np.concatenate([np.broadcast_to(held, (*rise.shape[:-1], held.shape[-1]))[..., 1:], rise], axis=-1)


def still_due(memory: FairnessMemory, held: Array) -> Array:
    """E_T: (...)."""
    if not isinstance(memory, Window):
        return held[..., 0]
    size = held.shape[-1]
    return reduce.inner(held[..., 1:], np.arange(1, size) / size) if size > 1 else np.zeros(held.shape[:-1])


def to_come(memory: Any, kappa: Array, charge: Array, idle: Array, t: int) -> Array:
    """A bound on g*(a_t kappa), less what the start brings in round t = 1, 2, ...: (...).

    charge >= g*(kappa), idle >= g*(0); g* is convex.
    """
    if isinstance(memory, HalfLife) and memory.start is not None:
        left = np.broadcast_to(memory.start, kappa.shape[-1:]) * np.exp2(-t / memory.rounds)
        return charge - reduce.inner(kappa, left)
    full = 1.0
    if isinstance(memory, HalfLife):
        full = -np.expm1(-np.log(2.0) * t / memory.rounds)
    elif isinstance(memory, Window):
        full = min(t / memory.rounds, 1.0)
    return full * charge + (1.0 - full) * idle
