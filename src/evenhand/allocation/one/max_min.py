"""Max-min on the utilities of one resource, lexicographic: the limit α → ∞ (`spec/allocation.md §4`)."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.fleet import Fleet
from evenhand.utilities.base import Utility

__all__ = ["max_min"]

Array = NDArray[np.float64]
#: Σ x this close to the capacity needs no better level: the rest is spread over the agents that the level moves
CLOSE = 1e-14
#: after so many steps that leave more than half of the floats between the ends, they are halved to the last
PATIENCE = 12


def max_min(fleet: Fleet, utility: Utility, capacity: float) -> tuple[Array, int]:
    """Shares (n,) of the lexicographic max-min of the utilities and steps; weights play no part.

    Every agent is brought to one level of utility, or stays at the bound that keeps it above or below. The level
    is searched between neighbouring floats, by regula falsi while that is quick, else by halving: where utilities
    saturate, the last two floats are far apart in resource, and the shares lie between those of the two.
    """
    onboard, lower = np.asarray(fleet.onboard), np.asarray(fleet.lower)
    spare = capacity - float(np.sum(lower))
    if spare <= 0.0:
        return np.array(lower), 0
    top = np.minimum(fleet.upper, lower + spare)
    ends = np.broadcast_to(utility.value(onboard + top), top.shape)

    def shares(level: Array | float) -> Array:
        with np.errstate(invalid="ignore"):
            return np.clip(np.broadcast_to(utility.invert(level), top.shape) - onboard, lower, top)

    rising = np.broadcast_to(utility.marginal(onboard + top), top.shape) > 0.0
    most = np.where(rising, top, shares(ends))
    if float(np.sum(most)) <= capacity:  # everyone reaches its own best
        return most, 0
    even = lower + spare / fleet.n
    with np.errstate(invalid="ignore"):
        starts = np.broadcast_to(utility.value(onboard + np.minimum(even, top)), top.shape)
    low, high = _order(float(np.min(starts[top > even], initial=np.inf))), _order(float(np.max(ends)))
    least = shares(_float(low))
    if not float(np.sum(least)) <= capacity:  # by rounding: the bottom itself
        low, least = _order(-np.inf), np.array(lower)
    under, over, steps, slow = float(np.sum(least)) - capacity, float(np.sum(most)) - capacity, 0, 0
    excess = under
    while high - low > 1 and abs(excess) > CLOSE * capacity:
        middle, width, steps = low + (high - low) // 2, high - low, steps + 1
        a, b = _float(low), _float(high)
        if slow < PATIENCE and np.isfinite(a) and np.isfinite(b):
            middle = min(max(_order(a - under * ((b - a) / (over - under))), low + 1), high - 1)
        tried = shares(_float(middle))
        before, excess = excess, float(np.sum(tried)) - capacity
        stays = 0.5 if (before > 0.0) == (excess > 0.0) else 1.0  # an end that stays twice counts half (Illinois)
        if excess > 0.0:
            high, most, over, under = middle, tried, excess, stays * under
        else:
            low, least, under, over = middle, tried, excess, stays * over
        slow += high - low > 0.5 * width
    gap, missing = float(np.sum(most) - np.sum(least)), capacity - float(np.sum(least))
    return np.clip(least + (most - least) * (missing / gap if gap > 0.0 else 0.0), lower, top), steps


def _order(x: float) -> int:
    """The place of a float among all floats: neighbours differ by 1."""
    (bits,) = struct.unpack("<q", struct.pack("<d", x))
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def _float(place: int) -> float:
    """The float at a place."""
    (x,) = struct.unpack("<d", struct.pack("<q", abs(place)))
    return x if place >= 0 else -x
