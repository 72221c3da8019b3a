"""Many rounds of FairOBD or DMD in one compiled call, the same bits as round by round; where the parts allow it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evenhand.columns import Array
from evenhand.core import Problem, Setting
from evenhand.costs.quadratic import Quadratic
from evenhand.errors import SolverError
from evenhand.fairness.norm import Norm
from evenhand.impacts import Diagonal
from evenhand.kernels.descent import descend
from evenhand.mirror import Euclidean
from evenhand.policies.dual import Dual, Rate
from evenhand.proximal.separable import UNBOUNDED
from evenhand.sets import Budget

__all__ = ["Streamed", "streamed"]


class Streamed(NamedTuple):
    """Actions (..., T, n), and the price (..., n) and rate after them."""

    actions: Array
    kappa: Array
    rate: Rate | None


def streamed(
    dual: Dual, setting: Setting, block: Problem, action: Array, kappa: Array, rate: Rate | None, weight: float
) -> Streamed | None:
    """The rounds of ``block`` from ``action`` (..., n) and price ``kappa`` on; None where the kernel is not for them.

    It is for diagonal quadratics on budgets with diagonal impacts, squared or weighted moves (times ``weight``), one
    rate for all, the Euclidean step on the dual ball of a `Norm`. Raises SolverError for a round unbounded below.
    """
    cost, impact, feasible, g, memory = block.cost, block.impact, block.feasible, setting.fairness, setting.memory
    moves = setting.switching.moves
    if not (
        type(cost) is Quadratic
        and type(impact) is Diagonal
        and type(feasible) is Budget
        and type(g) is Norm
        and type(dual.mirror) is Euclidean
        and dual.domain == "ball"
        and not isinstance(dual.eta, np.ndarray)
        and (moves.smooth or (weight == 0.0 and not moves.limited))
    ):
        return None
    m = impact.entities
    if dual.auto and rate is None:
        rate = dual.unseen(setting, m)
    rho = moves.rho if weight == 1.0 else weight * moves.rho
    actions, price, energy, bounded = descend(
        cost.curvature,
        cost.linear,
        impact.weight,
        feasible.lower,
        feasible.upper,
        feasible.total,
        float(feasible.equal),
        rho if rho.ndim else rho[None],
        action,
        kappa,
        np.broadcast_to(g.weights, (m,)),
        dual.home(setting, m),
        np.array([g.mu, g.dual_exponent, np.nan if memory is None else memory.retention]),
        np.nan if dual.auto else dual.eta,
        0.0 if rate is None else rate.reach,
        0.0 if rate is None else rate.energy,
    )
    if not np.all(bounded):
        raise SolverError(UNBOUNDED)
    return Streamed(actions, price, None if rate is None else Rate(rate.reach, energy))
