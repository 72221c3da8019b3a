"""Utilities as a hitting cost over a budget or a box."""

from __future__ import annotations

from typing import Any

import numpy as np

from evenhand.columns import Array
from evenhand.costs.utility import UtilityCost
from evenhand.errors import SolverError
from evenhand.proximal.kink import Kink
from evenhand.sets import Budget

__all__ = ["utility"]


def utility(cost: UtilityCost, feasible: Any, tilt: Any, rho: Any, anchor: Any, kink: Kink | None = None) -> Array:
    """Utilities over a box or a budget: the compiled water-filling of `kernels.separable`.

    With a price on moves an agent is two: one up to its last action, one that has that action on board.
    """
    from evenhand.kernels.separable import BOX, CEILING, EQUAL, separable

    n = cost.weight.shape[-1]
    with np.errstate(divide="ignore"):
        log_weight = np.log(cost.weight)
    c = cost.columns
    tilt, stiff, anchor = (np.broadcast_to(v, np.broadcast_shapes(np.shape(v), (n,))) for v in (tilt, rho, anchor))
    total, kind = 0.0, BOX
    if isinstance(feasible, Budget):
        total, kind = feasible.total, EQUAL if feasible.equal else CEILING
    table = c.table if c.table.shape[1] else np.zeros((4, 1))
    families = [c.code.astype(np.float64), *c[1:5]]
    agents = [log_weight, cost.onboard, feasible.lower, feasible.upper, tilt, stiff, anchor]
    if kink is not None:
        knee = np.minimum(np.maximum(kink.at, feasible.lower), feasible.upper)
        beyond = [
            log_weight, cost.onboard + knee, np.zeros_like(knee), feasible.upper - knee, tilt + kink.up, stiff,
            anchor - knee,
        ]  # fmt: skip
        agents[3:5] = knee, tilt - kink.down
        families = [np.concatenate([column, column]) for column in families]
        agents = [np.concatenate(np.broadcast_arrays(*pair), axis=-1) for pair in zip(agents, beyond, strict=True)]
    with np.errstate(all="ignore"):  # the search probes prices at which a response is 0 or infinite
        x, price = separable(*families, table, *agents, total, kind)
    if np.isnan(price).any():
        raise SolverError("the search for the price of the budget did not settle: no action found; rescale the round")
    x = x if kink is None else x[..., :n] + x[..., n:]
    endless = ~np.isfinite(x)
    if endless.any():
        if ((tilt <= 0.0) & (stiff == 0.0) & endless).any():
            raise SolverError("the round is unbounded: a utility without limit meets an infinite bound; bound it")
        raise SolverError("the best action is larger than the largest float: bound it, or rescale the round")
    return x
