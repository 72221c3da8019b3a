"""How much better any allocation could be: the Lagrange dual over the objective, job by job, without cancellation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.several.agents import chunks, over_chunks
from evenhand.allocation.substitutable.jobs import Jobs
from evenhand.allocation.substitutable.posed import BLOCK, Posed
from evenhand.kernels.jobs import answer
from evenhand.utilities.base import Utility

__all__ = ["gains", "surplus"]

Array = NDArray[np.float64]


def gains(jobs: Jobs, aim: Utility, posed: Posed, x: Array, price: Array, block: slice) -> tuple[Array, Array, Array]:
    """Of the jobs of a block: what the best response to the prices is worth beyond x (≥ 0), w φ(U) at x, and what the
    speed is worth at the margin; all in units of e^unit."""
    low, high = block.start, block.stop
    size = high - low
    table = posed.some(block)
    kinds = posed.capacity.size
    best, paid = np.zeros(size), np.zeros(size)
    out = np.zeros((chunks(size), 2 * kinds + kinds * kinds))
    with over_chunks(size) as run:
        run(lambda a, b: answer(
            a, b, price, -1.0, posed.limited, table, out, np.zeros(0, dtype=np.uint8), np.zeros((0, kinds)), best, paid
        ))  # fmt: skip
    mine = x[block]
    speed = np.einsum("ik,ik->i", table.rate, mine)
    bill = table.workers * (mine @ price)
    own = aim if aim.n is None else aim.take(block)
    onboard, weight = jobs.onboard[block], jobs.weight[block]
    with np.errstate(all="ignore"):
        scale = np.where(weight > 0.0, np.exp(np.log(weight) - posed.unit), 0.0)
        here = np.broadcast_to(own.value(onboard + speed), (size,))
        there = np.broadcast_to(own.value(onboard + best), (size,))
        value = np.where(weight > 0.0, scale * here, 0.0)
        gain = np.where(
            (weight > 0.0) & ((best != speed) | (paid != bill)), scale * (there - here) - (paid - bill), 0.0
        )
        slope = np.broadcast_to(own.marginal(onboard + speed), (size,))
        margin = np.where((weight > 0.0) & (speed > 0.0), scale * slope * speed, 0.0)
    gain = np.where(np.isnan(gain), np.inf, np.maximum(gain, 0.0))
    return gain, value, margin


def surplus(jobs: Jobs, aim: Utility, posed: Posed, x: Array, price: Array) -> tuple[float, float]:
    """Σ over jobs of what their best responses are worth beyond x, and of what their speed is worth at the margin."""
    total, worth = 0.0, 0.0
    for low in range(0, jobs.n, BLOCK):
        gain, _, margin = gains(jobs, aim, posed, x, price, slice(low, min(low + BLOCK, jobs.n)))
        total += float(np.sum(gain))
        worth += float(np.sum(margin))
    return total, worth
