"""The public verb: `allocate(fleet, capacity, fairness)` chooses the solver by the structure of the
problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.allocation.answer import Allocation
from evenhand.allocation.certificate import fitting_prices
from evenhand.allocation.fleet import Fleet
from evenhand.allocation.one.fill import max_min, solve
from evenhand.errors import ParameterError
from evenhand.utilities.cobb_douglas import CobbDouglas
from evenhand.utilities.fair import Fair

__all__ = ["allocate", "sweep"]

Array = NDArray[np.float64]


def allocate(
    fleet: Fleet,
    capacity: float | Mapping[str, float] | Any,
    fairness: float = 0.0,
    start: Allocation | Mapping[str, float] | None = None,
) -> Allocation:
    """Share the capacity so that Σ w_i φ_α(U_i) is largest, α = fairness (`spec/allocation.md §1–§4`).

    capacity: a number, K numbers, or a value for each resource by name. fairness: 0 is the sum of utilities,
    1 proportional, inf max-min. start: an earlier answer of a similar problem, or its prices by resource,
    tried first; agents may have come and gone, prices of other resources are left out.

    One resource: exact water-filling, to rounding. Several (Cobb-Douglas): the joint dual solver where the
    problem is concave, (1 − α) Σγ ≤ 1, else alternate convex search with several starts, whose answer is
    `local`. Raises ProblemError, InfeasibleError, ParameterError (bad input), SolverError (no answer of the
    promised accuracy).
    """
    level = float(fairness)
    if not level >= 0.0:
        raise ParameterError(f"fairness = {fairness!r} must be 0 or more (inf for max-min)")
    c = fleet.capacities(capacity)
    utility = fleet.utility
    if isinstance(utility, CobbDouglas):
        return _several(fleet, utility, c, level, start)
    if level == np.inf:
        x, steps = max_min(fleet, utility, float(c[0]))
        return Allocation(fleet, c, x, np.full(1, np.nan), level, "max-min level", steps)
    objective = Fair(utility, level) if level > 0.0 else utility
    tried = _start_prices(fleet, start)
    warm = None if tried is None else float(tried[0])
    x, price, passes = solve(fleet, objective, float(c[0]), warm)
    return Allocation(fleet, c, x, np.full(1, price), level, "water-filling", passes)


def sweep(
    fleet: Fleet,
    capacity: float | Mapping[str, float] | Any,
    levels: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 5.0),
) -> list[Allocation]:
    """One answer a fairness level: how the least, mean and most advantaged agent fare from α = 0 on (§4).

    `answer.fairness` of each has lowest, mean and highest utility.
    """
    return [allocate(fleet, capacity, level) for level in levels]


def _start_prices(fleet: Fleet, start: Allocation | Mapping[str, float] | None) -> Array | None:
    """Positive, finite prices (K,) to start from, or None where the start does not have them all."""
    if start is None:
        return None
    given = dict(zip(start.fleet.resources, start.prices, strict=True)) if isinstance(start, Allocation) else start
    if fleet.k == 1 and len(given) == 1:  # one resource, whatever it was called
        given = dict(zip(fleet.resources, given.values(), strict=True))
    prices = np.array([given.get(name, np.nan) for name in fleet.resources], dtype=np.float64)
    return prices if np.all((prices > 0.0) & (prices < np.inf)) else None


def _several(
    fleet: Fleet, utility: CobbDouglas, c: Array, level: float, start: Allocation | Mapping[str, float] | None
) -> Allocation:
    if level == np.inf:
        raise ParameterError(
            "fairness = inf (max-min) is offered for one resource; for several give a finite level such as 20"
        )
    arguments = (fleet.weight, fleet.onboard, utility.exponents, fleet.lower, fleet.upper, c, level)
    if utility.concave(level):
        from evenhand.allocation.several import joint

        found = joint.solve(*arguments, start_prices=_start_prices(fleet, start))
        return Allocation(fleet, c, found.x, np.asarray(found.prices), level, "joint dual", int(found.iterations))
    from evenhand.allocation.several import acs

    found = acs.solve(*arguments)
    return Allocation(
        fleet,
        c,
        found.x,
        fitting_prices(fleet, utility, found.x, level),
        level,
        "alternate convex search",
        found.sweeps,
    )
