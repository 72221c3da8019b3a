"""Utilities in cones: -w U(o + x) as a linear cost of one more variable v in a three-dimensional cone.

Read from the kernel's columns (`kernels.response`), so that every family with the same marginal has the same cone:

    marginal m r^(e-1), 0 < e < 1   v <= r^e          (r, 1, v) in the power cone of exponent e
    marginal m / (s + r)            v <= log(s + r)   (v, 1, s + r) in the exponential cone
    marginal m r^(-c-1), c > 0      v >= r^-c         (r, v, 1) in the power cone of exponent c / (1 + c)
    marginal m e^(-r/k)             v >= e^(-r/k)     (-r/k, 1, v) in the exponential cone
"""

from __future__ import annotations

import numpy as np

from evenhand.columns import Array
from evenhand.conic import CostForm, Entries, cone
from evenhand.errors import ProblemError
from evenhand.kernels.response import AFFINE, EXPONENTIAL, LOG, Columns

__all__ = ["hypographs"]


def hypographs(weights: Array, onboard: Array, columns: Columns) -> CostForm:
    """The form of one episode, weights and onboard (T, n). Agents without work have no cone.

    Raises ProblemError for a family without a cone here (linear pieces, fairness transforms of saturating families).
    """
    count, n = weights.size, weights.shape[1]
    live = np.flatnonzero(np.ascontiguousarray(weights).reshape(-1) > 0.0)
    agent, weight = live % n, np.ascontiguousarray(weights).reshape(-1)[live]
    there = np.ascontiguousarray(np.broadcast_to(onboard, weights.shape)).reshape(-1)[live]
    code, p0, p1, p2, p3 = (np.asarray(a)[agent] for a in columns[:5])
    known = (code == EXPONENTIAL) | (code == AFFINE) | ((code == LOG) & (p2 == 0.0))
    if not known.all():
        raise ProblemError(
            f"OPT has no conic form for the utility of agent {int(agent[int(np.argmin(known))])}: it takes power, log, "
            "alpha-fair, saturating and exponential utilities without a fairness transform of the last two"
        )
    scale = weight * np.exp(p0)
    e = np.where(code == EXPONENTIAL, 1.0 - 1.0 / np.where(p1 > 0.0, p1, 1.0), 0.0)
    e[np.abs(e) < 1e-9] = 0.0
    affine = code == AFFINE
    power, steep = (code == EXPONENTIAL) & (e > 0.0), (code == EXPONENTIAL) & (e < 0.0)
    log = ~(affine | power | steep)
    size = np.where(e == 0.0, 1.0, np.abs(e))
    factor = np.where(affine, p1 * scale, np.where(power, -scale / size, np.where(steep, scale / size, -scale)))

    # positions in the cone (0, 1, 2) of r, of v and of the constant 1
    at_x = np.where(log, 2, 0)
    at_v = np.where(power | affine, 2, np.where(steep, 1, 0))
    at_one = 3 - at_x - at_v
    slope = np.where(affine, -1.0 / np.where(affine, p1, 1.0), 1.0)
    shift = there + np.where(code == LOG, p3, 0.0)
    row = 3 * np.arange(live.size)
    offset = np.zeros(3 * live.size)
    offset[row + at_x] = slope * shift
    offset[row + at_one] = 1.0
    cones = [
        cone("power", float(x)) if pow_ else cone("power", float(-x / (1.0 - x))) if inv else cone("exponential", 3)
        for x, pow_, inv in zip(e, power, steep, strict=True)
    ]
    v = count + np.arange(live.size)
    rows = Entries.join(Entries(row + at_x, live, -slope), Entries(row + at_v, v, np.full(live.size, -1.0)))
    return CostForm(Entries.none(), np.concatenate([np.zeros(count), factor]), rows, offset, cones)
